"""How long steps will take, from how long those of their kind took before in the same project.

A time is from a step's first start to its success: retries and waits for people are in it, waiting for a free worker
is not. What nobody has done yet is not known, and is never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from tasks.contract import catalog
from tasks.plans import Plan, topological

LATEST = 50  # steps of a kind that are looked at

# reads step_last_served; a step that was taken over was not done here
_MEDIAN = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), count(*) FROM (
    SELECT extract(epoch FROM ended_at - started_at)::double precision AS seconds FROM tasks_step
    WHERE queue = %(queue)s AND project_id = %(project)s AND served_at IS NOT NULL
        AND agent = %(agent)s AND operation = %(operation)s AND state = 'succeeded' AND taken_from_id IS NULL
    ORDER BY served_at DESC LIMIT %(latest)s
) past
"""

Kind = tuple[str, str]
"""An agent and its operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A median in seconds, and of how many steps it is; None and 0: not known yet."""

    seconds: float | None
    steps: int


def of_kinds(kinds: Iterable[Kind], *, project_id: int) -> Mapping[Kind, Estimate]:
    """Estimate each kind of step for a project. Raises UnknownOperation."""
    found = {}
    for agent, operation in set(kinds):
        values: dict[str, Any] = {
            "queue": catalog().spec(agent, operation).queue,
            "project": project_id,
            "agent": agent,
            "operation": operation,
            "latest": LATEST,
        }
        with connection.cursor() as cursor:
            cursor.execute(_MEDIAN, values)
            seconds, steps = cursor.fetchone()
        found[agent, operation] = Estimate(
            seconds=None if seconds is None else round(seconds, 3), steps=steps
        )
    return found


def of_plan(plan: Plan, kinds: Mapping[Kind, Estimate]) -> float | None:
    """Estimate a whole plan in seconds: its longest way, as if a worker were free for each step. None: not known."""
    ends: dict[str, float] = {}
    for step in topological(plan):
        seconds = kinds[step.agent, step.operation].seconds
        if seconds is None:
            return None
        ends[step.key] = seconds + max((ends.get(before.key, 0.0) for before in step.after), default=0.0)
    return round(max(ends.values(), default=0.0), 3)
