"""ruff: linter of Python. Three analyzers share the tool: correctness, security, passwords."""

from __future__ import annotations

import json
import re
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
from agents.inspector.analyzers.drivers import made_up
from agents.inspector.analyzers.lines import Lines
from agents.inspector.analyzers.meant import as_sure, is_meant
from agents.inspector.rules import (
    CORRECTNESS,
    HARD_CODED,
    NOT_IN_TESTS,
    PASSWORDS,
    PERFORMANCE,
    RULES,
    SECURITY,
    Rule,
)

_CANNOT_ANALYSE = frozenset({"invalid-syntax", "E902", "E999"})
_LITERAL = re.compile(r"(?P<quote>\"\"\"|'''|[\"'])(?P<value>.*?)(?P=quote)")
_SEEMS_SAFE = "seems safe"  # ruff's words for a shell command without a variable part
# Names that no file defines: gettext's install() puts them beside the built-in ones.
_INSTALLED = frozenset({"_", "ngettext"})
_UNDEFINED = re.compile(r"Undefined name `(\w+)`")


class Ruff(Analyzer):
    """Correctness: names that do not exist, formats that fail, defaults that are shared."""

    name = "ruff"
    package = "ruff"
    purpose = "correctness rules"
    languages = frozenset({"python"})
    silencer = "noqa"
    good_codes = frozenset({0, 1})  # 1: has findings
    timeout_seconds = 120
    seconds_per_megabyte = 0.3
    select: tuple[str, ...] = tuple(row[0] for row in (*CORRECTNESS, *PERFORMANCE))

    def command(self, batch: Batch) -> list[str]:
        return [
            *("ruff", "check", "--isolated", "--no-cache", "--no-fix", "--exit-zero", "--quiet"),
            *("--output-format", "json", "--target-version", "py314", "--select", ",".join(self.select)),
            *("--", *batch.arguments),
        ]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        try:
            rows: list[dict[str, Any]] = json.loads(answer.read_bytes())
            return self._parse(rows, batch)
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"ruff's JSON is not what we know: {error!r}") from error

    def _parse(self, rows: list[dict[str, Any]], batch: Batch) -> Parsed:
        tests = {file.path: file.in_test_code for file in batch.files}
        parsed = Parsed()
        broken: set[str] = set()
        for row in rows:
            path, code = batch.path_of(row["filename"]), row["code"] or "invalid-syntax"
            if code in _CANNOT_ANALYSE:
                if path not in broken:
                    line = row["location"]["row"]
                    parsed.failed.append(Problem(path=path, reason=f"line {line}: {row['message']}"))
                broken.add(path)
            elif code in RULES and _matters(code, path, in_test_code=tests.get(path, False)):
                parsed.claims.append(self._claim(row, path, code))
        # What the parser's recovery found after a syntax error is guesswork.
        parsed.claims = [claim for claim in parsed.claims if claim.path not in broken]
        lines = Lines(batch.root)
        parsed.claims = [
            as_sure(claim, lines)
            for claim in parsed.claims
            if not is_meant(claim, lines, in_test_code=tests.get(claim.path, False))
        ]
        return parsed

    def _claim(self, row: dict[str, Any], path: str, code: str) -> Claim:
        rule = RULES[code]
        harmless = _SEEMS_SAFE in row["message"] or _is_installed(row["message"])
        return Claim(
            rule=HARD_CODED if rule.category == "secret" else code,
            tool_rule=code,
            title=rule.title,
            message=row["message"],
            path=path,
            line=row["location"]["row"],
            end_line=row["end_location"]["row"],
            column=row["location"]["column"],
            severity=_harmless(rule) if harmless else rule.severity,
            confidence=Confidence.LOW if _is_installed(row["message"]) else rule.confidence,
            category=rule.category,
            cwe=rule.cwe,
            url=row.get("url") or "",
        )

    def reproduce(self, claim: Claim) -> str:
        return f"ruff check --isolated --select {claim.tool_rule} -- {quoted(claim.path)}"


def _harmless(rule: Rule) -> Severity:
    return Severity.INFO if rule.category == "security" else Severity.LOW


def _is_installed(message: str) -> bool:
    undefined = _UNDEFINED.fullmatch(message)
    return undefined is not None and undefined[1] in _INSTALLED


def _matters(code: str, path: str, *, in_test_code: bool) -> bool:
    is_reexport = code == "F401" and path.rpartition("/")[2] == "__init__.py"
    return not is_reexport and not (in_test_code and code in NOT_IN_TESTS)


class RuffSecurity(Ruff):
    """Security: the rules that ruff took over from bandit."""

    purpose = "security rules"
    select = tuple(row[0] for row in SECURITY if not row[0].startswith("B"))


class RuffPasswords(Ruff):
    """Passwords in Python source; beside detect-secrets."""

    purpose = "password rules"
    select = tuple(row[0] for row in PASSWORDS)

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        """Leave out what is a name or a placeholder: ruff judges by the variable's name alone."""
        parsed, lines = super().parse(answer, batch), Lines(batch.root)
        parsed.claims = [claim for claim in parsed.claims if not _is_made_up(claim, lines)]
        return parsed


_NAMED = re.compile(r'(?:assigned to|function default): "(\w+)"|argument: "(\w+)"')


def _is_made_up(claim: Claim, lines: Lines) -> bool:
    named = _NAMED.search(claim.message)
    if named and made_up.names_a_place(named[1] or named[2]):
        return True
    line = lines.line(claim.path, claim.line)
    literal = _LITERAL.search(line, claim.column - 1)
    return literal is not None and made_up.is_made_up(literal["value"], line)
