"""Connections to Redis by REDIS_URL, straight to a server or by its sentinels."""

from __future__ import annotations

from typing import Any

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from wrenchai_project.sentinels import Sentinels, parse


def client(url: str, *, timeout_seconds: float) -> Redis:
    """Give a client that waits so long for each answer, and tries once."""
    options = patience(timeout_seconds)
    watched = parse(url)
    if watched is None:
        return Redis.from_url(url, **options)
    pool = SentinelConnectionPool(  # type: ignore[no-untyped-call]  # redis-py leaves it out
        watched.master, _sentinel(watched, timeout_seconds), **watched.login(), **options
    )
    return Redis.from_pool(pool)


def patience(timeout_seconds: float) -> dict[str, Any]:
    """What a connection gets that waits so long for each answer, and tries once."""
    return {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "retry": Retry(NoBackoff(), 0),
    }


def sentinel_options(watched: Sentinels, *, timeout_seconds: float) -> dict[str, Any]:
    """What connections to the sentinels themselves get: redis-py's own three retries would take 10 s and more."""
    return {
        **patience(timeout_seconds),
        **watched.sentinel_login(),
    }


class QuickPool(ConnectionPool):
    """For Django's cache, which sessions are read through: a Redis that hangs must not hold pages up."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> QuickPool:
        """Make the pool of a server."""
        bounds = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25, "retry": Retry(NoBackoff(), 0)}
        pool: QuickPool = super().from_url(url, **{**bounds, **options})
        return pool


class SentinelPool(SentinelConnectionPool):
    """For Django's cache, which makes its pool from the URL."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> SentinelPool:
        """Make the pool. Raises ValueError if it is no sentinel URL."""
        watched = parse(url)
        if watched is None:
            raise ValueError("this pool is for a sentinel URL")
        seconds = float(options.get("socket_timeout", 2.0))
        return cls(watched.master, _sentinel(watched, seconds), **watched.login(), **options)


def _sentinel(watched: Sentinels, timeout_seconds: float) -> Sentinel:
    return Sentinel(  # type: ignore[no-untyped-call]  # redis-py leaves it out
        list(watched.hosts), sentinel_kwargs=sentinel_options(watched, timeout_seconds=timeout_seconds)
    )
