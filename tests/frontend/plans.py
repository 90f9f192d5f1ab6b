"""Runs for the tests of pages: as the engine would have left them, stored at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from django.db import transaction

from accounts.models import Project, User
from tasks import events
from tasks.changes import Change
from tasks.models import Attempt, LogChunk, Run, Step, StepDependency, WorkerSession
from tasks.states import FINAL_STEP_STATES, StepState

START = datetime.now(UTC) - timedelta(minutes=5)
_FINAL = {state.value for state in FINAL_STEP_STATES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A step as it is to be. `tries` are (outcome, begin, end) in seconds after START; no end: it goes on."""

    key: str
    after: Sequence[str] = ()
    state: str = "succeeded"
    agent: str = "inspector"
    operation: str = "scan"
    reason: str = ""
    tries: Sequence[tuple[str, float, float | None]] = ()
    error: str = ""
    added_by: str = ""
    on: str = "succeeded"
    summary: str = ""
    more: dict[str, object] = field(default_factory=dict)


def moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def store_run(
    project: Project,
    *past: Past,
    state: str = "running",
    owner: User | None = None,
    goal: str = "Find security problems",
    seconds: float | None = None,
) -> Run:
    """Store a run of these steps; final if `seconds` says when it ended."""
    over = None if seconds is None else moment(seconds)
    run = Run.objects.create(
        project=project, owner=owner, goal=goal, state=state, body_digest="",
        created_day=datetime.now(UTC).date(), created_at=START, started_at=START, finished_at=over,
        step_count=len(past),
        open_steps=sum(one.state not in _FINAL for one in past),
        request={"goal": goal, "target": {"kind": "git", "url": "https://git.example.org/team/shop.git"}},
    )  # fmt: skip
    worker = WorkerSession.objects.create(
        hostname="worker-1",
        pid=7,
        queues=[],
        slots=1,
        started_at=START,
        heartbeat_at=START,
        lease_until=START,
    )
    rows = Step.objects.bulk_create([_step(run, one, worker) for one in past])
    by_key = {row.key: row for row in rows}
    for one in past:
        if one.added_by:
            Step.objects.filter(pk=by_key[one.key].pk).update(added_by=by_key[one.added_by])
    StepDependency.objects.bulk_create(
        StepDependency(step=by_key[one.key], needs=by_key[key], condition=one.on) for one in past for key in one.after
    )  # fmt: skip
    Attempt.objects.bulk_create(
        Attempt(
            step=by_key[one.key], ordinal=n, fence=by_key[one.key].fence or uuid4() if end is None else uuid4(),
            worker=worker, child_pid=1000 + n, started_at=moment(begin),
            ended_at=None if end is None else moment(end), outcome=outcome,
        )
        for one in past
        for n, (outcome, begin, end) in enumerate(one.tries, start=1)
    )  # fmt: skip
    return run


def say(run: Run, key: str, *texts: str, attempt: int = 1, levels: str = "", at: float = 10) -> None:
    """Let a step say texts, each a chunk of its log, as an attempt does: with its event in one transaction."""
    step = Step.objects.get(run=run, key=key)
    begun = LogChunk.objects.filter(step=step, attempt=attempt).count()
    for chunk, text in enumerate(texts, start=begun + 1):
        with transaction.atomic():
            LogChunk.objects.create(
                step=step, attempt=attempt, ordinal=chunk, at=moment(at), text=text, levels=levels
            )
            change = Change(run.pk)
            change.tell(events.StepLogged(key=key, attempt=attempt, chunk=chunk, tail=text[-40:]), step.pk)
            change.write()


def _step(run: Run, one: Past, worker: WorkerSession) -> Step:
    running = one.state == StepState.RUNNING.value
    last = one.tries[-1][2] if one.tries else None
    ended = moment(last or 0) if one.state in _FINAL else None
    return Step(
        run=run, project=run.project, key=one.key, agent=one.agent, operation=one.operation,
        queue=f"agent.{one.agent}", reason=one.reason, state=one.state, priority=5, available_at=START,
        rank=START, max_attempts=3,
        attempts_made=len(one.tries), timeout_seconds=600, fence=uuid4() if running else None,
        worker=worker if running else None, error={"message": one.error} if one.error else None, created_at=START,
        summary=one.summary, started_at=moment(one.tries[0][1]) if one.tries else None, ended_at=ended,
        served_at=moment(one.tries[0][1]) if one.tries else None, **one.more,
    )  # fmt: skip
