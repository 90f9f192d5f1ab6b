"""The journal: deeds that are not repeated, calls and questions that hold no worker."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now

from accounts.models import User
from tasks import events, execution, runs
from tasks.errors import ApprovalDecided, ApprovalNotFound
from tasks.models import Approval, Attempt, JournalEntry, Run, Step, WorkerSession
from tasks.plans import After, chain
from tasks.runs.moves import database_now
from tasks.states import EdgeCondition
from tests.engine.cluster import assert_sound, effects
from tests.engine.conftest import drain, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_delays(settings) -> None:
    settings.RETRY_BASE_SECONDS = 0


def work_off(*queues: str) -> list[str]:
    """Work on these queues, and let retries be due, until nothing moves any more."""
    lines: list[str] = []
    while True:
        done = [line for queue in queues or ("agent.probe", "agent.second") for line in drain(queue)]
        lines += done
        if not done and not runs.promote_due():
            return lines


def step(run: Run, key: str) -> Step:
    return Step.objects.get(run=run, key=key)


def lose(run: Run, key: str) -> None:
    """Let the attempt that runs be found lost, as after a kill."""
    Step.objects.filter(run=run, key=key).update(lost_at=Now())
    assert runs.recover() == 1


def claim(worker: WorkerSession):
    lease = runs.start("agent.probe", worker=worker.pk, pid=os.getpid(), worker_name="t")
    assert lease is not None
    return lease


def kinds(run: Run) -> list[str]:
    return [event.kind for event in events.since(run, 0)]


def test_once_is_not_repeated_by_later_attempts(submit, worker, ledger: Path) -> None:
    run = submit(work("a", operation="journal", ledger=ledger, fail_times=2, value=7))
    work_off()
    assert_sound(run)
    assert effects(ledger) == ["a"]
    assert (step(run, "a").attempts_made, step(run, "a").output["value"]) == (3, 7)


def test_once_with_another_input_diverges_and_is_not_tried_again(submit, worker) -> None:
    run = submit(work("a", operation="fickle"))
    work_off()
    found = step(run, "a")
    assert (found.state, found.error["kind"], found.attempts_made) == ("dead", "journal_diverged", 2)
    assert "another input" in found.error["message"]


def test_deed_in_doubt_is_found_out_by_reconcile(submit, worker, ledger: Path) -> None:
    done = submit(work("a", operation="deed", ledger=ledger, fail_times=1, note="done"))
    undone = submit(work("b", operation="deed", ledger=ledger, fail_times=1, note="undone"))
    work_off()
    assert (step(done, "a").output["value"], step(undone, "b").output["value"]) == (99, 2)
    assert effects(ledger) == ["b"]


@pytest.mark.parametrize("approved", [True, False])
def test_deed_in_doubt_is_asked_about(submit, worker, ledger: Path, approved: bool) -> None:
    run = submit(work("a", operation="deed", ledger=ledger, fail_times=1))
    work_off()
    assert step(run, "a").state == "waiting_approval"
    question = Approval.objects.get(run=run)
    assert "may it be done again?" in question.question
    runs.decide(question.public_id, approved=approved, by_user_id=None, by="bob")
    work_off()
    assert_sound(run)
    found = step(run, "a")
    if approved:
        assert (found.state, found.output["value"], effects(ledger)) == ("succeeded", 3, ["a"])
    else:
        assert (found.state, found.error["kind"], effects(ledger)) == ("dead", "effect_unknown", [])


def test_each_doubt_is_a_question_of_its_own(submit, worker, ledger: Path) -> None:
    run = submit(work("a", operation="deed", ledger=ledger, fail_times=3))
    for n in (1, 2):
        work_off()
        assert Approval.objects.filter(run=run).count() == n
        question = Approval.objects.get(run=run, decision="")
        runs.decide(question.public_id, approved=True, by_user_id=None, by="bob")
    work_off()
    assert len(effects(ledger, kind="begin")) == 3


def test_lost_attempt_of_an_operation_that_must_not_repeat_is_asked_about(submit, worker) -> None:
    run = submit(work("a", operation="post", value=1))
    claim(worker)
    lose(run, "a")
    assert step(run, "a").state == "waiting_approval"
    runs.decide(Approval.objects.get(run=run).public_id, approved=True, by_user_id=None, by="bob")
    work_off()
    assert_sound(run)
    assert step(run, "a").state == "succeeded"


def test_call_gives_the_childs_output_without_holding_a_worker(submit, worker, ledger: Path) -> None:
    run = submit(chain(work("a", operation="caller", grow=2, ledger=ledger), work("b")))
    assert drain("agent.probe")[-1].endswith("suspended, waits for 'a:second.give.1'")
    assert (step(run, "a").state, Step.objects.filter(run=run, state="running").count()) == ("waiting", 0)
    work_off()
    assert_sound(run)
    assert step(run, "a").output["value"] == 3
    assert effects(ledger) == ["a:second.give.1", "a:second.give.2", "a"]
    outcomes = list(
        Attempt.objects.filter(step=step(run, "a")).order_by("ordinal").values_list("outcome", flat=True)
    )
    assert outcomes == ["released", "released", "succeeded"]
    assert (step(run, "a").attempts_spent, step(run, "b").state) == (0, "succeeded")


@pytest.mark.parametrize(("note", "state"), [("fail", "failed"), ("fail, caught", "succeeded")])
def test_failed_child_is_the_callers_to_deal_with(submit, worker, note: str, state: str) -> None:
    run = submit(work("a", operation="caller", grow=1, note=note))
    work_off()
    assert_sound(run)
    run.refresh_from_db()
    assert run.state == state
    assert step(run, "a:second.give.1").state == "dead"
    if state == "failed":
        assert step(run, "a").error["kind"] == "child_failed"
        assert "told to fail" in run.failure


def test_calls_within_calls_end_and_are_bounded(submit, worker) -> None:
    run = submit(work("a", operation="deep", grow=5))
    work_off()
    assert step(run, "a").output["value"] == 6
    endless = submit(work("b", operation="deep", grow=40))
    work_off()
    endless.refresh_from_db()
    assert (endless.state, "does it call itself?" in endless.failure) == ("failed", True)
    assert Step.objects.filter(run=endless).count() <= 21
    assert_sound(run, endless)


def test_call_of_what_is_not_there_fails_the_caller_at_once(submit, worker) -> None:
    run = submit(work("a", operation="caller", grow=1, note="unknown"))
    work_off()
    found = step(run, "a")
    assert (found.state, found.error["kind"], found.attempts_made) == ("dead", "bad_call", 1)
    assert_sound(run)


def test_deed_that_must_not_happen_twice_cannot_wait_in_its_middle(submit, worker) -> None:
    run, other = submit(work("a", operation="torn")), submit(work("b", operation="torn", note="may"))
    work_off()
    assert step(run, "a").error["kind"] == "bad_call"
    assert step(other, "b").output["value"] == 3
    assert_sound(run, other)


def test_caller_killed_after_its_child_ended_calls_no_second_one(submit, worker, ledger: Path) -> None:
    run = submit(work("a", operation="caller", grow=1, ledger=ledger))
    work_off("agent.probe")
    drain("agent.second")
    claim(worker)
    lose(run, "a")
    work_off()
    assert_sound(run)
    assert effects(ledger) == ["a:second.give.1", "a"]


def test_cancel_ends_caller_and_child(submit, worker) -> None:
    run = submit(chain(work("a", operation="caller", grow=1), work("b")))
    drain("agent.probe")
    runs.cancel(run.public_id, by="bob")
    assert_sound(run)
    assert set(Step.objects.filter(run=run).values_list("state", flat=True)) == {"cancelled"}


def test_step_of_a_cancelled_run_does_not_suspend(submit, worker) -> None:
    """It would wait for ever: who cancelled has left the running steps to their attempts."""
    for operation in ("caller", "ask"):
        run = submit(work("a", operation=operation, grow=1))
        lease = claim(worker)
        runs.cancel(run.public_id, by="bob")
        outcome = execution.carry_out(lease)
        assert outcome == "cancelled"
        assert_sound(run)


def test_paused_run_goes_on_with_its_calls_after_resume(submit, worker) -> None:
    run = submit(work("a", operation="caller", grow=1))
    lease = claim(worker)
    runs.pause(run.public_id, by="bob")
    execution.carry_out(lease)
    assert work_off() == []
    runs.resume(run.public_id, by="bob")
    work_off()
    assert_sound(run)


@pytest.mark.parametrize("approved", [True, False])
def test_answer_goes_to_the_step_and_along_its_edges(submit, worker, approved: bool) -> None:
    bob = User.objects.create_user("bob", "bob@example.com", "x")
    run = submit(
        work("a", operation="ask", note="Deploy?"),
        work("yes", after=(After(key="a"),)),
        work("no", after=(After(key="a", on=EdgeCondition.FAILED),)),
    )
    work_off()
    question = Approval.objects.get(run=run)
    assert (question.question, step(run, "a").state) == ("Deploy?", "waiting_approval")
    runs.decide(question.public_id, approved=approved, by_user_id=bob.pk, by="bob", comment="as agreed")
    work_off()
    assert_sound(run)
    states = dict(Step.objects.filter(run=run).values_list("key", "state"))
    if approved:
        assert states == {"a": "succeeded", "yes": "succeeded", "no": "skipped"}
        assert step(run, "a").output["note"] == "approved by bob: as agreed"
    else:
        assert states == {"a": "dead", "yes": "skipped", "no": "succeeded"}
    assert kinds(run).count("approval.asked") == kinds(run).count("approval.decided") == 1


def test_question_expires(submit, worker) -> None:
    run = submit(work("a", operation="ask", value=60))
    work_off()
    assert runs.expire_approvals() == 0
    Approval.objects.filter(run=run).update(expires_at=database_now() - timedelta(seconds=1))
    with pytest.raises(ApprovalDecided, match="has expired"):  # before the sweep comes by, too
        runs.decide(Approval.objects.get(run=run).public_id, approved=True, by_user_id=None, by="bob")
    assert runs.expire_approvals() == 1
    work_off()
    with pytest.raises(ApprovalDecided, match="has expired"):
        runs.decide(Approval.objects.get(run=run).public_id, approved=True, by_user_id=None, by="bob")
    assert_sound(run)
    assert step(run, "a").error["message"] == "expired by nobody"


def test_question_is_answered_once(submit, worker) -> None:
    bob = User.objects.create_user("bob", "bob@example.com", "x")
    run = submit(work("a", operation="ask"))
    work_off()
    name = Approval.objects.get(run=run).public_id
    for _ in range(2):
        runs.decide(name, approved=True, by_user_id=bob.pk, by="bob")
    with pytest.raises(ApprovalDecided, match="approved already"):
        runs.decide(name, approved=False, by_user_id=None, by="carol")
    with pytest.raises(ApprovalNotFound):
        runs.decide(run.public_id, approved=True, by_user_id=None, by="carol")
    assert kinds(run).count("approval.decided") == 1


def test_cancel_withdraws_the_question(submit, worker) -> None:
    run = submit(work("a", operation="ask"))
    work_off()
    runs.cancel(run.public_id, by="bob")
    assert Approval.objects.get(run=run).decision == "withdrawn"
    with pytest.raises(ApprovalDecided, match="was withdrawn"):
        runs.decide(Approval.objects.get(run=run).public_id, approved=True, by_user_id=None, by="bob")
    assert_sound(run)


def test_retry_of_a_run_does_the_caller_again_and_not_its_child_alone(submit, worker) -> None:
    run = submit(work("z"), work("a", operation="caller", grow=1, note="fail"))
    work_off()
    preview = runs.preview_rerun(run.public_id)
    assert ([s.key for s in preview.redone], preview.taken, preview.anew) == (
        ["a"],
        ("z",),
        ("a:second.give.1",),
    )
    again, _ = runs.rerun_from(run.public_id, "a:second.give.1", by="bob")
    work_off()
    assert_sound(again)
    assert JournalEntry.objects.filter(step__run=again).count() == 1


def test_preview_tells_of_deeds_that_may_be_repeated(submit, worker, ledger: Path) -> None:
    run = submit(
        chain(work("a", operation="deed", ledger=ledger), work("b", operation="caller", grow=1, note="fail"))
    )
    work_off()
    by_key = {redone.key: redone.repeats_effect for redone in runs.preview_rerun(run.public_id, "a").redone}
    assert by_key == {"a": True, "b": False}
