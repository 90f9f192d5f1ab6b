"""Events: the immutable facts of a run, numbered gaplessly.

`append` bumps the run's counter and inserts in one statement. It must be the last statement that a transaction
makes for a run (with the run's own update): the counter's row lock is what keeps the numbers gapless, and it is
held until the commit. Readers take `since(run, seq)`; a number that they can see has no hole before it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.db import connection

from tasks.database import Prepared, execute
from tasks.models import Run
from tasks.plans import JsonObject
from tasks.states import FINAL_RUN_STATES, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Base of all event kinds: `kind` names it, the fields are its data, `step` is not part of them."""

    kind: ClassVar[str] = ""
    about: ClassVar[str] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAccepted(Fact):
    kind: ClassVar[str] = "run.accepted"
    about: ClassVar[str] = "The request is stored; from here on it will end, whatever dies."
    goal: str
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScheduled(Fact):
    kind: ClassVar[str] = "run.scheduled"
    about: ClassVar[str] = "A schedule submitted the run; `fire_at` is the time that had come."
    schedule: str
    fire_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Fact):
    kind: ClassVar[str] = "run.started"
    about: ClassVar[str] = "The first attempt of the run has begun."


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCancelRequested(Fact):
    kind: ClassVar[str] = "run.cancel_requested"
    about: ClassVar[str] = "Somebody wants the run to stop; running attempts are told."
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaused(Fact):
    kind: ClassVar[str] = "run.paused"
    about: ClassVar[str] = "Nothing new begins until somebody resumes the run; what runs goes on to its end."
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed(Fact):
    kind: ClassVar[str] = "run.resumed"
    about: ClassVar[str] = "The run goes on after a pause."
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPriorityChanged(Fact):
    kind: ClassVar[str] = "run.priority_changed"
    about: ClassVar[str] = "The steps that wait, and those to come, have another priority."
    by: str
    before: int | None
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRerun(Fact):
    kind: ClassVar[str] = "run.rerun"
    about: ClassVar[str] = "This run does an earlier one again, from step `start` on (empty: what failed)."
    by: str
    parent: str
    start: str
    taken: int
    redone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Fact):
    kind: ClassVar[str] = "run.finished"
    about: ClassVar[str] = "All steps are final; nothing will change any more."
    state: str
    failure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAdded(Fact):
    kind: ClassVar[str] = "step.added"
    about: ClassVar[str] = "A step was stored: with the run, or by another step's result."
    key: str
    agent: str
    operation: str
    reason: str
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTakenOver(Fact):
    kind: ClassVar[str] = "step.taken_over"
    about: ClassVar[str] = (
        "The step succeeded in the run that this one does again; its result stands here too."
    )
    key: str
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReady(Fact):
    kind: ClassVar[str] = "step.ready"
    about: ClassVar[str] = "Nothing holds the step back; its queue's bell was rung."
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(Fact):
    kind: ClassVar[str] = "step.started"
    about: ClassVar[str] = "A worker claimed the step."
    key: str
    attempt: int
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress(Fact):
    kind: ClassVar[str] = "step.progress"
    about: ClassVar[str] = "The attempt told how far it is; at most one per 250 ms."
    key: str
    attempt: int
    done: int
    total: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLogged(Fact):
    kind: ClassVar[str] = "step.logged"
    about: ClassVar[str] = "Log lines were stored as a chunk; `tail` is the last of them."
    key: str
    attempt: int
    chunk: int
    tail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSucceeded(Fact):
    kind: ClassVar[str] = "step.succeeded"
    about: ClassVar[str] = "The result was accepted."
    key: str
    attempt: int
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRetry(Fact):
    kind: ClassVar[str] = "step.retry"
    about: ClassVar[str] = "The attempt failed; another follows after a delay."
    key: str
    attempt: int
    error: JsonObject
    delay_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLost(Fact):
    kind: ClassVar[str] = "step.lost"
    about: ClassVar[str] = (
        "The attempt's worker or child is gone, or its lease ran out; the step is ready again."
    )
    key: str
    attempt: int
    error: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReleased(Fact):
    kind: ClassVar[str] = "step.released"
    about: ClassVar[str] = "A worker that shuts down gave the step back; no attempt is spent."
    key: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSuspended(Fact):
    kind: ClassVar[str] = "step.suspended"
    about: ClassVar[str] = "The step waits without a worker: for a step that it called, or for an approval."
    key: str
    attempt: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAsked(Fact):
    kind: ClassVar[str] = "approval.asked"
    about: ClassVar[str] = "A step asks people; it goes on with their answer, or when the time is over."
    key: str
    approval: str
    question: str
    role: str
    expires_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDecided(Fact):
    kind: ClassVar[str] = "approval.decided"
    about: ClassVar[str] = "The question has its answer: approved, rejected or expired."
    key: str
    approval: str
    decision: str
    by: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStale(Fact):
    kind: ClassVar[str] = "step.stale_result"
    about: ClassVar[str] = "A result came after the lease was lost and was thrown away."
    key: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDead(Fact):
    kind: ClassVar[str] = "step.dead"
    about: ClassVar[str] = "No attempt is left, or trying again cannot help."
    key: str
    attempt: int
    error: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSkipped(Fact):
    kind: ClassVar[str] = "step.skipped"
    about: ClassVar[str] = "A step before it did not end as its edge demands."
    key: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCancelled(Fact):
    kind: ClassVar[str] = "step.cancelled"
    about: ClassVar[str] = "The step was not done because the run was cancelled."
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSaid(Fact):
    kind: ClassVar[str] = "agent.said"
    about: ClassVar[str] = "Something that the agent itself wants people to know; `topic` names it."
    key: str
    attempt: int
    topic: str
    content: JsonObject


# by kind, because a dataclass with slots is a second class and the first one stays listed as a subclass
KINDS: tuple[type[Fact], ...] = tuple(
    fact for _, fact in sorted({fact.kind: fact for fact in Fact.__subclasses__()}.items())
)

_APPEND = Prepared(
    name="wrench_append",
    types={"run": "bigint", "count": "bigint", "facts": "jsonb", "opened": "integer", "closed": "integer"},
    text="""
WITH bumped AS (
    UPDATE tasks_run SET last_seq = last_seq + %(count)s, step_count = step_count + %(opened)s,
        open_steps = open_steps + %(opened)s - %(closed)s
    WHERE id = %(run)s RETURNING last_seq, created_day, public_id, open_steps
), inserted AS (
    INSERT INTO tasks_event (run_day, run_id, seq, at, kind, step_id, data)
    SELECT b.created_day, %(run)s, b.last_seq - %(count)s + f.n, clock_timestamp(), f.kind, f.step, f.data
    FROM bumped b, jsonb_to_recordset(%(facts)s) AS f (n bigint, kind text, step bigint, data jsonb)
    RETURNING 1
)
SELECT last_seq, public_id, open_steps FROM bumped
""",
)

# As above, for the start of an attempt: the first one begins the run, and tells of that before all else.
_APPEND_START = Prepared(
    name="wrench_append_start",
    types={"run": "bigint", "count": "bigint", "facts": "jsonb"},
    text="""
WITH was AS MATERIALIZED (
    SELECT id, started_at IS NULL AS begins FROM tasks_run WHERE id = %(run)s FOR UPDATE
), bumped AS (
    UPDATE tasks_run r SET last_seq = r.last_seq + %(count)s + w.begins::integer,
        state = CASE WHEN w.begins THEN 'running' ELSE r.state END,
        started_at = CASE WHEN w.begins THEN clock_timestamp() ELSE r.started_at END
    FROM was w WHERE r.id = w.id
    RETURNING r.last_seq, r.created_day, r.public_id, r.open_steps, w.begins
), inserted AS (
    INSERT INTO tasks_event (run_day, run_id, seq, at, kind, step_id, data)
    SELECT b.created_day, %(run)s, b.last_seq - %(count)s + f.n, clock_timestamp(), f.kind, f.step, f.data
    FROM bumped b CROSS JOIN LATERAL (
        SELECT 0 AS n, 'run.started' AS kind, NULL::bigint AS step, '{}'::jsonb AS data WHERE b.begins
        UNION ALL
        SELECT n, kind, step, data
        FROM jsonb_to_recordset(%(facts)s) AS f (n bigint, kind text, step bigint, data jsonb)) f
    RETURNING 1
)
SELECT last_seq, public_id, open_steps FROM bumped
""",
)
# The end of a run that nothing went wrong in. No row: it is over already, was cancelled, or a step is dead.
_SUCCEED = Prepared(
    name="wrench_succeed_run",
    types={"run": "bigint", "finished": "jsonb"},
    text=f"""
WITH ended AS (
    UPDATE tasks_run r SET state = 'succeeded', failure = '', finished_at = clock_timestamp(),
        last_seq = r.last_seq + 1
    WHERE r.id = %(run)s AND r.cancel_requested_at IS NULL
      AND r.state NOT IN ({", ".join(f"'{state}'" for state in sorted(FINAL_RUN_STATES))})
      AND NOT EXISTS (SELECT FROM tasks_step s WHERE s.run_id = r.id AND s.state = 'dead')
    RETURNING r.last_seq, r.created_day
), inserted AS (
    INSERT INTO tasks_event (run_day, run_id, seq, at, kind, step_id, data)
    SELECT created_day, %(run)s, last_seq, clock_timestamp(), 'run.finished', NULL, %(finished)s FROM ended
    RETURNING 1
)
SELECT last_seq FROM ended
""",  # noqa: S608 - only fixed names are put together
)


def append(
    run_pk: int,
    facts: Sequence[tuple[Fact, int | None]],
    *,
    opened: int = 0,
    closed: int = 0,
    begins: bool = False,
) -> tuple[int, str, int]:
    """Number and store facts (each with its step's id or None), and count steps that were opened and closed.

    Returns the run's head, its public id, and how many of its steps are open now. With `begins`, an attempt's start,
    a run of which no attempt had begun is running from here on, and RunStarted is told first.
    """
    rows = [
        {"n": n, "kind": fact.kind, "step": step, "data": storable(asdict(fact))}
        for n, (fact, step) in enumerate(facts, start=1)
    ]
    values: dict[str, Any] = {
        "count": len(rows),
        "run": run_pk,
        "facts": json.dumps(rows),
        "opened": opened,
        "closed": closed,
    }
    with connection.cursor() as cursor:
        execute(cursor, values, _APPEND_START if begins else _APPEND)
        head, public_id, open_steps = cursor.fetchone()
    return int(head), str(public_id), int(open_steps)


def succeed_run(run_pk: int) -> int | None:
    """End a run whose steps are all final, if nothing went wrong in it. Returns its head then."""
    finished = RunFinished(state=RunState.SUCCEEDED.value, failure="")
    with connection.cursor() as cursor:
        execute(cursor, {"run": run_pk, "finished": json.dumps(asdict(finished))}, _SUCCEED)
        row = cursor.fetchone()
    return None if row is None else int(row[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFact:
    """A fact as readers get it: a page has hundreds, and making that many model instances took most of its time."""

    seq: int
    at: datetime
    kind: str
    data: JsonObject


_SINCE = """
SELECT seq, at, kind, data::json FROM tasks_event
WHERE run_day = %(day)s AND run_id = %(run)s AND seq > %(seq)s ORDER BY seq LIMIT %(limit)s
"""


def since(run: Run, seq: int, *, limit: int = 500) -> list[StoredFact]:
    """Give the facts of a run after `seq`, in order, at most `limit`.

    Gapless, unless retention has removed the oldest, or all: `removed_up_to` tells.
    """
    values: dict[str, Any] = {"day": run.created_day, "run": run.pk, "seq": seq, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_SINCE, values)
        return [StoredFact(seq=seq, at=at, kind=kind, data=data) for seq, at, kind, data in cursor.fetchall()]


def removed_up_to(run: Run, seq: int, found: Sequence[StoredFact]) -> int:
    """Tell up to which number the events after `seq` were removed by retention; 0: none of them were.

    `found` is what `since(run, seq)` gave after `run` was read: a number that the run has counted is there, or
    was removed.
    """
    first = found[0].seq if found else run.last_seq + 1
    return first - 1 if first > seq + 1 else 0


def storable(value: Any) -> Any:
    """Make JSON storable in PostgreSQL: NUL and lone surrogates, which jsonb refuses, become U+FFFD."""
    if isinstance(value, str):
        if "\0" in value or not value.isascii():
            return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
        return value
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value
