"""What PostgreSQL may answer in the middle: full, read-only, no more connections, frozen. Real servers say it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg2
import pytest
from django.db import connection

from tasks.models import Attempt, Step
from tasks.plans import group
from tests import private_servers
from tests.engine.cluster import Cluster, assert_sound, database_url, effects, goes_on, until
from tests.engine.conftest import Submit, drain, work
from tests.engine.test_cluster import begun, running_pid
from tests.engine.test_database import again
from tests.engine.test_heart import is_gone
from wrenchai_project import servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.cluster, pytest.mark.timeout(240)]

REFUSING = """
CREATE SEQUENCE faults;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'succeeded' AND nextval('faults') <= {times} THEN
        RAISE EXCEPTION 'told to refuse' USING ERRCODE = '{code}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON tasks_step FOR EACH ROW EXECUTE FUNCTION refuse();
"""
ACCEPTING = "DROP TRIGGER refuse ON tasks_step; DROP FUNCTION refuse(); DROP SEQUENCE faults"
CUT = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def refusing(code: str, *, times: int) -> Iterator[None]:
    """PostgreSQL refuses to store a success, so many times, with this SQLSTATE."""
    execute(REFUSING.format(code=code, times=times))
    try:
        yield
    finally:
        execute(ACCEPTING)


@pytest.mark.parametrize(
    "code", ["53100", "53200", "58030", "57014", "57P01", "40001", "40P01", "55P03", "25006", "08006"]
)
def test_result_is_stored_once_postgres_can_again(submit: Submit, worker: object, code: str) -> None:
    """A full disk, a standby, a lost connection say nothing about the result: it is stored later, in one attempt."""
    run = submit(work("a"))
    with refusing(code, times=2):
        drain()
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert [attempt.outcome for attempt in Attempt.objects.all()] == ["succeeded"]


@pytest.mark.parametrize("code", ["22001", "54000", "23514"])
def test_result_that_postgres_can_never_store_ends_the_step_at_once(
    submit: Submit, worker: object, code: str
) -> None:
    submit(work("a"))
    began = time.monotonic()
    with refusing(code, times=1000):
        drain()
    assert time.monotonic() - began < 20
    step = Step.objects.get()
    assert (step.state, step.error["kind"]) == ("dead", "bad_result")


def test_read_only_server_holds_all_up_and_kills_nothing(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    """As after a failover to a standby that is not promoted yet."""
    relay, scheduler, worker = cluster.relay(), cluster.scheduler(), cluster.worker(slots=1)
    run = submit(group(*(work(f"s{n}", ledger=ledger, seconds=0.05) for n in range(30))))
    until(lambda: len(effects(ledger)) > 3, within=40, what="the work has begun")
    name = connection.settings_dict["NAME"]
    execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        execute(CUT)
        until(lambda: "read-only transaction" in cluster.log("worker"), within=20, what="the worker tells it")
    finally:
        execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        execute(CUT)
    cluster.wait_for(run, within=90)
    assert_sound(run)
    assert run.state == "succeeded"
    assert not Step.objects.filter(state="dead").exists()
    assert [process.poll() for process in (relay, scheduler, worker)] == [None] * 3


def test_no_more_connections_for_some_seconds(cluster: Cluster, submit: Submit, ledger: Path) -> None:
    relay, scheduler, worker = cluster.relay(), cluster.scheduler(), cluster.worker(slots=2)
    run = submit(group(*(work(f"s{n}", ledger=ledger, seconds=0.5) for n in range(60))))
    until(lambda: len(effects(ledger)) > 3, within=40, what="the work has begun")
    taken: list[psycopg2.extensions.connection] = []

    def is_refused_when_all_are_taken() -> bool:
        """Cut the engine's connections and take their places, again if it was faster than this."""
        mine = [one.info.backend_pid for one in taken]
        with connection.cursor() as cursor:
            cursor.execute(f"{CUT} AND NOT pid = ANY(%s)", [mine])
        while True:
            try:
                taken.append(psycopg2.connect(database_url()))
            except psycopg2.OperationalError:
                log = cluster.log("worker")
                return "too many clients" in log or "connection slots" in log

    try:
        until(is_refused_when_all_are_taken, within=40, what="the worker is refused")
        done = len(effects(ledger))
    finally:
        for one in taken:
            one.close()
    goes_on(ledger, since=done)
    cluster.wait_for(run, within=90)
    assert_sound(run)
    assert Attempt.objects.filter(step__run=run, outcome="succeeded").count() == 60
    assert [process.poll() for process in (relay, scheduler, worker)] == [None] * 3


def test_connections_cut_ten_times_a_second_under_load(
    cluster: Cluster, submit: Submit, ledger: Path
) -> None:
    relay, scheduler, worker = cluster.relay(), cluster.scheduler(), cluster.worker(slots=2)
    run = submit(group(*(work(f"s{n}", ledger=ledger, seconds=0.2) for n in range(40))))
    until(lambda: len(effects(ledger)) > 3, within=40, what="the work has begun")
    end, next_cut = time.monotonic() + 8, 0.0

    def cut_until_the_end() -> bool:
        nonlocal next_cut
        if time.monotonic() >= next_cut:
            execute(CUT)
            next_cut = time.monotonic() + 0.1
        return time.monotonic() > end

    until(cut_until_the_end, within=20, what="eight seconds of cuts")
    cluster.wait_for(run, within=90)
    assert_sound(run)
    assert Attempt.objects.filter(step__run=run, outcome="succeeded").count() == 40
    assert [process.poll() for process in (relay, scheduler, worker)] == [None] * 3


@pytest.mark.skipif(not private_servers.ARE_EMBEDDED, reason="needs a PostgreSQL that the test may freeze")
def test_frozen_server_longer_than_the_lease_stops_the_child_and_goes_on(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    cluster.relay()
    cluster.scheduler()
    cluster.worker(slots=1)
    gate = tmp_path / "gate"
    run = submit(work("a", ledger=ledger, gate=gate))
    begun(ledger)
    child = running_pid("a")
    pid = servers.status(private_servers.STATE).postgres_pid
    assert pid is not None
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    frozen_at = time.monotonic()
    for process in family:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        until(lambda: is_gone(child), within=10, what="the child is stopped")
        assert (
            time.monotonic() - frozen_at < 6
        )  # a renewal just before, a lease of 4 s, and the look of a test
    finally:
        for process in family:
            os.kill(process.pid, signal.SIGCONT)
        again()
    gate.touch()
    cluster.wait_for(run)
    assert_sound(run)
    assert effects(ledger) == ["a"]
