"""Retention: what is due goes, what is live stays, and the report says what happened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Project
from tasks import artifacts, events, partitions, runs
from tasks.errors import ArtifactMissing
from tasks.models import (
    Artifact,
    Attempt,
    Event,
    LogChunk,
    OutboxMessage,
    RetentionPolicy,
    Run,
    Schedule,
    ScheduleFire,
    Step,
    Upload,
    WorkerSession,
)
from tasks.runs.moves import database_now
from tests.engine.conftest import Submit, drain, work
from tests.engine.retention.aging import age, census, pruned, read, stored, upload


def test_run_that_is_due_goes_with_all_that_belongs_to_it(policy: RetentionPolicy, finished: Any) -> None:
    young = finished(1, content=b"young")
    old = finished(31)
    counts = pruned()
    assert list(Run.objects.all()) == [young]
    assert counts["tasks.Run"] == 1
    assert counts["files"] == 1
    assert counts["bytes"] == len(b"hello")
    assert not Event.objects.filter(run=old.pk).exists()
    assert read(Artifact.objects.get().digest) == b"young"
    assert pruned() == {}


def test_parts_of_a_run_go_before_it(policy: RetentionPolicy, finished: Any) -> None:
    eleven, twenty_one = finished(11), finished(21)
    pruned()
    assert set(Run.objects.all()) == {eleven, twenty_one}
    assert not Artifact.objects.exists()
    assert stored() == {}
    assert set(Event.objects.values_list("run", flat=True)) == {eleven.pk}
    assert set(LogChunk.objects.values_list("step__run", flat=True)) == {eleven.pk}


def test_nothing_goes_without_a_policy(project: Project, finished: Any) -> None:
    finished(4000)
    before = census()
    assert pruned() == {}
    assert census() == before


def test_project_of_its_own_policy(policy: RetentionPolicy, finished: Any, project: Project) -> None:
    RetentionPolicy.objects.create(
        project=project, keep_runs_days=3650, keep_events_days=3650, keep_artifacts_days=3650
    )
    finished(400)
    assert pruned() == {}
    RetentionPolicy.objects.filter(project=project).update(keep_runs_days=2**31 - 1)
    assert pruned() == {}


def test_run_that_is_not_over_is_never_touched(policy: RetentionPolicy, submit: Submit) -> None:
    run = age(submit(work("a")), 4000)
    before = census()
    pruned()
    assert census() == before
    assert partitions.days()[0] == run.created_day


def test_day_is_dropped_whole_when_all_its_runs_are_due(policy: RetentionPolicy, finished: Any) -> None:
    runs_of_day = [finished(25), finished(25)]
    day = runs_of_day[0].created_day
    counts = pruned()
    assert day not in partitions.days()
    assert counts["partitions"] == 1
    assert set(Run.objects.all()) == set(runs_of_day)


def test_day_with_a_run_that_is_kept_loses_only_the_others_events(
    policy: RetentionPolicy, finished: Any, submit: Submit
) -> None:
    old = finished(25)
    live = age(submit(work("b")), 25)
    counts = pruned()
    assert "partitions" not in counts
    assert set(Event.objects.values_list("run", flat=True)) == {live.pk}
    assert counts["tasks.Event"] == old.last_seq


def test_days_to_come_are_kept(policy: RetentionPolicy) -> None:
    partitions.ensure(database_now().date())
    before = partitions.days()
    pruned()
    assert partitions.days() == before


def test_bytes_that_another_run_shares_stay(policy: RetentionPolicy, finished: Any) -> None:
    finished(31)
    kept = finished(1)
    counts = pruned()
    assert "files" not in counts
    assert read(Artifact.objects.get(run=kept).digest) == b"hello"


def test_rerun_keeps_what_it_took_when_its_parent_goes(
    policy: RetentionPolicy, submit: Submit, worker: WorkerSession
) -> None:
    parent = submit(work("a", operation="say"), work("b", fail_times=9))
    for _ in range(20):
        if not drain():
            Step.objects.filter(state="waiting_retry").update(available_at=database_now())
            runs.promote_due()
    parent.refresh_from_db()
    assert parent.state == "failed"
    again, _ = runs.retry(parent.public_id, by="alice")
    age(parent, 100)
    pruned()
    assert Run.objects.filter(pk=parent.pk).exists()  # a live rerun comes from it
    drain()
    Step.objects.filter(state="waiting_retry").update(attempts_spent=0)
    runs.cancel(again.public_id, by="alice")
    again.refresh_from_db()
    assert again.finished_at is not None
    pruned()
    again.refresh_from_db()
    assert again.parent is None
    taken = Step.objects.get(run=again, key="a")
    assert (taken.state, taken.taken_from, taken.output) == ("succeeded", None, {"note": "said", "value": 0})
    assert read(Artifact.objects.get(run=again).digest) == b"hello"
    assert runs.preview_rerun(again.public_id).taken == ("a",)


def test_artifact_that_a_live_run_names_stays(policy: RetentionPolicy, finished: Any, submit: Submit) -> None:
    old = finished(100)
    digest = Artifact.objects.get(run=old).digest
    live = submit(work("b"), request={"target": {"kind": "archive", "digest": digest}})
    pruned()
    assert Run.objects.filter(pk=old.pk).exists()
    assert artifacts.belongs_to(digest, project_id=live.project_id)
    assert read(digest) == b"hello"


def test_uploads_that_nothing_names_go(
    policy: RetentionPolicy, project: Project, submit: Submit, finished: Any
) -> None:
    unused, young = upload(project, b"unused", days=11), upload(project, b"young", days=9)
    wanted = [upload(project, str(n).encode(), days=99) for n in range(3)]
    submit(work("b"), request={"target": {"digest": wanted[0].digest}})
    finished(9, request={"target": {"digest": wanted[1].digest}})
    request = {"target": {"digest": wanted[2].digest}}
    Schedule.objects.create(
        name="s", project=project, goal="g", interval_seconds=60, request=request, enabled=False
    )
    used_long_ago = upload(project, b"used long ago", days=99)
    finished(12, request={"target": {"digest": used_long_ago.digest}})
    pruned()
    assert set(Upload.objects.all()) == {young, *wanted}
    for gone in (unused, used_long_ago):
        with pytest.raises(ArtifactMissing):
            artifacts.open_blob(gone.digest)


def test_engines_own_rows_go_when_they_are_long_over(
    policy: RetentionPolicy, project: Project, worker: WorkerSession, other_worker: Any
) -> None:
    now = database_now()
    OutboxMessage.objects.create(queue="agent.probe", priority=5, created_at=now - timedelta(days=8))
    OutboxMessage.objects.create(queue="agent.probe", priority=5, created_at=now - timedelta(days=6))
    WorkerSession.objects.filter(pk=other_worker).update(lease_until=now - timedelta(days=31))
    every_minute = Schedule.objects.create(name="s", project=project, goal="g", interval_seconds=60)
    for days, outcome in ((31, "skipped"), (31.1, "waiting"), (29, "skipped")):
        at = now - timedelta(days=days)
        ScheduleFire.objects.create(schedule=every_minute, fire_at=at, fired_at=at, outcome=outcome)
    counts = pruned()
    assert counts == {"tasks.OutboxMessage": 1, "tasks.WorkerSession": 1, "tasks.ScheduleFire": 1}


def test_worker_that_a_kept_attempt_names_stays(
    policy: RetentionPolicy, finished: Any, worker: WorkerSession
) -> None:
    finished(1)
    WorkerSession.objects.update(lease_until=database_now() - timedelta(days=300))
    assert pruned() == {}
    assert Attempt.objects.get().worker == worker


def test_readers_are_told_that_events_were_removed(policy: RetentionPolicy, finished: Any) -> None:
    run = finished(21)
    assert events.removed_up_to(run, 0, events.since(run, 0)) == 0
    Event.objects.filter(run=run, seq__lte=3).delete()  # as between two batches
    assert events.removed_up_to(run, 0, events.since(run, 0)) == 3
    assert events.removed_up_to(run, 3, events.since(run, 3)) == 0
    pruned()
    run.refresh_from_db()
    assert events.since(run, 0) == []
    assert events.removed_up_to(run, 0, []) == run.last_seq
    assert events.removed_up_to(run, run.last_seq, []) == 0
