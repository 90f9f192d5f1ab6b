"""bandit: security linter of Python; fills the gaps that ruff's copy of its rules leaves."""

from __future__ import annotations

import json
import sys
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
from agents.inspector.analyzers.lines import Lines
from agents.inspector.analyzers.meant import as_sure, is_meant
from agents.inspector.rules import NOT_IN_TESTS, RULES, canonical
from agents.inspector.survey import SourceFile

# Left out: imports that are suspicious as such, calls without a shell, passwords (its message quotes
# them; ruff says the same without), everything about assert, and B703, which repeats B308.
_SKIPPED = "B101,B105,B106,B107,B401,B402,B403,B404,B405,B406,B407,B408,B409,B415,B603,B606,B607,B703"
_DRIVER = Path(__file__).parent / "drivers" / "bandit_driver.py"
_PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
_SYNTAX = "syntax error"


class Bandit(Analyzer):
    """Security: calls that are dangerous with hostile input."""

    name = "bandit"
    package = "bandit"
    languages = frozenset({"python"})
    silencer = "nosec"
    good_codes = frozenset({0, 1})  # 1: has findings
    timeout_seconds = 240
    seconds_per_megabyte = 4.5

    def wants(self, file: SourceFile) -> bool:
        return super().wants(file) and not file.path.endswith(".pyi")

    def command(self, batch: Batch) -> list[str]:
        empty = batch.scratch / "bandit.ini"
        empty.write_text("[bandit]\n")  # else it takes the first .bandit that it finds
        return [
            *(*PYTHON, str(_DRIVER), "--format", "json", "--quiet", "--ini", str(empty)),
            *("--skip", _SKIPPED, "--number", "1"),
            *("--exclude", "/no/such/path"),  # its default leaves out every path with ".git" in it
            *("--", *batch.arguments),
        ]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        try:
            told: dict[str, Any] = json.loads(answer.read_bytes())
            return self._parse(told, batch)
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"bandit's JSON is not what we know: {error!r}") from error

    def _parse(self, told: dict[str, Any], batch: Batch) -> Parsed:
        tests = {file.path: file.in_test_code for file in batch.files}
        failed = {batch.path_of(row["filename"]): _reason(row["reason"]) for row in told["errors"]}
        looked_at = {batch.path_of(name) for name in told["metrics"]} | set(failed)
        for file in batch.files:
            if file.path not in looked_at:
                failed[file.path] = "bandit left it out without a word"
        parsed = Parsed(failed=[Problem(path=path, reason=why) for path, why in sorted(failed.items())])
        lines = Lines(batch.root)
        for row in told["results"]:
            path, rule = batch.path_of(row["filename"]), canonical(row["test_id"])
            if not (tests.get(path, False) and rule in NOT_IN_TESTS):
                claim = _claim(row, path, rule)
                if not is_meant(claim, lines, in_test_code=tests.get(path, False)):
                    parsed.claims.append(as_sure(claim, lines))
        return parsed

    def reproduce(self, claim: Claim) -> str:
        return f"bandit -t {claim.tool_rule} -- {quoted(claim.path)}"


def _reason(told: str) -> str:
    if _SYNTAX in told:
        return f"no valid Python {_PYTHON_VERSION}, which bandit runs on: {told}"
    return told


def _claim(row: dict[str, Any], path: str, rule: str) -> Claim:
    known = RULES.get(rule)
    lines = [int(line) for line in row["line_range"]] or [row["line_number"]]
    own = Severity(row["issue_severity"].lower()) if row["issue_severity"] != "UNDEFINED" else Severity.LOW
    severity = known.severity if known else own
    if own is Severity.LOW and known and known.severity is Severity.HIGH:
        severity = Severity.INFO  # it saw that no part of it varies
    return Claim(
        rule=rule,
        tool_rule=row["test_id"],
        title=known.title if known else row["test_name"].replace("_", " ").capitalize(),
        message=row["issue_text"],
        path=path,
        line=row["line_number"],
        end_line=max(lines),
        span_start=min(lines),  # it names the line of the argument, ruff the line of the call
        column=max(1, row["col_offset"] + 1),
        severity=severity,
        confidence=known.confidence if known else _confidence(row["issue_confidence"]),
        category="security",
        cwe=known.cwe if known else tuple(filter(None, (row.get("issue_cwe", {}).get("id"),))),
        url=row.get("more_info") or "",
    )


def _confidence(told: str) -> Confidence:
    return Confidence(told.lower()) if told in ("HIGH", "MEDIUM") else Confidence.LOW
