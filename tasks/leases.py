"""Leases: who may execute a step, and the fence that proves it.

    claim   one statement takes the best ready step of a queue (SKIP LOCKED: no two claimers meet) and mints a
            fresh random fence. Random, not counted: a counter repeats itself when a commit is lost, and two
            workers then pass the same fence (shown with synchronous_commit=off and a killed server, ADR-0003).
    renew   the worker's heartbeat renews ONE row per worker (`heart.py`); all its attempts live by it.
    fence   every write of an attempt is filtered by it; zero rows mean that the lease was lost.

Owns: claiming and telling what is lost. Refuses to know: what a step does, what follows it (`runs`).
Invariant: at any time at most one fence per step is valid, and time is PostgreSQL's alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from tasks.contract import Fence

HARD_GRACE_SECONDS = 15  # after the soft limit: time to tidy up before the kill
PRIORITY_STEP_SECONDS = (
    60  # one priority is worth a minute of waiting, so a 9 overtakes a fresh 0 after 540 s
)


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


# The queue row is locked only where a limit applies: two claimers of a limited queue take turns, and each
# counts rows that the other has committed. FOR UPDATE OF s alone would let both see the same count.
_LIMIT = """
SELECT q.concurrency_limit FROM tasks_queue q WHERE q.name = %(queue)s
"""
_LIMITED_COUNT = """
SELECT count(*) FROM tasks_step WHERE queue = %(queue)s AND state = 'running'
"""
_CLAIM = """
WITH candidate AS (
    SELECT s.id FROM tasks_step s JOIN tasks_run r ON r.id = s.run_id
    WHERE s.queue = %(queue)s AND s.state = 'ready' AND s.available_at <= clock_timestamp()
      AND r.cancel_requested_at IS NULL AND r.paused_at IS NULL
      AND EXISTS (SELECT 1 FROM tasks_workersession w WHERE w.id = %(worker)s
                  AND w.stopping_at IS NULL AND w.lease_until > clock_timestamp())
      AND EXISTS (SELECT 1 FROM tasks_queue q WHERE q.name = s.queue AND q.enabled AND q.paused_at IS NULL)
    ORDER BY s.rank, s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED
), claimed AS (
    UPDATE tasks_step t SET state = 'running', fence = gen_random_uuid(), worker_id = %(worker)s,
        attempts_made = t.attempts_made + 1, started_at = coalesce(t.started_at, clock_timestamp()),
        lost_at = NULL, progress = NULL,
        kill_at = clock_timestamp() + make_interval(secs => t.timeout_seconds + %(grace)s)
    FROM candidate c WHERE t.id = c.id
    RETURNING t.id, t.run_id, t.fence, t.attempts_made, t.timeout_seconds, t.key, t.agent, t.operation, t.queue
), tried AS (
    INSERT INTO tasks_attempt (step_id, ordinal, fence, worker_id, child_pid, started_at, outcome)
    SELECT id, attempts_made, fence, %(worker)s, %(pid)s, clock_timestamp(), '' FROM claimed
)
SELECT * FROM claimed
"""
_DISOWN = """
UPDATE tasks_step s SET lost_at = clock_timestamp()
FROM tasks_attempt a
WHERE s.worker_id = %(worker)s AND s.state = 'running' AND a.fence = s.fence AND a.child_pid = %(pid)s
"""
_LOST = """
SELECT s.id, s.run_id FROM tasks_step s JOIN tasks_workersession w ON w.id = s.worker_id
WHERE s.state = 'running' AND (
    w.lease_until < clock_timestamp() OR w.stopped_at IS NOT NULL OR s.lost_at IS NOT NULL
    OR s.kill_at < clock_timestamp() - make_interval(secs => %(overdue)s)
)
"""
OVERDUE_SECONDS = 20  # past the hard limit and still running: even its heart does not answer


def claim(queue: str, *, worker: UUID, pid: int) -> Lease | None:
    """Take the best ready step of the queue for this worker child, or give None. Needs a transaction.

    None also when the queue is paused or disabled, its limit is reached, or this worker's own lease is over.
    """
    values: dict[str, Any] = {"queue": queue, "worker": worker, "pid": pid, "grace": HARD_GRACE_SECONDS}
    with connection.cursor() as cursor:
        if not _within_limit(cursor, values):
            return None
        cursor.execute(_CLAIM, values)
        row = cursor.fetchone()
    if row is None:
        return None
    return Lease(
        step_pk=row[0],
        run_pk=row[1],
        fence=Fence(row[2]),
        attempt=row[3],
        timeout_seconds=row[4],
        key=row[5],
        agent=row[6],
        operation=row[7],
        queue=row[8],
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


def _within_limit(cursor: Any, values: dict[str, Any]) -> bool:
    cursor.execute(_LIMIT, values)
    row = cursor.fetchone()
    if row is None or row[0] is None:
        return True
    cursor.execute(_LIMIT + " FOR UPDATE", values)
    limit = cursor.fetchone()[0]
    if limit is None:
        return True
    cursor.execute(_LIMITED_COUNT, values)
    return bool(cursor.fetchone()[0] < limit)
