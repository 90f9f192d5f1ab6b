"""What is wrong in a project's documentation, from claims to findings.

Owns: identity, snippets, redaction. Invariant: no text of the tree leaves here with a secret, NUL or control
character in it, and every finding shows its lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.conventions import is_test
from agents.findings import Confidence, Evidence, FindingData, Severity, fingerprint, sort_key
from agents.redaction import redact
from agents.symbols.sources import Sources

SNIPPET_LINES = 8
SNIPPET_CHARACTERS = 200  # of each line

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one tool says for a claim, in its own words."""

    tool: str
    version: str
    rule: str
    message: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One fault of the documentation. Lines count from 1."""

    rule: str
    title: str
    message: str
    path: str
    line: int
    end_line: int
    severity: Severity
    confidence: Confidence
    said: tuple[Said, ...]
    scope: str = ""


@dataclass(slots=True)
class _Lines:
    sources: Sources
    read: dict[str, list[str]] = field(default_factory=dict)

    def of(self, path: str) -> list[str]:
        if path not in self.read:
            self.read[path] = (self.sources.text(path) or "").split("\n")
        return self.read[path]


def findings(claims: Iterable[Claim], sources: Sources) -> list[FindingData]:
    """Name the claims and give each its lines; worst first."""
    lines = _Lines(sources)
    equals: Counter[tuple[str, str, str, str]] = Counter()
    found = []
    for claim in sorted(claims, key=lambda claim: (claim.path, claim.line, claim.rule, claim.message)):
        listed = lines.of(claim.path)
        text = listed[claim.line - 1] if 0 < claim.line <= len(listed) else ""
        identity = (claim.rule, claim.path, claim.scope, "".join(text.split()))
        found.append(_finding(claim, text, _snippet(listed, claim), equals[identity]))
        equals[identity] += 1
    return sorted(found, key=sort_key)


def clean(text: str) -> str:
    """Cut secrets and control characters out of text that people are shown."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", redact(text))


def _snippet(lines: list[str], claim: Claim) -> str:
    last = min(max(claim.line, claim.end_line), claim.line + SNIPPET_LINES - 1)
    return clean(
        "\n".join(line[:SNIPPET_CHARACTERS].rstrip() for line in lines[max(claim.line, 1) - 1 : last])
    )


def _finding(claim: Claim, text: str, snippet: str, occurrence: int) -> FindingData:
    line = max(claim.line, 1)
    return FindingData(
        rule=claim.rule,
        title=claim.title[:200],
        message=clean(claim.message),
        severity=claim.severity,
        confidence=claim.confidence,
        category="docs",
        path=claim.path,
        line=line,
        end_line=max(line, claim.end_line),
        scope=clean(claim.scope),
        in_test_code=is_test(claim.path),
        fingerprint=fingerprint(
            rule=claim.rule, path=claim.path, scope=claim.scope, line_text=text, occurrence=occurrence
        ),
        evidence=tuple(
            Evidence(
                kind="tool_trace",
                tool=said.tool,
                tool_version=said.version,
                rule=said.rule,
                message=clean(said.message),
                snippet=snippet,
                command=said.command,
            )
            for said in claim.said
        ),
    )
