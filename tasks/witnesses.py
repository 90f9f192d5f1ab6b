"""Witnesses: who else must know of an event, in the very transaction that writes it.

    append ──facts of the kinds wanted──> witness: writes rows of its own ──> commit: both are there, or neither is

Owns: the registry. Refuses to know what a witness does with what it is told. Invariants: a witness hears of each
event of its kinds once, in the transaction that appends it, after it was numbered; what it raises undoes the
transaction. So it asks PostgreSQL little, waits for nobody, and speaks to nothing else. Transactions without such
kinds cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tasks.plans import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event that was just appended, as a witness hears of it. Its run's row is locked and as it will be."""

    run_pk: int
    project_id: int
    seq: int
    kind: str
    data: JsonObject


Witness = Callable[[Sequence[Told]], None]

_witnesses: dict[str, tuple[frozenset[str], Witness]] = {}
_wanted: frozenset[str] = frozenset()


def register(name: str, kinds: Iterable[str], witness: Witness) -> None:
    """Let a witness hear of events of these kinds. Under the same name it takes the place of the one before."""
    _witnesses[name] = (frozenset(kinds), witness)
    _count()


def forget(name: str) -> None:
    """Let a witness hear of nothing any more. An unknown one is none."""
    _witnesses.pop(name, None)
    _count()


def wanted() -> frozenset[str]:
    """Give the kinds that somebody wants to hear of."""
    return _wanted


def tell(told: Sequence[Told]) -> None:
    """Tell each witness what it wants to hear of these. In the transaction that has appended them."""
    for kinds, witness in _witnesses.values():
        heard = [one for one in told if one.kind in kinds]
        if heard:
            witness(heard)


def _count() -> None:
    global _wanted
    _wanted = frozenset().union(*(kinds for kinds, _ in _witnesses.values()))
