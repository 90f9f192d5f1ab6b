"""Chores: what other packages want done in each round of the scheduler, by whoever leads.

Owns: the registry. Refuses to know what a chore does. A chore is called about every second in the scheduler's thread,
between retries and schedules that are due: it looks, and does what takes milliseconds; what takes longer it leaves to
a thread of its own. It may be called by two processes at once for a moment, when one takes the other's place.
"""

from __future__ import annotations

from collections.abc import Callable

Chore = Callable[[], int]
"""Does what is due. Returns how many things were moved. Raises DatabaseError when PostgreSQL cannot."""

_makers: dict[str, Callable[[], Chore]] = {}


def register(name: str, make: Callable[[], Chore]) -> None:
    """Let each scheduler make itself this chore. Under the same name it takes the place of the one before."""
    _makers[name] = make


def made() -> list[Chore]:
    """Make all chores, for one scheduler."""
    return [make() for make in _makers.values()]
