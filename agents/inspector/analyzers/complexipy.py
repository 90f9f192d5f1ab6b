"""complexipy: cognitive complexity, which counts what nests, of Python functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agents.findings import Confidence, Severity
from agents.inspector.analyzers.base import (
    PYTHON,
    Analyzer,
    AnswerUnreadable,
    Batch,
    Claim,
    Parsed,
    Problem,
    quoted,
)
from agents.inspector.analyzers.lizard import RULE  # one function that is too complex is one finding

THRESHOLD = 25  # its own is 15, which every third function of a grown project exceeds
VERY_HIGH = 60
_DRIVER = Path(__file__).parent / "drivers" / "complexipy_driver.py"


class Complexipy(Analyzer):
    """Maintainability: functions that are hard to hold in one's head, however many paths they have."""

    name = "complexipy"
    package = "complexipy"
    languages = frozenset({"python"})
    silencer = "complexipy: ignore"
    seconds_per_megabyte = 0.3

    def command(self, batch: Batch) -> list[str]:
        return [*PYTHON, str(_DRIVER), str(batch.list_file()), str(THRESHOLD)]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        try:
            told: dict[str, Any] = json.loads(answer.read_bytes())
            return Parsed(
                claims=[_claim(row) for row in told["functions"]],
                failed=[Problem(path=row["path"], reason=row["reason"]) for row in told["failed"]],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"the complexipy driver's JSON is not what we know: {error!r}") from error

    def reproduce(self, claim: Claim) -> str:
        return f"complexipy --max-complexity-allowed {THRESHOLD} {quoted(claim.path)}"


def _claim(row: dict[str, Any]) -> Claim:
    complexity = row["complexity"]
    name = row["name"].replace("::", ".")
    return Claim(
        rule=RULE,
        tool_rule="cognitive-complexity",
        title="Function that is hard to follow",
        message=(
            f"{name} has a cognitive complexity of {complexity} (limit {THRESHOLD}): "
            "the count of its branches, each weighted by how deep it is nested."
        ),
        path=row["path"],
        line=max(1, row["line"]),
        end_line=max(1, row["end_line"]),
        severity=Severity.MEDIUM if complexity > VERY_HIGH else Severity.LOW,
        confidence=Confidence.HIGH,
        category="maintainability",
        cwe=(1121,),
    )
