"""lizard: cyclomatic complexity of functions in 20 languages."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
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
from agents.inspector.survey import SourceFile

RULE = "high-complexity"
THRESHOLD = 15  # lizard's own; McCabe proposed 10, few teams keep it
VERY_HIGH = 30
_DRIVER = Path(__file__).parent / "drivers" / "lizard_driver.py"
_LANGUAGES = (
    "c cpp csharp go java javascript kotlin lua objective-c perl php python ruby rust scala solidity swift "
    "typescript vue zig"
)
_UNKNOWN_TO_LIZARD = frozenset({".pyi", ".pyw", ".mts", ""})  # by their ending; the language it would know


class Lizard(Analyzer):
    """Maintainability: functions with so many paths that nobody can test them all."""

    name = "lizard"
    package = "lizard"
    languages = frozenset(_LANGUAGES.split())
    timeout_seconds = 240
    seconds_per_megabyte = 1.2

    def wants(self, file: SourceFile) -> bool:
        return super().wants(file) and PurePosixPath(file.path).suffix.lower() not in _UNKNOWN_TO_LIZARD

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
            raise AnswerUnreadable(f"the lizard driver's JSON is not what we know: {error!r}") from error

    def reproduce(self, claim: Claim) -> str:
        return f"lizard --CCN {THRESHOLD} {quoted(claim.path)}"


def _claim(row: dict[str, Any]) -> Claim:
    complexity = row["complexity"]
    return Claim(
        rule=RULE,
        tool_rule="CCN",
        title="Function with very many paths" if complexity > VERY_HIGH else "Function with many paths",
        message=(
            f"{row['name']} has a cyclomatic complexity of {complexity} (limit {THRESHOLD}) "
            f"in {row['lines']} lines of code."
        ),
        path=row["path"],
        line=max(1, row["line"]),
        end_line=max(1, row["end_line"]),
        severity=Severity.MEDIUM if complexity > VERY_HIGH else Severity.LOW,
        confidence=Confidence.HIGH,
        category="maintainability",
        cwe=(1121,),
    )
