"""PostgreSQL goes away in the middle: killed and restarted, or its connections cut."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import psutil
import psycopg2
import pytest
from django.db import OperationalError, connection

from tasks.database import Leadership, resilient
from tasks.models import Attempt
from tasks.plans import chain, group
from tests import private_servers
from tests.engine.cluster import Cluster, assert_sound, effects, goes_on, until
from tests.engine.conftest import Submit, work
from wrenchai_project import servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.cluster, pytest.mark.timeout(240)]

PATIENCE = "wait long enough for a restart"


def again() -> None:
    """Let this process have a fresh connection after the server was away."""
    connection.close()
    resilient(lambda: connection.ensure_connection(), what=PATIENCE, patience_seconds=30)


@pytest.mark.skipif(not private_servers.ARE_EMBEDDED, reason="needs a PostgreSQL that the test may kill")
def test_postgres_killed_and_restarted_under_load(cluster: Cluster, submit: Submit, ledger: Path) -> None:
    cluster.relay()
    cluster.scheduler()
    cluster.worker(slots=2)
    run = submit(
        chain(
            group(*(work(f"s{n}", ledger=ledger, seconds=0.1) for n in range(40))),
            work("last", ledger=ledger),
        )
    )
    until(lambda: len(effects(ledger)) > 5, within=40, what="the work has begun")
    servers.stop_postgres(private_servers.STATE, how=signal.SIGKILL)
    servers.start_postgres(private_servers.STATE, durable=False)
    again()
    done, back_at = len(effects(ledger)), time.monotonic()
    goes_on(ledger, since=done)
    assert time.monotonic() - back_at < 15
    cluster.wait_for(run, within=90)
    assert_sound(run)
    assert run.state == "succeeded"
    # An operation may run twice (its first end was not stored); what counts is stored once.
    assert set(effects(ledger)) == {*(f"s{n}" for n in range(40)), "last"}
    assert Attempt.objects.filter(step__run=run, outcome="succeeded").count() == 41


def test_cut_connections_are_opened_again(cluster: Cluster, submit: Submit, ledger: Path) -> None:
    cluster.relay()
    cluster.scheduler()
    cluster.worker(slots=2)
    run = submit(group(*(work(f"s{n}", ledger=ledger, seconds=0.05) for n in range(60))))
    for _ in range(5):
        done = len(effects(ledger))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        goes_on(ledger, since=done)
    cluster.wait_for(run, within=90)
    assert_sound(run)
    assert Attempt.objects.filter(step__run=run, outcome="succeeded").count() == 60


def test_resilient_repeats_until_its_patience_ends(transactional_db: None) -> None:
    calls = 0

    def cut() -> str:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise OperationalError("server closed the connection unexpectedly")
        return "done"

    assert resilient(cut, what="test") == "done"

    def away() -> None:
        raise OperationalError("connection refused")

    with pytest.raises(OperationalError):
        resilient(away, what="test", patience_seconds=0.2)


def test_leadership_is_one_and_free_with_its_connection(transactional_db: None) -> None:
    other = psycopg2.connect(**{
        key: value for key, value in connection.get_connection_params().items()
        if key in {"dbname", "user", "password", "host", "port"}
    })  # fmt: skip
    other.autocommit = True
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('wrench tester'))")
        assert cursor.fetchone() == (True,)
    leadership = Leadership("tester")
    assert not leadership.is_held()
    other.close()
    until(leadership.is_held, within=5, what="the lock is free when its holder's connection is gone")
    assert leadership.is_held()


def test_silent_leader_loses_its_place(transactional_db: None) -> None:
    """A frozen or cut-off process keeps its connection: nobody led for as long as it did."""
    leads, may_end, seen = threading.Event(), threading.Event(), []

    def fall_silent() -> None:
        leadership = Leadership("tester", silent_seconds=1)
        seen.append(leadership.is_held())
        leads.set()
        may_end.wait(30)
        with pytest.raises(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.close()

    holder = threading.Thread(target=fall_silent)
    holder.start()
    assert leads.wait(10)
    standby = Leadership("tester")
    assert seen == [True]
    assert not standby.is_held()
    until(standby.is_held, within=10, what="the standby leads though the silent one is connected")
    may_end.set()
    holder.join(10)
    assert not holder.is_alive()


def test_worker_that_falls_silent_in_a_transaction_is_recovered(
    cluster: Cluster, submit: Submit, ledger: Path
) -> None:
    """Its locks on the step are held by its session, and whoever is locked out skips: PostgreSQL ends the session."""
    cluster.scheduler()
    silent = cluster.worker("silent", slots=1, WRENCH_FAILPOINTS="before_commit:stop")
    run = submit(work("a", ledger=ledger))
    until(lambda: effects(ledger) == ["a"], within=40, what="the effect is done, its commit is not sent")
    family = [psutil.Process(silent.pid), *psutil.Process(silent.pid).children(recursive=True)]
    until(
        lambda: any(one.status() == psutil.STATUS_STOPPED for one in family),
        within=20,
        what="the child stops in the middle of its transaction",
    )
    for process in family:
        os.kill(process.pid, signal.SIGSTOP)  # its heart too, as if the host was frozen
    cluster.worker("second", slots=1)
    cluster.wait_for(run, within=40)
    assert_sound(run)
    assert (
        Attempt.objects.filter(step__run=run).order_by("ordinal").values_list("outcome", flat=True)[0]
        == "lost"
    )
