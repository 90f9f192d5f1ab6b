"""The common success in few round trips: no added steps, and dependents that only come nearer to ready.

`attempts.settle` asks here first. What is not common (a plan, a dependent to be skipped, a step that another called,
a paused or cancelled run) is left to it, with the locks that both take: the step and those that wait for it, in the
order of ids. The moves, the facts and their order are the same; only the number of statements differs, which bounds
how many steps a second the engine can carry.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from tasks import events, leases
from tasks.changes import Change
from tasks.contract import StepResult
from tasks.database import Prepared, execute
from tasks.leases import Lease
from tasks.states import EdgeCondition, StepState, satisfies

MOST_DEPENDENTS = 200  # more are moved level by level by `release_dependents`

# Two statements: the second sees what others committed while the first one waited for the locks.
_LOCK = Prepared(
    name="wrench_lock",
    types={"step": "bigint"},
    text="""
SELECT s.id FROM tasks_step s WHERE s.id = ANY (ARRAY(
    SELECT %(step)s::bigint UNION SELECT d.step_id FROM tasks_stepdependency d WHERE d.needs_id = %(step)s))
ORDER BY s.id FOR UPDATE
""",
)
_FIND = Prepared(
    name="wrench_find",
    types={"step": "bigint", "fence": "uuid", "most": "integer"},
    text="""
SELECT r.public_id, r.project_id,
    r.cancel_requested_at IS NULL AND r.paused_at IS NULL
        AND (s.added_by_id IS NULL OR NOT EXISTS (SELECT FROM tasks_journalentry j WHERE j.child_id = s.id)),
    EXISTS (SELECT FROM tasks_limitrule l WHERE l.enabled)
        OR EXISTS (SELECT FROM tasks_queue q WHERE q.name = s.queue AND q.concurrency_limit IS NOT NULL),
    ARRAY(SELECT json_build_array(w.id, w.key, w.queue, w.priority, w.state, w.held, w.pending_deps, d.condition)
          FROM tasks_stepdependency d JOIN tasks_step w ON w.id = d.step_id
          WHERE d.needs_id = s.id ORDER BY w.id LIMIT %(most)s)
FROM tasks_step s JOIN tasks_run r ON r.id = s.run_id
WHERE s.id = %(step)s AND s.fence = %(fence)s AND s.state = 'running'
""",
)
_SUCCEED = Prepared(
    name="wrench_succeed",
    types={"step": "bigint", "output": "jsonb", "summary": "text"},
    text="""
UPDATE tasks_step SET state = 'succeeded', output = %(output)s, summary = %(summary)s, error = NULL,
    ended_at = clock_timestamp(), served_at = clock_timestamp(), fence = NULL, worker_id = NULL, kill_at = NULL,
    lost_at = NULL, progress = NULL
WHERE id = %(step)s
""",
)
_END_ATTEMPT = Prepared(
    name="wrench_end_attempt",
    types={"fence": "uuid"},
    text="""
UPDATE tasks_attempt SET outcome = 'succeeded', ended_at = clock_timestamp(), error = NULL WHERE fence = %(fence)s
""",
)
_BRING_NEARER = Prepared(
    name="wrench_bring_nearer",
    types={"nearer": "bigint[]"},
    text="UPDATE tasks_step SET pending_deps = pending_deps - 1 WHERE id = ANY (%(nearer)s)",
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


def lock(lease: Lease) -> Found | None:
    """Lock the attempt's step and those that wait for it, in the order of ids. None: the lease was lost."""
    values: dict[str, Any] = {"step": lease.step_pk, "fence": lease.fence, "most": MOST_DEPENDENTS + 1}
    with connection.cursor() as cursor:
        execute(cursor, values, _LOCK, _FIND)
        row = cursor.fetchone()
    if row is None:
        return None
    dependents = tuple(_dependent(raw) for raw in row[4])
    return Found(
        run_public_id=row[0],
        project_id=row[1],
        is_limited=row[3],
        is_common=row[2] and len(dependents) <= MOST_DEPENDENTS and all(map(_comes_nearer, dependents)),
        dependents=dependents,
    )


def succeed(lease: Lease, result: StepResult, found: Found, change: Change) -> None:
    """Move a common step and its dependents, and tell of it."""
    waiting = [one for one in found.dependents if one.state is StepState.PENDING]
    ready = [one for one in waiting if one.pending_deps == 1]
    values = {
        "step": lease.step_pk,
        "fence": lease.fence,
        "output": json.dumps(events.storable(result.output)),
        "summary": events.storable(result.summary),
        "nearer": [one.pk for one in waiting if one.pending_deps > 1],
        "ready": [one.pk for one in ready],
        "ageing": leases.PRIORITY_STEP_SECONDS,
    }
    wanted = [_SUCCEED, _END_ATTEMPT]
    wanted += [_BRING_NEARER] if len(waiting) > len(ready) else []
    wanted += [_RELEASE] if ready else []
    with connection.cursor() as cursor:
        execute(cursor, values, *wanted)
    change.tell(
        events.StepSucceeded(key=lease.key, attempt=lease.attempt, summary=result.summary), lease.step_pk
    )
    change.closed += 1
    for one in ready:
        change.tell(events.StepReady(key=one.key), one.pk)
        change.ring(one.queue, one.priority)


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
