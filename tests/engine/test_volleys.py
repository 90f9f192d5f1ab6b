"""Many schedules of one moment: each fires once, together where they are alike, and nothing is held up."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from tasks import runs, schedules
from tasks.models import Event, Run, Schedule, ScheduleFire, Step, WorkerSession
from tasks.runs.moves import database_now
from tasks.scheduler import Sweep
from tests.engine.cluster import Cluster, until
from tests.engine.conftest import Submit, work
from tests.engine.timetable import HOUR, Make, fired


def test_two_schedulers_at_once_fire_a_midnight_of_many_once(
    make_schedule: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make_schedule(overlap="skip") for _ in range(120)]
    monkeypatch.setattr(schedules, "SHARE_SECONDS", 30.0)
    barrier, told = threading.Barrier(2), []

    def sweep() -> None:
        try:
            barrier.wait(10)
            told.append(schedules.fire_due())
            told.append(schedules.fire_due())
        finally:
            connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [fired(one) for one in made] == [[(0, "submitted")]] * 120
    assert (len(told), sum(told), Run.objects.count()) == (4, 120, 120)
    assert_sound_events(*Run.objects.all())


def assert_sound_events(*runs_: Run) -> None:
    for run in runs_:
        kinds = list(Event.objects.filter(run=run).order_by("seq").values_list("seq", "kind"))
        assert kinds == list(
            enumerate(["run.accepted", "step.added", "step.ready", "run.scheduled"], start=1)
        )


def test_schedules_of_one_moment_fire_in_few_round_trips(
    make_schedule: Make, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by one it took 31 statements each, and a thousand schedules minutes."""
    monkeypatch.setattr(schedules, "SHARE_SECONDS", 30.0)
    made = [make_schedule() for _ in range(100)]
    with django_assert_max_num_queries(100 * 6):
        assert schedules.fire_due() == 100
    for one in made:
        one.refresh_from_db()
        assert one.starts_at is not None
        assert (one.last_fire_at, one.next_fire_at) == (one.starts_at, one.starts_at + HOUR)
    names = set(Run.objects.values_list("idempotency_key", "fired_by__schedule"))
    assert names == {(f"schedule {one.pk} {one.starts_at.isoformat()}", one.pk) for one in made}


def test_schedules_of_one_moment_are_told_apart(make_schedule: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "SHARE_SECONDS", 30.0)
    plain, busy, refused = (
        make_schedule(),
        make_schedule(overlap="skip"),
        make_schedule(request={"refuse": True}),
    )
    late, twice = (
        make_schedule(ago=2.5 * HOUR, catch_up="none"),
        make_schedule(ago=HOUR, catch_up="all", overlap="allow"),
    )
    schedules.fire_now(busy.pk, by="alice")
    stale = make_schedule()
    schedules.fire_now(stale.pk, by="alice")
    stale.fires.update(fire_at=stale.starts_at)  # its time has fired, though its row does not say so
    stale.fires.get().run.delete()
    schedules.fire_due()
    assert [fire.outcome for fire in busy.fires.order_by("fire_at")] == ["skipped", "submitted"]
    assert fired(plain) == [(0, "submitted")]
    assert fired(refused) == [(0, "refused")]
    assert [outcome for _, outcome in fired(late)] == ["missed"]
    assert fired(twice) == [(0, "submitted"), (3600, "submitted")]
    assert fired(stale) == [(0, "submitted")]
    assert not Schedule.objects.filter(next_fire_at__lte=database_now()).exists()


def test_scheduler_comes_again_at_once_while_schedules_are_due(
    make_schedule: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "SHARE_SECONDS", 0.0)
    monkeypatch.setattr(schedules, "VOLLEY", 2)
    for _ in range(3):
        make_schedule()
    sweep = Sweep()
    assert [(sweep(), sweep.is_behind()) for _ in range(3)] == [(2, True), (1, False), (0, False)]


def test_schedule_that_cannot_be_fired_makes_nobody_hurry(make_schedule: Make) -> None:
    make_schedule(goal="refuse me")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tasks_run ADD CONSTRAINT no_such_goal CHECK (goal <> 'refuse me')")
    try:
        sweep = Sweep()
        assert (sweep(), sweep.is_behind()) == (0, False)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE tasks_run DROP CONSTRAINT no_such_goal")


@pytest.mark.timeout(120)
def test_thousand_schedules_of_one_moment_hold_up_nothing(
    make_schedule: Make, cluster: Cluster, worker: WorkerSession, submit: Submit
) -> None:
    """Fired within seconds, and what was lost meanwhile is recovered."""
    one = make_schedule(ago=-HOUR)
    due = database_now().replace(microsecond=0) + timedelta(seconds=6)
    fields = {"project": one.project, "goal": "Find bugs", "interval_seconds": 3600, "starts_at": due}
    target = {"target": {"kind": "path", "path": "/nowhere/at/all"}}
    Schedule.objects.bulk_create(
        Schedule(name=f"many {n}", next_fire_at=due, request=target, **fields) for n in range(1000)
    )
    cluster.scheduler()
    cluster.scheduler("standby")
    fires = ScheduleFire.objects.filter(outcome="submitted")
    until(lambda: fires.exists(), within=30, what="the first ones fire")
    began = time.monotonic()
    run = submit(work("lost"))
    lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
    assert lease is not None
    Step.objects.filter(run=run).update(lost_at=Now())
    until(lambda: Step.objects.get(run=run).state == "ready", within=5, what="the lost step is recovered")
    recovered = time.monotonic() - began
    until(lambda: fires.count() == 1000, within=15, what="all have fired")
    print(f"recovered after {recovered:.1f} s, all fired after {time.monotonic() - began:.1f} s")
    assert Run.objects.filter(fired_by__isnull=False).count() == 1000
