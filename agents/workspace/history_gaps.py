"""Where a damaged history ends: the commits of which a parent is missing, or cannot be read.

git gives up a walk at the first commit that it cannot read, and mostly names no child of it. The children are found
among those that it was about to look at, and become the border of our own repository, as in a shallow clone: what
lies before them can then be told.

Owns: finding them. Invariant: nothing is written here, and no commit is called lost that git can read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agents.process import Outcome

MAX_CHECKED = 1_000  # commits that a walk was about to look at
# How git tells that a commit cannot be read: it is missing, empty, or no object.
UNREADABLE = re.compile(
    r"could not read|failed to traverse|is corrupt|bad object|missing object|unable to unpack", re.IGNORECASE
)
_ID = r"([0-9a-f]{40}(?:[0-9a-f]{24})?)\b"
_BAD_TAG = re.compile(rf"missing object {_ID} for (refs/\S+)|object {_ID}")

Ask = Callable[[Sequence[str]], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """`border`: commits that are here and have a parent that is not; `lost`: those parents."""

    border: frozenset[str]
    lost: frozenset[str]


def is_readable(commit: str, ask: Ask) -> bool:
    """Tell whether git can read a commit."""
    return not ask(["cat-file", "commit", commit]).trouble()


def first_gap(starts: Iterable[str], ask: Ask) -> Gap:
    """Find where a walk from some commits, which are readable, breaks off; empty if it does not."""
    wanted = set(starts)
    walked = ask(["rev-list", "--parents", *sorted(wanted), "--"])
    if not walked.trouble() or walked.output_truncated:
        return Gap(border=frozenset(), lost=frozenset())
    printed = set[str]()
    for line in walked.stdout.read_text(encoding="ascii", errors="replace").splitlines():
        commit, *parents = line.split(" ")
        printed.add(commit)
        wanted.update(parents)
    border, lost = set[str](), set[str]()
    for commit in sorted(wanted - printed)[:MAX_CHECKED]:
        gone = [one for one in _parents(commit, ask) if not is_readable(one, ask)]
        lost.update(gone)
        border.update([commit] if gone else [])
    return Gap(border=frozenset(border), lost=frozenset(lost))


def unreadable_tags(trouble: str, refs: dict[str, str]) -> set[str]:
    """Name the refs that git stumbles over."""
    found = _BAD_TAG.search(trouble)
    if found is None:
        return set()
    bad = found[1] or found[3]
    return {name for name, commit in refs.items() if commit == bad or name == found[2]}


def _parents(commit: str, ask: Ask) -> list[str]:
    return ask(["rev-parse", f"{commit}^@"]).stdout.read_text(encoding="ascii", errors="replace").split()
