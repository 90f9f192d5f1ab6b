"""How long steps will take, from how long those of their kind took before in the same project.

A time is from a step's first start to its success: retries and waits for people are in it, waiting for a free worker
is not. What nobody has done yet is not known, and is never guessed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from tasks.contract import catalog
from tasks.models import Step
from tasks.plans import Plan, topological
from tasks.states import StepState

LATEST = 50  # steps of a kind that are looked at

# reads step_last_served, once per kind; a step that was taken over was not done here
_MEDIANS = """
SELECT k.agent, k.operation, p.seconds, p.steps
FROM unnest(%(queues)s::text[], %(agents)s::text[], %(operations)s::text[]) AS k (queue, agent, operation)
CROSS JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds, count(*) AS steps FROM (
        SELECT extract(epoch FROM ended_at - started_at)::double precision AS seconds FROM tasks_step
        WHERE queue = k.queue AND project_id = %(project)s AND served_at IS NOT NULL
            AND agent = k.agent AND operation = k.operation AND state = 'succeeded' AND taken_from_id IS NULL
        ORDER BY served_at DESC LIMIT %(latest)s
    ) past
) p
"""

Kind = tuple[str, str]
"""An agent and its operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A median in seconds, and of how many steps it is; None and 0: not known yet."""

    seconds: float | None
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What is left of a run. `seconds` of its longest way, None if something on it is not known.

    `unknown` are the kinds that nobody has done here before, `waits` tells that people are asked, `late` are the keys
    of steps that run for longer than usual already, `based_on` is the least number of steps that a median is of.
    """

    seconds: float | None
    unknown: tuple[Kind, ...]
    waits: bool
    late: tuple[str, ...]
    based_on: int


def of_kinds(kinds: Iterable[Kind], *, project_id: int) -> Mapping[Kind, Estimate]:
    """Estimate each kind of step for a project. Raises UnknownOperation."""
    queues = {kind: catalog().spec(*kind).queue for kind in set(kinds)}
    return _medians(queues, project_id)


def of_rest(
    steps: Iterable[Step], edges: Iterable[tuple[int, int]], *, project_id: int, now: datetime
) -> Rest:
    """Estimate what is left of a run from its stored steps, and edges as ids (the one before, the one behind).

    The steps come in the order of ids, along which edges lead. As if a worker were free for each step.
    """
    left = [step for step in steps if not StepState(step.state).is_final]
    kinds = _medians({(step.agent, step.operation): step.queue for step in left}, project_id)
    before: dict[int, list[int]] = defaultdict(list)
    for needs, waits in edges:
        before[waits].append(needs)
    ends: dict[int, float] = {}
    late = []
    for step in left:
        usual = kinds[step.agent, step.operation].seconds or 0.0
        spent = (now - step.started_at).total_seconds() if step.started_at else 0.0
        if step.state == StepState.RUNNING.value and spent > usual > 0:
            late.append(step.key)
        begins = max((ends.get(pk, 0.0) for pk in before[step.pk]), default=0.0)
        ends[step.pk] = begins + max(0.0, usual - spent)
    unknown = tuple(sorted(kind for kind, known in kinds.items() if known.seconds is None))
    waits = any(step.state == StepState.WAITING_APPROVAL.value for step in left)
    return Rest(
        seconds=None if unknown or waits else round(max(ends.values(), default=0.0), 3),
        unknown=unknown,
        waits=waits,
        late=tuple(late),
        based_on=min((known.steps for known in kinds.values()), default=0),
    )


def _medians(queues: Mapping[Kind, str], project_id: int) -> Mapping[Kind, Estimate]:
    kinds = sorted(queues)
    values: dict[str, Any] = {
        "queues": [queues[kind] for kind in kinds],
        "agents": [agent for agent, _ in kinds],
        "operations": [operation for _, operation in kinds],
        "project": project_id,
        "latest": LATEST,
    }
    if not kinds:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_MEDIANS, values)
        return {
            (agent, operation): Estimate(seconds=None if seconds is None else round(seconds, 3), steps=steps)
            for agent, operation, seconds, steps in cursor.fetchall()
        }


def of_plan(plan: Plan, kinds: Mapping[Kind, Estimate]) -> float | None:
    """Estimate a whole plan in seconds: its longest way, as if a worker were free for each step. None: not known."""
    ends: dict[str, float] = {}
    for step in topological(plan):
        seconds = kinds[step.agent, step.operation].seconds
        if seconds is None:
            return None
        ends[step.key] = seconds + max((ends.get(before.key, 0.0) for before in step.after), default=0.0)
    return round(max(ends.values(), default=0.0), 3)
