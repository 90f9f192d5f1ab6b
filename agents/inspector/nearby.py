"""Which claims of a file can mean the same place, without a look at all of them: a file may hold very many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from agents.inspector.analyzers.base import Claim

_LINES = 4  # that are looked up at once
_WIDE = 4_096  # lines; what spans more is near everything


class Nearby:
    """Claims by the lines that they span, and by those that their ways lead through. All are of one file."""

    def __init__(self) -> None:
        self._spanning: defaultdict[int, list[int]] = defaultdict(list)
        self._leading: defaultdict[int, list[int]] = defaultdict(list)
        self._wide: list[int] = []
        self._count = 0

    def add(self, claim: Claim) -> None:
        """Take a claim, whose number is how many there were before."""
        blocks = _blocks(claim, 0)
        for block in blocks:
            self._spanning[block].append(self._count)
        if not blocks:
            self._wide.append(self._count)
        for block in _led_through(claim):
            self._leading[block].append(self._count)
        self._count += 1

    def of(self, claim: Claim, margin: int = 0) -> Iterable[int]:
        """The numbers of all that span or lead through some line of this one or of its way, and of others; rising."""
        blocks = _blocks(claim, margin)
        if not blocks:
            return range(self._count)
        found = set(self._wide)
        for block in blocks:
            found.update(self._spanning.get(block, ()))
            found.update(self._leading.get(block, ()))
        for block in _led_through(claim):
            found.update(self._spanning.get(block, ()))
        return sorted(found)


def start(claim: Claim) -> int:
    """The first line that may mean the same."""
    return claim.span_start or claim.line


def _blocks(claim: Claim, margin: int) -> range:
    """The blocks of lines that a claim spans; none if they are too many to tell."""
    first, last = sorted((start(claim), claim.end_line))
    if last - first > _WIDE:
        return range(0)
    return range((first - margin) // _LINES, (last + margin) // _LINES + 1)


def _led_through(claim: Claim) -> set[int]:
    return {hop.line // _LINES for hop in claim.hops if hop.path == claim.path}
