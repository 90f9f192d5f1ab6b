"""Retention: what is due goes, what is live stays, and the report says what happened."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Project, Team, User
from tasks import artifacts, events, partitions, retention, runs, scheduler
from tasks.errors import ArtifactMissing
from tasks.models import (
    Artifact,
    Attempt,
    Event,
    LogChunk,
    OutboxMessage,
    PruneReport,
    RetentionPolicy,
    Run,
    Schedule,
    ScheduleFire,
    Step,
    Upload,
    WorkerSession,
)
from tasks.plans import plan_of
from tasks.retention import rounds, rows
from tasks.runs.moves import database_now
from tests.engine.conftest import Submit, drain, work

Age = Callable[[Run, int], Run]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, settings: Any) -> Iterator[Path]:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    storages._storages.clear()  # type: ignore[attr-defined]  # made once per process
    yield tmp_path / "artifacts"
    storages._storages.clear()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _no_old_days(transactional_db: None) -> Iterator[None]:
    """Take away the partitions that other tests' days have left."""
    yield
    today = database_now().date()
    for day in partitions.days():
        if day < today - timedelta(days=2):
            partitions.drop(day)


@pytest.fixture
def policy(project: Project) -> RetentionPolicy:
    return RetentionPolicy.objects.create(
        project=None, keep_runs_days=30, keep_events_days=20, keep_artifacts_days=10
    )


def age(run: Run, days: int) -> Run:
    """Let a run have been made, and have ended if it is over, so many days before."""
    back = timedelta(days=days)
    day = run.created_day - back
    partitions.ensure_once(day)
    Event.objects.filter(run=run).update(run_day=day)
    Run.objects.filter(pk=run.pk).update(created_day=day, created_at=run.created_at - back)
    if run.finished_at is not None:
        Run.objects.filter(pk=run.pk).update(finished_at=run.finished_at - back)
    for artifact in Artifact.objects.filter(run=run):
        age_file(artifact.digest, days)
    run.refresh_from_db()
    return run


def age_file(digest: str, days: float) -> None:
    then = time.time() - days * 86_400
    os.utime(place(digest), (then, then))


def place(digest: str) -> Path:
    found = artifacts.folder_store()
    assert found is not None
    return Path(found.path(f"{digest[:2]}/{digest[2:4]}/{digest}"))


@pytest.fixture
def finished(submit: Submit, worker: WorkerSession) -> Callable[..., Run]:
    """A run that is over: with logs, events and an artifact, ended so many days ago."""

    def go(days: int = 0, *, content: bytes = b"hello", **options: Any) -> Run:
        run = submit(work("a", operation="say"), **options)
        drain()
        run.refresh_from_db()
        assert run.state == "succeeded"
        if content != b"hello":
            ref = artifacts.put("note.txt", content, media_type="text/plain")
            Artifact.objects.filter(run=run).update(digest=ref.digest, size=ref.size)
        return age(run, days)

    return go


def census() -> dict[str, int]:
    """How many rows there are of each model that a round may touch."""
    models = [*apps.get_app_config("tasks").get_models(), *apps.get_app_config("agents").get_models()]
    kept = {PruneReport, RetentionPolicy}
    return {model._meta.label: model.objects.count() for model in models if model not in kept}


def pruned() -> dict[str, int]:
    """Do a round and compare its report with what is gone, and with what was forecast."""
    expected, before, files, days = retention.forecast(), census(), stored(), set(partitions.days())
    report = retention.prune()
    after = census()
    gone = {label: before[label] - after[label] for label in before if before[label] != after[label]}
    counts = {what: many for what, many in report.counts.items() if "." in what}
    assert counts == gone
    assert report.counts.get("files", 0) == len(files) - len(stored())
    assert report.counts.get("bytes", 0) == sum(files.values()) - sum(stored().values())
    assert report.counts.get("partitions", 0) == len(days - set(partitions.days()))
    assert report.counts == expected
    assert report.ended_at is not None
    assert report.error == ""
    return dict(report.counts)


def read(digest: str) -> bytes:
    with artifacts.open_blob(digest) as blob:
        return blob.read()


def stored() -> dict[str, int]:
    root = Path(artifacts.folder_store().location)  # type: ignore[union-attr]
    return {path.name: path.stat().st_size for path in root.glob("??/??/[0-9a-f]*")}


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


def upload(project: Project, content: bytes, *, days: int) -> Upload:
    ref = artifacts.put_upload(
        "shop.zip", io.BytesIO(content), project_id=project.pk, owner_id=None, most_bytes=1000
    )
    age_file(ref.digest, days)
    Upload.objects.filter(digest=ref.digest).update(created_at=database_now() - timedelta(days=days))
    return Upload.objects.get(digest=ref.digest)


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


# ----- bytes


def orphan(content: bytes, *, days: float) -> str:
    ref = artifacts.put("x", content, media_type="text/plain")
    age_file(ref.digest, days)
    return ref.digest


def test_bytes_without_a_row_go_after_a_day(policy: RetentionPolicy, finished: Any) -> None:
    finished(1)
    old, young = orphan(b"old", days=1.1), orphan(b"young", days=0.9)
    half = place(old).with_name(".part-abc")
    half.write_bytes(b"half")
    os.utime(half, (0, 0))
    report = retention.prune()
    assert (report.counts["files"], report.counts["bytes"], report.counts["unfinished files"]) == (1, 3, 1)
    assert not place(old).exists()
    assert place(young).exists()
    assert not half.exists()


def test_bytes_that_a_live_run_may_have_stored_stay(
    policy: RetentionPolicy, submit: Submit, finished: Any
) -> None:
    finished(1)
    age(submit(work("b")), 5)
    since_then, before = orphan(b"since", days=4), orphan(b"before", days=6)
    retention.prune()
    assert place(since_then).exists()
    assert not place(before).exists()


def test_storing_bytes_again_makes_them_young(policy: RetentionPolicy, finished: Any) -> None:
    finished(1)
    digest = orphan(b"again", days=50)
    artifacts.put("y", b"again", media_type="text/plain")
    retention.prune()
    assert place(digest).exists()


def test_store_of_an_unknown_database_is_left_alone(policy: RetentionPolicy) -> None:
    digest = orphan(b"somebody else's", days=50)
    assert retention.prune().counts == {}
    assert place(digest).exists()


def test_bytes_left_aside_by_a_crash_come_back(policy: RetentionPolicy, finished: Any) -> None:
    run = finished(1)
    path = place(Artifact.objects.get(run=run).digest)
    path.rename(path.with_name(".aside-" + path.name))
    retention.prune()
    assert path.read_bytes() == b"hello"
    assert list(path.parent.iterdir()) == [path]


def test_writer_and_remover_of_the_same_old_bytes_lose_none() -> None:
    """Whoever was told that its bytes are stored finds them, whichever came first, however close they were."""
    folder = artifacts.folder_store()
    assert folder is not None
    digest = artifacts.put("x", b"contended", media_type="text/plain").digest
    name, path = f"{digest[:2]}/{digest[2:4]}/{digest}", place(digest)
    barrier, removed, times = threading.Barrier(2), [], 1000

    def remove() -> None:
        for _ in range(times):
            os.utime(path, (0, 0))
            barrier.wait(10)
            removed.append(folder.remove(name, unless_kept_since=time.time() - 3600) is not None)
            barrier.wait(10)
            barrier.wait(10)

    remover = threading.Thread(target=remove)
    remover.start()
    lost = []
    for n in range(times):
        barrier.wait(10)
        artifacts.put("x", b"contended", media_type="text/plain")
        barrier.wait(10)
        if not path.exists() or path.read_bytes() != b"contended" or path.stat().st_mtime < 1:
            lost.append(n)
        barrier.wait(10)
    remover.join()
    assert lost == []
    assert 0 < sum(removed) < times  # both orders happened


# ----- the engine's own


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


# ----- rounds


def test_one_pruner_at_a_time(policy: RetentionPolicy) -> None:
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with rounds._alone() as alone:
            assert alone
            held.set()
            free.wait(20)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(10)
    try:
        with pytest.raises(CommandError, match="another pruner is at work"):
            call_command("prune")
        assert rounds.Daily()() == 0
        assert not PruneReport.objects.exists()
    finally:
        free.set()
        other.join()
    assert retention.prune().ended_at is not None


def test_scheduler_prunes_once_a_day_in_slices(
    policy: RetentionPolicy, finished: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(rows, "STEPS_AT_ONCE", 1)
    for _ in range(3):
        finished(31)
    sweep = scheduler.Sweep()
    sweeps = 0
    while not PruneReport.objects.filter(ended_at__isnull=False).exists():
        sweep._rang_at = 0.0
        sweep()
        sweeps += 1
        assert sweeps < 200
    assert sweeps > 3
    report = PruneReport.objects.get()
    assert report.counts["tasks.Run"] == 3
    sweep._prune._look_at = 0.0
    sweep()
    assert PruneReport.objects.count() == 1
    PruneReport.objects.update(started_at=database_now() - timedelta(hours=25))
    sweep._prune._look_at = 0.0
    sweep()
    assert PruneReport.objects.count() == 2


def test_round_of_a_killed_scheduler_is_gone_on_with(
    policy: RetentionPolicy, finished: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(rows, "STEPS_AT_ONCE", 1)
    before = [finished(31) for _ in range(3)]
    killed = rounds.Daily()
    while Run.objects.count() == 3:
        killed()
    assert PruneReport.objects.get().counts["tasks.Run"] == 1
    del killed
    successor = rounds.Daily()
    while PruneReport.objects.filter(ended_at=None).exists():
        successor()
    assert PruneReport.objects.get().counts["tasks.Run"] == len(before)


def test_batch_that_must_wait_is_left_and_the_round_ends(
    policy: RetentionPolicy, finished: Any, project: Project
) -> None:
    """A writer that holds its transaction open for long holds up neither the pruner nor, behind it, other writers."""
    finished(11)
    begun, end = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            Run.objects.filter(state="succeeded").update(failure="")
            begun.set()
            end.wait(30)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(10)
    try:
        at = time.monotonic()
        report = retention.prune()
        assert time.monotonic() - at < 5
    finally:
        end.set()
        writer.join()
    assert report.error == ""
    assert Artifact.objects.count() == 1
    assert pruned()["tasks.Artifact"] == 1


def test_rerun_that_is_being_made_keeps_its_parent(policy: RetentionPolicy, finished: Any) -> None:
    parent = finished(31)
    made, end = threading.Event(), threading.Event()

    def rerun() -> None:
        with transaction.atomic():
            runs.rerun_from(parent.public_id, "a", by="alice")
            made.set()
            end.wait(30)
        connection.close()

    other = threading.Thread(target=rerun)
    other.start()
    assert made.wait(10)
    retention.prune()
    end.set()
    other.join()
    assert Run.objects.get(parent=parent).parent == parent


# ----- readers


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


# ----- the command and the admin


def said(*options: str) -> str:
    out = io.StringIO()
    call_command("prune", *options, stdout=out)
    return out.getvalue()


def test_command_counts_then_deletes(policy: RetentionPolicy, finished: Any) -> None:
    finished(31)
    dry = json.loads(said("--dry-run", "--json"))
    assert dry["dry_run"] is True
    assert Run.objects.count() == 1
    assert not PruneReport.objects.exists()
    assert "1  tasks.Run" in said("--dry-run")
    wet = json.loads(said("--json"))
    assert wet == {"dry_run": False, "counts": dry["counts"]}
    assert Run.objects.count() == 0
    assert "nothing" in said()


def test_command_says_that_there_is_no_policy(project: Project) -> None:
    assert "There is no retention policy" in said()


@pytest.fixture
def admin_client(transactional_db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.org", "a long enough password"))
    return client


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ((0, 1, 1), "the least is 1"),
        ((30, 31, 1), "31 days is longer than the run itself is kept (30)"),
        ((30, 1, 31), "31 days is longer than the run itself is kept (30)"),
    ],
)
def test_admin_refuses_a_policy_that_makes_no_sense(
    admin_client: Client, days: tuple[int, int, int], message: str
) -> None:
    names = ("keep_runs_days", "keep_events_days", "keep_artifacts_days")
    answer = admin_client.post(
        reverse("admin:tasks_retentionpolicy_add"), dict(zip(names, days, strict=True))
    )
    assert message in answer.content.decode()
    assert not RetentionPolicy.objects.exists()


def test_admin_edits_policies_and_shows_reports(admin_client: Client) -> None:
    given = {"keep_runs_days": 30, "keep_events_days": 20, "keep_artifacts_days": 10}
    assert admin_client.post(reverse("admin:tasks_retentionpolicy_add"), given).status_code == 302
    assert RetentionPolicy.objects.get().keep_runs_days == 30
    retention.prune()
    assert admin_client.get(reverse("admin:tasks_prunereport_changelist")).status_code == 200
    assert admin_client.get(reverse("admin:tasks_prunereport_add")).status_code == 403


# ----- anything at all


RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "days": st.integers(0, 12),
            "project": st.integers(0, 2),
            "live": st.booleans(),
            "content": st.sampled_from([b"1", b"2", b"3"]),
            "names": st.sampled_from([b"1", b"2", None]),
            "rerun_of": st.one_of(st.none(), st.integers(0, 5)),
        }
    ),
    min_size=1,
    max_size=8,
)
POLICY = st.one_of(st.none(), st.tuples(*[st.integers(1, 10)] * 3))


@given(given_runs=RUNS, policies=st.tuples(POLICY, POLICY, POLICY))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_goes_was_due_and_what_is_live_stays(
    given_runs: list[dict[str, Any]], policies: tuple[Any, Any, Any], transactional_db: None
) -> None:
    """Projects with and without policies of their own, a default or none; runs of all ages that share bytes."""
    world = World(given_runs, policies)
    try:
        world.build()
        counts = pruned()
        world.compare(counts)
    finally:
        world.tear_down()


class World:
    """Runs as drawn, and what a plain reading of the rules makes of them."""

    def __init__(self, given_runs: list[dict[str, Any]], policies: tuple[Any, Any, Any]) -> None:
        self.given, self.policies = given_runs, policies
        self.runs: list[Run] = []

    def build(self) -> None:
        team = Team.objects.create(name="t", slug="t")
        self.projects = [Project.objects.create(team=team, name=str(n), slug=f"p{n}") for n in range(3)]
        for n, days in enumerate(self.policies):
            if days is not None:
                names = ("keep_runs_days", "keep_events_days", "keep_artifacts_days")
                project = self.projects[n] if n < 2 else None
                RetentionPolicy.objects.create(project=project, **dict(zip(names, days, strict=True)))
        for one in self.given:
            self.runs.append(self.make(one))

    def make(self, one: dict[str, Any]) -> Run:
        named = artifacts.put("n", one["names"], media_type="x").digest if one["names"] else None
        plan = [work("a"), work("b")]
        run, _ = runs.submit(
            plan_of(*plan),
            project_id=self.projects[one["project"]].pk,
            owner_id=None,
            goal="g",
            request={"digest": named},
        )
        if one["rerun_of"] is not None and one["rerun_of"] < len(self.runs):
            Run.objects.filter(pk=run.pk).update(parent=self.runs[one["rerun_of"]])
        step = Step.objects.filter(run=run).first()
        assert step is not None
        ref = artifacts.put("x", one["content"], media_type="x")
        now = database_now()
        Artifact.objects.create(
            run=run, step=step, name="x", digest=ref.digest, size=ref.size, media_type="x", created_at=now
        )
        LogChunk.objects.create(step=step, attempt=1, ordinal=1, at=now, text="said")
        if not one["live"]:
            runs.cancel(run.public_id, by="alice")
        run.refresh_from_db()
        return age(run, one["days"])

    def kept_days(self, one: dict[str, Any], which: int) -> float:
        own = self.policies[one["project"]] if one["project"] < 2 else None
        days = own or self.policies[2]
        return float("inf") if days is None else min(days[which], days[0])

    def is_due(self, one: dict[str, Any], which: int) -> bool:
        return not one["live"] and one["days"] >= self.kept_days(one, which)  # a moment older than whole days

    def compare(self, counts: dict[str, int]) -> None:
        named = {one["names"] for one in self.given if one["live"] or one["days"] == 0}
        parents = {
            self.given[n]["rerun_of"]
            for n in range(len(self.given))
            if self.given[n]["live"] and self.runs[n].parent_id is not None
        }
        artifacts_left, expected = set(), Counter[str]()
        for n, (one, run) in enumerate(zip(self.given, self.runs, strict=True)):
            has_artifact = not self.is_due(one, 2) or one["content"] in named
            goes = self.is_due(one, 0) and not has_artifact and n not in parents
            events_go = self.is_due(one, 1)
            assert Run.objects.filter(pk=run.pk).exists() is not goes, one
            assert Artifact.objects.filter(run=run.pk).exists() is has_artifact, one
            assert Event.objects.filter(run=run.pk).exists() is not events_go, one
            assert LogChunk.objects.filter(step__run=run.pk).exists() is not events_go, one
            expected["tasks.Run"] += goes
            expected["tasks.Event"] += run.last_seq * events_go
            expected["tasks.Artifact"] += not has_artifact
            if has_artifact:
                artifacts_left.add(one["content"])
        for content in artifacts_left:
            digest = Artifact.objects.filter(digest__in=stored()).values_list("digest", flat=True)
            assert artifacts.put("x", content, media_type="x").digest in set(digest)
        assert {what: counts.get(what, 0) for what in expected} == dict(expected)

    def tear_down(self) -> None:
        Event.objects.all().delete()
        Run.objects.all().delete()
        OutboxMessage.objects.all().delete()
        RetentionPolicy.objects.all().delete()
        PruneReport.objects.all().delete()
        Project.objects.all().delete()
        Team.objects.all().delete()
        for path in Path(artifacts.folder_store().location).glob("??/??/*"):  # type: ignore[union-attr]
            path.unlink()
        today = database_now().date()
        for day in partitions.days():
            if day < today - timedelta(days=1):
                partitions.drop(day)
