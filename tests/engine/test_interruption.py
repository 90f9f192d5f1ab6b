"""One attempt in this process that is struck at a bad moment: nothing stays half done, nobody else is hit."""

from __future__ import annotations

import os
import signal
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now

from tasks import events, interruption, partitions, runs, stint
from tasks.context import TELL_EVERY_SECONDS
from tasks.contract import StepResult
from tasks.errors import PlanInvalid
from tasks.models import LogChunk, Run, Step, WorkerSession
from tasks.plans import After, Plan, chain
from tasks.states import EdgeCondition
from tests.engine.conftest import Submit, work

pytestmark = pytest.mark.django_db(transaction=True)


def states(run: Run) -> dict[str, str]:
    return dict(Step.objects.filter(run=run).values_list("key", "state"))


def interrupted(context: Any) -> StepResult:
    os.kill(os.getpid(), interruption.CANCEL_SIGNAL)
    raise AssertionError("the signal interrupts")


def test_cancel_signal_for_the_attempt_before_hurts_nobody(
    submit: Submit, worker: WorkerSession, operation: Any
) -> None:
    run = submit(chain(work("a"), work("b")))
    operation(interrupted)
    assert stint.run_next("agent.probe").endswith("released")
    assert states(run) == {"a": "ready", "b": "pending"}


def test_cancel_signal_between_claim_and_operation_is_heard(submit: Submit, worker: WorkerSession) -> None:
    interruption.forget()
    os.kill(os.getpid(), interruption.CANCEL_SIGNAL)
    with pytest.raises(interruption.CancelWanted), interruption.interruptible(60):
        raise AssertionError("the operation does not begin")
    interruption.forget()
    with interruption.interruptible(60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_transaction_torn_by_an_interruption_is_not_gone_on_with(
    submit: Submit, worker: WorkerSession, operation: Any
) -> None:
    def torn(context: Any) -> StepResult:
        transaction.atomic().__enter__()
        Run.objects.update(failure="never committed")
        raise interruption.TimeLimitReached

    run = submit(work("a"))
    operation(torn)
    stint.run_next("agent.probe")
    assert not connection.in_atomic_block
    connection.close()  # another connection sees what was committed
    run.refresh_from_db()
    assert (states(run), run.failure) == ({"a": "waiting_retry"}, "")


def test_attempt_that_cannot_be_settled_is_given_up(
    submit: Submit, worker: WorkerSession, operation: Any
) -> None:
    """Else the heart sees a living child and a running step, until the hard limit kills the wrong attempt."""

    def leaves(context: Any) -> StepResult:
        raise SystemExit(1)

    run = submit(work("a"))
    operation(leaves)
    with pytest.raises(SystemExit):
        stint.run_next("agent.probe")
    assert Step.objects.get(run=run).lost_at is not None
    runs.recover()
    assert states(run) == {"a": "ready"}


def test_log_chunk_whose_answer_was_lost_is_stored_once(
    submit: Submit, worker: WorkerSession, operation: Any
) -> None:
    """The commit went through; the connection was lost before its answer came."""
    lost: list[bool] = []

    def lose_answer() -> None:
        if not lost:
            lost.append(True)
            raise OperationalError("server closed the connection unexpectedly")

    def logs(context: Any) -> StepResult:
        transaction.on_commit(lambda: None)
        real = connection.run_and_clear_commit_hooks

        def hooks() -> None:
            real()
            lose_answer()

        connection.run_and_clear_commit_hooks = hooks
        try:
            context.log("one line")
        finally:
            del connection.run_and_clear_commit_hooks
        return StepResult()

    run = submit(work("a"))
    operation(logs)
    assert stint.run_next("agent.probe").endswith("succeeded")
    assert (lost, list(LogChunk.objects.values_list("text", flat=True))) == ([True], ["one line"])
    assert states(run) == {"a": "succeeded"}


def test_chatty_log_makes_few_events(submit: Submit, worker: WorkerSession, operation: Any) -> None:
    def chatters(context: Any) -> StepResult:
        for n in range(60):
            context.log(f"{n} " + "x" * 9000)
        return StepResult()

    run = submit(work("a"))
    operation(chatters)
    begun = datetime.now(UTC)
    stint.run_next("agent.probe")
    seconds = (datetime.now(UTC) - begun).total_seconds()
    told = [event for event in events.since(run, 0) if event.kind == "step.logged"]
    assert LogChunk.objects.count() == 60
    assert told[-1].data["chunk"] == 60
    assert len(told) <= 2 + seconds / TELL_EVERY_SECONDS


def test_request_stands_whatever_goes_wrong_after_its_commit(submit: Submit) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'refused'; END $$;"
            "CREATE TRIGGER refuse BEFORE DELETE ON tasks_outboxmessage"
            " FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    try:
        assert submit(work("a")).state == "accepted"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse CASCADE")


def test_partition_of_a_request_that_was_rolled_back_is_made_again(transactional_db: None) -> None:
    day = date(2031, 5, 17)

    def there() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('tasks_event_20310517') IS NOT NULL")
            return bool(cursor.fetchone()[0])

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        partitions.ensure_once(day)
        raise ZeroDivisionError
    partitions.ensure_once(day)
    try:
        assert there()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS tasks_event_20310517")


def test_step_that_waits_twice_for_another(submit: Submit, worker: WorkerSession) -> None:
    once = After(key="a")
    run = submit(chain(work("a"), work("b", after=(once,))))  # the chain's edge is there already
    assert states(run) == {"a": "ready", "b": "pending"}
    other = After(key="a", on=EdgeCondition.FAILED)
    with pytest.raises(PlanInvalid, match="waits for 'a' twice"):
        submit(Plan((work("a"), work("b", after=(once, other)))))
    assert Step.objects.filter(available_at__lte=Now()).count() == 2
