"""Volleys: many schedules that are due, fired in one transaction and few round trips.

A schedule's fire by itself is some thirty statements; a thousand schedules of midnight took minutes. Nearly all are
alike: one time is due, nothing of theirs is under way, the request is sound. These are stored together: the runs, the
fires, and the schedules' next times, each kind by one statement, and their bells are rung at once.

Owns how they are stored. Refuses to know which are alike (`schedules`, which has locked them). Invariant: all of a
volley is stored or nothing, so a unique row (schedule, fire time) that is there already refuses it whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models.functions import Now

from tasks import events, runs
from tasks.models import Schedule, ScheduleFire
from tasks.plans import JsonObject, Plan

_MOVE_ON = """
UPDATE tasks_schedule s SET last_fire_at = t.fired, next_fire_at = t.upcoming
FROM unnest(%(schedules)s::bigint[], %(fired)s::timestamptz[], %(upcoming)s::timestamptz[])
    AS t (id, fired, upcoming)
WHERE s.id = t.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A schedule that is locked, the time that it fires, what it asks for, and its next time, if there is any."""

    schedule: Schedule
    moment: datetime
    upcoming: datetime | None
    plan: Plan
    request: JsonObject


def fire(shots: Sequence[Shot]) -> list[ScheduleFire]:
    """Submit all of these in the caller's transaction. Raises IntegrityError, storing nothing, if one has fired."""
    stored = runs.submit_all([_order(shot) for shot in shots])
    fires = ScheduleFire.objects.bulk_create(
        ScheduleFire(
            schedule=shot.schedule,
            fire_at=shot.moment,
            fired_at=Now(),
            outcome=ScheduleFire.Outcome.SUBMITTED.value,
            run=run,
        )
        for shot, run in zip(shots, stored, strict=True)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE_ON,
            {
                "schedules": [shot.schedule.pk for shot in shots],
                "fired": [shot.moment for shot in shots],
                "upcoming": [shot.upcoming for shot in shots],
            },
        )
    return fires


def idempotency_key(schedule: Schedule, moment: datetime) -> str:
    """Name the run of a schedule's time. With blanks, which no caller's key may have: nobody takes its place."""
    return f"schedule {schedule.pk} {moment.isoformat()}"


def _order(shot: Shot) -> runs.Order:
    schedule = shot.schedule
    return runs.Order(
        plan=shot.plan,
        project_id=schedule.project_id,
        owner_id=schedule.owner_id,
        goal=schedule.goal,
        request=shot.request,
        idempotency_key=idempotency_key(schedule, shot.moment),
        priority=schedule.priority,
        facts=(events.RunScheduled(schedule=schedule.name, fire_at=shot.moment.isoformat()),),
    )
