"""The common success in few round trips: no added steps, and dependents that only come nearer to ready.

`attempts.settle_all` asks here first, for one attempt or for several that a worker child ended one after the other.
What is not common (a plan, a dependent to be skipped, a step that another called, a paused or cancelled run, limits)
is left to it, with the locks that both take: the steps and those that wait for them, in the order of ids. The moves,
the facts and their order are the same; only the number of statements differs, which bounds how many steps a second
the engine can carry.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from tasks import events, leases, limits
from tasks.changes import Change
from tasks.contract import ArtifactRef, StepResult
from tasks.database import Prepared, execute
from tasks.leases import Lease
from tasks.states import EdgeCondition, StepState, satisfies

MOST_DEPENDENTS = 200  # more are moved level by level by `release_dependents`

# Two statements: the second sees what others committed while the first one waited for the locks.
_LOCK = Prepared(
    name="wrench_lock",
    types={"steps": "bigint[]"},
    text="""
SELECT s.id FROM tasks_step s WHERE s.id = ANY (ARRAY(
    SELECT unnest(%(steps)s) UNION SELECT d.step_id FROM tasks_stepdependency d WHERE d.needs_id = ANY (%(steps)s)))
ORDER BY s.id FOR UPDATE
""",
)
_FIND = Prepared(
    name="wrench_find",
    types={"steps": "bigint[]", "fences": "uuid[]", "most": "integer"},
    text=f"""
WITH {limits.RULES}
SELECT s.id, r.public_id, r.project_id,
    r.cancel_requested_at IS NULL AND r.paused_at IS NULL
        AND (s.added_by_id IS NULL OR NOT EXISTS (SELECT FROM tasks_journalentry j WHERE j.child_id = s.id)),
    EXISTS (SELECT FROM rules l WHERE {limits.covers("l", "s")}),
    ARRAY(SELECT json_build_array(w.id, w.key, w.queue, w.priority, w.state, w.held, w.pending_deps, d.condition)
          FROM tasks_stepdependency d JOIN tasks_step w ON w.id = d.step_id
          WHERE d.needs_id = s.id ORDER BY w.id LIMIT %(most)s)
FROM tasks_step s JOIN tasks_run r ON r.id = s.run_id
WHERE s.id = ANY (%(steps)s) AND s.fence = ANY (%(fences)s) AND s.state = 'running'
""",  # noqa: S608 - only fixed names are put together
)
_SUCCEED = Prepared(
    name="wrench_succeed",
    types={"steps": "bigint[]", "outputs": "text[]", "summaries": "text[]"},
    text="""
UPDATE tasks_step s SET state = 'succeeded', output = e.output::jsonb, summary = e.summary, error = NULL,
    ended_at = clock_timestamp(), served_at = clock_timestamp(), fence = NULL, worker_id = NULL, kill_at = NULL,
    lost_at = NULL, progress = NULL
FROM unnest(%(steps)s, %(outputs)s, %(summaries)s) AS e (step, output, summary)
WHERE s.id = e.step AND s.id = ANY (%(steps)s)
""",
)
_END_ATTEMPT = Prepared(
    name="wrench_end_attempt",
    types={"fences": "uuid[]"},
    text="""
UPDATE tasks_attempt SET outcome = 'succeeded', ended_at = clock_timestamp(), error = NULL
WHERE fence = ANY (%(fences)s)
""",
)
_BRING_NEARER = Prepared(
    name="wrench_bring_nearer",
    types={"nearer": "bigint[]", "by": "integer[]"},
    text="""
UPDATE tasks_step s SET pending_deps = s.pending_deps - n.by
FROM unnest(%(nearer)s, %(by)s) AS n (step, by) WHERE s.id = n.step AND s.id = ANY (%(nearer)s)
""",
)
_RELEASE = Prepared(
    name="wrench_release",
    types={"ready": "bigint[]", "ageing": "double precision"},
    text="""
UPDATE tasks_step SET pending_deps = 0, state = 'ready', available_at = clock_timestamp(),
    rank = clock_timestamp() + priority * make_interval(secs => %(ageing)s)
WHERE id = ANY (%(ready)s)
""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """An attempt whose operation has given its result, which is not stored yet."""

    lease: Lease
    result: StepResult
    artifacts: tuple[ArtifactRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dependent:
    pk: int
    key: str
    queue: str
    priority: int
    state: StepState
    is_held: bool
    pending_deps: int
    condition: EdgeCondition


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What settling needs to know of a locked step."""

    run_public_id: UUID
    project_id: int
    is_limited: bool
    is_common: bool
    dependents: tuple[_Dependent, ...]


def lock(successes: Sequence[Success]) -> dict[int, Found]:
    """Lock the attempts' steps and those that wait for them, in the order of ids.

    Returns what was found, by step; a step whose lease was lost is missing.
    """
    values: dict[str, Any] = {
        "steps": [success.lease.step_pk for success in successes],
        "fences": [success.lease.fence for success in successes],
        "most": MOST_DEPENDENTS + 1,
    }
    with connection.cursor() as cursor:
        execute(cursor, values, _LOCK, _FIND)
        return {row[0]: _found(*row[1:]) for row in cursor.fetchall()}


def succeed(successes: Sequence[Success], found: Mapping[int, Found], changes: Mapping[int, Change]) -> None:
    """Move common steps and their dependents, and tell of it in the changes of their runs."""
    dependents = [
        (success.lease.run_pk, one)
        for success in successes
        for one in found[success.lease.step_pk].dependents
        if one.state is StepState.PENDING
    ]
    met = Counter(one.pk for _, one in dependents)
    ready = {one.pk: (run, one) for run, one in dependents if one.pending_deps == met[one.pk]}
    nearer = {pk: count for pk, count in met.items() if pk not in ready}
    values = {
        "steps": [success.lease.step_pk for success in successes],
        "fences": [success.lease.fence for success in successes],
        "outputs": [json.dumps(events.storable(success.result.output)) for success in successes],
        "summaries": [events.storable(success.result.summary) for success in successes],
        "nearer": list(nearer),
        "by": list(nearer.values()),
        "ready": list(ready),
        "ageing": leases.PRIORITY_STEP_SECONDS,
    }
    wanted = [_SUCCEED, _END_ATTEMPT]
    wanted += [_BRING_NEARER] if nearer else []
    wanted += [_RELEASE] if ready else []
    with connection.cursor() as cursor:
        execute(cursor, values, *wanted)
    for success in successes:
        lease, change = success.lease, changes[success.lease.run_pk]
        fact = events.StepSucceeded(key=lease.key, attempt=lease.attempt, summary=success.result.summary)
        change.tell(fact, lease.step_pk)
        change.closed += 1
    for run, one in ready.values():
        changes[run].tell(events.StepReady(key=one.key), one.pk)
        changes[run].ring(one.queue, one.priority)


def _found(
    run_public_id: UUID, project_id: int, is_open: bool, is_limited: bool, raw: Iterable[Any]
) -> Found:
    dependents = tuple(map(_dependent, raw))
    return Found(
        run_public_id=run_public_id,
        project_id=project_id,
        is_limited=is_limited,
        is_common=is_open and len(dependents) <= MOST_DEPENDENTS and all(map(_comes_nearer, dependents)),
        dependents=dependents,
    )


def _dependent(raw: Any) -> _Dependent:
    pk, key, queue, priority, state, is_held, pending_deps, condition = raw
    return _Dependent(
        pk=pk,
        key=key,
        queue=queue,
        priority=priority,
        state=StepState(state),
        is_held=is_held,
        pending_deps=pending_deps,
        condition=EdgeCondition(condition),
    )


def _comes_nearer(one: _Dependent) -> bool:
    """Tell whether nothing but counting is to be done for it; one that is over already needs nothing at all."""
    if one.state is not StepState.PENDING:
        return True
    return not one.is_held and satisfies(StepState.SUCCEEDED, one.condition)
