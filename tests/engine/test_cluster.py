"""The engine under faults: real workers, relay and scheduler, killed and frozen in the middle of the work.

Each test ends with the invariants (`assert_sound`) and with a ledger outside PostgreSQL, in which every effect is
a line. Bounds are DESIGN's, scaled by the tests' faster heartbeat (1 s instead of 10 s, lease 4 s instead of 30 s).
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from django.db import connection

from tasks import outbox, runs
from tasks.models import Attempt, Event, OutboxMessage, Step, WorkerSession
from tasks.plans import chain, group
from tests.engine.cluster import Cluster, assert_sound, effects, kill_tree, until
from tests.engine.conftest import Submit, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.cluster, pytest.mark.timeout(240)]


def running_pid(key: str) -> int:
    """Wait until the step runs, and give the pid of the child that runs it."""

    def find() -> int:
        attempt = Attempt.objects.filter(step__key=key, step__state="running", outcome="").first()
        return attempt.child_pid if attempt else 0

    return int(until(find, within=30, what=f"{key} runs"))


def begun(ledger: Path, count: int = 1) -> None:
    until(lambda: len(effects(ledger, kind="begin")) >= count, within=30, what=f"{count} attempts began")


def nobody_left(cluster: Cluster) -> None:
    """No process that carries this cluster's database is alive after the test ended it."""
    mine = {process.pid for process in cluster.processes.values()}
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or [])
        if "time.sleep(300)" in line and process.info["status"] != psutil.STATUS_ZOMBIE:
            raise AssertionError(f"left over: {process.info} (own: {mine})")


def test_chain_and_group_through_real_workers(cluster: Cluster, submit: Submit, ledger: Path) -> None:
    cluster.relay()
    cluster.scheduler()
    cluster.worker(slots=2)
    run = submit(
        chain(
            work("a", ledger=ledger),
            group(work("b", ledger=ledger), work("c", ledger=ledger)),
            work("d", ledger=ledger),
        )
    )
    cluster.wait_for(run)
    assert_sound(run)
    order = effects(ledger)
    assert (order[0], sorted(order[1:3]), order[3]) == ("a", ["b", "c"], "d")


def test_child_killed_in_the_middle(cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path) -> None:
    cluster.scheduler()
    cluster.worker(slots=2)
    gate = tmp_path / "gate"
    run = submit(work("a", ledger=ledger, gate=gate, children=2))
    begun(ledger)
    os.kill(running_pid("a"), signal.SIGKILL)
    killed_at = time.monotonic()
    until(lambda: Step.objects.get(run=run).attempts_made == 2, within=20, what="a second attempt")
    assert time.monotonic() - killed_at < 10
    gate.touch()
    cluster.wait_for(run)
    assert_sound(run)
    assert effects(ledger) == ["a"]
    assert list(Attempt.objects.order_by("ordinal").values_list("outcome", flat=True)) == [
        "lost",
        "succeeded",
    ]


def test_whole_worker_killed_in_the_middle(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    cluster.scheduler()
    first = cluster.worker("first", slots=1)
    gate = tmp_path / "gate"
    run = submit(work("a", ledger=ledger, gate=gate, children=1))
    begun(ledger)
    kill_tree(first.pid)  # parent, heart, child at once: as if the host had gone
    killed_at = time.monotonic()
    cluster.worker("second", slots=1)
    gate.touch()
    cluster.wait_for(run)
    assert time.monotonic() - killed_at < 45
    assert_sound(run)
    assert effects(ledger) == ["a"]
    nobody_left(cluster)


def test_parent_alone_killed_leaves_no_process(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    cluster.scheduler()
    first = cluster.worker("first", slots=1)
    gate = tmp_path / "gate"
    run = submit(work("a", ledger=ledger, gate=gate, children=2))
    begun(ledger)
    # heart, child, and the two that the operation starts after it told the ledger
    until(
        lambda: len(psutil.Process(first.pid).children(recursive=True)) >= 4, within=10, what="all four live"
    )
    family = psutil.Process(first.pid).children(recursive=True)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    cluster.worker("second", slots=1)
    gate.touch()
    cluster.wait_for(run)
    assert_sound(run)
    assert effects(ledger) == ["a"]


def test_children_recycled_under_load(cluster: Cluster, submit: Submit, ledger: Path) -> None:
    cluster.relay()
    cluster.scheduler()
    cluster.worker(slots=2, WRENCH_MAX_TASKS_PER_CHILD="1")
    run = submit(group(*(work(f"s{n}", ledger=ledger) for n in range(60))))
    cluster.wait_for(run, within=120)
    assert_sound(run)
    assert len(effects(ledger)) == len(set(effects(ledger))) == 60
    session = WorkerSession.objects.get()
    assert session.lease_until > session.heartbeat_at


def test_child_that_used_much_memory_is_replaced(cluster: Cluster, submit: Submit) -> None:
    cluster.relay()
    cluster.worker(slots=1, WRENCH_MAX_CHILD_MEMORY_MB="300")
    for step in (work("small"), work("large", operation="hog", value=400), work("next")):
        cluster.wait_for(submit(step))
    small, large, following = Attempt.objects.order_by("started_at").values_list("child_pid", flat=True)
    assert small == large != following


@pytest.mark.parametrize("fence", ["on", "off"])
def test_frozen_longer_than_the_lease(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path, fence: str
) -> None:
    """A frozen worker comes back after its step was given to another. With the fence its late result is refused;
    with the fence taken out (in its process only) the same check finds the damage: so the check can see it."""
    cluster.scheduler()
    gate = tmp_path / "gate"
    options = {"WRENCH_TEST_FENCE_OFF": "1"} if fence == "off" else {}
    frozen = cluster.worker("frozen", slots=1, **options)
    run = submit(chain(work("a", ledger=ledger, gate=gate), work("b", ledger=ledger)))
    begun(ledger)
    family = [psutil.Process(frozen.pid), *psutil.Process(frozen.pid).children(recursive=True)]
    for process in family:
        process.suspend()
    cluster.worker("second", slots=1, **options)
    begun(ledger, 2)
    gate.touch()  # what was frozen is at its end before its worker learns that it came too late
    for process in reversed(family):
        process.resume()
    cluster.wait_for(run)
    until(lambda: effects(ledger).count("a") == 2, within=20, what="both attempts came to their end")

    def accepted() -> int:
        return Event.objects.filter(run=run, kind="step.succeeded", data__key="a").count()

    if fence == "off":
        until(lambda: accepted() == 2, within=20, what="the check sees the late result applied a second time")
        return
    until(
        lambda: Attempt.objects.filter(outcome="stale").count() == 1,
        within=20,
        what="the late result is refused",
    )
    assert_sound(run)
    assert accepted() == 1
    assert effects(ledger).count("b") == 1


def test_relay_takes_over_what_was_committed_but_not_rung(
    cluster: Cluster, submit: Submit, ledger: Path
) -> None:
    """As if the process had died between commit and publish: the row is there, no bell was rung."""
    cluster.worker(slots=1)
    run = submit(work("a", ledger=ledger), priority=3)
    cluster.wait_for(run)
    outbox._quiet_until = time.monotonic() + 3600  # this process commits, but never rings
    try:
        second = submit(work("b", ledger=ledger))
        assert OutboxMessage.objects.count() == 1
        cluster.relay()
        cluster.wait_for(second, within=20)
    finally:
        outbox._quiet_until = 0.0
    until(lambda: OutboxMessage.objects.count() == 0, within=5, what="the outbox is empty")
    assert effects(ledger) == ["a", "b"]


def test_relay_killed_and_its_standby_leads(cluster: Cluster, submit: Submit, ledger: Path) -> None:
    cluster.worker(slots=1)
    leader = cluster.relay("leader")
    until(lambda: "leadership_taken" in cluster.log("leader"), within=30, what="the first relay leads")
    cluster.relay("standby")
    until(lambda: "started" in cluster.log("standby"), within=30, what="the second relay stands by")
    kill_tree(leader.pid)
    outbox._quiet_until = time.monotonic() + 3600
    try:
        run = submit(work("a", ledger=ledger))
        cluster.wait_for(run, within=20)
    finally:
        outbox._quiet_until = 0.0
    assert_sound(run)


def test_cancel_tells_a_running_attempt(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    cluster.scheduler()
    cluster.worker(slots=1)
    run = submit(
        chain(work("a", ledger=ledger, gate=tmp_path / "never", children=1), work("b", ledger=ledger))
    )
    begun(ledger)
    runs.cancel(run.public_id, by="alice")
    cluster.wait_for(run, within=15)
    assert run.state == "cancelled"
    assert_sound(run)
    assert effects(ledger) == []


def test_warm_shutdown_releases_the_lease(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    cluster.scheduler()
    first = cluster.worker("first", slots=1, WRENCH_SHUTDOWN_GRACE_SECONDS="1")
    gate = tmp_path / "gate"
    run = submit(work("a", ledger=ledger, gate=gate))
    begun(ledger)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=30) == 0
    step = Step.objects.get(run=run)
    assert (step.state, step.attempts_spent) == ("ready", 0), cluster.log("first")
    gate.touch()
    cluster.worker("second", slots=1)
    cluster.wait_for(run)
    assert_sound(run)
    session = WorkerSession.objects.filter(hostname="first@test")
    until(lambda: session.get().stopped_at, within=10, what="the heart, which looks each second, says so")


def test_hard_limit_kills_an_operation_that_hears_nothing(
    cluster: Cluster, submit: Submit, ledger: Path
) -> None:
    cluster.scheduler()
    cluster.worker(slots=1)
    run = submit(work("a", operation="deaf", ledger=ledger))
    begun(ledger)
    Step.objects.filter(run=run).update(kill_at=Step.objects.get(run=run).started_at)
    until(lambda: Attempt.objects.filter(outcome="lost").exists(), within=15, what="the deaf attempt is lost")
    assert Attempt.objects.get(outcome="lost").error["kind"] == "timeout"


def test_bells_share_the_connection_of_their_child(cluster: Cluster, submit: Submit, ledger: Path) -> None:
    """A new connection costs a process of PostgreSQL; Celery would open one for each bell."""
    cluster.relay()
    cluster.worker(slots=1)
    cluster.wait_for(submit(work("first", ledger=ledger)))
    before = sessions()
    for n in range(20):
        cluster.wait_for(submit(work(f"s{n}", ledger=ledger)))
    assert sessions() - before < 10


def sessions() -> int:
    """Count the connections to this database that have ended or told of themselves."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
