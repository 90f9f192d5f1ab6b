"""yamllint: YAML that cannot be read, or that means something else than it says. Style stays out."""

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

_DRIVER = Path(__file__).parent / "drivers" / "yamllint_driver.py"
_RULES = {
    "syntax": ("yaml-syntax", Severity.HIGH, Confidence.HIGH, "YAML that cannot be read"),
    "key-duplicates": (
        "yaml-duplicate-key",
        Severity.MEDIUM,
        Confidence.HIGH,
        "Key given twice: the first is lost",
    ),
    "truthy": ("yaml-truthy", Severity.LOW, Confidence.LOW, "Word that YAML reads as true or false"),
}


class Yamllint(Analyzer):
    """Configuration: YAML files that do not say what their writer meant."""

    name = "yamllint"
    package = "yamllint"
    languages = frozenset({"yaml"})
    silencer = "yamllint disable"
    timeout_seconds = 120
    seconds_per_megabyte = 12.0

    def command(self, batch: Batch) -> list[str]:
        return [*PYTHON, str(_DRIVER), str(batch.list_file())]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        try:
            told: dict[str, Any] = json.loads(answer.read_bytes())
            return Parsed(
                claims=[_claim(row) for row in told["problems"] if row["rule"] in _RULES],
                failed=[Problem(path=row["path"], reason=row["reason"]) for row in told["failed"]],
                skipped=[Problem(path=path, reason="a template of YAML") for path in told["templates"]],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"the yamllint driver's JSON is not what we know: {error!r}") from error

    def reproduce(self, claim: Claim) -> str:
        return f"yamllint -d '{{rules: {{key-duplicates: enable, truthy: enable}}}}' {quoted(claim.path)}"


def _claim(row: dict[str, Any]) -> Claim:
    rule, severity, confidence, title = _RULES[row["rule"]]
    return Claim(
        rule=rule,
        tool_rule=row["rule"],
        title=title,
        message=row["message"],
        path=row["path"],
        line=max(1, row["line"]),
        end_line=max(1, row["line"]),
        column=max(1, row["column"]),
        severity=severity,
        confidence=confidence,
        category="bug",
    )
