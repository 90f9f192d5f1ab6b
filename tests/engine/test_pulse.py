"""What the worker's parent does when its heart stops, or when Redis is away for long."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from django.db import connection

from tasks.models import Attempt, WorkerSession
from tests.engine.cluster import Cluster, assert_sound, effects, heart_of, until
from tests.engine.conftest import Submit, work
from tests.engine.test_broker import no_bells_from_here, private_redis  # noqa: F401 - fixtures
from tests.engine.test_cluster import begun, running_pid
from tests.engine.test_heart import is_gone
from wrenchai_project import servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.cluster, pytest.mark.timeout(240)]


def lease_is_over(session: WorkerSession) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lease_until < clock_timestamp() FROM tasks_workersession WHERE id = %s", [session.pk]
        )
        return bool(cursor.fetchone()[0])


def test_frozen_heart_children_stop_before_the_lease_ends_and_the_worker_serves_again(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    cluster.scheduler()
    cluster.relay()
    worker = cluster.worker(slots=1)
    gate = tmp_path / "gate"
    run = submit(work("a", ledger=ledger, gate=gate, children=1))
    begun(ledger)
    child, heart = running_pid("a"), heart_of(worker.pid)
    session = WorkerSession.objects.get()
    os.kill(heart, signal.SIGSTOP)
    until(lambda: is_gone(child), within=10, what="the parent stops the child that its heart cannot stop")
    assert not lease_is_over(session)
    until(lambda: heart_of(worker.pid) not in {0, heart}, within=15, what="another heart beats")
    assert is_gone(heart)
    gate.touch()
    cluster.wait_for(run)
    assert_sound(run)
    assert effects(ledger) == ["a"]
    assert [a.outcome for a in Attempt.objects.order_by("ordinal")] == ["lost", "succeeded"]
    assert WorkerSession.objects.count() == 1  # the same worker did it
    assert "heart_silent" in cluster.log("worker")


def test_heart_killed_again_and_again_the_child_stops_before_the_lease_ends(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    cluster.scheduler()
    cluster.relay()
    worker = cluster.worker(slots=1)
    gate = tmp_path / "gate"
    run = submit(work("a", ledger=ledger, gate=gate))
    begun(ledger)
    child, session = running_pid("a"), WorkerSession.objects.get()

    def no_heart_survives() -> bool:
        for process in psutil.Process(worker.pid).children():
            if process.pid != child and process.pid == heart_of(worker.pid):
                process.kill()
        return is_gone(child)

    until(no_heart_survives, within=15, what="the parent stops the child")
    assert not lease_is_over(session)
    gate.touch()
    cluster.wait_for(run)
    assert_sound(run)
    assert effects(ledger) == ["a"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_long_outage_of_redis_ends_no_attempt_and_the_worker_is_back_soon(
    private_redis: tuple[Path, str],  # noqa: F811 - the fixture
    no_bells_from_here: None,  # noqa: F811 - the fixture
    project: object,
    submit: Submit,
    ledger: Path,
    tmp_path: Path,
    how: signal.Signals,
) -> None:
    """PostgreSQL is there, so the lease is renewed and the attempt goes on, longer than any silence is borne."""
    state, url = private_redis
    with Cluster(tmp_path, redis_url=url) as cluster:
        cluster.scheduler()
        cluster.relay()
        cluster.worker(slots=1)
        gate = tmp_path / "gate"
        run = submit(work("a", ledger=ledger, gate=gate), goal="over the outage")
        begun(ledger)
        pid = servers.status(state).redis_pid
        assert pid is not None
        os.kill(pid, how)
        gone_at = time.monotonic()
        until(lambda: time.monotonic() - gone_at > 28, within=40, what="28 s without Redis")
        gate.touch()
        cluster.wait_for(run, within=20)
        second = submit(work("b", ledger=ledger), goal="after the outage")
        if how is signal.SIGSTOP:
            os.kill(pid, signal.SIGCONT)
        else:
            assert servers.start_redis(state, durable=False) == url
        cluster.wait_for(second, within=20)
        assert_sound(run, second)
        assert effects(ledger) == ["a", "b"]
        assert "worker_fenced_off" not in cluster.log("worker")
        assert {a.outcome for a in Attempt.objects.all()} == {"succeeded"}


def test_heart_frozen_during_the_warm_shutdown_is_replaced_too(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    """The parent waits for its children and ticks all the same, in a thread of Celery's."""
    cluster.scheduler()
    cluster.relay()
    worker = cluster.worker(slots=1, WRENCH_SHUTDOWN_GRACE_SECONDS="300")
    gate = tmp_path / "gate"
    run = submit(work("a", ledger=ledger, gate=gate, children=1))
    begun(ledger)
    child, heart = running_pid("a"), heart_of(worker.pid)
    session = WorkerSession.objects.get()
    os.kill(worker.pid, signal.SIGTERM)
    until(lambda: WorkerSession.objects.get().stopping_at is not None, within=10, what="the shutdown begins")
    os.kill(heart, signal.SIGSTOP)
    until(lambda: is_gone(child), within=10, what="the parent stops the child that its heart cannot stop")
    assert not lease_is_over(session)
    cluster.worker("second", slots=1)
    gate.touch()
    cluster.wait_for(run)
    assert_sound(run)
    assert effects(ledger) == ["a"]
    assert worker.wait(timeout=20) == 0
    assert is_gone(heart)  # else a frozen process would be left behind
    until(
        lambda: WorkerSession.objects.get(pk=session.pk).stopped_at, within=10, what="the new heart ends it"
    )
