"""A person's wish to hold: runs and queues are paused and go on; a waiting run is hurried.

A paused run begins nothing new: all its open steps are `held`, which keeps them out of the claim's index, and steps
that are added meanwhile are stored so. Attempts that run already go on to their end. A paused run can be cancelled,
and its deadline counts on. A paused queue is left alone by every claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from tasks import events, leases, outbox
from tasks.changes import Change
from tasks.database import resilient
from tasks.errors import ControlRefused, RunIsOver
from tasks.models import Queue, Run, Step
from tasks.outbox import Bell
from tasks.runs.moves import OPEN_IDLE, known, lock_open
from tasks.states import RunState, StepState

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 10.0  # a person waits for the answer
MOST_BELLS = 50  # at once; the sweep rings for the rest as slots get free


def pause(public_id: UUID, *, by: str, reason: str = "") -> Run:
    """Begin nothing new in this run until `resume`. Idempotent. Raises RunNotFound, RunIsOver."""
    run_pk = known(public_id)

    def act() -> None:
        with transaction.atomic():
            locked = lock_open(run_pk)
            run = _open_run(run_pk, "paused")
            if run.paused_at is not None:
                return
            Run.objects.filter(pk=run_pk).update(state=RunState.PAUSED.value, paused_at=Now())
            Step.objects.filter(pk__in=[step.pk for step in locked]).update(held=True)
            change = Change(run_pk)
            change.tell(events.RunPaused(by=by, reason=reason))
            change.write()

    return _done(public_id, act)


def resume(public_id: UUID, *, by: str) -> Run:
    """Let a paused run go on. Idempotent. Raises RunNotFound, RunIsOver."""
    run_pk = known(public_id)

    def act() -> None:
        with transaction.atomic():
            locked = lock_open(run_pk)
            run = _open_run(run_pk, "resumed")
            if run.paused_at is None:
                return
            # no `started_at`: the first attempt's start sets it, and tells of it
            Run.objects.filter(pk=run_pk).update(state=RunState.RUNNING.value, paused_at=None)
            Step.objects.filter(pk__in=[step.pk for step in locked]).update(held=False)
            change = Change(run_pk)
            change.tell(events.RunResumed(by=by))
            _ring_for(locked, change)
            change.write()

    return _done(public_id, act)


def set_priority(public_id: UUID, priority: int, *, by: str) -> Run:
    """Give the run's steps that wait another priority, 0 (most urgent) to 9, and those that are added later.

    Steps that run go on as they are. Raises RunNotFound, RunIsOver, ControlRefused for a number out of range.
    """
    if not 0 <= priority <= 9:
        raise ControlRefused(f"{priority} is no priority; use 0 (most urgent) to 9")
    run_pk = known(public_id)

    def act() -> None:
        with transaction.atomic():
            locked = lock_open(run_pk)
            run = _open_run(run_pk, "given another priority")
            if run.priority == priority:
                return
            Run.objects.filter(pk=run_pk).update(priority=priority)
            wait = timedelta(seconds=priority * leases.PRIORITY_STEP_SECONDS)
            waiting = [step for step in locked if step.state in OPEN_IDLE]
            Step.objects.filter(pk__in=[step.pk for step in waiting]).update(
                priority=priority, rank=F("available_at") + wait
            )
            for step in waiting:
                step.priority = priority
            change = Change(run_pk)
            change.tell(events.RunPriorityChanged(by=by, before=run.priority, after=priority))
            if run.paused_at is None:
                _ring_for(waiting, change)
            change.write()

    return _done(public_id, act)


def pause_queue(name: str, *, by: str) -> bool:
    """Let no step of this queue begin until `resume_queue`. Returns whether it was open. Raises ControlRefused."""
    _known_queue(name)
    changed = bool(Queue.objects.filter(name=name, paused_at=None).update(paused_at=Now()))
    if changed:
        log.warning("queue_paused", queue=name, by=by)
    return changed


def resume_queue(name: str, *, by: str) -> bool:
    """Serve this queue again. Returns whether it was paused. Raises ControlRefused."""
    _known_queue(name)
    with transaction.atomic():
        changed = bool(Queue.objects.filter(name=name).exclude(paused_at=None).update(paused_at=None))
        if changed:
            ready = Step.objects.filter(queue=name, state=StepState.READY.value, held=False)
            outbox.put(
                Bell(queue=name, priority=priority)
                for priority in ready.order_by("rank").values_list("priority", flat=True)[:MOST_BELLS]
            )
    if changed:
        log.warning("queue_resumed", queue=name, by=by)
    return changed


def _known_queue(name: str) -> None:
    if not Queue.objects.filter(name=name).exists():
        names = ", ".join(Queue.objects.order_by("name").values_list("name", flat=True))
        raise ControlRefused(f"there is no queue {name!r}; there are {names}")


def _open_run(run_pk: int, verb: str) -> Run:
    """Read the run once its steps are locked: nothing of it can end meanwhile."""
    run = Run.objects.get(pk=run_pk)
    if RunState(run.state).is_final:
        raise RunIsOver(
            f"run {run.public_id} is {run.state} and cannot be {verb}: it is over for good; do it again as a new run"
        )
    return run


def _ring_for(steps: Iterable[Step], change: Change) -> None:
    ready = sorted((s for s in steps if s.state == StepState.READY.value), key=lambda s: (s.priority, s.pk))
    for step in ready[:MOST_BELLS]:
        change.ring(step.queue, step.priority)


def _done(public_id: UUID, act: Callable[[], None]) -> Run:
    resilient(act, what="control", patience_seconds=PATIENCE_SECONDS)
    return Run.objects.select_related("project__team", "owner", "parent").get(public_id=public_id)
