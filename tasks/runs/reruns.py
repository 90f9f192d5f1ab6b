"""Doing a finished run again: a new, linked run that takes over what succeeded and does the rest.

Nothing leaves a final state, so the run of before stays as it is. In the new one

    taken    what succeeded, and no step that is done again leads to it: stored as succeeded, with output, summary,
             findings and artifacts (rows; the bytes are shared by digest), linked by `taken_from`; nobody executes it
    redone   the named step (or all that died or was cancelled), and whatever waits for a redone step
    anew     what a redone step had added to the run, or called: not stored, since doing the step again does it again;
             who waited for it is redone, and waits for the redone step instead, and so for what that adds
    skipped  what was skipped for a reason that still stands: stored, and skipped by the same rule

The new run's plan is made of the old run's rows, and goes through the same check as any other.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from tasks import events
from tasks.changes import Change
from tasks.contract import RecordedStep, catalog
from tasks.errors import NothingToRetry, RunNotFound, RunNotOver, StepNotFound
from tasks.models import Artifact, JournalEntry, Run, Step, StepDependency
from tasks.plans import After, Plan, PlannedStep, topological
from tasks.runs.accept import check, known_run, store_run
from tasks.runs.storing import store_steps
from tasks.states import EdgeCondition, RunState, StepState, satisfies

FAILED = frozenset({StepState.DEAD.value, StepState.CANCELLED.value})
# Of two edges that become one the first one counts; nobody mends what has not failed.
_STRICTEST = (EdgeCondition.SUCCEEDED, EdgeCondition.FAILED, EdgeCondition.ALWAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedoneStep:
    """A step that a rerun does again. `repeats_effect`: what it does outside was perhaps done already."""

    key: str
    agent: str
    operation: str
    reason: str
    repeats_effect: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunPreview:
    """What a rerun would do: keys taken over, steps done again, keys that redone steps will add anew."""

    taken: tuple[str, ...]
    redone: tuple[RedoneStep, ...]
    anew: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """The new run. `created` is false if an order with the same idempotency key had made it before."""

    run: Run
    preview: RerunPreview
    created: bool


def preview_rerun(public_id: UUID, from_key: str | None = None) -> RerunPreview:
    """Say what `retry` (no key) or `rerun_from` would do. Raises as they do; changes nothing."""
    return _Sorted.of(_finished(public_id), from_key).preview()


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
    parts = _Sorted.of(old, from_key)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorted:
    """A finished run's steps by what becomes of them, each list in the order of ids."""

    run: Run
    taken: list[Step]
    redone: list[Step]
    skipped: list[Step]
    anew: list[Step]
    edges: dict[int, list[StepDependency]]  # by the waiting step's id
    journal: list[JournalEntry]

    @classmethod
    def of(cls, run: Run, from_key: str | None) -> _Sorted:
        steps = {step.pk: step for step in Step.objects.filter(run=run).order_by("pk")}
        edges_in: dict[int, list[StepDependency]] = defaultdict(list)
        following: dict[int, list[int]] = defaultdict(list)  # who waits for the step, or was added by it
        for edge in StepDependency.objects.filter(step__run=run).order_by("pk"):
            edges_in[edge.step_id].append(edge)
            following[edge.needs_id].append(edge.step_id)
        for step in steps.values():
            if step.added_by_id is not None:
                following[step.added_by_id].append(step.pk)
        journal = list(JournalEntry.objects.filter(step__run=run).defer("value").order_by("pk"))
        callers = {entry.child_id: entry.step_id for entry in journal if entry.child_id is not None}
        again = _reached(_seeds(run, steps, callers, from_key), following)
        old = [step for step in steps.values() if step.pk not in again]
        parts = cls(
            run=run,
            taken=[step for step in old if step.state == StepState.SUCCEEDED.value],
            redone=[steps[pk] for pk in sorted(again) if steps[pk].added_by_id not in again],
            skipped=[step for step in old if step.state == StepState.SKIPPED.value],
            anew=[steps[pk] for pk in sorted(again) if steps[pk].added_by_id in again],
            edges=edges_in,
            journal=journal,
        )
        if parts.is_vain():
            raise NothingToRetry(
                f"step {from_key!r} would be skipped again, with all that waits for it: what it waits for is taken"
                " over as it ended; do that again"
            )
        return parts

    def preview(self) -> RerunPreview:
        began_once = {entry.step_id for entry in self.journal if entry.effect == "once"}
        return RerunPreview(
            taken=tuple(step.key for step in self.taken),
            redone=tuple(
                RedoneStep(
                    key=step.key,
                    agent=step.agent,
                    operation=step.operation,
                    reason=step.reason,
                    repeats_effect=step.pk in began_once
                    or (step.effect == "once" and (step.attempts_made > 0 or step.taken_from_id is not None)),
                )
                for step in self.redone
            ),
            anew=tuple(step.key for step in self.anew),
        )

    def is_vain(self) -> bool:
        """Tell whether nothing of the new run could begin, since all that it does again is skipped at once."""
        ended = dict.fromkeys((step.key for step in self.taken), StepState.SUCCEEDED)
        for planned in topological(self.plan()):
            if not all(
                edge.key not in ended or satisfies(ended[edge.key], edge.on) for edge in planned.after
            ):
                ended[planned.key] = StepState.SKIPPED
        return all(step.key in ended for step in self.redone)

    def plan(self) -> Plan:
        """Make the plan of what is stored anew."""
        kept = {step.pk: step.key for step in [*self.taken, *self.redone, *self.skipped]}
        adders = {step.pk: step.added_by_id for step in self.anew}
        return Plan(
            tuple(
                _planned(step, _after(self.edges[step.pk], kept, adders))
                for step in [*self.redone, *self.skipped]
            )
        )


def _seeds(run: Run, steps: dict[int, Step], callers: dict[int, int], from_key: str | None) -> set[int]:
    """Give where doing again begins. What a step called is done again by doing the caller again."""
    seeds = {pk for pk, step in steps.items() if step.state in FAILED and pk not in callers}
    if from_key is not None:
        named = next((pk for pk, step in steps.items() if step.key == from_key), None)
        if named is None:
            raise StepNotFound(f"run {run.public_id} has no step {from_key!r}")
        while named in callers:
            named = callers[named]
        return seeds | {named}
    if not seeds:
        raise NothingToRetry(f"no step of run {run.public_id} failed; name a step to do again from")
    return seeds


def _reached(seeds: set[int], following: dict[int, list[int]]) -> set[int]:
    reached, front = set(seeds), list(seeds)
    while front:
        for pk in following[front.pop()]:
            if pk not in reached:
                reached.add(pk)
                front.append(pk)
    return reached


def _after(
    edges: list[StepDependency], kept: dict[int, str], adders: dict[int, int | None]
) -> tuple[After, ...]:
    """Give a step's edges to what is kept. One to a step that is added anew goes to the redone step that adds it.

    Who waits for a step waits for the last ones that it adds too, under the same condition; so whoever waits for the
    redone step already needs no more. `adders`: who had added the steps that are added anew.
    """
    after = {kept[edge.needs_id]: EdgeCondition(edge.condition) for edge in edges if edge.needs_id in kept}
    instead: dict[str, EdgeCondition] = {}
    for edge in edges:
        adder = adders.get(edge.needs_id)
        while adder in adders:
            adder = adders[adder]
        if adder is not None and kept[adder] not in after:
            instead[kept[adder]] = min(
                EdgeCondition(edge.condition), instead.get(kept[adder], _STRICTEST[-1]), key=_STRICTEST.index
            )
    return tuple(After(key=key, on=on) for key, on in (after | instead).items())


def _planned(step: Step, after: tuple[After, ...]) -> PlannedStep:
    lifetime = None
    if step.deadline_at is not None:
        lifetime = max(1, round((step.deadline_at - step.created_at).total_seconds()))
    return PlannedStep(
        key=step.key,
        agent=step.agent,
        operation=step.operation,
        input=step.input,
        after=after,
        reason=step.reason,
        priority=step.priority,
        deadline_seconds=lifetime,
        limit_key=step.limit_key or None,
    )


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
    parts: _Sorted, from_key: str | None, *, by: str, owner_id: int | None, key: str | None, digest: str
) -> Run:
    old, plan = parts.run, parts.plan()
    with transaction.atomic():
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
        stored = {key: (row.pk, StepState.SUCCEEDED) for key, row in rows.items()}
        specs = check(plan, stored={key: row.pk for key, row in rows.items()})
        rows |= store_steps(run, plan, specs, change, stored=stored)
        _keep_adders(parts, rows)
        change.write()
    run.refresh_from_db()
    return run


def _take_over(run: Run, parts: _Sorted, change: Change) -> dict[str, Step]:
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
        state=StepState.SUCCEEDED.value,
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


def _keep_adders(parts: _Sorted, rows: dict[str, Step]) -> None:
    """Remember in the new run, too, who had added which step: the next rerun asks for it."""
    keys = {step.pk: step.key for step in [*parts.taken, *parts.redone, *parts.skipped]}
    changed = []
    for old in [*parts.taken, *parts.redone, *parts.skipped]:
        if old.added_by_id in keys:
            row = rows[old.key]
            row.added_by_id = rows[keys[old.added_by_id]].pk
            changed.append(row)
    Step.objects.bulk_update(changed, ["added_by"], batch_size=500)
