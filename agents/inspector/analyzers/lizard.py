"""lizard: cyclomatic complexity of functions in 20 languages."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    Tree,
    quoted,
)
from agents.inspector.survey import SourceFile
from agents.quality.config import Complexity, Settings

RULE = "high-complexity"
TOLD = 1  # paths; every function with more is remembered, so that another limit needs no other analysis
_FACTS = ("name", "line", "end_line", "complexity", "lines")
_DRIVER = Path(__file__).parent / "drivers" / "lizard_driver.py"
_LANGUAGES = (
    "c cpp csharp go java javascript kotlin lua objective-c perl php python ruby rust scala solidity swift "
    "typescript vue zig"
)
_UNKNOWN_TO_LIZARD = frozenset({".pyi", ".pyw", ".mts", ""})  # by their ending; the language it would know


MOST_IN_A_LINE = 12  # paths: more are the work of a program that makes code small; nobody reads or mends it


class Lizard(Analyzer):
    """Maintainability: functions with so many paths that nobody can test them all."""

    name = "lizard"
    package = "lizard"
    languages = frozenset(_LANGUAGES.split())
    timeout_seconds = 240
    seconds_per_megabyte = 1.2

    def __init__(self, limits: Complexity | None = None) -> None:
        self._limits = limits or Complexity()

    def configured(self, settings: Settings) -> Analyzer:
        return Lizard(settings.complexity)

    def wants(self, file: SourceFile) -> bool:
        return super().wants(file) and PurePosixPath(file.path).suffix.lower() not in _UNKNOWN_TO_LIZARD

    def command(self, batch: Batch) -> list[str]:
        return [*PYTHON, str(_DRIVER), str(batch.list_file()), str(TOLD)]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        try:
            told: dict[str, Any] = json.loads(answer.read_bytes())
            facts: dict[str, list[dict[str, Any]]] = {}
            for row in told["functions"]:
                facts.setdefault(row["path"], []).append({name: row[name] for name in _FACTS})
            failed = [Problem(path=row["path"], reason=row["reason"]) for row in told["failed"]]
            return Parsed(failed=failed, facts=dict(facts))
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"the lizard driver's JSON is not what we know: {error!r}") from error

    def conclude(self, facts: Mapping[str, Any], tree: Tree) -> list[Claim]:
        del tree
        return [
            _claim(path, row, self._limits)
            for path, rows in facts.items()
            for row in rows
            if row["complexity"] > self._limits.high and row["complexity"] < MOST_IN_A_LINE * row["lines"]
        ]

    def reproduce(self, claim: Claim) -> str:
        return f"lizard --CCN {self._limits.high} {quoted(claim.path)}"


def _claim(path: str, row: dict[str, Any], limits: Complexity) -> Claim:
    complexity = row["complexity"]
    return Claim(
        rule=RULE,
        tool_rule="CCN",
        title="Function with very many paths"
        if complexity > limits.very_high
        else "Function with many paths",
        message=(
            f"{row['name']} has a cyclomatic complexity of {complexity} (limit {limits.high}) "
            f"in {row['lines']} lines of code."
        ),
        path=path,
        line=max(1, row["line"]),
        end_line=max(1, row["end_line"]),
        severity=Severity.MEDIUM if complexity > limits.very_high else Severity.LOW,
        confidence=Confidence.HIGH,
        category="maintainability",
        cwe=(1121,),
    )
