"""The Inspector's look at how a project's modules hang together."""

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


class Structure:
    """Mixin: cycles among modules."""

    @operation(
        AnalysisInput,
        AnalysisOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=GIVES,
        requires=PYTHON,
        examples=(
            "find circular imports",
            "are there import cycles?",
            "which modules depend on each other?",
            "is the module structure sound?",
        ),
    )
    def structure(self, input: AnalysisInput, context: OperationContext) -> AnalysisOutput:
        """Find Python modules that import each other in a circle.

        Such modules cannot be loaded, tested or moved one without the other, and which of them is loaded first
        decides whether the program starts. Imports inside of functions and for type checkers only are no part of a
        cycle. Nothing of the project is imported: its files are parsed, the graph is grimp's.
        """
        return analyse_step("structure", input, context)
