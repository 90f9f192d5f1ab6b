"""Deleting a run: by whom, when, against a rerun that is made at the same moment, and what is left of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connection, transaction

from accounts.models import AuditRecord
from tasks import artifacts, retention, runs
from tasks.errors import ControlRefused, RunNotFound
from tasks.models import Artifact, Event, LogChunk, PruneReport, Run, ScheduleFire, Step
from tests.api.cast import Cast, api, ask, probe, submit_run, submit_steps, work_off


@pytest.fixture(autouse=True)
def _own_store(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    storages._storages.clear()  # type: ignore[attr-defined]  # made once per process
    yield
    storages._storages.clear()


def path(run: Run) -> str:
    return f"/api/v1/runs/{run.public_id}"


@pytest.fixture
def over(cast: Cast, worker: None) -> Run:
    """A run that is over, with events, logs and an artifact."""
    run = submit_steps(cast.project, probe("a", "say"), owner=cast.bob, goal="look")
    work_off()
    return run


def test_maintainers_delete_and_others_do_not(cast: Cast, over: Run) -> None:
    for person, status in (("bob", 403), ("vera", 403), ("charlie", 404), (None, 401), ("alice", 204)):
        answer = api(getattr(cast, person) if person else None).delete(path(over))
        assert answer.status_code == status, (person, answer.content)
    for rest in (
        "",
        "/events",
        "/steps",
        "/logs",
        "/artifacts",
        "/artifacts/note.txt",
        "/lineage",
        "/report",
    ):
        assert api(cast.alice).get(path(over) + rest).status_code == 404, rest
    assert api(cast.alice).get("/api/v1/runs").json()["results"] == []
    assert api(cast.alice).delete(path(over)).status_code == 404
    record = AuditRecord.objects.get(act="run.deleted")
    assert (record.actor, record.subject, record.project_id) == (
        "alice",
        f"run:{over.public_id}",
        cast.project.pk,
    )
    assert (record.details["goal"], record.details["owner"], record.details["state"]) == (
        "look",
        "bob",
        "succeeded",
    )


def test_its_rows_are_deleted_by_the_scheduler_between_two_rounds(cast: Cast, over: Run) -> None:
    kept = submit_steps(cast.project, probe("a", "say"))
    work_off()
    retention.prune()
    api(cast.alice).delete(path(over))
    forecast = retention.forecast()
    daily = retention.Daily()
    while daily():
        pass
    assert forecast["tasks.Event"] == Event.objects.filter(run=kept).count()
    assert not Run.every.filter(pk=over.pk).exists()
    for model, way in ((Step, "run"), (Event, "run"), (Artifact, "run"), (LogChunk, "step__run")):
        left = set(model._base_manager.values_list(way, flat=True))
        assert left == {kept.pk}, model
    assert PruneReport.objects.count() == 1, "it is no round of its own"


def test_a_round_deletes_its_rows_too(cast: Cast, over: Run) -> None:
    api(cast.alice).delete(path(over))
    forecast = retention.forecast()
    counts = retention.prune().counts
    assert counts == forecast
    assert counts["tasks.Run"] == counts["tasks.Artifact"] == 1
    assert counts["tasks.LogChunk"] > 0
    assert not Event.objects.filter(run=over.pk).exists()


def test_its_questions_are_gone_with_it(cast: Cast, worker: None) -> None:
    question = ask(cast.project)
    client = api(cast.alice)
    client.post(f"/api/v1/approvals/{question.public_id}", {"decision": "approve"})
    work_off()
    assert client.get("/api/v1/approvals?state=all").json()["results"] != []
    assert client.delete(path(question.run)).status_code == 204
    assert client.get("/api/v1/approvals?state=all").json()["results"] == []
    assert client.get(f"/api/v1/approvals/{question.public_id}").status_code == 404


@pytest.mark.usefixtures("planner")
def test_run_that_is_not_over_stays(cast: Cast) -> None:
    run = submit_run(cast.project)
    answer = api(cast.alice).delete(path(run))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:run-not-over")
    assert "cancel it first" in answer.json()["detail"]
    assert Run.objects.filter(pk=run.pk).exists()
    assert not AuditRecord.objects.filter(act="run.deleted").exists()


def test_run_that_was_done_again_stays_until_the_rerun_is_gone(cast: Cast, over: Run) -> None:
    client = api(cast.alice)
    again, _ = runs.rerun_from(over.public_id, "a", by="bob")
    work_off()
    answer = client.delete(path(over))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:run-referred-to")
    assert str(again.public_id) in answer.json()["detail"]
    assert [client.delete(path(run)).status_code for run in (again, over)] == [204, 204]
    retention.prune()
    assert Run.every.count() == 0


def test_run_whose_artifact_a_live_run_works_on_stays(cast: Cast, over: Run) -> None:
    digest = Artifact.objects.get(run=over).digest
    live = submit_steps(cast.project, probe("x"))
    Run.objects.filter(pk=live.pk).update(request={"target": {"kind": "archive", "digest": digest}})
    answer = api(cast.alice).delete(path(over))
    assert answer.json()["type"] == "urn:wrenchai:problem:run-referred-to"
    assert digest in answer.json()["detail"]
    runs.cancel(live.public_id, by="x")
    assert api(cast.alice).delete(path(over)).status_code == 204
    with artifacts.open_blob(digest) as blob:
        assert blob.read() == b"hello", "the bytes go with a round, when no row names them"


def test_its_idempotency_key_is_free_and_its_schedule_forgets_it(cast: Cast, over: Run) -> None:
    Run.objects.filter(pk=over.pk).update(idempotency_key="k")
    api(cast.alice).delete(path(over))
    row = Run.every.get(pk=over.pk)
    assert (row.idempotency_key, row.hidden_at is None) == (None, False)
    assert not ScheduleFire.objects.filter(run=over.pk).exists()


@pytest.mark.parametrize("first", ["rerun", "delete"])
def test_rerun_and_deletion_at_the_same_moment_do_not_both_happen(cast: Cast, over: Run, first: str) -> None:
    """The one that is second waits for the other's row, and is refused."""

    def again() -> None:
        runs.rerun_from(over.public_id, "a", by="bob")

    def delete() -> None:
        retention.discard(over.public_id)

    acts: dict[str, Callable[[], None]] = {"rerun": again, "delete": delete}
    second = acts["delete" if first == "rerun" else "rerun"]
    faults: list[Any] = []

    def other() -> None:
        try:
            with transaction.atomic():
                second()
        except (ControlRefused, RunNotFound) as error:
            faults.append(type(error).__name__)
        finally:
            connection.close()

    thread = threading.Thread(target=other)
    with transaction.atomic():
        acts[first]()
        thread.start()
        _until_somebody_waits()
    thread.join(20)
    assert faults == ["RunReferredTo" if first == "rerun" else "RunNotFound"]
    assert Run.objects.count() == (2 if first == "rerun" else 0)


def _until_somebody_waits() -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    for _ in range(100_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(query)
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")
