"""Events: the immutable facts of a run, numbered gaplessly.

`append` bumps the counters of the runs that a transaction changed and inserts, in one statement. It must be the last
one that a transaction makes for a run (with the run's own end): the counter's row lock is what keeps the numbers
gapless, and it is held until the commit. Readers take `since(run, seq)`; a number that they can see has no hole
before it. Witnesses hear of what was appended, in the same transaction.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.db import connection

from tasks import witnesses
from tasks.database import Prepared, execute
from tasks.models import Run
from tasks.plans import JsonObject
from tasks.states import FINAL_RUN_STATES, RunState
from tasks.witnesses import Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Base of all event kinds: `kind` names it, the fields are its data, `step` is not part of them.

    `is_chatty`: a later one of the same step says all that an earlier one did.
    """

    kind: ClassVar[str] = ""
    about: ClassVar[str] = ""
    is_chatty: ClassVar[bool] = False


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
class RunMessage(Fact):
    kind: ClassVar[str] = "run.message"
    about: ClassVar[str] = "Somebody tells those who follow the run, and operations that read it, something."
    by: str
    text: str
    id: str


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
        "The step is over in the run that this one does again; how it ended there stands here too."
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
    is_chatty: ClassVar[bool] = True
    about: ClassVar[str] = "The attempt told how far it is; at most one per 250 ms."
    key: str
    attempt: int
    done: int
    total: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLogged(Fact):
    kind: ClassVar[str] = "step.logged"
    is_chatty: ClassVar[bool] = True
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What a transaction adds to one run: facts (each with its step's id or None), steps opened and closed.

    With `begins`, an attempt's start, a run of which no attempt had begun is running from here on, and RunStarted is
    told first.
    """

    run_pk: int
    facts: Sequence[tuple[Fact, int | None]]
    opened: int = 0
    closed: int = 0
    begins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A run after its growth: its newest event's number, and how many of its steps are open now."""

    run_pk: int
    public_id: str
    seq: int
    open_steps: int
    has_ended: bool
    has_begun: bool
    project_id: int
    owner_id: int | None


# In the order of ids: two transactions may grow the same runs. A statement of its own, so that the next one sees what
# was committed while this one waited: a step that died meanwhile, or a first attempt that began.
_LOCK = Prepared(
    name="wrench_lock_runs",
    types={"runs": "bigint[]"},
    text="SELECT id FROM tasks_run WHERE id = ANY (%(runs)s) ORDER BY id FOR UPDATE",
)
# A run ends here when its last step has and nothing went wrong: it was not cancelled, and no step is dead.
_APPEND = Prepared(
    name="wrench_append",
    types={
        "runs": "bigint[]",
        "counts": "bigint[]",
        "opened": "integer[]",
        "closed": "integer[]",
        "begins": "boolean[]",
        "facts": "jsonb",
        "finished": "jsonb",
    },
    text=f"""
WITH grown AS MATERIALIZED (
    SELECT r.id, g.count, g.opened, g.closed, g.begins AND r.started_at IS NULL AS begins,
        g.opened + g.closed > 0 AND r.open_steps + g.opened - g.closed = 0 AND r.cancel_requested_at IS NULL
            AND r.state NOT IN ({", ".join(f"'{state}'" for state in sorted(FINAL_RUN_STATES))})
            AND NOT EXISTS (SELECT FROM tasks_step s WHERE s.run_id = r.id AND s.state = 'dead') AS succeeds
    FROM tasks_run r JOIN unnest(%(runs)s, %(counts)s, %(opened)s, %(closed)s, %(begins)s)
        AS g (run, count, opened, closed, begins) ON r.id = g.run
    WHERE r.id = ANY (%(runs)s)
), bumped AS (
    UPDATE tasks_run r SET last_seq = r.last_seq + g.count + g.begins::integer + g.succeeds::integer,
        step_count = r.step_count + g.opened, open_steps = r.open_steps + g.opened - g.closed,
        state = CASE WHEN g.succeeds THEN 'succeeded' WHEN g.begins THEN 'running' ELSE r.state END,
        started_at = CASE WHEN g.begins THEN clock_timestamp() ELSE r.started_at END,
        finished_at = CASE WHEN g.succeeds THEN clock_timestamp() ELSE r.finished_at END,
        failure = CASE WHEN g.succeeds THEN '' ELSE r.failure END
    FROM grown g WHERE r.id = g.id AND r.id = ANY (%(runs)s)
    RETURNING r.id, r.public_id, r.created_day, r.last_seq, r.open_steps, r.project_id, r.owner_id, g.begins,
        g.succeeds,
        r.last_seq - g.succeeds::integer - g.count AS before
), inserted AS (
    INSERT INTO tasks_event (run_day, run_id, seq, at, kind, step_id, data)
    SELECT created_day, id, before, clock_timestamp(), 'run.started', NULL, '{{}}' FROM bumped WHERE begins
    UNION ALL
    SELECT b.created_day, b.id, b.before + f.n, clock_timestamp(), f.kind, f.step, f.data
    FROM bumped b JOIN jsonb_to_recordset(%(facts)s) AS f (run bigint, n bigint, kind text, step bigint, data jsonb)
        ON f.run = b.id
    UNION ALL
    SELECT created_day, id, last_seq, clock_timestamp(), 'run.finished', NULL, %(finished)s FROM bumped WHERE succeeds
    RETURNING 1
)
SELECT id, public_id, last_seq, open_steps, succeeds, begins, project_id, owner_id FROM bumped
""",  # noqa: S608 - only fixed names are put together
)
_WENT_WELL = json.dumps(asdict(RunFinished(state=RunState.SUCCEEDED.value, failure="")))


def append(growths: Sequence[Growth]) -> list[Head]:
    """Number and store what each run (named once) grew by, and end those that are done and went well.

    In any order. A run without open steps that has not ended here is for the caller to end.
    """
    facts = [
        {"run": growth.run_pk, "n": n, "kind": fact.kind, "step": step, "data": storable(asdict(fact))}
        for growth in growths
        for n, (fact, step) in enumerate(growth.facts, start=1)
    ]
    values: dict[str, Any] = {
        "runs": [growth.run_pk for growth in growths],
        "counts": [len(growth.facts) for growth in growths],
        "opened": [growth.opened for growth in growths],
        "closed": [growth.closed for growth in growths],
        "begins": [growth.begins for growth in growths],
        "facts": json.dumps(facts),
        "finished": _WENT_WELL,
    }
    with connection.cursor() as cursor:
        execute(cursor, values, _LOCK, _APPEND)
        heads = [
            Head(
                run_pk=pk,
                public_id=str(public_id),
                seq=seq,
                open_steps=open_steps,
                has_ended=has_ended,
                has_begun=has_begun,
                project_id=project_id,
                owner_id=owner_id,
            )
            for pk, public_id, seq, open_steps, has_ended, has_begun, project_id, owner_id in cursor.fetchall()
        ]
    if told := _wanted(facts, heads):
        witnesses.tell(told)
    return heads


def _wanted(facts: Sequence[dict[str, Any]], heads: Sequence[Head]) -> list[Told]:
    """Give what was appended of the kinds that witnesses want, numbered as the statement has done it."""
    kinds = witnesses.wanted()
    counts = Counter(fact["run"] for fact in facts)
    before = {head.run_pk: head.seq - head.has_ended - counts[head.run_pk] for head in heads}
    projects = {head.run_pk: head.project_id for head in heads}

    def told(run: int, seq: int, kind: str, data: JsonObject) -> Told:
        return Told(run_pk=run, project_id=projects[run], seq=seq, kind=kind, data=data)

    began = [told(one.run_pk, before[one.run_pk], RunStarted.kind, {}) for one in heads if one.has_begun]
    written = [
        told(fact["run"], before[fact["run"]] + fact["n"], fact["kind"], fact["data"])
        for fact in facts
        if fact["kind"] in kinds
    ]
    ended = [
        told(one.run_pk, one.seq, RunFinished.kind, json.loads(_WENT_WELL)) for one in heads if one.has_ended
    ]
    return [one for one in (*began, *written, *ended) if one.kind in kinds]


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
