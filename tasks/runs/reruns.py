"""Doing a finished run again: a new, linked run that takes over what succeeded and does the rest.

Nothing leaves a final state, so the run of before stays as it is. What becomes of each of its steps in the new one
is told by `sorting`: taken over, redone, added anew by a redone one, or skipped again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from tasks import events
from tasks.changes import Change
from tasks.contract import RecordedStep, catalog
from tasks.errors import RunNotFound, RunNotOver
from tasks.models import Artifact, JournalEntry, Run, Step, StepDependency
from tasks.runs.accept import check, known_run, store_run
from tasks.runs.sorting import RerunPreview, Sorted
from tasks.runs.storing import store_steps
from tasks.states import RunState, StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """The new run. `created` is false if an order with the same idempotency key had made it before."""

    run: Run
    preview: RerunPreview
    created: bool


def preview_rerun(public_id: UUID, from_key: str | None = None) -> RerunPreview:
    """Say what `retry` (no key) or `rerun_from` would do. Raises as they do; changes nothing."""
    return Sorted.of(_finished(public_id), from_key).preview()


def rerun(
    public_id: UUID,
    from_key: str | None = None,
    *,
    by: str,
    owner_id: int | None = None,
    idempotency_key: str | None = None,
) -> Rerun:
    """Do a finished run again as a new one: from a step on, or (no key) what died or was cancelled in it.

    The new run is `owner_id`'s, who asked for it; nobody's name keeps the owner of before. The same idempotency key
    with the same order gives the run of the first time; keys are shared with `submit`.
    Raises RunNotFound, RunNotOver, NothingToRetry, StepNotFound, IdempotencyConflict for another order, PlanInvalid
    and UnknownOperation (an operation is gone or takes other input now).
    """
    old = _finished(public_id)
    digest = _order_digest(old, from_key)
    parts = Sorted.of(old, from_key)
    known = known_run(old.project_id, idempotency_key, digest)
    if known is not None:
        return Rerun(run=known, preview=parts.preview(), created=False)
    try:
        run = _store(parts, from_key, by=by, owner_id=owner_id, key=idempotency_key, digest=digest)
    except IntegrityError:
        known = known_run(old.project_id, idempotency_key, digest)  # another order with this key was faster
        if known is None:
            raise
        return Rerun(run=known, preview=parts.preview(), created=False)
    return Rerun(run=run, preview=parts.preview(), created=True)


def retry(public_id: UUID, *, by: str, owner_id: int | None = None) -> tuple[Run, RerunPreview]:
    """Do again what died or was cancelled in a finished run, and what waited for it. Raises as `rerun` does."""
    again = rerun(public_id, by=by, owner_id=owner_id)
    return again.run, again.preview


def rerun_from(
    public_id: UUID, key: str, *, by: str, owner_id: int | None = None
) -> tuple[Run, RerunPreview]:
    """Do a step of a finished run and all that waits for it again (and what died). Raises as `rerun` does."""
    again = rerun(public_id, key, by=by, owner_id=owner_id)
    return again.run, again.preview


def _finished(public_id: UUID) -> Run:
    run = Run.objects.filter(public_id=public_id).first()
    if run is None:
        raise RunNotFound(f"there is no run {public_id}")
    if not RunState(run.state).is_final:
        raise RunNotOver(
            f"run {public_id} is {run.state}; only a run that is over can be done again: wait, or cancel it"
        )
    return run


def _order_digest(old: Run, from_key: str | None) -> str:
    """Name what was asked for. The old run is final, so that this says all."""
    order = {"rerun_of": str(old.public_id), "from": from_key}
    return hashlib.sha256(json.dumps(order, sort_keys=True).encode()).hexdigest()


def _store(
    parts: Sorted, from_key: str | None, *, by: str, owner_id: int | None, key: str | None, digest: str
) -> Run:
    old, plan = parts.run, parts.plan()
    with transaction.atomic():
        # retention, which may be about to delete it, leaves a run alone that somebody holds
        if Run.objects.select_for_update(no_key=True).filter(pk=old.pk).first() is None:
            raise RunNotFound(f"run {old.public_id} is over for so long that it has just been deleted")
        run = store_run(
            project_id=old.project_id,
            owner_id=owner_id or old.owner_id,
            goal=old.goal,
            request=old.request,
            idempotency_key=key,
            body_digest=digest,
            priority=old.priority,
            lifetime=settings.RUN_DEADLINE_SECONDS,
            parent=old,
        )
        change = Change(run.pk)
        change.tell(events.RunAccepted(goal=run.goal, steps=len(plan)))
        change.tell(
            events.RunRerun(
                by=by,
                parent=str(old.public_id),
                start=from_key or "",
                taken=len(parts.taken),
                redone=len(parts.redone),
            )
        )
        rows = _take_over(run, parts, change)
        stored = {key: (row.pk, StepState(row.state)) for key, row in rows.items()}
        specs = check(plan, stored={key: row.pk for key, row in rows.items()})
        rows |= store_steps(run, plan, specs, change, stored=stored)
        _keep_adders(parts, rows)
        change.write()
    run.refresh_from_db()
    return run


def _take_over(run: Run, parts: Sorted, change: Change) -> dict[str, Step]:
    """Store the taken steps as they ended, with their edges, artifacts and the agents' own rows."""
    rows = Step.objects.bulk_create(
        [_taken(step, run) for step in parts.taken], batch_size=500
    )  # in the order of the old ids, so that ids still grow along the edges
    by_old = {row.taken_from_id: row for row in rows}
    StepDependency.objects.bulk_create(
        [
            StepDependency(step_id=row.pk, needs_id=by_old[edge.needs_id].pk, condition=edge.condition)
            for row in rows
            for edge in parts.edges[row.taken_from_id or 0]
            if edge.needs_id in by_old
        ],
        batch_size=1000,
    )
    _share_artifacts(run, by_old)
    _keep_journal(parts.journal, by_old)
    for old in parts.taken:
        row = by_old[old.pk]
        catalog().take_over(_recorded(row, run), old.pk)
        change.tell(events.StepTakenOver(key=row.key, run=str(parts.run.public_id)), row.pk)
    change.opened += len(rows)
    change.closed += len(rows)
    return {row.key: row for row in rows}


def _taken(old: Step, run: Run) -> Step:
    return Step(
        run=run,
        project_id=run.project_id,
        taken_from_id=old.pk,
        state=old.state,
        key=old.key,
        agent=old.agent,
        operation=old.operation,
        queue=old.queue,
        input=old.input,
        reason=old.reason,
        priority=old.priority,
        available_at=old.available_at,
        rank=old.rank,
        max_attempts=old.max_attempts,
        timeout_seconds=old.timeout_seconds,
        effect=old.effect,
        limit_key=old.limit_key,
        output=old.output,
        error=old.error,
        summary=old.summary,
        created_at=Now(),
        started_at=old.started_at,
        ended_at=old.ended_at,
    )


def _share_artifacts(run: Run, by_old: dict[int | None, Step]) -> None:
    Artifact.objects.bulk_create(
        [
            Artifact(
                run=run,
                step=by_old[old.step_id],
                name=old.name,
                digest=old.digest,
                size=old.size,
                media_type=old.media_type,
                created_at=Now(),
            )
            for old in Artifact.objects.filter(step_id__in=[pk for pk in by_old if pk is not None]).order_by(
                "pk"
            )
        ],
        batch_size=500,
    )


def _keep_journal(journal: list[JournalEntry], by_old: dict[int | None, Step]) -> None:
    """Remember what taken steps called, and what must not happen twice: the next rerun and the verdict ask."""
    JournalEntry.objects.bulk_create(
        [
            JournalEntry(
                step=by_old[old.step_id],
                name=old.name,
                occurrence=old.occurrence,
                kind=old.kind,
                effect=old.effect,
                digest=old.digest,
                attempt=old.attempt,
                child=by_old.get(old.child_id),
                started_at=old.started_at,
                done_at=old.done_at,
            )
            for old in journal
            if old.step_id in by_old
            and ((old.child_id is not None and old.child_id in by_old) or old.effect == "once")
        ],
        batch_size=500,
    )


def _recorded(step: Step, run: Run) -> RecordedStep:
    return RecordedStep(
        run_pk=run.pk,
        run_id=run.public_id,
        project_id=run.project_id,
        step_pk=step.pk,
        step_key=step.key,
        agent=step.agent,
        operation=step.operation,
    )


def _keep_adders(parts: Sorted, rows: dict[str, Step]) -> None:
    """Remember in the new run, too, who had added which step: the next rerun asks for it."""
    keys = {step.pk: step.key for step in [*parts.taken, *parts.redone, *parts.skipped]}
    changed = []
    for old in [*parts.taken, *parts.redone, *parts.skipped]:
        if old.added_by_id in keys:
            row = rows[old.key]
            row.added_by_id = rows[keys[old.added_by_id]].pk
            changed.append(row)
    Step.objects.bulk_update(changed, ["added_by"], batch_size=500)
