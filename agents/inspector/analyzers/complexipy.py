"""complexipy: cognitive complexity, which counts what nests, of Python functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    Tree,
    quoted,
)
from agents.inspector.analyzers.lizard import RULE  # one function that is too complex is one finding
from agents.quality.config import Complexity, Settings

TOLD = 5  # every function beyond is remembered, so that another limit needs no other analysis
_FACTS = ("name", "line", "end_line", "complexity")
_DRIVER = Path(__file__).parent / "drivers" / "complexipy_driver.py"


class Complexipy(Analyzer):
    """Maintainability: functions that are hard to hold in one's head, however many paths they have."""

    name = "complexipy"
    package = "complexipy"
    languages = frozenset({"python"})
    silencer = "complexipy: ignore"
    seconds_per_megabyte = 0.3

    def __init__(self, limits: Complexity | None = None) -> None:
        self._limits = limits or Complexity()

    def configured(self, settings: Settings) -> Analyzer:
        return Complexipy(settings.complexity)

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
            raise AnswerUnreadable(f"the complexipy driver's JSON is not what we know: {error!r}") from error

    def conclude(self, facts: Mapping[str, Any], tree: Tree) -> list[Claim]:
        del tree
        return [
            _claim(path, row, self._limits)
            for path, rows in facts.items()
            for row in rows
            if row["complexity"] > self._limits.cognitive_high
        ]

    def reproduce(self, claim: Claim) -> str:
        return f"complexipy --max-complexity-allowed {self._limits.cognitive_high} {quoted(claim.path)}"


def _claim(path: str, row: dict[str, Any], limits: Complexity) -> Claim:
    complexity = row["complexity"]
    name = row["name"].replace("::", ".")
    return Claim(
        rule=RULE,
        tool_rule="cognitive-complexity",
        title="Function that is hard to follow",
        message=(
            f"{name} has a cognitive complexity of {complexity} (limit {limits.cognitive_high}): "
            "the count of its branches, each weighted by how deep it is nested."
        ),
        path=path,
        line=max(1, row["line"]),
        end_line=max(1, row["end_line"]),
        severity=Severity.MEDIUM if complexity > limits.cognitive_very_high else Severity.LOW,
        confidence=Confidence.HIGH,
        category="maintainability",
        cwe=(1121,),
    )
