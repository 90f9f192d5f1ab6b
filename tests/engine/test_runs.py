"""Runs from submit to their end, worked off in this process: states, plans, retries, idempotency."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import InternalError, connection, connections
from django.db.models.functions import Now
from django.utils import timezone

from tasks import events, runs, stint
from tasks.contract import StepResult
from tasks.errors import IdempotencyConflict, LeaseLost, PlanInvalid, RunNotFound
from tasks.models import Artifact, Attempt, Event, LogChunk, OutboxMessage, Queue, Run, Step, WorkerSession
from tasks.plans import After, Plan, chain, chord, group, ref
from tasks.states import EdgeCondition
from tests.engine.cluster import assert_sound, effects
from tests.engine.conftest import drain, work

pytestmark = pytest.mark.django_db(transaction=True)


def states(run: Run) -> dict[str, str]:
    return dict(Step.objects.filter(run=run).values_list("key", "state"))


def kinds(run: Run) -> list[str]:
    return [event.kind for event in events.since(run, 0)]


def claim(worker, *, queue="agent.probe"):
    lease = runs.start(
        queue, worker=worker.pk if isinstance(worker, WorkerSession) else worker, pid=1, worker_name="t"
    )
    assert lease is not None
    return lease


def test_one_step_runs_to_its_end(submit, worker, ledger) -> None:
    run = submit(work("a", note="hi", ledger=ledger))
    assert (run.state, OutboxMessage.objects.count()) == ("accepted", 0)  # rung and deleted after the commit
    lines = drain()
    assert lines == [f"run {run.public_id} step a attempt 1: succeeded"]
    assert effects(ledger) == ["a"]
    assert_sound(run)
    assert run.state == "succeeded"
    assert kinds(run) == [
        "run.accepted", "step.added", "step.ready", "run.started", "step.started", "step.succeeded", "run.finished",
    ]  # fmt: skip


def test_chain_group_chord_nest(submit, worker, ledger) -> None:
    plan = chain(
        work("first", ledger=ledger),
        chord(
            group(work("b1", ledger=ledger), chain(work("b2", ledger=ledger), work("b3", ledger=ledger))),
            work("join", ledger=ledger),
        ),
        work("last", ledger=ledger),
    )
    run = submit(plan)
    drain()
    assert_sound(run)
    order = effects(ledger)
    assert sorted(order) == ["b1", "b2", "b3", "first", "join", "last"]
    assert (order[0], order[-2], order[-1]) == ("first", "join", "last")
    assert order.index("b2") < order.index("b3")


def test_reference_takes_upstream_output(submit, worker) -> None:
    run = submit(chain(work("a", value=41), work("b", note=ref("a", "nowhere"), value=ref("a", "value"))))
    drain()
    # a reference to nothing is None, which does not fit a text: told, not guessed
    assert Step.objects.get(run=run, key="b").error["kind"] == "bad_input"
    run = submit(chain(work("a", value=41), work("b", value=ref("a", "value"))))
    drain()
    assert Step.objects.get(run=run, key="b").output == {"note": "", "value": 41}


def test_result_adds_steps_and_the_join_waits_for_them(submit, worker, settings) -> None:
    settings.FUSE = False
    run = submit(chain(work("seed", operation="grow", grow=3), work("join")))
    stint.run_next("agent.probe")
    assert states(run)["join"] == "pending"
    drain()
    assert states(run) == dict.fromkeys(("seed", "join", "seed.0", "seed.1", "seed.2"), "succeeded")
    assert_sound(run)
    started = [e.data["key"] for e in events.since(run, 0) if e.kind == "step.started"]
    assert started[-1] == "join"


def test_result_with_unsound_plan_fails_the_step(submit, worker) -> None:
    run = submit(work("seed", operation="grow", grow=6000))
    drain()
    step = Step.objects.get(run=run, key="seed")
    assert (step.state, step.error["kind"]) == ("dead", "bad_plan")
    assert "at most 5000" in step.error["message"]
    assert_sound(run)


def test_failure_is_retried_with_backoff_then_dead(submit, worker, settings) -> None:
    settings.RETRY_BASE_SECONDS = 0
    run = submit(work("a", fail_times=9))
    for _ in range(3):
        drain()
        runs.promote_due()
    step = Step.objects.get(run=run)
    assert (step.state, step.attempts_made, step.attempts_spent) == ("dead", 3, 3)
    run.refresh_from_db()
    assert (run.state, run.failure) == ("failed", "step 'a' failed: told to fail in attempt 3")
    assert kinds(run).count("step.retry") == 2


def test_backoff_grows_with_full_jitter(settings) -> None:
    settings.RETRY_BASE_SECONDS, settings.RETRY_CAP_SECONDS = 2, 30
    for spent, bound in ((1, 2), (2, 4), (4, 16), (9, 30)):
        drawn = [runs.backoff_seconds(spent) for _ in range(300)]
        assert 0 <= min(drawn) < bound * 0.2
        assert bound * 0.8 < max(drawn) <= bound


def test_retry_later_spends_no_attempt(submit, worker) -> None:
    run = submit(work("a", operation="later"))
    drain()
    step = Step.objects.get(run=run)
    assert (step.state, step.attempts_spent) == ("waiting_retry", 0)
    Step.objects.filter(pk=step.pk).update(available_at=Now())
    runs.promote_due()
    drain()
    assert states(run) == {"a": "succeeded"}


def test_soft_limit_interrupts_and_is_named(submit, worker, settings) -> None:
    settings.RETRY_BASE_SECONDS = 0
    run = submit(work("a", operation="hurry", seconds=30))
    drain()
    step = Step.objects.get(run=run)
    assert (step.state, step.error) == ("waiting_retry", {"kind": "timeout", "message": "not over after 1 s"})


def test_always_edge_runs_after_a_failure_and_the_run_succeeds(submit, worker, settings) -> None:
    settings.RETRY_BASE_SECONDS = 0
    run = submit(
        chord(group(work("good"), work("bad", fail_times=9)), work("report"), on=EdgeCondition.ALWAYS)
    )
    for _ in range(3):
        drain()
        runs.promote_due()
    drain()
    assert states(run) == {"good": "succeeded", "bad": "dead", "report": "succeeded"}
    run.refresh_from_db()
    assert run.state == "succeeded"


def test_dead_step_skips_what_waits_for_it(submit, worker, settings) -> None:
    settings.RETRY_BASE_SECONDS = 0
    rescue = work("rescue", after=(After(key="bad", on=EdgeCondition.FAILED),))
    unneeded = work("unneeded", after=(After(key="ok", on=EdgeCondition.FAILED),))
    run = submit(chain(work("bad", fail_times=9), work("next"), work("later")), work("ok"), rescue, unneeded)
    for _ in range(3):
        drain()
        runs.promote_due()
    drain()
    assert states(run) == {
        "bad": "dead",
        "ok": "succeeded",
        "next": "skipped",
        "later": "skipped",
        "rescue": "succeeded",
        "unneeded": "skipped",
    }
    assert_sound(run)


def test_progress_logs_events_and_artifacts_are_stored(submit, worker) -> None:
    run = submit(work("a", operation="say"))
    drain()
    assert "".join(LogChunk.objects.order_by("ordinal").values_list("text", flat=True)).count("line") == 3
    assert Artifact.objects.get().size == 5
    assert kinds(run).count("agent.said") == 1
    assert kinds(run).count("step.progress") <= 2  # at most one per 250 ms, and the last one at the end
    assert_sound(run)


@pytest.mark.parametrize("change", [{"goal": "another"}, {"priority": 1}, {"request": {"x": 1}}])
def test_idempotency_key_gives_the_same_run_or_a_conflict(submit, change) -> None:
    first = submit(work("a"), idempotency_key="k")
    assert submit(work("a"), idempotency_key="k").pk == first.pk
    with pytest.raises(IdempotencyConflict, match="'k' was used for another request"):
        submit(work("a"), idempotency_key="k", **change)
    assert Run.objects.count() == 1


def test_idempotency_key_holds_under_a_race(project) -> None:
    found: list[int] = []
    barrier = threading.Barrier(6)

    def go() -> None:
        barrier.wait()
        run, _ = runs.submit(
            Plan((work("a"),)),
            project_id=project.pk,
            owner_id=None,
            goal="g",
            request={},
            idempotency_key="k",
        )
        found.append(run.pk)
        connections.close_all()

    threads = [threading.Thread(target=go) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found)), Run.objects.count()) == (6, 1, 1)


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (Plan(()), "at least one step"),
        (Plan((work("a"), work("a"))), "'a': the key is used twice"),
        (Plan((work("a", after=(After(key="zz"),)),)), "'a': waits for 'zz', which is no step"),
        (Plan((work("a", after=(After(key="b"),)), work("b", after=(After(key="a"),)))), "in a cycle: "),
        (Plan((work("a", agent="nobody"),)), "there is no agent 'nobody'; the agents are"),
        (Plan((work("a", operation="fly"),)), "agent 'probe' has no operation 'fly'; it has: work"),
        (Plan((work("a", value="many"),)), "value: Input should be a valid integer"),
        (Plan((work("a", unknown=1),)), "unknown: Extra inputs are not permitted"),
        (Plan((work("a", note=ref("b", "note")), work("b"))), "refers to the output of 'b', which does not"),
        (Plan((work("a" * 200),)), "a key is 1 to 120"),
        (Plan((work("a", note="x" * 300_000),)), "larger things are artifacts"),
        (Plan((work("a", priority=10),)), "priority 10 is not between"),
        (Plan(tuple(work(f"s{n}") for n in range(5001))), "at most 5000"),
    ],
)  # fmt: skip
def test_unsound_plan_is_refused_whole(submit, plan, told) -> None:
    with pytest.raises(PlanInvalid) as caught:
        submit(plan)
    assert told in str(caught.value)
    assert (Run.objects.count(), Step.objects.count(), OutboxMessage.objects.count()) == (0, 0, 0)


def test_largest_plan_is_stored_and_runs_in_order(submit) -> None:
    run = submit(chord(group(*(work(f"s{n}") for n in range(4998))), work("join")))
    assert (run.step_count, run.open_steps, run.last_seq) == (4999, 4999, 1 + 4999 + 4998)


# --- Fences and leases ----------------------------------------------------------------------------------------


def test_old_fence_changes_nothing(submit, worker, other_worker) -> None:
    run = submit(work("a"))
    old = claim(worker)
    WorkerSession.objects.filter(pk=worker.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert runs.recover() == 1
    new = claim(other_worker)
    with pytest.raises(LeaseLost):
        runs.settle(old, StepResult(output={"note": "late"}))
    with pytest.raises(LeaseLost):
        runs.fail(old, kind="x", message="late")
    with pytest.raises(LeaseLost):
        runs.release(old)
    runs.record_stale(old)
    runs.settle(new, StepResult(output={"note": "right"}))
    assert Step.objects.get(run=run).output == {"note": "right"}
    assert list(Attempt.objects.order_by("ordinal").values_list("outcome", flat=True)) == [
        "stale",
        "succeeded",
    ]
    assert_sound(run)


def test_result_is_accepted_once(submit, worker) -> None:
    run = submit(work("a"))
    lease = claim(worker)
    runs.settle(lease, StepResult())
    with pytest.raises(LeaseLost):
        runs.settle(lease, StepResult())
    assert runs.was_settled(lease)
    assert_sound(run)


def test_two_claimers_never_meet(submit, worker, other_worker) -> None:
    submit(group(*(work(f"s{n}") for n in range(40))))
    got: list[int] = []
    barrier = threading.Barrier(4)

    def go(session) -> None:
        barrier.wait()
        while (lease := runs.start("agent.probe", worker=session, pid=1, worker_name="t")) is not None:
            got.append(lease.step_pk)
        connections.close_all()

    threads = [threading.Thread(target=go, args=(s,)) for s in (worker.pk, other_worker) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # SKIP LOCKED may leave a step to the bell of another; nobody gets one twice
    drainable = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
    assert drainable is None
    assert (len(got), len(set(got))) == (40, 40)


def test_worker_without_a_lease_claims_nothing(submit, worker) -> None:
    submit(work("a"))
    WorkerSession.objects.filter(pk=worker.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t") is None


def test_lost_attempts_are_bounded(submit, worker) -> None:
    run = submit(work("a"))
    for _ in range(3):
        claim(worker)
        Step.objects.filter(run=run).update(lost_at=Now())
        assert runs.recover() == 1
    step = Step.objects.get(run=run)
    assert (step.state, step.error["kind"]) == ("dead", "child_lost")
    assert_sound(run)


def test_release_gives_the_step_back_and_spends_nothing(submit, worker) -> None:
    run = submit(work("a"))
    runs.release(claim(worker))
    step = Step.objects.get(run=run)
    assert (step.state, step.attempts_made, step.attempts_spent) == ("ready", 1, 0)


def test_uncertain_claim_is_disowned(submit, worker) -> None:
    from tasks import leases

    run = submit(work("a"))
    claim(worker)
    assert leases.disown(worker=worker.pk, pid=1) == 1
    runs.recover()
    assert states(run) == {"a": "ready"}


# --- Order, limits, pause -------------------------------------------------------------------------------------


def test_order_is_priority_with_ageing(submit, worker) -> None:
    submit(work("nine", priority=9), goal="nine")
    submit(work("five", priority=5), goal="five")
    submit(work("zero", priority=0), goal="zero")
    # the 9 has waited 541 s: it stands before a fresh 0
    Step.objects.filter(key="nine").update(rank=timezone.now() + timedelta(seconds=540 - 541))
    assert [claim(worker).key for _ in range(3)] == ["nine", "zero", "five"]


def test_run_priority_is_its_steps_unless_they_have_their_own(submit) -> None:
    run = submit(group(work("a"), work("b", priority=7)), priority=1)
    assert dict(Step.objects.filter(run=run).values_list("key", "priority")) == {"a": 1, "b": 7}


def test_concurrency_limit_holds_and_frees(submit, worker) -> None:
    Queue.objects.filter(name="agent.probe").update(concurrency_limit=2)
    submit(group(*(work(f"s{n}") for n in range(4))))
    first = claim(worker)
    claim(worker)
    assert runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t") is None
    runs.settle(first, StepResult())
    claim(worker)


def test_disabled_or_paused_queue_keeps_its_steps(submit, worker) -> None:
    submit(work("a"))
    Queue.objects.filter(name="agent.probe").update(enabled=False)
    assert runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t") is None
    Queue.objects.filter(name="agent.probe").update(enabled=True, paused_at=Now())
    assert runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t") is None
    Queue.objects.filter(name="agent.probe").update(paused_at=None)
    claim(worker)


# --- Cancelling and deadlines ---------------------------------------------------------------------------------


def test_cancel_before_the_start(submit) -> None:
    run = submit(chain(work("a"), work("b")))
    assert runs.cancel(run.public_id, by="alice", reason="wrong repository").state == "cancelled"
    assert states(run) == {"a": "cancelled", "b": "cancelled"}
    assert runs.cancel(run.public_id, by="alice").state == "cancelled"  # again changes nothing
    assert kinds(run).count("run.cancel_requested") == 1
    assert_sound(run)


def test_cancel_waits_for_the_running_attempt(submit, worker) -> None:
    run = submit(chain(work("a"), work("b")))
    lease = claim(worker)
    assert runs.cancel(run.public_id, by="alice").state == "running"
    assert states(run) == {"a": "running", "b": "cancelled"}
    runs.settle_cancelled(lease)
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert_sound(run)


def test_result_after_cancel_adds_no_steps(submit, worker) -> None:
    run = submit(work("a"))
    lease = claim(worker)
    runs.cancel(run.public_id, by="alice")
    runs.settle(lease, StepResult(plan=Plan((work("more"),))))
    run.refresh_from_db()
    assert (run.state, states(run)) == ("cancelled", {"a": "succeeded"})


def test_cancel_of_unknown_run(project) -> None:
    import uuid

    with pytest.raises(RunNotFound):
        runs.cancel(uuid.uuid4(), by="alice")


def test_run_deadline_fails_the_run(submit, worker) -> None:
    run = submit(chain(work("a"), work("b")))
    Run.objects.filter(pk=run.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    runs.expire()
    run.refresh_from_db()
    assert (run.state, run.failure) == ("failed", "step 'a' failed: not over before its deadline")
    assert_sound(run)


def test_run_deadline_has_a_running_attempt_killed(submit, worker) -> None:
    run = submit(chain(work("a"), work("b")))
    claim(worker)
    Run.objects.filter(pk=run.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    runs.expire()
    assert Step.objects.get(run=run, key="a").kill_at <= timezone.now()
    Step.objects.filter(run=run, key="a").update(lost_at=Now())  # as the heart reports after its kill
    runs.recover()
    assert states(run)["a"] == "dead"
    assert_sound(run)


def test_step_deadline(submit, worker) -> None:
    run = submit(work("a", deadline_seconds=5))
    Step.objects.filter(run=run).update(deadline_at=timezone.now() - timedelta(seconds=1))
    runs.expire()
    assert Step.objects.get(run=run).error["kind"] == "step_deadline"


# --- What the database itself refuses -------------------------------------------------------------------------


def test_database_refuses_to_leave_a_final_state(submit, worker) -> None:
    run = submit(work("a"))
    drain()
    with pytest.raises(InternalError, match="Invalid transition"):
        Step.objects.filter(run=run).update(state="ready", ended_at=None)
    with pytest.raises(InternalError, match="Invalid transition"), connection.cursor() as cursor:
        cursor.execute("UPDATE tasks_run SET state = 'running' WHERE id = %s", [run.pk])


def test_text_that_postgresql_refuses_is_kept_readable(submit, worker) -> None:
    run = submit(work("a", note="nul \0 and \ud800 surrogate"), goal="go\0al")
    drain()
    assert run.goal == "go\ufffdal"
    assert Step.objects.get(run=run).output["note"] == "nul \ufffd and ? surrogate"
    assert Event.objects.get(run=run, kind="run.accepted").data["goal"] == "go\ufffdal"
