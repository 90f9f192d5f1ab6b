"""`take`: may this be done now? One question to Redis for all rules, all or nothing.

When Redis does not answer, the caller's `fallback` decides:

    SMALL   a small bucket in this process, per address: signing in, tokens, keys, webhooks. Never open to guessing
    LOCAL   the same rules with buckets in this process: what changes something, and messages of sockets
    OPEN    everything passes, counted and told in the log: reads
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import structlog

from accounts.limits import shared
from accounts.limits.book import book
from accounts.limits.buckets import MICRO, Bucket, Decision, Level
from accounts.limits.calls import Asked, Call, asked
from accounts.limits.local import LocalBuckets
from accounts.limits.rules import Action, Rule

log = structlog.get_logger(__name__)

SMALL_BURST = 5
SMALL_INTERVAL = 12 * MICRO  # five a minute
QUIET_SECONDS = 1.0  # a rule that only warns does so at most so often


class Fallback(Enum):
    """What decides when Redis does not answer."""

    SMALL = "small"
    LOCAL = "local"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A rule that spoke of a call, and what its bucket says. Seconds."""

    rule: Rule
    bucket: Bucket
    level: Level

    @property
    def admits(self) -> bool:
        """Whether the call fits."""
        return self.level.wait == 0

    @property
    def remaining(self) -> int:
        """Units that are left."""
        return max(0, (self.bucket.depth - self.level.used) // self.bucket.interval)

    @property
    def wait_seconds(self) -> float:
        """How long until the call would fit."""
        return self.level.wait / MICRO

    @property
    def reset_seconds(self) -> float:
        """How long until the bucket is full again."""
        return self.level.used / MICRO


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a call may go on, and what each rule says of it. `decided_by` tells who was asked."""

    allowed: bool
    applied: tuple[Applied, ...] = ()
    decided_by: Literal["redis", "local", "small", "open", "nobody"] = "nobody"
    retry_after: float = 0.0

    @property
    def limiting(self) -> Applied | None:
        """The rule that makes the caller wait longest. None: allowed, or refused by the small bucket."""
        if self.allowed:
            return None
        refusing = [one for one in self.applied if not one.admits and not one.bucket.soft]
        return max(refusing, key=lambda one: one.level.wait, default=None)

    @property
    def tightest(self) -> Applied | None:
        """The rule with the fewest calls left, of those that callers are told of."""
        if (limiting := self.limiting) is not None:
            return limiting
        told = [one for one in self.applied if not one.bucket.soft]
        return min(told, key=lambda one: one.remaining // one.bucket.cost, default=None)


class LimitReached(Exception):
    """A rule refuses the call."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.retry_after = max(1, math.ceil(verdict.retry_after))
        limiting = verdict.limiting
        if limiting is None:
            told = "limits are tight while Redis does not answer"
        else:
            told = f"the limit {limiting.rule.name!r} allows {limiting.rule.rate} and {limiting.rule.burst} at once"
        super().__init__(f"{told}; try again in {self.retry_after} s")


local = LocalBuckets()


def take(call: Call, *, fallback: Fallback) -> Verdict:
    """Charge a call to every rule that speaks of it, or to none."""
    return _decided(asked(book.rules(call.kind), call), call, fallback)


def look(call: Call) -> Verdict:
    """Tell what would happen to a call, and charge nothing. Raises RedisAway."""
    found = asked(book.rules(call.kind), call)
    if not found:
        return Verdict(allowed=True)
    return _verdict(found, shared.decide([bucket for _, bucket in found], charge=False), "redis")


def take_small(*owners: str) -> Verdict:
    """Take one try from a small bucket of each owner, in this process."""
    shared.circuit.missed("small")
    buckets = [
        Bucket(key=f"small:{owner}", rule="small", interval=SMALL_INTERVAL, burst=SMALL_BURST)
        for owner in owners
    ]
    decision = local.decide(buckets)
    return Verdict(
        allowed=decision.admitted,
        decided_by="small",
        retry_after=max(level.wait for level in decision.levels) / MICRO,
    )


def _decided(found: Asked, call: Call, fallback: Fallback) -> Verdict:
    if not found:
        return Verdict(allowed=True)
    buckets = [bucket for _, bucket in found]
    try:
        verdict = _verdict(found, shared.decide(buckets, count=call.units == 1), "redis")
    except shared.RedisAway:
        if fallback is Fallback.SMALL:
            return take_small(call.address or buckets[0].key)
        if fallback is Fallback.OPEN:
            shared.circuit.missed("open")
            return Verdict(allowed=True, decided_by="open")
        shared.circuit.missed("local")
        verdict = _verdict(found, local.decide(buckets), "local")
    _warn(verdict, call)
    return verdict


def _verdict(found: Asked, decision: Decision, decided_by: Literal["redis", "local"]) -> Verdict:
    applied = tuple(
        Applied(rule=rule, bucket=bucket, level=level)
        for (rule, bucket), level in zip(found, decision.levels, strict=True)
    )
    waits = [one.level.wait for one in applied if not one.bucket.soft]
    wait = 0 if decision.admitted else max(waits)
    return Verdict(
        allowed=decision.admitted, applied=applied, decided_by=decided_by, retry_after=wait / MICRO
    )


def _warn(verdict: Verdict, call: Call) -> None:
    for one in verdict.applied:
        if one.admits or one.rule.dry_run or one.rule.action is not Action.WARN:
            continue
        if _is_due(one.rule.name):
            log.warning(
                "rate_rule_exceeded",
                rule=one.rule.name,
                bucket=one.bucket.key,
                method=call.method,
                path=call.path,
            )


_warned: dict[str, float] = {}
_warned_lock = threading.Lock()


def _is_due(rule: str) -> bool:
    now = time.monotonic()
    with _warned_lock:
        if now - _warned.get(rule, -QUIET_SECONDS) < QUIET_SECONDS:
            return False
        _warned[rule] = now
        return True
