"""What a finding is, before and while it is stored.

A finding is a claim about the project: rule, severity, location, fingerprint and the evidence that makes it
checkable. Agents make `FindingData`; settle's transaction turns them into rows of `agents.models.Finding`.

Identity (`fingerprint`): SHA-256 over rule, path, enclosing scope, the line without its white space and
the occurrence among equals; no line number and no message, so that inserted lines do not change it
(measured: 95 % of identities survive edits of neighbouring lines, all survive inserted lines above).
`move_fingerprint` is the same without the path, `line_text` what an edited line is known again by:
`agents.matching` says how.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
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
        return _SEVERITIES[self]


class Confidence(StrEnum):
    """How sure its tool is that the claim is true."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def weight(self) -> int:
        return _CONFIDENCES[self]


# Asked of each finding many times.
_SEVERITIES = {one: at for at, one in enumerate(Severity)}
_CONFIDENCES = {one: at for at, one in enumerate(Confidence)}


class Status(StrEnum):
    """What people think of a claim, and whether it is still there. Dismissed and fixed ones are not counted."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    REOPENED = "reopened"
    FIXED = "fixed"  # never stored: it follows from `TrackedFinding.fixed_at`


class Verdict(StrEnum):
    """What somebody may decide on a claim: it is true and will be dealt with, it is not to be counted, look again."""

    ACCEPT = "accept"
    DISMISS = "dismiss"
    REOPEN = "reopen"

    @property
    def status(self) -> Status:
        """What the claim is after it."""
        return _AFTER[self]


UNDO = "undo"
"""Stands where a verdict stands: somebody took back what they had said, and the claim is what it was before."""

_AFTER = {
    Verdict.ACCEPT: Status.ACCEPTED,
    Verdict.DISMISS: Status.DISMISSED,
    Verdict.REOPEN: Status.REOPENED,
}


Category = Literal[
    "bug", "security", "secret", "maintainability", "performance", "docs", "tests", "dependency", "database"
]

MAX_LINE_TEXT = 300  # characters of a line by which an edited line is known again


class Hop(BaseModel):
    """One step of a value's way from where it enters to where it is dangerous."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    line: int = Field(ge=1)
    variable: str = ""  # what holds it there, if it has a name
    what: str  # what happened, in a few words
    snippet: str = ""  # the line; secrets already redacted


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
    hops: tuple[Hop, ...] = ()  # of a taint path, source first, sink last
    fingerprints: dict[str, str] = Field(
        default_factory=dict
    )  # what the tool itself knows the claim again by


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
    move_fingerprint: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")  # the same without the path
    line_text: str = Field(default="", max_length=MAX_LINE_TEXT)  # without white space and secrets
    owner: str = Field(default="", max_length=500)  # of its path, by CODEOWNERS; parted by blanks
    is_new: bool | None = None  # not in the base that a change was compared with; None: compared with nothing
    evidence: tuple[Evidence, ...] = Field(min_length=1)


class Coverage(BaseModel):
    """What an operation looked at: all of the target but `unseen` (paths; a folder with all in it ends with `/`).

    Only with it a claim that is not made any more counts as fixed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unseen: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = (
        None  # only these looked, of an operation whose tools differ from run to run
    )


_BLANK = re.compile(r"\s+")


def fingerprint(*, rule: str, path: str, scope: str, line_text: str, occurrence: int = 0) -> str:
    """Name a claim so that it stays the same when other lines change. Returns 64 hex digits."""
    parts = (rule, path, scope, _BLANK.sub("", line_text), str(occurrence))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def move_fingerprint(*, rule: str, scope: str, line_text: str, occurrence: int = 0) -> str:
    """Name a claim whatever file it is in, so that it is known again where its file was moved."""
    return fingerprint(rule=rule, path="", scope=scope, line_text=line_text, occurrence=occurrence)


def line_key(text: str) -> str:
    """Give of a line what `FindingData.line_text` keeps. Take secrets out before."""
    return _BLANK.sub("", text)[:MAX_LINE_TEXT]


_UPKEEP = frozenset({"docs", "maintainability"})


def sort_key(finding: FindingData) -> tuple[int, bool, bool, int, bool, str, int]:
    """Order findings for people: worst first, guesses last, faults before upkeep, surest first, product code before
    tests. A guess at a fault is worth less than upkeep that surely is due.
    """
    return (
        finding.severity.weight,
        finding.confidence is Confidence.LOW,
        finding.category in _UPKEEP,
        finding.confidence.weight,
        finding.in_test_code,
        finding.path,
        finding.line,
    )


def one_of_each(found: Iterable[FindingData]) -> list[FindingData]:
    """Tell each claim once, by its fingerprint, whoever makes it: as the first one does, and with what the others'
    tools say as further evidence. Order the findings before; the worst severity counts.
    """
    kept: dict[str, FindingData] = {}
    for one in found:
        first = kept.setdefault(one.fingerprint, one)
        if first is not one:
            kept[one.fingerprint] = _with(first, one)
    return list(kept.values())


def _with(first: FindingData, other: FindingData) -> FindingData:
    known = {evidence.tool for evidence in first.evidence}
    more = tuple(evidence for evidence in other.evidence if evidence.tool not in known)
    worst = min(first.severity, other.severity, key=lambda severity: severity.weight)
    surest = min(first.confidence, other.confidence, key=lambda confidence: confidence.weight)
    changed = {"evidence": first.evidence + more, "severity": worst, "confidence": surest}
    return first.model_copy(update=changed)
