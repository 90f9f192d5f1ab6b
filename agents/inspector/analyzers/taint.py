"""taint: our own engine, which follows input through the whole program to where it is dangerous.

It runs as a process of its own under the newest Python found, because an older one cannot parse newer syntax. It
needs all files at once: a path may lead through any of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from agents.findings import Confidence, Hop, Severity
from agents.inspector.analyzers.base import (
    Analyzer,
    AnswerUnreadable,
    Batch,
    Claim,
    Harmless,
    Parsed,
    Problem,
)
from agents.inspector.survey import SourceFile
from agents.inspector.taint import VERSION
from agents.pythons import newest

_DRIVER = Path(__file__).parents[1] / "taint" / "__main__.py"
_TEMPLATE_FOLDERS = frozenset({"templates", "jinja2", "views"})
SECONDS = 240  # of analysis; what is not reached by then is told as not analysed


class Taint(Analyzer):
    """Security: input that reaches something dangerous, with every hop between."""

    name = "taint"
    package = "wrenchai"
    languages = frozenset({"python"})
    timeout_seconds = SECONDS + 60
    whole_program = True
    follows = frozenset({"sql", "command", "code", "deserialisation", "xss", "path", "ssrf", "xxe"})
    keeps_notes = True
    seconds_per_megabyte = 12.0
    memory_bytes = 3 << 30

    def version(self) -> str:
        return f"{VERSION} on Python {newest()[1]}"

    def wants(self, file: SourceFile) -> bool:
        if file.language == "html":
            return not _TEMPLATE_FOLDERS.isdisjoint(PurePosixPath(file.path).parts[:-1])
        return super().wants(file) and not file.path.endswith(".pyi")

    def command(self, batch: Batch) -> list[str]:
        driver = [newest()[0], "-I", "-S", str(_DRIVER), "--here"]
        bounds = ["--seconds", str(SECONDS)]
        if batch.noted is not None:
            bounds += ["--known", str(batch.noted)]
        if batch.notes is not None:
            bounds += ["--keep", str(batch.notes)]
        return [*driver, "--json", *bounds, "--root", str(batch.root), "--list", str(batch.list_file())]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        try:
            told: dict[str, Any] = json.loads(answer.read_bytes())
            return Parsed(
                claims=[_claim(row) for row in told["findings"]],
                facts=_places(told["harmless"]),
                failed=_failed(told["not_analysed"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"the taint engine's JSON is not what we know: {error!r}") from error

    def harmless(self, facts: Mapping[str, Any]) -> Harmless:
        return facts

    def reproduce(self, claim: Claim) -> str:
        return "python -m agents.inspector.taint ."


def _places(rows: list[dict[str, Any]]) -> dict[str, list[list[Any]]]:
    """File -> places where nothing dangerous arrives: first and last line, and what would be dangerous there."""
    found: dict[str, list[list[Any]]] = {}
    for row in rows:
        found.setdefault(row["path"], []).append([row["line"], row["end_line"], row["kind"]])
    return found


def _failed(rows: list[dict[str, Any]]) -> list[Problem]:
    """One problem for each file: a file with a function that was not analysed is not fully analysed."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        told = (
            row["reason"]
            if row["what"] == "the file"
            else f"{row['what']} (line {row['line']}): {row['reason']}"
        )
        reasons.setdefault(row["path"], []).append(told)
    return [Problem(path=path, reason="; ".join(told)) for path, told in sorted(reasons.items())]


def _claim(row: dict[str, Any]) -> Claim:
    return Claim(
        rule=row["rule"],
        tool_rule=row["rule"],
        title=row["title"],
        message=row["message"],
        path=row["path"],
        line=row["line"],
        end_line=row["end_line"],
        column=row["column"],
        severity=Severity(row["severity"]),
        confidence=Confidence(row["confidence"]),
        category="security",
        cwe=tuple(row["cwe"]),
        hops=tuple(
            Hop(path=hop["path"], line=hop["line"], variable=hop["variable"], what=hop["what"])
            for hop in row["hops"]
        ),
    )
