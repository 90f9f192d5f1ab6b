"""griffe: docstrings that describe parameters which the function does not take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agents.findings import Confidence, Severity
from agents.inspector.analyzers.base import PYTHON, Analyzer, AnswerUnreadable, Batch, Claim, Parsed, Problem

UNKNOWN_PARAMETER = "docstring-unknown-parameter"
TITLE = "Docstring names a parameter that does not exist"
_DRIVER = Path(__file__).parent / "drivers" / "griffe_driver.py"


class Griffe(Analyzer):
    """Documentation: the signature moved on, the docstring stayed."""

    name = "griffe"
    package = "griffe"
    languages = frozenset({"python"})
    seconds_per_megabyte = 1.0

    def command(self, batch: Batch) -> list[str]:
        return [*PYTHON, str(_DRIVER), str(batch.list_file())]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        tests = {file.path: file.in_test_code for file in batch.files}
        try:
            told: dict[str, Any] = json.loads(answer.read_bytes())
            return Parsed(
                claims=[_claim(row) for row in told["unknown"] if not tests.get(row["path"], False)],
                failed=[Problem(path=row["path"], reason=row["reason"]) for row in told["failed"]],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"the griffe driver's JSON is not what we know: {error!r}") from error


def _claim(row: dict[str, Any]) -> Claim:
    names = ", ".join(row["names"])
    is_form = row["of_request"] or row["of_types"]  # written in another form rather than out of date
    return Claim(
        rule=UNKNOWN_PARAMETER,
        tool_rule="unknown-parameter",
        title=TITLE,
        message=f"The docstring of {row['name']} describes what it does not take: {names}.",
        path=row["path"],
        line=max(1, row["at"]),
        end_line=max(1, row["at"], row["end_line"]),
        span_start=max(1, row["line"]),
        severity=Severity.LOW if is_form else Severity.MEDIUM,
        confidence=Confidence.MEDIUM if is_form else Confidence.HIGH,
        category="docs",
    )
