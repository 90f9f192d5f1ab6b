"""The journal, and steps that wait for something without holding a worker.

    once      an entry is stored before the deed and completed after it; a later attempt reads it instead
    call      running -> waiting: a child step is stored; its end, however it ends, makes the caller ready again
    ask       running -> waiting_approval: a question is stored; its answer, or its expiry, makes the step ready

A step that suspends ends its attempt without spending it. When it is executed again, from the top, its journal
answers what it did before: entries are keyed by (step, name, occurrence), and carry a digest of the input, since a
program that takes another way than it did must not be given the other way's answers (JournalDiverged).

Locks: a caller is older than the child that it calls, so callers are locked with (before) the step that ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from tasks import events
from tasks.changes import Change
from tasks.contract import JournalDiverged, Question
from tasks.errors import LeaseLost
from tasks.leases import Lease
from tasks.models import Approval, JournalEntry, Step
from tasks.plans import Plan, PlannedStep
from tasks.runs.accept import check
from tasks.runs.moves import (
    NOT_RUNNING,
    database_now,
    end_attempt,
    end_cancelled,
    lock_for_settling,
    make_ready,
    ring_for_limit,
)
from tasks.runs.storing import store_steps
from tasks.states import AttemptOutcome, StepState

MAX_DEPTH = 20  # calls within calls
FOREVER = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place in a step's journal, and what is done there."""

    name: str
    occurrence: int
    kind: str
    digest: str
    effect: str = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Suspend until this child step is over."""

    mark: Mark
    child: PlannedStep

    def __str__(self) -> str:
        return f"waits for {self.child.key!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Suspend until people have answered."""

    mark: Mark
    question: Question

    def __str__(self) -> str:
        return "waits for an approval"


class Suspended(BaseException):
    """The attempt ends here without an end of its step. A BaseException: no `except Exception` may swallow it."""

    def __init__(self, order: Call | Ask) -> None:
        super().__init__(str(order))
        self.order = order


def read_journal(lease: Lease) -> dict[tuple[str, int], JournalEntry]:
    """Give the step's journal by (name, occurrence), each entry with its child and its question."""
    entries = JournalEntry.objects.select_related("child", "approval__decided_by")
    return {(entry.name, entry.occurrence): entry for entry in entries.filter(step_id=lease.step_pk)}


def begin(lease: Lease, mark: Mark) -> JournalEntry:
    """Store that this attempt begins a deed, or begins it again. Raises LeaseLost, JournalDiverged."""
    with transaction.atomic():
        _hold(lease)
        entry, _ = JournalEntry.objects.update_or_create(
            step_id=lease.step_pk,
            name=mark.name,
            occurrence=mark.occurrence,
            defaults={"attempt": lease.attempt},
            create_defaults=_fields(mark, lease),
        )
        must_fit(entry, mark, lease)
    return entry


def finish(lease: Lease, entry: JournalEntry, value: Any) -> None:
    """Store what the deed gave; no later attempt does it. Raises LeaseLost."""
    with transaction.atomic():
        _hold(lease)
        JournalEntry.objects.filter(pk=entry.pk).update(value=events.storable(value), done_at=Now())


def suspend(lease: Lease, order: Call | Ask) -> StepState:
    """End the attempt without spending it; the step waits, or is cancelled with its run. Returns its state.

    Raises LeaseLost, PlanInvalid, UnknownOperation, JournalDiverged.
    """
    with transaction.atomic():
        step = lock_for_settling(lease)
        change = Change(lease.run_pk)
        if step.run.cancel_requested_at is not None:
            end_cancelled(lease, step, change)
            return StepState.CANCELLED
        end_attempt(lease, AttemptOutcome.RELEASED)
        change.tell(events.StepSuspended(key=step.key, attempt=lease.attempt, why=str(order)), step.pk)
        if isinstance(order, Call):
            _call(step, lease, order, change)
        else:
            entry, _ = JournalEntry.objects.get_or_create(
                step_id=step.pk,
                name=order.mark.name,
                occurrence=order.mark.occurrence,
                defaults=_fields(order.mark, lease),
            )
            put_question(step, entry, order.question, change)
        ring_for_limit(step.pk, change)
        change.write()
    return StepState.WAITING if isinstance(order, Call) else StepState.WAITING_APPROVAL


def put_question(step: Step, entry: JournalEntry, question: Question, change: Change) -> None:
    """Let the locked, running step wait for an answer to this question."""
    Step.objects.filter(pk=step.pk).update(state=StepState.WAITING_APPROVAL.value, **NOT_RUNNING)
    expires = None
    if question.expires_seconds is not None:
        expires = database_now() + min(timedelta(seconds=question.expires_seconds), FOREVER)
    approval = Approval.objects.create(
        run_id=step.run_id,
        step=step,
        entry=entry,
        question=events.storable(question.text),
        details=events.storable(question.details),
        role=question.role,
        users=list(question.users),
        asked_at=Now(),
        expires_at=expires,
    )
    change.tell(
        events.ApprovalAsked(
            key=step.key,
            approval=str(approval.public_id),
            question=question.text,
            role=question.role,
            expires_at=None if expires is None else expires.isoformat(),
        ),
        step.pk,
    )


def ask_again(step: Step, change: Change, *, why: str) -> None:
    """Ask whether a lost step whose effect must not repeat may be run again. The step is locked and running."""
    entry, _ = JournalEntry.objects.get_or_create(
        step=step,
        name="step",
        occurrence=step.attempts_made,
        defaults={
            "kind": JournalEntry.Kind.APPROVAL.value,
            "effect": "once",
            "digest": "",
            "attempt": step.attempts_made,
            "started_at": Now(),
        },
    )
    put_question(step, entry, doubt(f"{step.agent}.{step.operation}", step.attempts_made, why), change)


def doubt(deed: str, attempt: int, why: str) -> Question:
    """Word the question about a deed that may or may not have happened."""
    return Question(
        text=f"{deed} was begun by attempt {attempt} and its end is not known ({why})."
        " It must not happen twice: may it be done again?",
        details={"deed": deed, "attempt": attempt},
    )


def _call(step: Step, lease: Lease, order: Call, change: Change) -> None:
    entry, is_new = JournalEntry.objects.get_or_create(
        step_id=step.pk,
        name=order.mark.name,
        occurrence=order.mark.occurrence,
        defaults=_fields(order.mark, lease),
    )
    if is_new:
        _too_deep(step)
        stored = dict(Step.objects.filter(run_id=step.run_id).values_list("key", "pk"))
        plan = Plan((replace(order.child, priority=step.priority),))
        rows = store_steps(step.run, plan, check(plan, stored=stored), change, added_by=step.pk)
        JournalEntry.objects.filter(pk=entry.pk).update(child=rows[order.child.key])
    elif entry.child is not None and StepState(entry.child.state).is_final:
        make_ready(step, change, spent=step.attempts_spent)  # it ended while this attempt was on its way here
        return
    Step.objects.filter(pk=step.pk).update(state=StepState.WAITING.value, **NOT_RUNNING)


def _too_deep(step: Step) -> None:
    """Bound calls within calls: an operation that calls itself would fill the run."""
    depth, adder = 0, step.added_by_id
    while adder is not None:
        depth += 1
        if depth >= MAX_DEPTH:
            raise JournalDiverged(
                f"step {step.key!r} is {depth} calls deep; at most {MAX_DEPTH} are allowed: does it call itself?"
            )
        adder = Step.objects.filter(pk=adder).values_list("added_by_id", flat=True).get()


def _hold(lease: Lease) -> None:
    """Lock the step by its fence, so that no other attempt writes meanwhile."""
    mine = Step.objects.filter(pk=lease.step_pk, fence=lease.fence, state=StepState.RUNNING.value)
    if not mine.update(key=lease.key):
        raise LeaseLost(f"attempt {lease.attempt} of step {lease.key!r} is no longer the one that counts")


def _fields(mark: Mark, lease: Lease) -> dict[str, Any]:
    return {
        "kind": mark.kind,
        "effect": mark.effect,
        "digest": mark.digest,
        "attempt": lease.attempt,
        "started_at": Now(),
    }


def must_fit(entry: JournalEntry, mark: Mark, lease: Lease) -> None:
    """Let an entry pass that is of the same deed with the same input. Raises JournalDiverged."""
    if (entry.kind, entry.digest) == (mark.kind, mark.digest):
        return
    what = "another kind of deed" if entry.kind != mark.kind else "another input"
    raise JournalDiverged(
        f"step {lease.key!r} does {mark.kind} {mark.name!r} (number {mark.occurrence}) with {what} than in"
        f" attempt {entry.attempt}, where it was {entry.kind} with digest {entry.digest[:12]}, now"
        f" {mark.digest[:12]}; an operation that uses the journal must take the same way each time"
    )
