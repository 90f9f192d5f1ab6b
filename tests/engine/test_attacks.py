"""Two transactions that meet at a bad moment: each test holds the first one open until the second waits for it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from django.db import connection, connections, transaction

from tasks import events, runs
from tasks.contract import StepResult
from tasks.database import resilient
from tasks.leases import Lease
from tasks.models import Attempt, Run, Step, WorkerSession
from tasks.plans import After, Plan, chain, group
from tasks.states import EdgeCondition
from tests.engine.cluster import assert_sound, until
from tests.engine.conftest import Submit, drain, work

pytestmark = pytest.mark.django_db(transaction=True)


def states(run: Run) -> dict[str, str]:
    return dict(Step.objects.filter(run=run).values_list("key", "state"))


def claim(worker: WorkerSession, *, pid: int = 1) -> Lease:
    lease = runs.start("agent.probe", worker=worker.pk, pid=pid, worker_name="t")
    assert lease is not None
    return lease


def waiting_for(pid: int) -> list[int]:
    """Give the backends that wait for a lock of this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_locks WHERE NOT granted AND %s = ANY(pg_blocking_pids(pid))", [pid]
        )
        return [row[0] for row in cursor.fetchall()]


def own_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def second_connection() -> Any:
    wanted = {"dbname", "user", "password", "host", "port"}
    parameters = connection.get_connection_params()
    return psycopg2.connect(**{key: value for key, value in parameters.items() if key in wanted})


class Side(threading.Thread):
    """Another process's call: in a thread with a connection of its own."""

    def __init__(self, act: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.act, self.error, self.pid = act, None, 0
        self.begun = threading.Event()
        self.start()
        self.begun.wait(10)

    def run(self) -> None:
        try:
            self.pid = own_pid()
            self.begun.set()
            self.act()
        except BaseException as error:
            self.error = error
        finally:
            connections.close_all()

    def end(self) -> None:
        self.join(30)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error


def meet(first: Callable[[], Any], second: Callable[[], Any]) -> None:
    """Let `second` begin while `first` is done but not committed; commit when `second` waits for it."""
    with transaction.atomic():
        first()
        me, side = own_pid(), Side(second)
        until(lambda: side.pid in waiting_for(me), within=10, what="the second waits for the first")
    side.end()


# --- Cancelling -----------------------------------------------------------------------------------------------


def test_attempt_that_fails_during_the_cancel_does_not_wait_for_a_retry(
    submit: Submit, worker: WorkerSession
) -> None:
    run = submit(work("a"))
    lease = claim(worker)
    meet(
        lambda: runs.cancel(run.public_id, by="alice"),
        lambda: runs.fail(lease, kind="failed", message="told to"),
    )
    assert_sound(run)
    assert (run.state, states(run)) == ("cancelled", {"a": "dead"})


def test_result_that_comes_during_the_cancel_adds_no_steps(submit: Submit, worker: WorkerSession) -> None:
    run = submit(work("a"))
    lease = claim(worker)
    meet(
        lambda: runs.cancel(run.public_id, by="alice"),
        lambda: runs.settle(lease, StepResult(plan=Plan((work("more"),)))),
    )
    assert_sound(run)
    assert (run.state, states(run)) == ("cancelled", {"a": "succeeded"})


def test_cancel_finds_the_steps_that_a_result_adds_meanwhile(submit: Submit, worker: WorkerSession) -> None:
    run = submit(chain(work("a"), work("b")))
    lease = claim(worker)
    meet(
        lambda: runs.settle(lease, StepResult(plan=Plan((work("more"),)))),
        lambda: runs.cancel(run.public_id, by="alice"),
    )
    assert_sound(run)
    assert (run.state, states(run)) == (
        "cancelled",
        {"a": "succeeded", "b": "cancelled", "more": "cancelled"},
    )


def test_cancel_outlives_a_deadlock(submit: Submit, worker: WorkerSession) -> None:
    """The dead step's dependents have lower ids than itself: its locks go against the order of the cancel's."""
    run = submit(chain(work("seed"), group(work("join"), work("between"))))
    runs.settle(claim(worker), StepResult(plan=chain(work("x"), work("d"))))
    lease = claim(worker)
    assert lease.key == "x"

    def fail() -> None:
        resilient(lambda: runs.fail(lease, kind="failed", message="told to", retriable=False), what="fail")

    with contextlib.closing(second_connection()) as holder:
        holder.cursor().execute("SELECT 1 FROM tasks_step WHERE key = 'between' FOR UPDATE")
        cancelling = Side(lambda: runs.cancel(run.public_id, by="alice"))
        holder_pid = holder.info.backend_pid
        until(lambda: cancelling.pid in waiting_for(holder_pid), within=10, what="the cancel holds join")
        failing = Side(fail)
        until(lambda: failing.pid in waiting_for(cancelling.pid), within=10, what="the failure holds x")
    cancelling.end()  # it has wanted x since its lock on "between", and the failure has wanted "join"
    failing.end()
    assert_sound(run)
    assert run.state == "cancelled"


# --- Results that add steps -----------------------------------------------------------------------------------


def test_added_step_may_wait_for_a_step_that_ends_meanwhile(submit: Submit, worker: WorkerSession) -> None:
    run = submit(group(work("planner"), work("x")))
    planner, x = claim(worker), claim(worker)
    added = Plan((work("more", after=(After(key="x"),)),))
    meet(lambda: runs.settle(x, StepResult()), lambda: runs.settle(planner, StepResult(plan=added)))
    drain()
    assert_sound(run)
    assert states(run) == {"planner": "succeeded", "x": "succeeded", "more": "succeeded"}


def test_stored_step_ends_after_a_step_was_added_that_waits_for_it(
    submit: Submit, worker: WorkerSession
) -> None:
    run = submit(group(work("planner"), work("x")))
    planner, x = claim(worker), claim(worker)
    added = Plan((work("more", after=(After(key="x"),)),))
    meet(lambda: runs.settle(planner, StepResult(plan=added)), lambda: runs.settle(x, StepResult()))
    drain()
    assert_sound(run)
    assert run.state == "succeeded"


@pytest.mark.parametrize(
    ("on", "ends"),
    [(EdgeCondition.SUCCEEDED, "skipped"), (EdgeCondition.FAILED, "succeeded"), (EdgeCondition.ALWAYS, "succeeded")],
)  # fmt: skip
def test_added_step_waits_for_a_step_that_is_dead(
    submit: Submit, worker: WorkerSession, on: EdgeCondition, ends: str
) -> None:
    run = submit(group(work("x"), chain(work("planner"), work("join"))))
    runs.fail(claim(worker), kind="failed", message="told to", retriable=False)
    added = chain(work("more", after=(After(key="x", on=on),)), work("after_it"))
    runs.settle(claim(worker), StepResult(plan=added))
    drain()
    assert_sound(run)
    assert states(run) == {"x": "dead", "planner": "succeeded"} | dict.fromkeys(
        ("more", "after_it", "join"), ends
    )


def test_join_that_takes_any_end_runs_after_an_added_step_that_was_never_possible(
    submit: Submit, worker: WorkerSession
) -> None:
    run = submit(group(work("x"), chain(work("planner"), work("join"), on=EdgeCondition.ALWAYS)))
    runs.fail(claim(worker), kind="failed", message="told to", retriable=False)
    runs.settle(claim(worker), StepResult(plan=Plan((work("more", after=(After(key="x"),)),))))
    drain()
    assert_sound(run)
    assert states(run) == {"x": "dead", "planner": "succeeded", "more": "skipped", "join": "succeeded"}


def test_added_step_may_wait_for_the_step_that_adds_it(submit: Submit, worker: WorkerSession) -> None:
    run = submit(group(chain(work("planner"), work("join")), work("x")))
    planner, x = claim(worker), claim(worker)
    added = group(
        work("more", after=(After(key="planner"), After(key="x"))),
        work("never", after=(After(key="planner", on=EdgeCondition.FAILED),)),
    )
    runs.settle(planner, StepResult(plan=added))
    assert states(run) == {
        "planner": "succeeded",
        "x": "running",
        "more": "pending",
        "never": "skipped",
        "join": "skipped",
    }
    runs.settle(x, StepResult())
    drain()
    assert_sound(run)
    assert states(run)["more"] == "succeeded"


# --- How a run ends -------------------------------------------------------------------------------------------


def test_failure_whose_rescue_was_skipped_fails_the_run(submit: Submit, worker: WorkerSession) -> None:
    rescue = work(
        "rescue",
        after=(After(key="a", on=EdgeCondition.FAILED), After(key="b", on=EdgeCondition.FAILED)),
    )
    run = submit(work("a"), work("b"), rescue)
    runs.fail(claim(worker), kind="failed", message="told to", retriable=False)
    runs.settle(claim(worker), StepResult())
    assert_sound(run)
    assert (run.state, states(run)["rescue"]) == ("failed", "skipped")


def test_late_run_that_never_began_fails(submit: Submit) -> None:
    def one_of(key: str, dead: str, well: str) -> Any:
        return work(key, after=(After(key=dead, on=EdgeCondition.FAILED), After(key=well)))

    run = submit(
        work("a", deadline_seconds=1),
        work("b", deadline_seconds=1),
        one_of("c", "a", "b"),
        one_of("d", "b", "a"),
    )
    Step.objects.filter(run=run, key__in="ab").update(deadline_at=run.created_at)
    runs.expire()
    assert_sound(run)
    assert run.state == "failed"


# --- Answers that get lost ------------------------------------------------------------------------------------


def test_failure_that_was_stored_is_not_called_stale(submit: Submit, worker: WorkerSession) -> None:
    """The commit went through, its answer did not: the failure is told again and finds its lease gone."""
    run = submit(work("a"))
    lease = claim(worker)
    runs.fail(lease, kind="failed", message="told to")
    runs.record_stale(lease)
    assert Attempt.objects.get().outcome == "failed"
    assert "step.stale_result" not in [event.kind for event in events.since(run, 0)]
