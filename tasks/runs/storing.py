"""The rows of a checked plan: steps with their edges, ready where they wait for nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from tasks import events
from tasks.changes import Change
from tasks.contract import StepSpec
from tasks.models import Queue, Run, Step, StepDependency
from tasks.plans import Plan, PlannedStep, topological
from tasks.runs.moves import database_now, rank, skip_error
from tasks.states import StepState, satisfies


def store_steps(
    run: Run,
    plan: Plan,
    specs: Mapping[str, StepSpec],
    change: Change,
    *,
    stored: Mapping[str, tuple[int, StepState]] | None = None,
    added_by: int | None = None,
) -> dict[str, Step]:
    """Insert a checked plan's steps and edges. Returns the rows by key.

    Steps that wait for nothing become ready; those that can never start, because a stored step ended otherwise
    than their edge demands, are skipped at once.

    `stored` holds the id and state of steps of the run that the plan's steps may wait for. The caller has locked
    those that they do wait for. `added_by` is the id of the step whose result asks for them.
    """
    stored = stored or {}
    now = database_now()
    queues = {queue.name: queue for queue in Queue.objects.all()}
    ordered = topological(plan)  # so that ids grow along the edges, the order in which locks are taken
    rows = [_step_row(run, planned, specs[planned.key], queues, now) for planned in ordered]
    for row in rows:
        row.added_by_id = added_by
    ended = {key: state for key, (_, state) in stored.items() if state.is_final}
    skipped = {
        row.key: because
        for row, planned in zip(rows, ordered, strict=True)
        if (because := _set_out(row, planned, ended)) is not None
    }
    Step.objects.bulk_create(rows, batch_size=500)
    by_key = {row.key: row for row in rows}
    ids = {row.key: row.pk for row in rows}
    known = ids | {key: pk for key, (pk, _) in stored.items()}
    StepDependency.objects.bulk_create(
        [
            StepDependency(step_id=ids[planned.key], needs_id=known[edge.key], condition=edge.on.value)
            for planned in ordered
            for edge in planned.after
        ],
        batch_size=1000,
    )
    _announce(rows, ordered, skipped, change)
    change.opened += len(rows)
    return by_key


def _set_out(row: Step, planned: PlannedStep, ended: dict[str, StepState]) -> str | None:
    """Give the row its first state. Returns because of whom it is skipped, and puts it into `ended` then."""
    row.pending_deps = sum(1 for edge in planned.after if edge.key not in ended)
    row.state = (StepState.PENDING if row.pending_deps else StepState.READY).value
    for edge in planned.after:
        if edge.key in ended and not satisfies(ended[edge.key], edge.on):
            row.state, row.ended_at = StepState.SKIPPED.value, row.created_at
            row.error = skip_error(edge.key, ended[edge.key])
            ended[row.key] = StepState.SKIPPED
            return edge.key
    return None


def _step_row(
    run: Run, planned: PlannedStep, spec: StepSpec, queues: Mapping[str, Queue], now: datetime
) -> Step:
    """Priority: the step's own, else the run's, else the agent's (as the admin set it)."""
    queue = queues.get(spec.queue)
    default = queue.priority if queue else spec.priority
    priority = next(p for p in (planned.priority, run.priority, default) if p is not None)
    lifetime = planned.deadline_seconds
    return Step(
        run=run,
        project_id=run.project_id,
        held=run.paused_at is not None,
        key=planned.key,
        agent=planned.agent,
        operation=planned.operation,
        queue=spec.queue,
        input=events.storable(planned.input),
        reason=events.storable(planned.reason),
        priority=priority,
        available_at=now,
        rank=rank(now, priority),
        max_attempts=(queue.max_attempts if queue else None) or spec.max_attempts,
        timeout_seconds=(queue.timeout_seconds if queue else None) or spec.timeout_seconds,
        deadline_at=None if lifetime is None else now + timedelta(seconds=lifetime),
        effect=spec.effect,
        limit_key=events.storable(planned.limit_key or spec.limit_key or ""),
        created_at=now,
    )


def _announce(
    rows: Sequence[Step], ordered: Sequence[PlannedStep], skipped: Mapping[str, str], change: Change
) -> None:
    for row, planned in zip(rows, ordered, strict=True):
        change.tell(
            events.StepAdded(
                key=row.key,
                agent=row.agent,
                operation=row.operation,
                reason=row.reason,
                after=tuple(edge.key for edge in planned.after),
            ),
            row.pk,
        )
    for row in rows:
        if row.state == StepState.READY.value:
            change.tell(events.StepReady(key=row.key), row.pk)
            change.ring(row.queue, row.priority)
        elif row.key in skipped:
            change.tell(events.StepSkipped(key=row.key, because=skipped[row.key]), row.pk)
            change.closed += 1
