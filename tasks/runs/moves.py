"""The moves of one locked step, and the locks. Callers hold a transaction and write the `Change` last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Case, F, QuerySet, When
from django.db.models.functions import Now

from tasks import events, leases, limits
from tasks.changes import Change
from tasks.errors import LeaseLost, RunNotFound
from tasks.leases import Lease
from tasks.models import Approval, Attempt, JournalEntry, Run, Step, StepDependency
from tasks.plans import JsonObject
from tasks.states import AttemptOutcome, EdgeCondition, StepState, satisfies

OPEN = [state.value for state in StepState if not state.is_final]
OPEN_IDLE = [state.value for state in StepState if not state.is_final and state is not StepState.RUNNING]


NOT_RUNNING: dict[str, Any] = {
    "fence": None,
    "worker": None,
    "kill_at": None,
    "lost_at": None,
    "progress": None,
    # fair share: the project was served until now, if the step was running
    "served_at": Case(When(fence__isnull=False, then=Now()), default=F("served_at")),
}


def known(public_id: UUID) -> int:
    """Give the key of a run that a person names. Raises RunNotFound."""
    run_pk = Run.objects.filter(public_id=public_id).values_list("pk", flat=True).first()
    if run_pk is None:
        raise RunNotFound(f"there is no run {public_id}")
    return run_pk


def make_ready(step: Step, change: Change, *, spent: int) -> None:
    """Let the step be claimed from now on; it keeps the place in its queue that its waiting has earned."""
    Step.objects.filter(pk=step.pk).update(state=StepState.READY.value, attempts_spent=spent, **NOT_RUNNING)
    change.tell(events.StepReady(key=step.key), step.pk)
    change.ring(step.queue, step.priority)


def wait_for_retry(
    step: Step, delay: float, error: JsonObject, change: Change, attempt: int, *, spent: int
) -> None:
    due = database_now() + timedelta(seconds=delay)
    Step.objects.filter(pk=step.pk).update(
        state=StepState.WAITING_RETRY.value,
        available_at=due,
        rank=rank(due, step.priority),
        error=error,
        attempts_spent=spent,
        **NOT_RUNNING,
    )
    change.tell(
        events.StepRetry(key=step.key, attempt=attempt, error=error, delay_seconds=round(delay, 3)), step.pk
    )


def bury(step: Step, error: JsonObject, change: Change, attempt: int, *, spent: int) -> None:
    Step.objects.filter(pk=step.pk).update(
        state=StepState.DEAD.value, error=error, ended_at=Now(), attempts_spent=spent, **NOT_RUNNING
    )
    change.tell(events.StepDead(key=step.key, attempt=attempt, error=error), step.pk)
    change.closed += 1
    end_waits(step, change)
    release_dependents({step.pk: (StepState.DEAD, step.key)}, change)


def cancel_step(step: Step, change: Change) -> None:
    Step.objects.filter(pk=step.pk).update(state=StepState.CANCELLED.value, ended_at=Now(), **NOT_RUNNING)
    change.tell(events.StepCancelled(key=step.key), step.pk)
    change.closed += 1
    end_waits(step, change)


def end_cancelled(lease: Lease, step: Step, change: Change) -> None:
    """End the attempt and its step, whose run was cancelled: who cancelled left the running steps to their attempts.

    Nobody claims a step of a cancelled run: one that went on waiting would keep the run open.
    """
    end_attempt(lease, AttemptOutcome.CANCELLED)
    cancel_step(step, change)
    ring_for_limit(step.pk, change)
    change.write()


def end_waits(step: Step, change: Change) -> None:
    """The locked step is over: its caller, locked too, goes on; its own open question is withdrawn."""
    if step.state == StepState.WAITING_APPROVAL.value:
        Approval.objects.filter(step=step, decision="").update(
            decision=Approval.Decision.WITHDRAWN.value, decided_at=Now()
        )
    if step.added_by_id is None:
        return  # nobody called it
    caller = Step.objects.filter(journal__child=step, state=StepState.WAITING.value).first()
    if caller is not None:
        make_ready(caller, change, spent=caller.attempts_spent)


def release_dependents(ended: Mapping[int, tuple[StepState, str]], change: Change) -> None:
    """Let the ended steps' dependents come one edge nearer to ready, or skip them, and go on from the skipped.

    `ended` maps the id of a step to its final state and key. Works level by level; each level is locked by id.
    """
    while ended:
        edges = list(StepDependency.objects.filter(needs_id__in=ended).order_by("step_id"))
        dependents = {step.pk: step for step in lock_many({edge.step_id for edge in edges})}
        skipped: dict[int, tuple[StepState, str]] = {}
        for edge in edges:
            step = dependents[edge.step_id]
            if step.state != StepState.PENDING.value or step.pk in skipped:
                continue
            state, key = ended[edge.needs_id]
            if not satisfies(state, EdgeCondition(edge.condition)):
                _skip(step, key, state, change)
                skipped[step.pk] = (StepState.SKIPPED, step.key)
                continue
            step.pending_deps -= 1
            Step.objects.filter(pk=step.pk).update(pending_deps=step.pending_deps)
            if step.pending_deps == 0:
                now = database_now()
                Step.objects.filter(pk=step.pk).update(available_at=now, rank=rank(now, step.priority))
                make_ready(step, change, spent=step.attempts_spent)
                step.state = StepState.READY.value
        ended = skipped


def _skip(step: Step, because: str, ended: StepState, change: Change) -> None:
    Step.objects.filter(pk=step.pk).update(
        state=StepState.SKIPPED.value,
        ended_at=Now(),
        error=skip_error(because, ended),
    )
    change.tell(events.StepSkipped(key=step.key, because=because), step.pk)
    change.closed += 1


def ring_for_limit(step_pk: int, change: Change) -> None:
    """An ended attempt frees a place under its limits; the bells of those held back are long spent."""
    for queue, priority in limits.held_back(step_pk):
        change.ring(queue, priority)


def rank(available_at: datetime, priority: int) -> datetime:
    return available_at + timedelta(seconds=priority * leases.PRIORITY_STEP_SECONDS)


def database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def lock_for_settling(lease: Lease, also: Collection[str] = ()) -> Step:
    """Lock the attempt's step and, in the order of ids, the steps that wait for it. Raises LeaseLost.

    `also`: keys of stored steps that must not end meanwhile, because an added plan waits for them.
    """
    waiting = StepDependency.objects.filter(needs_id=lease.step_pk).values_list("step_id", flat=True)
    named = Step.objects.filter(run_id=lease.run_pk, key__in=also).values_list("pk", flat=True)
    locked = {step.pk: step for step in lock_many({lease.step_pk, *waiting, *named})}
    step = locked.get(lease.step_pk)
    if step is None or step.fence != lease.fence or step.state != StepState.RUNNING.value:
        raise LeaseLost(
            f"attempt {lease.attempt} of step {lease.key!r} is no longer the one that counts;"
            " its result is thrown away"
        )
    return step


def lock_one(step_pk: int, *, skip_locked: bool = False) -> Step | None:
    """Lock a step, after the one that called it."""
    list(Step.objects.select_for_update().filter(pk__in=_callers({step_pk})))
    found = Step.objects.select_for_update(skip_locked=skip_locked).filter(pk=step_pk)
    return next(iter(_with_runs(found)), None)


def lock_many(step_pks: Iterable[int]) -> list[Step]:
    """Lock these steps, and those that called them, in the order of ids. Gives these, with their runs."""
    wanted = set(step_pks)
    locking = Step.objects.select_for_update().filter(pk__in=sorted(wanted | _callers(wanted))).order_by("pk")
    return [step for step in _with_runs(locking) if step.pk in wanted]


def _callers(step_pks: set[int]) -> set[int]:
    """Give the steps that wait for a call of these: older, so locked before, since the end of a call moves them."""
    return set(JournalEntry.objects.filter(child_id__in=step_pks).values_list("step_id", flat=True))


def lock_open(run_pk: int) -> list[Step]:
    """Lock every step of the run that is not final, those too that a result added while we waited for its lock.

    When all are held, no attempt of the run can end, so no step can be added any more.
    """
    locked: dict[int, Step] = {}
    seen: set[int] = set()
    while True:
        found = Step.objects.filter(run_id=run_pk, state__in=OPEN).values_list("pk", flat=True)
        news = set(found) - seen
        if not news:
            return [step for _, step in sorted(locked.items()) if step.state in OPEN]
        seen |= news
        locked |= {step.pk: step for step in lock_many(news)}


def _with_runs(locking: QuerySet[Step]) -> list[Step]:
    """Lock, then read the runs in a statement of their own.

    A join would give the run as it was before the wait for the lock: without the cancel that held the lock.
    """
    steps = list(locking)
    runs = Run.objects.in_bulk({step.run_id for step in steps})
    for step in steps:
        step.run = runs[step.run_id]
    return steps


def end_attempt(lease: Lease, outcome: AttemptOutcome, error: JsonObject | None = None) -> None:
    Attempt.objects.filter(fence=lease.fence).update(outcome=outcome.value, ended_at=Now(), error=error)


def skip_error(because: str, ended: StepState) -> JsonObject:
    return error_of("skipped", f"step {because!r} before it ended as {ended.value}")


def error_of(kind: str, message: str) -> JsonObject:
    stored: JsonObject = events.storable({"kind": kind, "message": message[:4000]})
    return stored
