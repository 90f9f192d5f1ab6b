"""The watchman: acts late or not at all, never beside the end of what he watches, and leaves no connection open."""

from __future__ import annotations

import os
import threading
import time

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections

from tasks.watchman import Watchman
from tests.engine.cluster import until

SOON, NEVER = 0.01, 3600.0


@pytest.fixture
def watchman() -> Watchman:
    return Watchman()


def test_nothing_is_done_when_the_block_is_over_in_time(watchman: Watchman) -> None:
    acted: list[int] = []
    for number in range(200):
        with watchman.watch(lambda number=number: acted.append(number), after_seconds=NEVER):
            pass
    assert acted == []


def test_act_is_over_before_the_block_is_left(watchman: Watchman) -> None:
    begun, may_end, told = threading.Event(), threading.Event(), list[str]()

    def act() -> None:
        begun.set()
        may_end.wait(20)
        told.append("acted")

    with watchman.watch(act, after_seconds=SOON):
        assert begun.wait(20)
        threading.Timer(0.05, may_end.set).start()
    assert told == ["acted"]


def test_act_happens_once_however_long_the_block_is(watchman: Watchman) -> None:
    acts: list[int] = []
    with watchman.watch(lambda: acts.append(1), after_seconds=SOON):
        until(lambda: acts, within=20, what="acted")
        with pytest.raises(AssertionError):
            until(lambda: len(acts) > 1, within=0.2, what="acted again")
    assert acts == [1]


def test_watch_that_is_over_does_not_hasten_the_next(watchman: Watchman) -> None:
    acts: list[str] = []
    with watchman.watch(lambda: acts.append("first"), after_seconds=0.05):
        pass
    with watchman.watch(lambda: acts.append("second"), after_seconds=SOON):
        until(lambda: acts, within=20, what="acted")
    assert acts == ["second"]


def test_what_the_act_raises_is_raised_after_the_block(watchman: Watchman) -> None:
    begun, told = threading.Event(), list[str]()

    def act() -> None:
        begun.set()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), watchman.watch(act, after_seconds=SOON):
        assert begun.wait(20)
        told.append("the block went on")
    assert told == ["the block went on"]


def test_block_that_fails_waits_for_the_act_and_fails_for_its_own_reason(watchman: Watchman) -> None:
    begun, over = threading.Event(), threading.Event()

    def act() -> None:
        begun.set()
        time.sleep(0.05)
        over.set()
        raise ValueError("of the act")

    with pytest.raises(KeyError), watchman.watch(act, after_seconds=SOON):
        assert begun.wait(20)
        raise KeyError("of the block")
    assert over.is_set()


def test_watchman_serves_on_after_an_act_that_failed(watchman: Watchman) -> None:
    acts: list[int] = []
    for _ in range(2):
        with (
            pytest.raises(ZeroDivisionError),
            watchman.watch(lambda: acts.append(1 // 0), after_seconds=SOON),
        ):
            time.sleep(0.1)
    with watchman.watch(lambda: acts.append(1), after_seconds=SOON):
        until(lambda: acts, within=20, what="acted")


def test_child_of_a_fork_has_a_watchman_of_its_own(watchman: Watchman) -> None:
    with watchman.watch(lambda: None, after_seconds=NEVER):
        pass  # the thread is there, in this process
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - in the child
        try:
            acted = threading.Event()
            with watchman.watch(acted.set, after_seconds=SOON):
                acted.wait(20)
            os.write(writing, b"y" if acted.is_set() else b"n")
        finally:
            os._exit(0)
    os.close(writing)
    assert os.read(reading, 1) == b"y"
    os.close(reading)
    os.waitpid(pid, 0)


@pytest.fixture
def backends(transactional_db: None) -> set[int]:
    return sessions()


def sessions() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return {pid for (pid,) in cursor.fetchall()}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fails", [False, True])
def test_act_leaves_no_connection_open(watchman: Watchman, backends: set[int], fails: bool) -> None:
    used: list[int] = []

    def act() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            used.append(cursor.fetchone()[0])
            if fails:
                cursor.execute("SELECT 1 / 0")

    try:
        with watchman.watch(act, after_seconds=SOON):
            until(lambda: used, within=20, what="acted")
    except Exception:
        assert fails
    assert not backends.intersection(used)  # a connection of its own
    until(lambda: not sessions().intersection(used), within=20, what="it is closed")


@pytest.mark.django_db(transaction=True)
def test_connection_that_cannot_be_closed_holds_up_nobody(watchman: Watchman) -> None:
    """PostgreSQL may be gone in the middle: the main thread would wait for the end of the act for ever."""
    acts: list[object] = []

    def act() -> None:
        mine = connections[DEFAULT_DB_ALIAS]  # this thread's own
        acts.append(mine)
        mine.close = lambda: 1 // 0

    with pytest.raises(ZeroDivisionError), watchman.watch(act, after_seconds=SOON):
        until(lambda: acts, within=20, what="acted")

    def act_again() -> None:
        acts.append("again")
        del connections[DEFAULT_DB_ALIAS]

    with watchman.watch(act_again, after_seconds=SOON):
        until(lambda: len(acts) == 2, within=20, what="acted again")
