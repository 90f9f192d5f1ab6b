"""What an operation may hand back, and what the sweep does with what it cannot move."""

from __future__ import annotations

import pytest
from django.db import IntegrityError
from django.db.models.functions import Now

from tasks import execution, outbox, runs
from tasks.errors import IdempotencyConflict
from tasks.models import Approval, Artifact, Queue, Step
from tasks.plans import group
from tasks.runs import recovery
from tests.engine.cluster import assert_sound
from tests.engine.conftest import Submit, drain, work

pytestmark = pytest.mark.django_db(transaction=True)


def test_output_over_the_limit_is_refused(
    submit: Submit, worker: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "MAX_OUTPUT_BYTES", 20)
    run = submit(work("a", note="x" * 50))
    drain()
    step = Step.objects.get(run=run)
    assert (step.state, step.error["kind"]) == ("dead", "bad_result")
    assert "larger things are artifacts" in step.error["message"]
    assert_sound(run)


@pytest.mark.parametrize("name", ["a\r\nb", "", "../x", "x" * 201, "a\0"])
def test_artifact_with_an_unfit_name_is_refused(worker: object, submit: Submit, name: str) -> None:
    submit(work("a"))
    lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
    context = execution.AttemptContext(lease=lease, project_id=1)
    with pytest.raises(ValueError, match="an artifact cannot be named"):
        context.put_artifact(name, b"x", media_type="text/plain")
    assert Artifact.objects.count() == 0


def test_lost_step_with_an_effect_once_is_not_run_again_without_leave(submit: Submit, worker: object) -> None:
    run = submit(work("a"))
    Step.objects.filter(run=run).update(effect="once")
    runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
    Step.objects.filter(run=run).update(lost_at=Now())
    assert runs.recover() == 1
    question = Approval.objects.get(run=run)
    assert Step.objects.get(run=run).state == "waiting_approval"
    assert "its end is not known" in question.question
    runs.decide(question.public_id, approved=False, by_user_id=None, by="bob")
    step = Step.objects.get(run=run)
    assert (step.state, step.error["kind"]) == ("dead", "effect_unknown")
    assert_sound(run)


def test_row_that_cannot_be_moved_holds_up_no_other(submit: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    run = submit(group(work("bad"), work("good")))
    Step.objects.filter(run=run).update(deadline_at="2020-01-01T00:00:00Z")
    bad = Step.objects.get(run=run, key="bad").pk
    usual = recovery._expire_steps

    def refuse(step_pks: list[int], run_pk: int, kind: str) -> int:
        if step_pks == [bad]:
            raise IntegrityError("a row that breaks a constraint")
        return usual(step_pks, run_pk, kind)

    monkeypatch.setattr(recovery, "_expire_steps", refuse)
    assert runs.expire() == 1
    assert Step.objects.get(run=run, key="good").state == "dead"


def test_closed_queue_is_not_rung_for(submit: Submit, worker: object) -> None:
    submit(work("a"))
    Queue.objects.filter(name="agent.probe").update(enabled=False)
    assert outbox.ring_again() == 0


def test_deadline_is_part_of_the_body(submit: Submit) -> None:

    submit(work("a"), idempotency_key="k", deadline_seconds=60)
    with pytest.raises(IdempotencyConflict):
        submit(work("a"), idempotency_key="k", deadline_seconds=61)
