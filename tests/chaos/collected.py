"""Everything that the checker looks at, as plain rows: read by SQL, past the proxies, with no code of the engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2.extensions

from tests.chaos.history import Operation
from tests.chaos.world import World
from tests.engine.invariants import invariants

MOST_BROKEN = 5  # rows of one invariant


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    id: int
    public_id: str
    key: str
    state: str
    last_seq: int
    open_steps: int
    finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    id: int
    run: int
    key: str
    queue: str
    state: str
    limit_key: str
    fence: str = ""
    pending_deps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRow:
    needs: int
    step: int
    condition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    step: int
    ordinal: int
    fence: str
    outcome: str
    started_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    run: int
    seq: int
    at: float
    kind: str
    step: int | None
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow:
    public_id: str
    step: int
    decision: str
    is_doubt: bool  # asks whether a deed that was begun may be done again


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow:
    """At most `most` running steps with this limit key, or of this queue."""

    name: str
    most: int
    limit_key: str = ""
    queue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A line of the ledger."""

    kind: str
    run: str
    key: str
    attempt: int
    pid: int
    at: float
    also: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """One round, when it is over."""

    operations: tuple[Operation, ...] = ()
    effects: tuple[Effect, ...] = ()
    runs: tuple[RunRow, ...] = ()
    steps: tuple[StepRow, ...] = ()
    edges: tuple[EdgeRow, ...] = ()
    attempts: tuple[AttemptRow, ...] = ()
    events: tuple[EventRow, ...] = ()
    approvals: tuple[ApprovalRow, ...] = ()
    limits: tuple[LimitRow, ...] = ()
    outbox: int = 0
    bells: dict[str, int] = field(default_factory=dict)  # key in Redis -> how many wait
    orphans: tuple[str, ...] = ()  # processes that outlived everything
    strays: tuple[str, ...] = ()  # processes of attempts that were long over
    broken: tuple[str, ...] = ()  # invariants of the engine's rows that did not hold, then or now, with rows


def read_ledger(file: Path) -> list[Effect]:
    """Read the effects. A torn line would be a fault of the harness: each is one write."""
    effects = []
    for line in file.read_text().splitlines():
        kind, run, key, attempt, pid, at, *also = line.split()
        effects.append(
            Effect(
                kind=kind,
                run=run,
                key=key,
                attempt=int(attempt),
                pid=int(pid),
                at=float(at),
                also="".join(also),
            )
        )
    return effects


def collect(
    world: World,
    operations: Iterable[Operation],
    *,
    orphans: Iterable[str] = (),
    strays: Iterable[str] = (),
    broken: Iterable[str] = (),
) -> Collected:
    """Read all rows in one snapshot; PostgreSQL and Redis must be up. `broken` was found before."""
    with world.database() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

        def rows(statement: str) -> list[tuple[Any, ...]]:
            cursor.execute(statement)
            return list(cursor.fetchall())

        return Collected(
            operations=tuple(operations),
            effects=tuple(read_ledger(world.ledger)),
            runs=tuple(map(_run, rows(_RUNS))),
            steps=tuple(map(_step, rows(_STEPS))),
            edges=tuple(
                EdgeRow(needs=needs, step=step, condition=condition)
                for needs, step, condition in rows(
                    "SELECT needs_id, step_id, condition FROM tasks_stepdependency"
                )
            ),
            attempts=tuple(map(_attempt, rows(_ATTEMPTS))),
            events=tuple(map(_event, rows(_EVENTS))),
            approvals=tuple(
                ApprovalRow(public_id=public_id, step=step, decision=decision, is_doubt=is_doubt)
                for public_id, step, decision, is_doubt in rows(_APPROVALS)
            ),
            limits=tuple(
                LimitRow(name=name, most=most, limit_key=key, queue=queue)
                for name, most, key, queue in rows(_LIMITS)
            ),
            outbox=rows("SELECT count(*) FROM tasks_outboxmessage")[0][0],
            bells=bells(world),
            orphans=tuple(orphans),
            strays=tuple(strays),
            broken=(*broken, *broken_invariants(cursor, at_rest=True)),
        )


def broken_invariants(cursor: psycopg2.extensions.cursor, *, at_rest: bool) -> list[str]:
    """Give the sentences of tests/engine/invariants.sql that do not hold now, with rows that break them."""
    wanted = {one.name: one for one in invariants() if at_rest or not one.at_rest}
    cursor.execute(
        " UNION ALL ".join(
            f"SELECT '{one.name}', ARRAY(SELECT broken::text FROM ({one.sql}) broken LIMIT {MOST_BROKEN})"
            for one in wanted.values()
        )
    )
    return [
        f"{name}: {wanted[name].sentence} Not so: {'; '.join(rows)}"
        for name, rows in cursor.fetchall()
        if rows
    ]


def bells(world: World) -> dict[str, int]:
    """Count what waits in Redis for the queues, by key; empty ones are left out.

    Not `unacked`: a message that a worker had just taken when it was killed lies there until kombu's visibility
    timeout, an hour, and is put back then. It is a bell, and finds nothing to do.
    """
    client = world.redis()
    try:
        keys = [key.decode() for key in client.scan_iter("wrench:agent.*", count=1000)]
        waiting = {key: int(client.llen(key)) for key in keys if client.type(key) == b"list"}
        return {key: n for key, n in waiting.items() if n}
    finally:
        client.close()


_RUNS = """
SELECT id, public_id::text, coalesce(idempotency_key, ''), state, last_seq, open_steps, finished_at IS NOT NULL
FROM tasks_run
"""
_STEPS = """
SELECT id, run_id, key, queue, state, limit_key, coalesce(fence::text, ''), pending_deps FROM tasks_step
"""
_ATTEMPTS = """
SELECT step_id, ordinal, fence::text, outcome, extract(epoch FROM started_at)::float8,
    extract(epoch FROM ended_at)::float8
FROM tasks_attempt
"""
_EVENTS = """
SELECT run_id, seq, extract(epoch FROM at)::float8, kind, step_id, coalesce((data->>'attempt')::int, 0)
FROM tasks_event ORDER BY run_id, seq
"""
_APPROVALS = """
SELECT a.public_id::text, a.step_id, a.decision, j.effect = 'once'
FROM tasks_approval a JOIN tasks_journalentry j ON j.id = a.entry_id
"""
_LIMITS = """
SELECT 'rule ' || name, most, key, '' FROM tasks_limitrule WHERE enabled
UNION ALL
SELECT 'queue ' || name, concurrency_limit, '', name FROM tasks_queue WHERE concurrency_limit IS NOT NULL
"""


def _run(row: tuple[Any, ...]) -> RunRow:
    pk, public_id, key, state, last_seq, open_steps, finished = row
    return RunRow(
        id=pk,
        public_id=public_id,
        key=key,
        state=state,
        last_seq=last_seq,
        open_steps=open_steps,
        finished=finished,
    )


def _step(row: tuple[Any, ...]) -> StepRow:
    pk, run, key, queue, state, limit_key, fence, pending_deps = row
    return StepRow(
        id=pk,
        run=run,
        key=key,
        queue=queue,
        state=state,
        limit_key=limit_key,
        fence=fence,
        pending_deps=pending_deps,
    )


def _attempt(row: tuple[Any, ...]) -> AttemptRow:
    step, ordinal, fence, outcome, started_at, ended_at = row
    return AttemptRow(
        step=step, ordinal=ordinal, fence=fence, outcome=outcome, started_at=started_at, ended_at=ended_at
    )


def _event(row: tuple[Any, ...]) -> EventRow:
    run, seq, at, kind, step, attempt = row
    return EventRow(run=run, seq=seq, at=at, kind=kind, step=step, attempt=attempt)
