"""What the scheduler's sweep moves: lost attempts, due retries, passed deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from tasks import events, leases
from tasks.changes import Change
from tasks.database import each
from tasks.models import Attempt, Run, Step
from tasks.plans import JsonObject
from tasks.runs.moves import (
    OPEN,
    bury,
    cancel_step,
    database_now,
    error_of,
    lock_many,
    lock_one,
    make_ready,
    ring_for_limit,
)
from tasks.runs.suspending import ask_again
from tasks.states import FINAL_RUN_STATES, AttemptOutcome, StepState


def recover() -> int:
    """Settle steps whose attempt cannot end any more: ready again, or dead. Returns how many."""
    return each(_recover_one, leases.lost())


def give_back(*, worker: UUID, pid: int) -> int:
    """Give back what this child claimed and has not begun: a claim whose answer was lost. No attempt is spent.

    Returns how many steps. Only for a child that works on nothing: what it seems to hold it does not know of.
    """
    held = Attempt.objects.filter(
        outcome="", child_pid=pid, fence=F("step__fence"), step__worker=worker, step__lost_at=None
    )
    found = list(held.values_list("step_id", "step__run_id", "fence"))
    return sum(_give_back_one(step, run, fence) for step, run, fence in found)


def promote_due() -> int:
    """Make retries ready whose delay is over. Returns how many."""
    due = list(
        Step.objects.filter(state=StepState.WAITING_RETRY.value, available_at__lte=Now()).values_list(
            "pk", "run_id"
        )[:500]
    )
    return each(_promote_one, due)


def expire() -> int:
    """End runs and steps that are past their deadline, the longest late first. Returns how many were touched."""
    runs = list(
        Run.objects.filter(deadline_at__lt=Now())
        .exclude(state__in=[s.value for s in FINAL_RUN_STATES])
        .order_by("deadline_at", "pk")
        .values_list("pk")[:100]
    )
    late = Step.objects.filter(deadline_at__lt=Now(), state__in=OPEN).order_by("deadline_at", "pk")
    steps = list(late.values_list("pk", "run_id")[:500])
    return each(_expire_run, runs) + each(_expire_step, steps)


def _recover_one(step_pk: int, run_pk: int) -> bool:
    with transaction.atomic():
        step = lock_one(step_pk, skip_locked=True)
        if step is None or step.fence is None or not leases.is_lost(step_pk):
            return False
        change = Change(run_pk)
        error = _why_lost(step)
        Attempt.objects.filter(fence=step.fence, outcome="").update(
            outcome=AttemptOutcome.LOST.value, ended_at=Now(), error=error
        )
        spent = step.attempts_spent + 1
        if step.run.cancel_requested_at is not None:
            cancel_step(step, change)
        elif _is_past_deadline(step):
            bury(step, error, change, step.attempts_made, spent=spent)
        elif step.effect == "once":  # it may have happened: doing it again is for a person to decide
            ask_again(step, change, why=error["message"])
        elif spent >= step.max_attempts:
            bury(step, error, change, step.attempts_made, spent=spent)
        else:
            change.tell(events.StepLost(key=step.key, attempt=step.attempts_made, error=error), step.pk)
            make_ready(step, change, spent=spent)
        change.write()
    return True


def _give_back_one(step_pk: int, run_pk: int, fence: UUID) -> bool:
    with transaction.atomic():
        step = lock_one(step_pk)
        if step is None or step.fence != fence or step.lost_at is not None:
            return False
        change = Change(run_pk)
        Attempt.objects.filter(fence=fence).update(outcome=AttemptOutcome.RELEASED.value, ended_at=Now())
        if step.run.cancel_requested_at is not None:
            cancel_step(step, change)
        else:
            change.tell(events.StepReleased(key=step.key, attempt=step.attempts_made), step.pk)
            make_ready(step, change, spent=step.attempts_spent)
        ring_for_limit(step.pk, change)
        change.write()
    return True


def _why_lost(step: Step) -> JsonObject:
    now = database_now()
    if step.kill_at is not None and step.kill_at <= now:
        return error_of(
            "timeout", f"killed: not over after its hard limit ({step.timeout_seconds} s and grace)"
        )
    if step.lost_at is not None:
        return error_of("child_lost", "the worker's process died (killed, crashed or out of memory)")
    return error_of("lease_lost", "the worker or its host is gone, was frozen or was cut off")


def _is_past_deadline(step: Step) -> bool:
    now = database_now()
    return any(at is not None and at <= now for at in (step.deadline_at, step.run.deadline_at))


def _promote_one(step_pk: int, run_pk: int) -> bool:
    with transaction.atomic():
        step = lock_one(step_pk, skip_locked=True)
        if step is None or step.state != StepState.WAITING_RETRY.value:
            return False
        change = Change(run_pk)
        make_ready(step, change, spent=step.attempts_spent)
        change.write()
    return True


def _expire_run(run_pk: int) -> int:
    pks = list(Step.objects.filter(run_id=run_pk, state__in=OPEN).order_by("pk").values_list("pk", flat=True))
    return _expire_steps(pks, run_pk, "run_deadline")


def _expire_step(step_pk: int, run_pk: int) -> int:
    return _expire_steps([step_pk], run_pk, "step_deadline")


def _expire_steps(step_pks: Sequence[int], run_pk: int, kind: str) -> int:
    """Bury idle steps that are late; a running one is killed by its worker's heart and recovered as dead."""
    with transaction.atomic():
        change = Change(run_pk)
        touched = 0
        error = error_of(kind, "not over before its deadline")
        for step in lock_many(step_pks):
            step.refresh_from_db(fields=["state"])  # burying the one before may have moved this one
            if step.state == StepState.RUNNING.value:
                touched += Step.objects.filter(pk=step.pk, kill_at__gt=Now()).update(kill_at=Now())
            elif not StepState(step.state).is_final:
                bury(step, error, change, step.attempts_made, spent=step.attempts_spent)
                touched += 1
        if touched:
            change.write()
    return touched
