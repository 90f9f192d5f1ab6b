"""Accepting a request: checked whole, then stored whole in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from tasks import events, partitions
from tasks.changes import Change, write
from tasks.contract import StepSpec, catalog
from tasks.errors import IdempotencyConflict, PlanFault, PlanInvalid, UnknownOperation
from tasks.models import Run
from tasks.plans import JsonObject, Plan, validate
from tasks.runs.moves import database_now
from tasks.runs.storing import store_steps


def submit(
    plan: Plan,
    *,
    project_id: int,
    owner_id: int | None,
    goal: str,
    request: JsonObject,
    idempotency_key: str | None = None,
    priority: int | None = None,
    deadline_seconds: int | None = None,
) -> tuple[Run, bool]:
    """Accept a plan: store run, steps, events and bells in one transaction. Returns (run, created).

    The same key with the same body gives the run of the first time and False.
    Raises PlanInvalid and UnknownOperation before anything is stored; IdempotencyConflict for another body.
    """
    request = events.storable(request)
    digest = body_digest(
        plan, goal=goal, request=request, priority=priority, deadline_seconds=deadline_seconds
    )
    known = known_run(project_id, idempotency_key, digest)
    if known is not None:
        return known, False
    specs = check(plan)
    try:
        with transaction.atomic():
            run = store_run(
                project_id=project_id,
                owner_id=owner_id,
                goal=events.storable(goal),
                request=request,
                idempotency_key=idempotency_key,
                body_digest=digest,
                priority=priority,
                lifetime=deadline_seconds or settings.RUN_DEADLINE_SECONDS,
            )
            change = Change(run.pk)
            change.tell(events.RunAccepted(goal=run.goal, steps=len(plan)))
            store_steps(run, plan, specs, change)
            change.write()
    except IntegrityError:
        known = known_run(project_id, idempotency_key, digest)  # another request with this key was faster
        if known is None:
            raise
        return known, False
    run.refresh_from_db()
    return run, True


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What `submit` is asked for; `facts` are told after those of every run that is accepted."""

    plan: Plan
    project_id: int
    owner_id: int | None
    goal: str
    request: JsonObject
    idempotency_key: str
    priority: int | None
    facts: tuple[events.Fact, ...] = ()


def submit_all(orders: Sequence[Order]) -> list[Run]:
    """Accept many orders in the caller's transaction: as `submit` does, in fewer round trips, one ringing for all.

    Each is one that `check` lets pass, and its key is new: the database refuses (IntegrityError) them all otherwise.
    """
    now = database_now()
    partitions.ensure_once(now.date())
    rows = Run.objects.bulk_create([_row(order, now) for order in orders])
    changes = []
    for order, run in zip(orders, rows, strict=True):
        change = Change(run.pk)
        change.tell(events.RunAccepted(goal=run.goal, steps=len(order.plan)))
        store_steps(run, order.plan, check(order.plan), change)
        for fact in order.facts:
            change.tell(fact)
        changes.append(change)
    write(changes)
    return rows


def _row(order: Order, now: datetime) -> Run:
    request = events.storable(order.request)
    return Run(
        project_id=order.project_id,
        owner_id=order.owner_id,
        goal=events.storable(order.goal),
        request=request,
        idempotency_key=order.idempotency_key,
        body_digest=body_digest(
            order.plan, goal=order.goal, request=request, priority=order.priority, deadline_seconds=None
        ),
        priority=order.priority,
        created_at=now,
        created_day=now.date(),
        deadline_at=now + timedelta(seconds=settings.RUN_DEADLINE_SECONDS),
    )


def body_digest(
    plan: Plan, *, goal: str, request: JsonObject, priority: int | None, deadline_seconds: int | None
) -> str:
    """Name a request's content: equal bodies have equal digests. SHA-256 in hex."""
    body = {
        "plan": plan.to_json(),
        "goal": goal,
        "request": request,
        "priority": priority,
        "deadline_seconds": deadline_seconds,
    }
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def check(plan: Plan, *, stored: Mapping[str, int] | None = None) -> dict[str, StepSpec]:
    """Let a sound plan pass and give the spec of each step by key. Raises PlanInvalid with every fault.

    Sound: shape (`plans.validate`), known operations, inputs that fit. `stored` are the run's steps so far.
    """
    stored = stored or {}
    if not len(plan):
        raise PlanInvalid([PlanFault(key="", message="a plan needs at least one step")])
    validate(plan, stored_keys=stored, stored_count=len(stored))
    specs: dict[str, StepSpec] = {}
    faults: list[PlanFault] = []
    for step in plan:
        try:
            specs[step.key] = catalog().spec(step.agent, step.operation)
        except UnknownOperation as error:
            faults.append(PlanFault(key=step.key, message=str(error)))
            continue
        told = catalog().check_input(step.agent, step.operation, step.input)
        faults.extend(PlanFault(key=step.key, message=message) for message in told)
    if faults:
        raise PlanInvalid(faults)
    return specs


def known_run(project_id: int, key: str | None, digest: str) -> Run | None:
    """Give the run that this idempotency key made, if any. Raises IdempotencyConflict for another digest."""
    if key is None:
        return None
    run = Run.objects.filter(project_id=project_id, idempotency_key=key).first()
    if run is not None and run.body_digest != digest:
        raise IdempotencyConflict(
            f"the idempotency key {key!r} was used for another request (run {run.public_id});"
            " use a new key, or send the same body again"
        )
    return run


def store_run(*, lifetime: int, **fields: Any) -> Run:
    """Store a run's row with its day and its deadline, `lifetime` seconds from now."""
    now = database_now()
    partitions.ensure_once(now.date())
    return Run.objects.create(
        created_at=now,
        created_day=now.date(),
        deadline_at=now + timedelta(seconds=lifetime),
        **fields,
    )
