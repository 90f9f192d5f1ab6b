"""The worker's heart: it ends what must not go on, and its logs say which attempt they are about."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from tasks.models import Attempt, WorkerSession
from tests import private_servers
from tests.engine.cluster import Cluster, assert_sound, effects, heart_of, until
from tests.engine.conftest import Submit, work
from tests.engine.test_cluster import begun, running_pid
from tests.engine.test_database import again
from wrenchai_project import servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.cluster, pytest.mark.timeout(240)]


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.skipif(not private_servers.ARE_EMBEDDED, reason="needs a PostgreSQL that the test may stop")
def test_worker_that_cannot_renew_stops_its_own_child(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    cluster.scheduler()
    cluster.worker(slots=1)
    gate = tmp_path / "gate"
    run = submit(work("a", ledger=ledger, gate=gate))
    begun(ledger)
    child = running_pid("a")
    servers.stop_postgres(private_servers.STATE, how=signal.SIGKILL)
    try:
        until(
            lambda: "worker_fenced_off" in cluster.log("worker"), within=15, what="the heart gave up renewing"
        )
        until(lambda: is_gone(child), within=5, what="the child is stopped")
        gate.touch()
        assert effects(ledger) == []
    finally:
        servers.start_postgres(private_servers.STATE, durable=False)
        again()
    cluster.wait_for(run, within=60)
    assert_sound(run)
    assert effects(ledger) == ["a"]
    assert list(Attempt.objects.order_by("ordinal").values_list("outcome", flat=True)) == [
        "lost",
        "succeeded",
    ]


def test_killed_heart_is_replaced_and_nothing_is_lost(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    cluster.scheduler()
    worker = cluster.worker(slots=1)
    gate = tmp_path / "gate"
    run = submit(work("a", ledger=ledger, gate=gate))
    begun(ledger)

    first = heart_of(worker.pid)
    os.kill(first, signal.SIGKILL)
    until(lambda: heart_of(worker.pid) not in {0, first}, within=10, what="another heart beats")
    before = WorkerSession.objects.get().heartbeat_at
    until(
        lambda: WorkerSession.objects.get().heartbeat_at > before,
        within=10,
        what="it renews the same session",
    )
    gate.touch()
    cluster.wait_for(run)
    assert_sound(run)
    assert [a.outcome for a in Attempt.objects.all()] == ["succeeded"]


def test_log_lines_of_an_attempt_name_run_step_and_attempt(
    cluster: Cluster, submit: Submit, ledger: Path
) -> None:
    cluster.worker(slots=1)
    run = submit(work("a", ledger=ledger))
    cluster.wait_for(run)
    until(lambda: "attempt_ended" in cluster.log("worker"), within=10, what="the end is logged")
    lines = [json.loads(line) for line in cluster.log("worker").splitlines() if line.startswith("{")]
    mine = [line for line in lines if line["logger"] == "tasks.execution"]
    assert [line["event"] for line in mine] == ["attempt_started", "attempt_ended"]
    assert {(line["run"], line["step"], line["attempt"]) for line in mine} == {(str(run.public_id), "a", 1)}
