"""The engine's events as deliveries: each once per hook, with the event or not at all, nearly free without hooks."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from monitoring import webhooks
from monitoring.models import WebHook, WebHookDelivery
from tasks import runs, witnesses
from tasks.models import Event, Run
from tests.api.cast import Cast, ask, make_cast, probe, submit_run, submit_steps, work_off
from tests.monitoring.conftest import make_hook

URL = "http://127.0.0.1:9/hook"


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


def told(run: Run) -> list[tuple[int | None, str, str]]:
    """What hooks are told of a run: number, kind, and the run's state by then."""
    rows = WebHookDelivery.objects.filter(run=run).order_by("seq", "pk")
    return [(row.seq, row.event, row.payload["run"]["state"]) for row in rows]


def stored(run: Run, *kinds: str) -> list[tuple[int, str]]:
    return list(Event.objects.filter(run=run, kind__in=kinds).order_by("seq").values_list("seq", "kind"))


def test_run_that_succeeds_is_told_from_its_acceptance_to_its_end(cast: Cast, worker: None) -> None:
    make_hook(cast.project, URL)
    run = submit_steps(cast.project, probe("a"), probe("b", after="a"))
    work_off()
    assert told(run) == [
        (1, "run.accepted", "accepted"),
        (stored(run, "run.started")[0][0], "run.started", "running"),
        (stored(run, "run.finished")[0][0], "run.finished", "succeeded"),
    ]
    last = WebHookDelivery.objects.get(event="run.finished")
    assert last.payload["data"] == {"state": "succeeded", "failure": ""}
    run.refresh_from_db()
    assert run.finished_at is not None
    assert last.payload["run"]["finished_at"] == run.finished_at.isoformat().replace("+00:00", "Z")


def test_run_that_fails_tells_why(cast: Cast, worker: None) -> None:
    make_hook(cast.project, URL, events=("run.finished",))
    question = ask(cast.project)
    runs.decide(question.public_id, approved=False, by_user_id=cast.alice.pk, by="alice")
    work_off()
    run = question.run
    run.refresh_from_db()
    (row,) = WebHookDelivery.objects.all()
    assert told(run) == [(stored(run, "run.finished")[0][0], "run.finished", "failed")]
    assert "rejected by alice" in run.failure
    assert row.payload["run"]["failure"] == run.failure
    assert row.payload["data"] == {"state": "failed", "failure": run.failure}


def test_run_that_is_cancelled_is_told(cast: Cast, planner: None) -> None:
    make_hook(cast.project, URL, events=("run.finished",))
    run = submit_run(cast.project)
    runs.cancel(run.public_id, by="alice", reason="")
    assert told(run) == [(stored(run, "run.finished")[0][0], "run.finished", "cancelled")]


def test_question_and_answer_are_told(cast: Cast, worker: None) -> None:
    make_hook(cast.project, URL, events=("approval.asked", "approval.decided"))
    question = ask(cast.project, "Deploy?")
    runs.decide(question.public_id, approved=True, by_user_id=cast.alice.pk, by="alice", comment="go")
    asked, decided = WebHookDelivery.objects.order_by("seq")
    assert (asked.event, asked.payload["data"]["question"]) == ("approval.asked", "Deploy?")
    assert (decided.event, decided.payload["data"]["decision"]) == ("approval.decided", "approved")


def test_only_active_hooks_of_the_project_hear_what_they_wish_for(cast: Cast, planner: None) -> None:
    wanted = make_hook(cast.project, URL, events=("run.accepted", "run.finished")).hook
    second = make_hook(cast.project, URL, events=("run.accepted",)).hook
    make_hook(cast.project, URL, events=("run.finished",))
    make_hook(cast.other, URL)
    off = make_hook(cast.project, URL).hook
    WebHook.objects.filter(pk=off.pk).update(active=False)
    run = submit_run(cast.project)
    assert set(WebHookDelivery.objects.values_list("hook", "run", "event")) == {
        (wanted.pk, run.pk, "run.accepted"),
        (second.pk, run.pk, "run.accepted"),
    }


def test_event_that_is_rolled_back_is_told_to_nobody(cast: Cast, planner: None) -> None:
    make_hook(cast.project, URL)

    class Undone(Exception):
        pass

    with pytest.raises(Undone), transaction.atomic():
        submit_run(cast.project)
        assert WebHookDelivery.objects.count() == 1
        raise Undone
    assert (WebHookDelivery.objects.count(), Run.objects.count()) == (0, 0)


def test_project_without_hooks_is_asked_once_per_transaction(cast: Cast, planner: None) -> None:
    submit_run(cast.project)  # the statement is planned once per connection
    with CaptureQueriesContext(connection) as captured:
        submit_run(cast.project)
    asked = [query["sql"] for query in captured if "webhook" in query["sql"]]
    assert len(asked) == 1
    assert not WebHookDelivery.objects.exists()


def test_hook_that_is_being_deleted_is_passed_by(cast: Cast, planner: None) -> None:
    """The engine waits for nobody, and no event refers to a hook that is gone."""
    hook = make_hook(cast.project, URL).hook
    locked, over, faults = threading.Event(), threading.Event(), []

    def delete() -> None:
        try:
            with transaction.atomic():
                webhooks.delete(hook)
                locked.set()
                over.wait(20)
        except Exception as error:
            faults.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=delete)
    thread.start()
    assert locked.wait(10)
    begun = timezone.now()
    run = submit_run(cast.project)
    assert timezone.now() - begun < timedelta(seconds=5)
    over.set()
    thread.join(20)
    assert (faults, told(run), WebHook.objects.count()) == ([], [], 0)


def test_deletion_waits_for_an_event_that_is_being_written(cast: Cast, planner: None) -> None:
    hook = make_hook(cast.project, URL).hook
    faults: list[Exception] = []

    def delete() -> None:
        try:
            webhooks.delete(hook)
        except Exception as error:
            faults.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=delete)
    with transaction.atomic():
        run = submit_run(cast.project)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(20)
    assert (faults, told(run), WebHook.objects.count()) == ([], [], 0)
    assert Run.objects.filter(pk=run.pk).exists()


def test_hook_that_is_being_changed_holds_up_no_run(cast: Cast, planner: None) -> None:
    hook = make_hook(cast.project, URL).hook
    done = threading.Event()

    def submit() -> None:
        try:
            submit_run(cast.project)
            done.set()
        finally:
            connection.close()

    with transaction.atomic():
        webhooks.change(webhooks.locked(hook), description="new")
        thread = threading.Thread(target=submit)
        thread.start()
        assert done.wait(10)
    thread.join(10)
    assert WebHookDelivery.objects.count() == 1


def test_long_texts_are_bounded(cast: Cast, planner: None) -> None:
    make_hook(cast.project, URL)
    submit_run(cast.project, goal="ä" * 10_000)
    payload = WebHookDelivery.objects.get().payload
    assert payload["run"]["goal"] == payload["data"]["goal"] == "ä" * 3_999 + "…"


def test_witness_under_one_name_is_one_and_can_be_forgotten(cast: Cast, planner: None) -> None:
    heard: list[Any] = []
    witnesses.register("test", {"step.added"}, heard.extend)
    witnesses.register("test", {"run.accepted"}, heard.extend)
    try:
        run = submit_run(cast.project)
    finally:
        witnesses.forget("test")
    submit_run(cast.project)
    assert [(one.run_pk, one.project_id, one.seq, one.kind) for one in heard] == [
        (run.pk, cast.project.pk, 1, "run.accepted")
    ]


def test_maker_that_is_gone_leaves_the_hook(cast: Cast, planner: None) -> None:
    made = webhooks.create(cast.project, URL, ["run.accepted"], by=cast.bob, now=timezone.now())
    User.objects.filter(pk=cast.bob.pk).delete()
    made.hook.refresh_from_db()
    assert made.hook.created_by is None
