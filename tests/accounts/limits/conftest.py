"""Fresh buckets for every test, in Redis and in this process; and a Redis that freezes, or is dead."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pytest_django import Settings

from accounts.limits import shared
from accounts.limits.book import book
from accounts.limits.engine import local
from accounts.models import RateRule
from tests import private_servers
from tests.api.cast import _days, _plain_static, _quick_passwords, cast  # noqa: F401 - fixtures
from wrenchai_project import servers

needs_embedded = pytest.mark.skipif(
    not private_servers.ARE_EMBEDDED, reason="needs a Redis that the test may freeze"
)


@pytest.fixture(autouse=True)
def _fresh_limits() -> Iterator[None]:
    for key in shared.redis().scan_iter(match=f"{shared.PREFIX}*"):
        shared.redis().delete(key)
    book.forget()
    local.clear()
    shared.circuit.reset()
    yield
    book.forget()
    local.clear()
    shared.circuit.reset()


@pytest.fixture
def no_rules(db: None) -> None:
    """Nothing but what the test itself adds."""
    RateRule.objects.all().delete()


def add_rule(name: str, scope: str, rate: str, burst: int, **more: object) -> RateRule:
    """Store a rule as the admin does, with all its checks."""
    rule = RateRule(name=name, scope=scope, rate=rate, burst=burst, **more)
    rule.full_clean()
    rule.save()
    book.forget()
    return rule


@contextmanager
def frozen_redis() -> Iterator[None]:
    """The tests' own Redis keeps its sockets open and answers nothing."""
    pid = servers.status(private_servers.STATE).redis_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def dead_redis(settings: Settings) -> Iterator[None]:
    """Nobody listens where Redis should be."""
    settings.REDIS_URL = nobody = "redis://127.0.0.1:1/0"
    attempts = {**settings.CACHES["attempts"], "LOCATION": [nobody]}
    settings.CACHES = {**settings.CACHES, "attempts": attempts}
    shared.redis.cache_clear()
    yield
    shared.redis.cache_clear()
