"""Commits by the Conventional Commits specification 1.0: type, scope, whether it breaks something."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.documentation.claims import clean
from agents.reporting.visible import one_line
from agents.workspace.history import Commit

USED_FROM = 0.5  # of the commits have a known type: then the project writes so
MAX_SUBJECT = 300  # characters
SECTIONS = {
    "feat": "Added", "feature": "Added", "add": "Added",
    "fix": "Fixed", "bugfix": "Fixed", "hotfix": "Fixed",
    "perf": "Changed", "refactor": "Changed", "change": "Changed", "improvement": "Changed",
    "deprecate": "Deprecated", "deprecated": "Deprecated",
    "remove": "Removed", "removed": "Removed", "revert": "Reverted",
    "security": "Security", "sec": "Security",
    "docs": "Documentation", "doc": "Documentation",
    "build": "Internal", "ci": "Internal", "chore": "Internal", "test": "Internal", "tests": "Internal",
    "style": "Internal",
}  # fmt: skip
"""Type -> heading; the first six headings are those of Keep a Changelog 1.1."""
ORDER = (
    "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Reverted", "Documentation", "Other",
    "Internal",
)  # fmt: skip
OTHER = "Other"
_HEADER = re.compile(r"(?P<type>[A-Za-z]+)(?:\((?P<scope>[^()]{1,100})\))?(?P<mark>!)?:[ \t]+(?P<text>.+)")
_FOOTER = re.compile(
    r"^BREAKING[ -]CHANGE(?::[ \t]+| #)(?P<text>.*(?:\n(?![\w-]+(?:: | #)|\n).*)*)", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One commit as a changelog tells it. `breaking`: what it says of that, "" if it breaks nothing."""

    commit: str
    type: str  # "" if it is not written by the specification
    scope: str
    text: str
    breaking: str

    @property
    def section(self) -> str:
        return SECTIONS.get(self.type, OTHER)


def entry(commit: Commit) -> Entry:
    """Read one commit."""
    subject = shown(commit.subject) or "(no message)"
    found = _HEADER.fullmatch(subject)
    known = found is not None and found["type"].lower() in SECTIONS
    text = found["text"] if found and known else subject
    footer = _FOOTER.search(commit.body)
    told = shown(" ".join(footer["text"].split())) if footer else ""
    marked = bool(footer) or (found is not None and bool(found["mark"]))
    return Entry(
        commit=commit.id,
        type=found["type"].lower() if found and known else "",
        scope=found["scope"] or "" if found and known else "",
        text=text,
        breaking=(told or text) if marked else "",
    )


def is_used(entries: Sequence[Entry]) -> bool:
    """Tell whether a project writes its commits so."""
    return bool(entries) and sum(bool(one.type) for one in entries) >= USED_FROM * len(entries)


def shown(text: str) -> str:
    """One line of what somebody wrote, as data."""
    line = one_line(clean(" ".join(text.split())))
    return line if len(line) <= MAX_SUBJECT else f"{line[:MAX_SUBJECT]}…"
