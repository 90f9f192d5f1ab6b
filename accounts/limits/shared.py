"""Buckets in Redis, shared by all processes: one round trip for all rules of a call (gcra.lua).

A sick Redis costs a caller at most about PATIENCE_SECONDS, once: then the circuit stays open for OPEN_SECONDS, in
which nobody asks, and one caller tries again. With Sentinel each sentinel that hangs may cost as much again.

    closed ──a fault──> open ──OPEN_SECONDS──> one caller tries ──it works──> closed
                          ^──────────────────────── a fault ─┘

What happened in the meantime is counted here and told to Redis when it is back.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from hashlib import sha1
from pathlib import Path
from typing import TypeVar, cast

import structlog
from django.conf import settings
from redis import Redis
from redis.exceptions import NoScriptError, RedisError

from accounts.limits.buckets import Bucket, Decision, Level
from wrenchai_project.redis_client import client

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 0.1
OPEN_SECONDS = 3.0
COUNTS_DAYS = 8
PREFIX = "wrench:limit:"
SCRIPT = (Path(__file__).parent / "gcra.lua").read_text(encoding="utf-8")
SHA = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

_T = TypeVar("_T")


class RedisAway(Exception):
    """Redis did not answer, or was not asked because it did not a moment ago."""


class Circuit:
    """Keeps callers from waiting for a Redis that does not answer. Safe for threads."""

    def __init__(self, open_seconds: float = OPEN_SECONDS) -> None:
        self._open_seconds = open_seconds
        self._open_until: float | None = None  # None: closed
        self._lock = threading.Lock()
        self._missed: Counter[str] = Counter()

    def call(self, ask: Callable[[], _T]) -> _T:
        """Ask Redis. Raises RedisAway."""
        if not self._may_ask():
            raise RedisAway("Redis did not answer a moment ago")
        try:
            answer = ask()
        except (RedisError, OSError) as error:
            self._open(error)
            raise RedisAway("Redis does not answer") from error
        if self.is_open:
            self._close()
        return answer

    @property
    def is_open(self) -> bool:
        """Whether Redis did not answer the last time."""
        return self._open_until is not None

    def missed(self, what: str) -> None:
        """Count what was decided without Redis."""
        with self._lock:
            self._missed[what] += 1

    def counted(self) -> dict[str, int]:
        """Tell what was decided without Redis since it went away, in this process."""
        with self._lock:
            return dict(self._missed)

    def reset(self) -> None:
        """Forget that Redis was away."""
        with self._lock:
            self._open_until = None
            self._missed.clear()

    def _may_ask(self) -> bool:
        if not self.is_open:
            return True
        with self._lock:
            if self._open_until is None:
                return True
            now = time.monotonic()
            if now < self._open_until:
                return False
            self._open_until = now + self._open_seconds  # this caller tries; the others stay away meanwhile
            return True

    def _open(self, error: Exception) -> None:
        with self._lock:
            was_closed = self._open_until is None
            self._open_until = time.monotonic() + self._open_seconds
            missed = dict(self._missed)
        if was_closed:
            log.warning("limits_without_redis", reason=str(error), seconds=self._open_seconds)
        else:
            log.warning("limits_still_without_redis", reason=str(error), **missed)

    def _close(self) -> None:
        with self._lock:
            self._open_until = None
            missed, self._missed = dict(self._missed), Counter()
        log.warning("limits_have_redis_again", **missed)
        if missed:
            try:
                _add_counts({f"away:{what}": count for what, count in missed.items()})
            except RedisError as error:
                log.warning("limits_counts_lost", reason=str(error), **missed)


circuit = Circuit()


def decide(buckets: Sequence[Bucket], *, charge: bool = True, count: bool = True) -> Decision:
    """Take one call from all buckets, or from none. `buckets` is not empty. Raises RedisAway.

    `charge` False: look only. `count` False: refusals are not counted.
    """
    keys = [PREFIX + bucket.key for bucket in buckets]
    given: list[str | int] = [(1 if count else 2) if charge else 0, COUNTS_DAYS * 86400]
    for bucket in buckets:
        given += (bucket.interval, bucket.burst, bucket.cost, int(bucket.soft), bucket.rule)
    reply = circuit.call(lambda: _run([*keys, _counts_key()], given))
    levels = tuple(Level(wait=reply[at], used=reply[at + 1]) for at in range(2, len(reply), 2))
    return Decision(now=reply[0], admitted=bool(reply[1]), levels=levels)


def counts(days: int = 1) -> dict[str, int]:
    """Give what was counted today and on the days before: '<rule>:refused', '<rule>:over', 'away:<what>'.

    Raises RedisAway.
    """
    found: Counter[str] = Counter()
    for ago in range(days):
        for name, count in circuit.call(partial(_read_counts, _counts_key(ago))).items():
            found[name.decode()] += int(count)
    return dict(found)


def busiest(*, most_keys: int = 5000) -> list[tuple[str, int]]:
    """Give the keys of up to `most_keys` buckets in use, each with the time in microseconds until it is full again.

    Raises RedisAway.
    """
    return circuit.call(lambda: _scan(most_keys))


@cache
def redis() -> Redis:
    """Give this process's client."""
    return client(settings.REDIS_URL, timeout_seconds=PATIENCE_SECONDS)


def _run(keys: list[str], given: list[str | int]) -> list[int]:
    """Run the script, by its digest: Redis forgets scripts when it restarts, and is told it again."""
    try:
        return cast("list[int]", redis().evalsha(SHA, len(keys), *keys, *given))
    except NoScriptError:
        return cast("list[int]", redis().eval(SCRIPT, len(keys), *keys, *given))


def _scan(most_keys: int) -> list[tuple[str, int]]:
    keys: list[bytes] = []
    for key in redis().scan_iter(match=f"{PREFIX}[0-9]*", count=1000):
        keys.append(key)
        if len(keys) >= most_keys:
            break
    if not keys:
        return []
    seconds, micros = redis().time()
    now = seconds * 1_000_000 + micros
    values = cast("list[bytes | None]", redis().mget(keys))
    return [
        (key.decode().removeprefix(PREFIX), int(value) - now)
        for key, value in zip(keys, values, strict=True)
        if value is not None and int(value) > now
    ]


def _read_counts(key: str) -> dict[bytes, bytes]:
    return cast("dict[bytes, bytes]", redis().hgetall(key))


def _add_counts(found: dict[str, int]) -> None:
    key = _counts_key()
    with redis().pipeline(transaction=False) as pipe:
        for name, count in found.items():
            pipe.hincrby(key, name, count)
        pipe.expire(key, COUNTS_DAYS * 86400)
        pipe.execute()


def _counts_key(days_ago: int = 0) -> str:
    return f"{PREFIX}counts:{datetime.now(UTC).date() - timedelta(days=days_ago)}"
