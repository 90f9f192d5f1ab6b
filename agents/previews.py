"""What a request would do, without running it: the planner's own code, on what is known of the target.

Planning is a step, because a target must be fetched for it. A preview fetches nothing: it takes the profile that the
project's latest planning of the same target has left, and says so; without one it names what the goal leads to and
that which of it fits is not known. Stores nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from agents.catalog import current_registry
from agents.databases.stored import names_of
from agents.requests import PLANNER, REPORTER, Request, Target, first_plan, refuse_secret
from agents.superagent.composing import REPORT_KEY, Composed, Given, compose, refuse
from agents.superagent.conclusion import PlanOutput
from agents.superagent.live import with_database
from agents.superagent.planner import missing_facts
from agents.superagent.profile import Profile
from agents.superagent.reviewing import reviewing, speaks_of_change, without_base
from agents.superagent.selection import LeftOut, Selection, select
from agents.workspace import describe
from agents.workspace.targets import ArchiveTarget
from tasks import estimates
from tasks.contract import catalog
from tasks.estimates import Estimate, Kind
from tasks.models import Step
from tasks.plans import After, Plan, PlannedStep
from tasks.states import EdgeCondition, StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """An earlier planning of the same target. `exact`: the target cannot have changed since."""

    run: UUID
    revision: str
    planned_at: datetime
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a request would do. `complete` is false if steps are only candidates, for want of a look at the target.

    `titles` and `estimates` are by key; `seconds` is the whole, None if it is not known.
    """

    target: str
    plan: Plan
    candidates: frozenset[str]
    titles: Mapping[str, str]
    estimates: Mapping[str, Estimate]
    seconds: float | None
    answer: str | None
    left_out: tuple[LeftOut, ...]
    uncovered: tuple[LeftOut, ...]
    basis: Basis | None
    complete: bool


def preview(request: Request, *, project_id: int) -> Preview:
    """Plan a request as its planning step would. Raises TargetInvalid for a URL with a secret, UnknownOperation."""
    refuse_secret(request.target)
    registry = current_registry()
    first = first_plan(request).steps[0]
    requested = describe(request.target)
    selection, given = select(request.goal, registry), Given()
    if request.base is not None:
        review = reviewing(selection, registry)
        # which tree the base is, is not known before it is fetched; the steps are the same for any
        selection, given = review.selection, Given(base="0" * 64, operations=review.operations)
    elif speaks_of_change(request.goal):
        selection = without_base(selection)
    live = with_database(request.goal, selection, lambda: names_of(project_id))
    selection, given = live.selection, replace(given, database=live.database, schemas=live.schemas)
    if selection.answer is not None:
        return _whole(first, refuse(request.goal, requested, selection, planned_by=first.key), project_id)
    known = _latest(request, project_id)
    if known is None:
        return _candidates(first, requested, selection, project_id, given=given)
    output, basis = known
    assert output.snapshot is not None
    composed = compose(
        request.goal,
        requested,
        selection,
        registry,
        profile=output.profile,
        snapshot=output.snapshot,
        planned_by=first.key,
        given=given,
    )
    return _whole(first, composed, project_id, basis=basis)


def _latest(request: Request, project_id: int) -> tuple[PlanOutput, Basis] | None:
    """Give what the project's latest planning of the same target has found out about it."""
    agent, operation = PLANNER
    done = Step.objects.filter(
        queue=catalog().spec(agent, operation).queue,
        project_id=project_id,
        served_at__isnull=False,
        agent=agent,
        operation=operation,
        state=StepState.SUCCEEDED.value,
        run__hidden_at=None,
        **_same(request.target),
    ).select_related("run")
    step = done.exclude(output__snapshot=None).order_by("-served_at").first()
    if step is None or step.ended_at is None:
        return None
    try:
        output = PlanOutput.model_validate(step.output)
    except ValidationError:  # of an earlier release, with another shape
        return None
    if output.snapshot is None:
        return None
    basis = Basis(
        run=step.run.public_id,
        revision=output.snapshot.revision,
        planned_at=step.ended_at,
        exact=isinstance(request.target, ArchiveTarget),
    )
    return output, basis


def _same(target: Target) -> dict[str, Any]:
    """Give the condition for planning steps of the same target; an archive is the same by its bytes."""
    if isinstance(target, ArchiveTarget):
        return {"input__target__digest": target.digest}
    return {"input__target": target.model_dump(mode="json")}


def _whole(first: PlannedStep, composed: Composed, project_id: int, *, basis: Basis | None = None) -> Preview:
    output = composed.output
    plan = Plan((first, *(_behind(first, step) for step in composed.plan)))
    return _preview(
        plan,
        project_id,
        target=output.requested,
        titles={step.key: step.title for step in output.chosen},
        answer=output.answer,
        left_out=output.left_out,
        uncovered=output.uncovered,
        basis=basis,
    )


def _candidates(
    first: PlannedStep, requested: str, selection: Selection, project_id: int, *, given: Given
) -> Preview:
    """Name what the goal leads to; what the target must have for it is told as the planner would miss it."""
    steps, titles = [], {}
    for choice in selection.chosen:
        needed = missing_facts(choice.operation, Profile(), given=given.inputs)
        condition = f"; only if the repository has {needed.replace(' and no ', ' and ')}" if needed else ""
        titles[choice.key] = choice.operation.title
        steps.append(
            PlannedStep(
                key=choice.key,
                agent=choice.agent,
                operation=choice.operation.name,
                after=(After(key=first.key),),
                reason=f"{choice.why}{condition}",
            )
        )
    agent, operation = REPORTER
    report = PlannedStep(
        key=REPORT_KEY,
        agent=agent,
        operation=operation,
        after=tuple(After(key=step.key, on=EdgeCondition.ALWAYS) for step in steps),
        reason="Sum up what was found and what was not looked at",
    )
    return _preview(
        Plan((first, *steps, report)),
        project_id,
        target=requested,
        titles=titles,
        left_out=tuple(selection.left_out),
        candidates=frozenset(titles),
    )


def _preview(
    plan: Plan,
    project_id: int,
    *,
    target: str,
    titles: Mapping[str, str],
    answer: str | None = None,
    left_out: tuple[LeftOut, ...] = (),
    uncovered: tuple[LeftOut, ...] = (),
    basis: Basis | None = None,
    candidates: frozenset[str] = frozenset(),
) -> Preview:
    kinds: Mapping[Kind, Estimate] = estimates.of_kinds(
        ((step.agent, step.operation) for step in plan), project_id=project_id
    )
    return Preview(
        target=target,
        plan=plan,
        candidates=candidates,
        titles=titles,
        estimates={step.key: kinds[step.agent, step.operation] for step in plan},
        seconds=None if candidates else estimates.of_plan(plan, kinds),
        answer=answer,
        left_out=left_out,
        uncovered=uncovered,
        basis=basis,
        complete=not candidates,
    )


def _behind(first: PlannedStep, step: PlannedStep) -> PlannedStep:
    """Let a step wait for the planning step, which adds it, if it waits for no other."""
    return step if step.after else replace(step, after=(After(key=first.key),))
