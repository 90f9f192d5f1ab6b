"""pydoclint: docstrings that contradict their functions; beside griffe, in the three usual styles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
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
from agents.inspector.analyzers.griffe import TITLE, UNKNOWN_PARAMETER

_DRIVER = Path(__file__).parent / "drivers" / "pydoclint_driver.py"
_NAMES = re.compile(r"(?:^|, )(\w+): ")  # what is no name is a sentence that was taken for one
_NOT_TAKEN = re.compile(r"docstring but not in the function signature: \[(?P<names>[^\]]+)\]")


class Pydoclint(Analyzer):
    """Documentation: the code moved on, the docstring stayed."""

    name = "pydoclint"
    package = "pydoclint"
    languages = frozenset({"python"})
    seconds_per_megabyte = 1.5

    def wants(self, file: Any) -> bool:
        return super().wants(file) and not file.path.endswith(".pyi")

    def command(self, batch: Batch) -> list[str]:
        return [*PYTHON, str(_DRIVER), str(batch.list_file())]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        tests = {file.path: file.in_test_code for file in batch.files}
        try:
            told: dict[str, Any] = json.loads(answer.read_bytes())
            rows = [row for row in told["violations"] if not tests.get(row["path"], False)]
            return Parsed(
                claims=list(_claims(rows)),
                failed=[Problem(path=row["path"], reason=row["reason"]) for row in told["failed"]],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"the pydoclint driver's JSON is not what we know: {error!r}") from error

    def reproduce(self, claim: Claim) -> str:
        return f"pydoclint --style=google {quoted(claim.path)}"


def _claims(rows: list[dict[str, Any]]) -> Iterator[Claim]:
    said: set[tuple[str, int]] = set()
    for row in rows:
        not_taken = _NOT_TAKEN.search(row["message"])
        names = _NAMES.findall(not_taken["names"]) if not_taken else []
        if not names or (row["path"], row["line"]) in said:
            continue  # fewer, or in another order: nothing that contradicts; or what 102 said, 103 says again
        said.add((row["path"], row["line"]))
        yield Claim(
            rule=UNKNOWN_PARAMETER,
            tool_rule=f"DOC{row['code']}",
            title=TITLE,
            message=f"Arguments in the docstring but not in the function signature: {', '.join(names)[:300]}.",
            path=row["path"],
            line=max(1, row["line"]),
            end_line=max(1, row["line"]),
            severity=Severity.LOW,
            confidence=Confidence.MEDIUM,
            category="docs",
            url="https://jsh9.github.io/pydoclint/violation_codes.html",
        )
