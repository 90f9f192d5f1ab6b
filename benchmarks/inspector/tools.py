"""What each tool says of a tree, in one shape: `taint`, `wrench`, `bandit`, `ruff`.

`taint` is our engine alone, `wrench` the whole security scan as the product runs it; bandit and ruff's rules S run
with their own defaults. What a tool could not analyse is always told beside what it found.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agents.inspector.analysis import analyse
from agents.inspector.analyzers import ANALYZERS
from agents.inspector.rules import RULES, canonical
from benchmarks.inspector.corpora import ADDED

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One finding: where, and which CWE numbers it may count for."""

    path: str
    line: int
    end_line: int
    cwe: frozenset[int]
    rule: str
    hops: tuple[tuple[str, int], ...] = ()  # the places that its path leads through


@dataclass(slots=True)
class Said:
    """What a tool said of one tree; `unread` are the files and functions that it could not analyse: reasons."""

    claims: list[Claim] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


class NoAnswer(Exception):
    """A tool gave no readable answer about a tree: it crashed."""


def run(tool: str, tree: Path) -> Said:
    """Let a tool look at a tree. Raises NoAnswer."""
    return TOOLS[tool](tree.resolve())


def _answer(command: list[str], tree: Path) -> Any:
    environment = os.environ | {"PYTHONPATH": os.environ.get("PYTHONPATH", str(REPOSITORY))}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tree, env=environment)
    try:
        return json.loads(ran.stdout)
    except ValueError:
        raise NoAnswer(f"{' '.join(command)} gave no JSON: {ran.stderr[-2000:]}") from None


def _name(path: str, tree: Path) -> str:
    return Path(os.path.relpath(os.path.join(tree, path), tree)).as_posix()


def taint(tree: Path) -> Said:
    """Our engine alone."""
    answer = _answer([sys.executable, "-m", "agents.inspector.taint", str(tree), "--json"], tree)
    said = Said()
    for row in answer["not_analysed"]:
        said.unread[f"{_name(row['path'], tree)}:{row['what']}"] = str(row["reason"])
    for row in answer["findings"]:
        last = row.get("end_line", row["line"])
        claim = _claim(row["rule"], row["path"], row["line"], last, row["cwe"], tree)
        hops = tuple((_name(hop["path"], tree), int(hop["line"])) for hop in row["hops"])
        said.claims.append(replace(claim, hops=hops))
    return said


def wrench(tree: Path) -> Said:
    """The security scan as a step runs it, whatever the severity: so do the other tools' claims count."""
    with tempfile.TemporaryDirectory() as scratch:
        analysis = analyse(tree, ANALYZERS["security_scan"], scratch=Path(scratch))
    said = Said()
    for tool in analysis.tools:
        for one in tool.failed:
            said.unread[f"{one.path} ({tool.tool})"] = one.reason
        for number in range(tool.failed_count - len(tool.failed)):
            said.unread[f"unnamed {number} ({tool.tool})"] = "more than are named"
    for left in analysis.survey.left_out:
        if left.language == "python":
            said.unread[left.path] = left.reason
    for found in analysis.findings:
        said.claims.append(_claim(found.rule, found.path, found.line, found.end_line, found.cwe, tree))
        for one in found.evidence:
            if (
                one.hops
            ):  # put together with a pattern's, it stands in that one's line; its way ends where it ended
                end = one.hops[-1]
                said.claims.append(_claim(found.rule, end.path, end.line, end.line, found.cwe, tree))
    return said


def bandit(tree: Path) -> Said:
    """bandit with its defaults."""
    command = [sys.executable, "-m", "bandit", "--quiet", "-r", "--exclude", "/no/such", "-f", "json", "."]
    answer = _answer(command, tree)
    said = Said(unread={_name(row["filename"], tree): row["reason"] for row in answer["errors"]})
    for row in answer["results"]:
        known = RULES.get(canonical(row["test_id"]))
        numbers = [row["issue_cwe"].get("id", 0), *(known.cwe if known else ())]
        first, last = min(row["line_range"]), max(row["line_range"])
        said.claims.append(_claim(row["test_id"], row["filename"], first, last, numbers, tree))
    return said


def ruff(tree: Path) -> Said:
    """ruff's rules S; they have bandit's CWE numbers."""
    flags = ["--isolated", "--no-cache", "--exit-zero", "--select", "S", "--output-format", "json"]
    said = Said()
    for row in _answer([sys.executable, "-m", "ruff", "check", *flags, "."], tree):
        code = row["code"] or "invalid-syntax"
        if not code.startswith("S") or code == "invalid-syntax":
            said.unread[_name(row["filename"], tree)] = row["message"]
            continue
        numbers = RULES[code].cwe if code in RULES else ()
        lines = row["location"]["row"], row["end_location"]["row"]
        said.claims.append(_claim(code, row["filename"], *lines, numbers, tree))
    return said


def _claim(rule: str, path: str, line: int, last: int, cwe: Any, tree: Path) -> Claim:
    return Claim(
        path=_name(path, tree),
        line=line,
        end_line=max(line, last),
        cwe=frozenset(int(number) for number in cwe) | frozenset(ADDED.get(rule, ())),
        rule=rule,
    )


TOOLS: dict[str, Callable[[Path], Said]] = {"taint": taint, "wrench": wrench, "bandit": bandit, "ruff": ruff}
