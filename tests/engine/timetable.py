"""Schedules for tests: what they ask for, and what has become of their times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from tasks.errors import RequestRefused
from tasks.models import Schedule
from tasks.plans import JsonObject, Plan, plan_of
from tests.engine.conftest import work

Make = Callable[..., Schedule]
HOUR = timedelta(hours=1)


def probe_plan(goal: str, request: JsonObject) -> tuple[Plan, JsonObject]:
    """A first plan of the tests' agent; a request may ask to be refused."""
    if request.get("refuse"):
        raise RequestRefused("told to refuse")
    return plan_of(work("only", note=goal)), {"goal": goal, **request}


def fired(schedule: Schedule) -> list[tuple[float, str]]:
    """The fires, as (seconds since the schedule's start, outcome)."""
    assert schedule.starts_at is not None
    rows = schedule.fires.order_by("fire_at").values_list("fire_at", "outcome")
    return [((at - schedule.starts_at).total_seconds(), outcome) for at, outcome in rows]
