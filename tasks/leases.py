"""Leases: who may execute a step, and the fence that proves it.

    claim   one statement takes the best ready steps of a queue (SKIP LOCKED: no two claimers meet), with a fair
            share for each project and within the limits, and mints a fresh random fence for each. Random, not
            counted: a counter repeats itself when a commit is lost, and two workers then pass the same fence
            (shown with synchronous_commit=off and a killed server, ADR-0003).
    renew   the worker's heartbeat renews ONE row per worker (`heart.py`); all its attempts live by it.
    fence   every write of an attempt is filtered by it; zero rows mean that the lease was lost.

Owns: claiming and telling what is lost. Refuses to know: what a step does, what follows it (`runs`).
Invariant: at any time at most one fence per step is valid, and time is PostgreSQL's alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from tasks import limits
from tasks.contract import Fence, Upstream
from tasks.database import Prepared, execute
from tasks.plans import JsonObject

HARD_GRACE_SECONDS = 15  # after the soft limit: time to tidy up before the kill
PRIORITY_STEP_SECONDS = (
    60  # one priority is worth a minute of waiting, so a 9 overtakes a fresh 0 after 540 s
)
MOST_UPSTREAM = (
    20  # results that a claim reads along; more, which may be large, are read without holding its locks
)
TRIES_UNDER_LIMITS = (
    20  # each finds the group before it full by then; who loses so often leaves it to the sweep
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """Who claims: the worker session, the process of its child, and their name for people."""

    worker: UUID
    pid: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the claim read along for the attempt: of its step, and of its run."""

    input: JsonObject
    has_upstream: bool
    upstream: tuple[Upstream, ...] | None  # None: too many to be read along
    run_id: UUID  # public
    project_id: int
    goal: str
    request: JsonObject
    is_first: bool  # no attempt of the run has begun before
    is_called: bool  # another step waits for this one's result


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to execute one attempt of one step, while its fence is the step's."""

    step_pk: int
    run_pk: int
    fence: Fence
    attempt: int
    timeout_seconds: int
    key: str
    agent: str
    operation: str
    queue: str
    priority: int
    order: Order


# Claimed alone: one dying child must not cost others more than one attempt, nor their only one, nor raise a doubt
# about what was never begun.
_IS_ALONE = "(s.attempts_made > 0 OR s.effect = 'once' OR s.max_attempts = 1)"

# One statement. `groups` walks the ready index from one (project, limit key) to the next, so its cost is the number
# of groups, however many steps wait. `ordered` is sorted before anything is locked: the last join is a nested loop
# over it (its inner side depends on the outer one) that stops at the first row which nobody else has locked.
# Fair share, in this order: priority less one for each minute that the project has waited since it was last served;
# fewest running steps in this queue; longest not served. Inside a project the rank alone decides.
# A step under a limit is claimed only if the caller holds its locks already; else they are told (see `limits`).
# Several at once (`most`) are those that as many claims, one after the other, would take: where the order would
# change with each claim (limits, several keys in a project) only one is; projects share the places, only with steps
# that are equally urgent, and who has more running gets fewer. A project that was just served has not waited, so its
# next step is as urgent as its priority. What is not taken is not locked where that is known before: another claimer
# that passes over it has spent his bell.
# `again`: who claims has no bell for it. Then nothing more urgent may wait in another queue of the same worker.
CLAIM = Prepared(
    name="wrench_claim",
    types={
        "queue": "text",
        "worker": "uuid",
        "pid": "integer",
        "grace": "double precision",
        "ageing": "double precision",
        "held": "text[]",
        "most": "integer",
        "again": "boolean",
    },
    text=f"""
WITH RECURSIVE open AS (
    SELECT q.name AS queue, q.agent FROM tasks_queue q
    WHERE q.name = %(queue)s AND q.enabled AND q.paused_at IS NULL
      AND EXISTS (SELECT 1 FROM tasks_workersession w WHERE w.id = %(worker)s
                  AND w.stopping_at IS NULL AND w.lease_until > clock_timestamp())
), pairs AS (
    SELECT f.* FROM open CROSS JOIN LATERAL (
        SELECT s.project_id, s.limit_key FROM tasks_step s
        WHERE s.queue = %(queue)s AND s.state = 'ready' AND NOT s.held
        ORDER BY s.project_id, s.limit_key LIMIT 1) f
    UNION ALL
    SELECT n.* FROM pairs p CROSS JOIN LATERAL (
        SELECT s.project_id, s.limit_key FROM tasks_step s
        WHERE s.queue = %(queue)s AND s.state = 'ready' AND NOT s.held
          AND (s.project_id, s.limit_key) > (p.project_id, p.limit_key)
        ORDER BY s.project_id, s.limit_key LIMIT 1) n
), groups AS MATERIALIZED (
    SELECT o.queue, o.agent, p.project_id, p.limit_key FROM pairs p CROSS JOIN open o
), others AS MATERIALIZED (
    SELECT q.name FROM tasks_workersession w CROSS JOIN LATERAL jsonb_array_elements_text(w.queues) o (name)
    JOIN tasks_queue q ON q.name = o.name
    WHERE %(again)s AND w.id = %(worker)s AND q.name <> %(queue)s AND q.enabled AND q.paused_at IS NULL
), their_pairs AS (
    SELECT f.* FROM others CROSS JOIN LATERAL (
        SELECT s.queue, s.project_id, s.limit_key FROM tasks_step s
        WHERE s.queue = others.name AND s.state = 'ready' AND NOT s.held
        ORDER BY s.project_id, s.limit_key LIMIT 1) f
    UNION ALL
    SELECT n.* FROM their_pairs p CROSS JOIN LATERAL (
        SELECT s.queue, s.project_id, s.limit_key FROM tasks_step s
        WHERE s.queue = p.queue AND s.state = 'ready' AND NOT s.held
          AND (s.project_id, s.limit_key) > (p.project_id, p.limit_key)
        ORDER BY s.project_id, s.limit_key LIMIT 1) n
), elsewhere AS MATERIALIZED (
    SELECT h.rank FROM their_pairs p CROSS JOIN LATERAL (
        SELECT s.rank FROM tasks_step s
        WHERE s.queue = p.queue AND s.project_id = p.project_id AND s.limit_key = p.limit_key
          AND s.state = 'ready' AND NOT s.held AND s.available_at <= clock_timestamp()
        ORDER BY s.rank, s.id LIMIT 1) h
), {limits.RULES}, {limits.RUNNING}, {limits.LIMITS}, heads AS MATERIALIZED (
    SELECT g.project_id, g.limit_key, coalesce(l.locks, '{{}}') AS locks, h.rank, h.priority, h.available_at,
        h.is_alone
    FROM groups g LEFT JOIN limits l ON l.project_id = g.project_id AND l.limit_key = g.limit_key
    CROSS JOIN LATERAL (
        SELECT s.rank, s.priority, s.available_at, {_IS_ALONE} AS is_alone FROM tasks_step s
        WHERE s.queue = %(queue)s AND s.project_id = g.project_id AND s.limit_key = g.limit_key
          AND s.state = 'ready' AND NOT s.held AND s.available_at <= clock_timestamp()
        ORDER BY s.rank, s.id LIMIT 1) h
    WHERE l.is_full IS NOT TRUE
), projects AS MATERIALIZED (
    SELECT b.project_id, b.rank, b.priority, v.served_at,
        floor(extract(epoch FROM clock_timestamp() - greatest(b.available_at, v.served_at))
              / %(ageing)s) AS minutes,
        (SELECT coalesce(sum(r.n), 0) FROM running r
         WHERE r.queue = %(queue)s AND r.project_id = b.project_id) AS busy
    FROM (SELECT DISTINCT ON (project_id) project_id, rank, priority, available_at
          FROM heads ORDER BY project_id, rank) b
    LEFT JOIN LATERAL (
        SELECT s.served_at FROM tasks_step s
        WHERE s.queue = %(queue)s AND s.project_id = b.project_id AND s.served_at IS NOT NULL
        ORDER BY s.served_at DESC LIMIT 1) v ON true
), places AS MATERIALIZED (
    SELECT n.most, n.projects, greatest(1, n.most / greatest(1, n.projects)) AS share
    FROM (SELECT (SELECT count(*) FROM projects) AS projects,
              CASE WHEN EXISTS (SELECT FROM limits) OR (SELECT count(*) FROM heads) > (SELECT count(*) FROM projects)
                   THEN 1 ELSE %(most)s END AS most) n
), ordered AS MATERIALIZED (
    SELECT h.project_id, h.limit_key, h.locks, h.is_alone, p.busy, p.priority - p.minutes AS urgency,
        row_number() OVER (ORDER BY p.priority - p.minutes, p.busy, p.served_at NULLS FIRST, p.rank, p.project_id,
                           h.rank) AS place
    FROM heads h JOIN projects p ON p.project_id = h.project_id ORDER BY place
), taken AS MATERIALIZED (
    SELECT s.*, o.locks, o.urgency, o.busy, o.place FROM ordered o CROSS JOIN LATERAL (
        SELECT s.id, s.rank, s.priority, {_IS_ALONE} AS is_alone FROM tasks_step s
        WHERE s.queue = %(queue)s AND s.project_id = o.project_id AND s.limit_key = o.limit_key
          AND s.state = 'ready' AND NOT s.held AND s.available_at <= clock_timestamp()
          AND (SELECT r.cancel_requested_at IS NULL AND r.paused_at IS NULL
               FROM tasks_run r WHERE r.id = s.run_id)
        ORDER BY s.rank, s.id LIMIT (SELECT share FROM places) FOR UPDATE OF s SKIP LOCKED) s
    LIMIT (SELECT CASE WHEN o.is_alone THEN 1 ELSE n.most END FROM places n, ordered o WHERE o.place = 1)
), candidate AS MATERIALIZED (
    SELECT t.id, t.locks, t.nth FROM (
        SELECT id, rank, locks, row_number() OVER w AS nth, bool_or(is_alone) OVER w AS is_alone,
            n.projects = 1 OR (busy + nth_of_project <= first_value(busy) OVER w + n.share
                AND min(own) OVER p = first_value(own) OVER w
                AND max(own) OVER p = first_value(own) OVER w) AS is_next
        FROM (SELECT *, row_number() OVER o AS nth_of_project,
                  CASE WHEN row_number() OVER o = 1 THEN urgency ELSE priority END AS own
              FROM taken WINDOW o AS (PARTITION BY place ORDER BY rank, id)) r CROSS JOIN places n
        WINDOW w AS (ORDER BY place, rank, id), p AS (PARTITION BY place ORDER BY rank, id)) t
    WHERE (t.nth = 1 OR (t.is_next AND NOT t.is_alone))
      AND (NOT %(again)s OR t.rank <= (SELECT coalesce(min(rank), 'infinity') + interval '1 second' FROM elsewhere))
), claimed AS (
    UPDATE tasks_step t SET state = 'running', fence = gen_random_uuid(), worker_id = %(worker)s,
        attempts_made = t.attempts_made + 1, started_at = coalesce(t.started_at, clock_timestamp()),
        served_at = clock_timestamp(), lost_at = NULL, progress = NULL,
        kill_at = clock_timestamp() + make_interval(secs => t.timeout_seconds + %(grace)s)
    FROM candidate c WHERE t.id = c.id AND c.locks <@ %(held)s
    RETURNING t.id, t.run_id, t.fence, t.attempts_made, t.timeout_seconds, t.key, t.agent, t.operation, t.queue,
        t.priority, t.input, c.nth
), tried AS (
    INSERT INTO tasks_attempt (step_id, ordinal, fence, worker_id, child_pid, started_at, outcome)
    SELECT id, attempts_made, fence, %(worker)s, %(pid)s, clock_timestamp(), '' FROM claimed
)
SELECT c.locks, d.id, d.run_id, d.fence, d.attempts_made, d.timeout_seconds, d.key, d.agent, d.operation, d.queue,
    d.priority, d.input, EXISTS (SELECT FROM tasks_stepdependency e WHERE e.step_id = d.id),
    (SELECT CASE WHEN count(*) <= {MOST_UPSTREAM} THEN json_agg(json_build_array(
        n.key, n.agent, n.operation, n.state, n.output, n.error, n.started_at, n.ended_at)) END
     FROM (SELECT n.* FROM tasks_stepdependency e JOIN tasks_step n ON n.id = e.needs_id
           WHERE e.step_id = d.id ORDER BY e.id LIMIT {MOST_UPSTREAM + 1}) n),
    r.public_id, r.project_id, r.goal, r.request, r.started_at IS NULL,
    EXISTS (SELECT FROM tasks_journalentry j WHERE j.child_id = d.id)
FROM candidate c LEFT JOIN claimed d ON d.id = c.id LEFT JOIN tasks_run r ON r.id = d.run_id ORDER BY c.nth
""",  # noqa: S608 - only fixed names are put together
)
_DISOWN = """
UPDATE tasks_step s SET lost_at = clock_timestamp()
FROM tasks_attempt a
WHERE s.worker_id = %(worker)s AND s.state = 'running' AND a.fence = s.fence AND a.child_pid = %(pid)s
"""
_LOST = """
SELECT s.id, s.run_id FROM tasks_step s JOIN tasks_workersession w ON w.id = s.worker_id
WHERE s.worker_id IS NOT NULL AND s.state = 'running' AND (
    w.lease_until < clock_timestamp() OR w.stopped_at IS NOT NULL OR s.lost_at IS NOT NULL
    OR s.kill_at < clock_timestamp() - make_interval(secs => %(overdue)s)
)
"""
OVERDUE_SECONDS = 20  # past the hard limit and still running: even its heart does not answer


def claim(queue: str, *, worker: UUID, pid: int, most: int = 1, again: bool = False) -> list[Lease]:
    """Take the best ready steps of the queue for this worker child, in their order. Needs a transaction.

    None also when the queue is paused or disabled, its limits are reached, or this worker's own lease is over; with
    `again`, also when something more urgent waits in another queue of the worker.
    """
    values: dict[str, Any] = {
        "queue": queue,
        "worker": worker,
        "pid": pid,
        "grace": HARD_GRACE_SECONDS,
        "ageing": PRIORITY_STEP_SECONDS,
        "most": most,
        "again": again,
    }
    found, wanted = _try_claim(values, held=[])
    for _ in range(TRIES_UNDER_LIMITS):
        if found or not wanted:
            return found
        undo = transaction.savepoint()
        limits.lock(wanted)
        found, others = _try_claim(values, held=wanted)
        if not found:
            transaction.savepoint_rollback(
                undo
            )  # lets the locks go: they are taken in sorted order only at once
        wanted = others
    return found


def _try_claim(values: dict[str, Any], *, held: list[str]) -> tuple[list[Lease], list[str]]:
    """Claim in one statement. Without a lease: the locks that the best step wants first; none if there is no step."""
    with connection.cursor() as cursor:
        execute(cursor, values | {"held": held}, CLAIM)
        rows = cursor.fetchall()
    found = [_lease(*row[1:]) for row in rows if row[1] is not None]
    return found, [] if found or not rows else list(rows[0][0])


def _lease(
    pk: int,
    run_pk: int,
    fence: UUID,
    attempt: int,
    timeout_seconds: int,
    key: str,
    agent: str,
    operation: str,
    queue: str,
    priority: int,
    *order: Any,
) -> Lease:
    return Lease(
        step_pk=pk,
        run_pk=run_pk,
        fence=Fence(fence),
        attempt=attempt,
        timeout_seconds=timeout_seconds,
        key=key,
        agent=agent,
        operation=operation,
        queue=queue,
        priority=priority,
        order=_order(*order),
    )


def _order(
    input: str,
    has_upstream: bool,
    upstream: list[Any] | None,
    run_id: UUID,
    project_id: int,
    goal: str,
    request: str,
    is_first: bool,
    is_called: bool,
) -> Order:
    return Order(
        input=json.loads(input),
        has_upstream=has_upstream,
        upstream=None if upstream is None else tuple(map(_upstream, upstream)),
        run_id=run_id,
        project_id=project_id,
        goal=goal,
        request=json.loads(request),
        is_first=is_first,
        is_called=is_called,
    )


def _upstream(raw: list[Any]) -> Upstream:
    key, agent, operation, state, output, error, started_at, ended_at = raw
    return Upstream(
        key=key,
        agent=agent,
        operation=operation,
        state=state,
        output=output,
        error=error,
        started_at=None if started_at is None else datetime.fromisoformat(started_at),
        ended_at=None if ended_at is None else datetime.fromisoformat(ended_at),
    )


def disown(*, worker: UUID, pid: int) -> int:
    """Declare lost whatever this child seems to hold: for a claim whose commit may or may not have happened."""
    with connection.cursor() as cursor:
        cursor.execute(_DISOWN, {"worker": worker, "pid": pid})
        return int(cursor.rowcount)


def lost(*, most: int = 500) -> list[tuple[int, int]]:
    """Give (step, run) of running steps whose attempt cannot end any more."""
    with connection.cursor() as cursor:
        cursor.execute(_LOST + " ORDER BY s.id LIMIT %(most)s", {"overdue": OVERDUE_SECONDS, "most": most})
        return list(cursor.fetchall())


def is_lost(step_pk: int) -> bool:
    """Tell whether this running step's attempt cannot end any more."""
    with connection.cursor() as cursor:
        cursor.execute(_LOST + " AND s.id = %(step)s", {"overdue": OVERDUE_SECONDS, "step": step_pk})
        return bool(cursor.fetchone())
