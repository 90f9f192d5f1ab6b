"""A bucket, and what came of asking it: the arithmetic of limits, without clock and storage.

GCRA keeps one number per bucket: the time `full_at` at which it will be full again. A unit moves it by `interval`;
a call fits while `full_at` stays within `burst` intervals from now. Whole microseconds throughout, so that this and
gcra.lua agree to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MICRO = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One rule's bucket for one owner. `interval` is in microseconds per unit; a `soft` one never refuses."""

    key: str
    rule: str
    interval: int
    burst: int
    cost: int = 1
    soft: bool = False

    @property
    def depth(self) -> int:
        """How long an empty bucket takes to fill, in microseconds."""
        return self.interval * self.burst


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What a bucket says: `wait` until it admits (0: it does), `used` until it is full again; microseconds."""

    wait: int
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What all buckets of a call say, in their order. `now` is the clock that was asked, in microseconds."""

    now: int
    admitted: bool
    levels: tuple[Level, ...]


def decide(
    buckets: Sequence[Bucket], full_at: Sequence[int], now: int, *, charge: bool = True
) -> tuple[Decision, list[int]]:
    """Ask all buckets, and charge all or none. Returns the decision and each bucket's new `full_at`."""
    starts = [min(max(at, now), now + bucket.depth) for bucket, at in zip(buckets, full_at, strict=True)]
    after = [at + bucket.interval * bucket.cost for bucket, at in zip(buckets, starts, strict=True)]
    waits = [max(0, at - bucket.depth - now) for bucket, at in zip(buckets, after, strict=True)]
    admitted = all(bucket.soft or not wait for bucket, wait in zip(buckets, waits, strict=True))
    kept = [
        new if charge and admitted and not wait else old
        for new, old, wait in zip(after, starts, waits, strict=True)
    ]
    levels = tuple(Level(wait=wait, used=at - now) for wait, at in zip(waits, kept, strict=True))
    return Decision(now=now, admitted=admitted, levels=levels), kept
