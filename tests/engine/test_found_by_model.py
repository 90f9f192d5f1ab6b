"""What the model found in the engine: each story as short as it gets."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from tasks import events, runs
from tasks.contract import StepResult
from tasks.errors import PlanInvalid
from tasks.leases import Lease
from tasks.models import Attempt, Run, Step, WorkerSession
from tasks.plans import After, Plan, chain
from tasks.states import EdgeCondition
from tests.engine.cluster import assert_sound
from tests.engine.conftest import Submit, drain, work
from tests.engine.test_attacks import meet

pytestmark = pytest.mark.django_db(transaction=True)


def claim(worker: WorkerSession) -> Lease:
    lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
    assert lease is not None
    return lease


def states(run: Run) -> dict[str, str]:
    return dict(Step.objects.filter(run=run).values_list("key", "state"))


def release(lease: Lease) -> None:
    runs.release(lease)


def postpone(lease: Lease) -> None:
    runs.postpone(lease, message="not yet", delay_seconds=60)


@pytest.mark.parametrize("give_back", [release, postpone])
def test_step_that_is_given_back_after_the_cancel_is_cancelled(submit: Submit, worker, give_back) -> None:
    """Nobody claims a step of a cancelled run, so the run stayed open until its deadline."""
    run = submit(work("a"))
    lease = claim(worker)
    runs.cancel(run.public_id, by="alice")
    give_back(lease)
    assert_sound(run)
    assert (run.state, states(run)) == ("cancelled", {"a": "cancelled"})
    assert Attempt.objects.get().outcome == "cancelled"


def test_added_step_must_not_wait_for_a_step_that_waits_for_it(submit: Submit, worker) -> None:
    """What waits for the adder waits for the added steps too: the two waited for each other for ever."""
    run = submit(chain(work("adder"), work("b"), work("c"), on=EdgeCondition.ALWAYS))
    lease = claim(worker)
    for key in ("b", "c"):
        added = chain(work("x", after=(After(key=key),)), work("y"))
        with pytest.raises(PlanInvalid, match=f"waits for '{key}', which waits for 'adder'"):
            runs.settle(lease, StepResult(plan=added))
    assert states(run) == {"adder": "running", "b": "pending", "c": "pending"}
    runs.settle(lease, StepResult())
    drain()
    assert_sound(run)


def test_two_results_do_not_close_a_circle_together(submit: Submit, worker) -> None:
    run = submit(chain(work("a"), work("a1"), work("a2")), chain(work("b"), work("b1"), work("b2")))
    a, b = sorted([claim(worker), claim(worker)], key=lambda lease: lease.key)
    refused: list[str] = []

    def extend(lease: Lease, awaited: str) -> None:
        try:
            added = Plan((work(f"{lease.key}x", after=(After(key=awaited),)),))
            runs.settle(lease, StepResult(plan=added))
        except PlanInvalid as error:
            refused.append(str(error))
            runs.fail(lease, kind="bad_plan", message=str(error), retriable=False)

    meet(lambda: extend(a, "b2"), lambda: extend(b, "a2"))
    drain()
    assert_sound(run)
    assert len(refused) == 1


def test_late_result_is_not_told_after_the_end_of_the_run(submit: Submit, worker) -> None:
    """`run.finished` says that nothing will change any more."""
    run = submit(work("a"))
    late = claim(worker)
    Step.objects.filter(run=run).update(lost_at=Now())
    runs.recover()
    drain()
    runs.record_stale(late)
    assert_sound(run)
    assert [event.kind for event in events.since(run, 0)][-1] == "run.finished"
    assert Attempt.objects.get(ordinal=1).outcome == "stale"


def test_run_that_was_paused_before_its_start_tells_of_its_start(submit: Submit, worker) -> None:
    """`run.started` was never told, and the start's time was that of the resume."""
    run = submit(chain(work("a"), work("b")))
    runs.pause(run.public_id, by="alice")
    assert runs.resume(run.public_id, by="alice").started_at is None
    drain()
    assert_sound(run)
    told = [event.kind for event in events.since(run, 0)]
    assert told.count("run.started") == 1
    assert told.index("run.started") == told.index("step.started") - 1
    run.refresh_from_db()
    assert run.started_at >= Step.objects.get(run=run, key="a").started_at


def test_of_steps_that_are_late_together_the_first_one_dies_first(submit: Submit, worker) -> None:
    """In the order of their places in the table, a late step was now dead, now skipped because of another."""
    run = submit(chain(work("a"), work("b", deadline_seconds=100)))
    runs.settle(claim(worker), StepResult(plan=Plan((work("x", deadline_seconds=100),))))
    for key in ("x", "b"):  # the table's order
        Step.objects.filter(run=run, key=key).update(deadline_at=F("deadline_at") - timedelta(seconds=200))
    runs.expire()
    assert_sound(run)
    assert states(run) == {"a": "succeeded", "b": "dead", "x": "dead"}
