"""The Inspector's search for code that can be deleted."""

from __future__ import annotations

from agents.base import OperationContext, operation
from agents.inspector.steps import (
    ATTEMPTS,
    GIVES,
    NEEDS,
    PYTHON,
    TIMEOUT_SECONDS,
    AnalysisInput,
    analyse_step,
)
from agents.reporting.model import AnalysisOutput


class DeadCode:
    """Mixin: what nobody calls and what can never run."""

    @operation(
        AnalysisInput,
        AnalysisOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=GIVES,
        requires=PYTHON,
        examples=(
            "find dead code",
            "which functions are never called?",
            "what can we delete?",
            "is there unreachable code?",
        ),
    )
    def dead_code(self, input: AnalysisInput, context: OperationContext) -> AnalysisOutput:
        """Find dead Python code: functions, methods and classes that nothing uses, and code that can never run.

        A definition counts as dead when its name stands nowhere else in the repository: in no Python file, template
        or configuration. What frameworks call by convention (Django, Flask, Celery, pytest) is left out; of a
        library only private names count, since its users call the others. A dynamic language allows no certainty,
        so these findings have low confidence; statements behind a return or raise are certain. Runs vulture.
        """
        return analyse_step("dead_code", input, context)
