"""What people do on the pages: pause, resume, do again, answer; who sees which button, and what refusals say."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from frontend import rows
from tasks import runs
from tasks.models import Approval, Run, Step
from tests.api.cast import GOAL, Cast, ask, browser, probe, submit_steps, work_off

PEOPLE = ("alice", "bob", "vera", "charlie")
EVIL = "<script>alert(1)</script>"


def path(run: Run, order: str = "") -> str:
    return f"/runs/{run.public_id}{order}"


def answer_path(question: Approval) -> str:
    return path(question.run, f"/approvals/{question.public_id}")


def text(client: Client, where: str) -> str:
    return client.get(where).content.decode()


@pytest.fixture
def failed(cast: Cast, worker: None) -> Run:
    run = submit_steps(cast.project, probe("a"), probe("b", fail_times=9, after="a"), owner=cast.bob)
    Step.objects.filter(run=run).update(max_attempts=1)
    work_off()
    run.refresh_from_db()
    assert run.state == "failed"
    return run


@pytest.mark.parametrize("order", ["/pause", "/resume", "/cancel", "/rerun"])
def test_each_order_is_for_developers_by_post(cast: Cast, order: str) -> None:
    run = submit_steps(cast.project, probe("a"))
    assert Client().post(path(run, order)).status_code == 302
    for person, status in zip(PEOPLE, (302, 302, 403, 404), strict=True):
        assert browser(getattr(cast, person)).post(path(run, order)).status_code == status, person
    if order != "/rerun":
        assert browser(cast.bob).get(path(run, order)).status_code == 405
    assert Run.objects.count() == 1


def test_pause_and_resume_are_offered_in_turn(cast: Cast) -> None:
    run, client = submit_steps(cast.project, probe("a")), browser(cast.bob)
    page = text(client, path(run))
    assert (">Pause<" in page, ">Resume<" in page) == (True, False)
    told = client.post(path(run, "/pause"), follow=True).content.decode()
    assert "Paused: what runs now goes on to its end" in told
    assert (">Pause<" in told, ">Resume<" in told, "state-paused" in told) == (False, True, True)
    assert ">Resume<" not in text(browser(cast.vera), path(run))
    assert "state-paused" in text(client, "/")
    told = client.post(path(run, "/resume"), follow=True).content.decode()
    assert "The run goes on." in told
    run.refresh_from_db()
    assert run.state == "running"


@pytest.mark.parametrize("order", ["/pause", "/resume"])
def test_refusal_is_told_on_the_runs_page(cast: Cast, order: str) -> None:
    run = submit_steps(cast.project, probe("a"))
    runs.cancel(run.public_id, by="bob")
    told = browser(cast.bob).post(path(run, order), follow=True).content.decode()
    assert 'class="note note-error" role="alert"' in told
    assert "is cancelled and cannot be" in told


def test_priority_is_set_by_maintainers_and_seen_by_all(cast: Cast) -> None:
    run = submit_steps(cast.project, probe("a"))
    page = text(browser(cast.alice), path(run))
    assert '<option value="" selected>' in page
    told = browser(cast.alice).post(path(run, "/priority"), {"priority": "2"}, follow=True).content.decode()
    assert "Priority 2: the steps that wait have another place in their queues." in told
    assert '<option value="2" selected>' in told
    assert '<option value=""' not in told  # back to each agent's own is no order that there is
    assert Step.objects.get(run=run).priority == 2
    for person in ("bob", "vera"):
        page = text(browser(getattr(cast, person)), path(run))
        assert (path(run, "/priority") in page, "<dd>2</dd>" in page) == (False, True), person
    for person, status in zip(PEOPLE, (302, 403, 403, 404), strict=True):
        answer = browser(getattr(cast, person)).post(path(run, "/priority"), {"priority": "3"})
        assert answer.status_code == status, person
    assert Client().post(path(run, "/priority"), {"priority": "3"}).status_code == 302
    assert browser(cast.alice).get(path(run, "/priority")).status_code == 405
    run.refresh_from_db()
    assert run.priority == 3


@pytest.mark.parametrize("sent", ["", "10", "-1", "x", "1\0", "\u0663", "9" * 5000])
def test_priority_that_is_none_changes_nothing(cast: Cast, sent: str) -> None:
    run = submit_steps(cast.project, probe("a"))
    told = browser(cast.alice).post(path(run, "/priority"), {"priority": sent}, follow=True).content.decode()
    assert "Choose a priority from 0 (most urgent) to 9" in told
    run.refresh_from_db()
    assert run.priority is None


def test_priority_of_a_run_that_is_over_is_not_offered(cast: Cast, failed: Run) -> None:
    page = text(browser(cast.alice), path(failed))
    assert path(failed, "/priority") not in page
    told = (
        browser(cast.alice).post(path(failed, "/priority"), {"priority": "2"}, follow=True).content.decode()
    )
    assert "cannot be given another priority" in told


def test_rerun_page_tells_what_it_will_do_and_makes_one_run(cast: Cast, failed: Run) -> None:
    client = browser(cast.alice)
    assert "Retry what failed" in text(client, path(failed))
    page = text(client, path(failed, "/rerun"))
    assert "takes over the result of 1 step and does 1 again" in page
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)
    assert ticket is not None
    answers = [client.post(path(failed, "/rerun"), {"ticket": ticket[1]}) for _ in range(2)]
    again = Run.objects.exclude(pk=failed.pk).get()
    assert [answer["Location"] for answer in answers] == [path(again)] * 2
    assert (again.owner, again.parent) == (cast.alice, failed)
    told = client.post(path(failed, "/rerun"), {"ticket": ticket[1], "from": "a"}, follow=True)
    assert "use a new key" in told.content.decode()
    assert path(failed) in text(client, path(again))
    assert path(again) in text(client, path(failed))


def test_rerun_is_not_offered_to_who_may_not(cast: Cast, failed: Run) -> None:
    page = text(browser(cast.vera), path(failed))
    assert ("Retry what failed" in page, "do again from here" in page) == (False, False)
    assert browser(cast.vera).get(path(failed, "/rerun")).status_code == 403
    assert browser(cast.charlie).get(path(failed, "/rerun")).status_code == 404


def test_rerun_of_a_good_run_is_offered_by_step_only(cast: Cast, worker: None) -> None:
    run = submit_steps(cast.project, probe("a"))
    work_off()
    client = browser(cast.bob)
    page = text(client, path(run))
    assert ("Retry what failed" in page, "do again from here" in page) == (False, True)
    assert "no step of run" in client.get(path(run, "/rerun"), follow=True).content.decode()
    assert "has no step" in client.get(path(run, "/rerun?from=%00<b>"), follow=True).content.decode()
    page = text(client, path(run, "/rerun?from=a"))
    assert 'name="from" value="a"' in page
    assert "takes over nothing and does 1 step again" in page


def test_rerun_page_warns_of_what_may_happen_twice(cast: Cast, worker: None) -> None:
    run = submit_steps(cast.project, probe("a", "post"))
    work_off()
    assert "may do it twice" in text(browser(cast.bob), path(run, "/rerun?from=a"))


def test_question_is_seen_and_answered(cast: Cast, worker: None) -> None:
    question = ask(cast.project, "Deploy now?", details={"host": EVIL})
    page = text(browser(cast.alice), path(question.run))
    assert "Waits for a decision" in page
    assert "Deploy now?" in page
    assert (EVIL in page, "&lt;script&gt;alert(1)" in page) == (False, True)
    sent = {"decision": "approve", "comment": "as\r\nagreed "}
    told = browser(cast.alice).post(answer_path(question), sent, follow=True).content.decode()
    assert "Approved." in told
    assert "as\nagreed" in told
    question.refresh_from_db()
    assert (question.decision, question.decided_by, question.comment) == (
        "approved",
        cast.alice,
        "as\nagreed",
    )
    work_off()
    question.run.refresh_from_db()
    assert question.run.state == "succeeded"


def test_answer_is_for_whom_the_question_asks(cast: Cast, worker: None) -> None:
    question = ask(cast.project)
    for person, status in zip(PEOPLE, (302, 403, 403, 404), strict=True):
        if person != "alice":
            answer = browser(getattr(cast, person)).post(answer_path(question), {"decision": "approve"})
            assert answer.status_code == status, person
    page = text(browser(cast.bob), path(question.run))
    assert (">Approve<" in page, "takes the role maintainer or above" in page) == (False, True)
    other = ask(cast.project)
    crossed = path(other.run, f"/approvals/{question.public_id}")  # a question of another run
    assert browser(cast.alice).post(crossed, {"decision": "approve"}).status_code == 404
    assert browser(cast.alice).get(answer_path(question)).status_code == 405
    assert not Approval.objects.exclude(decision="").exists()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 400),
        ({"decision": ""}, 400),
        ({"decision": "yes"}, 400),
        ({"decision": "approve\0"}, 400),
        ({"decision": "approve", "comment": "x" * 2001}, 302),
    ],
)
def test_answer_that_is_none_decides_nothing(
    cast: Cast, worker: None, sent: dict[str, Any], status: int
) -> None:
    question = ask(cast.project)
    client = browser(cast.alice)
    assert client.post(answer_path(question), sent).status_code == status
    if status == 302:
        assert "nothing was decided" in text(client, path(question.run))
    question.refresh_from_db()
    assert question.decision == ""


def test_comment_with_nul_is_kept_without_it(cast: Cast, worker: None) -> None:
    question = ask(cast.project)
    browser(cast.alice).post(answer_path(question), {"decision": "reject", "comment": f"a\0{EVIL}"})
    question.refresh_from_db()
    assert (question.decision, question.comment) == ("rejected", f"a\ufffd{EVIL}")
    assert EVIL not in text(browser(cast.vera), path(question.run))


def test_second_answer_is_told_who_was_faster(cast: Cast, worker: None) -> None:
    root = User.objects.create_user("root", is_superuser=True)
    question = ask(cast.project)
    browser(cast.alice).post(answer_path(question), {"decision": "approve"})
    told = browser(root).post(answer_path(question), {"decision": "reject"}, follow=True).content.decode()
    assert "is approved already (by alice at" in told


def test_expired_and_withdrawn_questions_say_so(cast: Cast, worker: None) -> None:
    late, dropped = ask(cast.project, seconds=60), ask(cast.project)
    Approval.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    told = browser(cast.alice).post(answer_path(late), {"decision": "approve"}, follow=True).content.decode()
    assert "has expired" in told
    runs.expire_approvals()
    runs.cancel(dropped.run.public_id, by="bob")
    assert "nobody answered in time" in text(browser(cast.vera), path(late.run))
    assert "its step ended without an answer" in text(browser(cast.vera), path(dropped.run))


def test_list_shows_what_waits_and_the_reader_what_is_theirs(cast: Cast, worker: None) -> None:
    first = ask(cast.project, "Deploy now?")
    ask(cast.other, "A secret question?")
    for person, theirs in (("alice", True), ("bob", False), ("vera", False)):
        page = text(browser(getattr(cast, person)), "/")
        assert ("Waits for your decision" in page, "Deploy now?" in page) == (theirs, theirs), person
        assert page.count("waits for a decision") == 1
        assert "secret" not in page
    assert f"#approval-{first.public_id}" in text(browser(cast.alice), "/")
    browser(cast.alice).post(answer_path(first), {"decision": "approve"})
    page = text(browser(cast.alice), "/")
    assert ("Waits for your decision" in page, "waits for a decision" in page) == (False, False)


def test_list_asks_the_database_as_often_for_many_as_for_one(
    cast: Cast, worker: None, steady_rules: None
) -> None:
    client, asked = browser(cast.alice), []
    for n in range(3):
        ask(cast.project, f"number {n}")
        text(client, "/")
        with CaptureQueriesContext(connection) as queries:
            text(client, "/")
        asked.append(len(queries))
    assert asked == [asked[0]] * 3


def test_log_tells_who_did_what(cast: Cast, worker: None) -> None:
    question = ask(cast.project, "Deploy now?")
    run = question.run
    runs.pause(run.public_id, by="bob", reason="a freeze")
    runs.resume(run.public_id, by="bob")
    runs.set_priority(run.public_id, 2, by="alice")
    runs.decide(question.public_id, approved=False, by_user_id=None, by="alice", comment="not {today}")
    runs.cancel(run.public_id, by="bob")
    run.refresh_from_db()
    told = {row.kind: row.text for row in rows.event_rows(run)}
    assert {
        kind: told[kind] for kind in told if kind.startswith(("run.", "approval.", "step.suspended"))
    } == {
        "run.accepted": GOAL,
        "run.started": "",
        "step.suspended": "waits for an approval",
        "approval.asked": "Deploy now?",
        "run.paused": "by bob: a freeze",
        "run.resumed": "by bob",
        "run.priority_changed": "by alice: now 2",
        "approval.decided": "rejected by alice: not {today}",
        "run.cancel_requested": "by bob",
        "run.finished": "cancelled",
    }


def test_order_without_its_token_is_refused(cast: Cast) -> None:
    run = submit_steps(cast.project, probe("a"))
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.bob)
    for order in ("/pause", "/resume", "/cancel", "/rerun", f"/approvals/{uuid4()}"):
        assert client.post(path(run, order)).status_code == 403
