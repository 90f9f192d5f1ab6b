"""PostgreSQL goes away in the middle: killed and restarted, or its connections cut."""

from __future__ import annotations

import signal
import time
from pathlib import Path

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
