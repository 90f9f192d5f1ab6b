"""From what a goal leads to and what a target is made of to the whole plan: for the planning step and for previews.

Owns: the output of planning and the plan with its report. Refuses to fetch anything, to store, to know an attempt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agents.quality.config import Settings
from agents.quality.reading import Configured
from agents.registry import Registry
from agents.superagent.conclusion import ChosenStep, Comparison, PlanOutput
from agents.superagent.planner import Draft, draft, uncovered, whole
from agents.superagent.profile import Profile
from agents.superagent.selection import SELF, Selection, offered
from agents.workspace import Snapshot
from agents.workspace.targets import SarifFile
from tasks.plans import Plan, PlannedStep, ref

REPORT_KEY = "super.report"
MAX_LEFT_OUT = 100  # a goal that lists more is cut in the output, not in the reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """What planning came to: the output of its step, and the steps that it adds, the report last."""

    output: PlanOutput
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is known of a target beside its files: the project's settings, and the tree to compare with."""

    configured: Configured = field(default_factory=Configured)
    is_configured_by_change: bool = False  # so that the settings of the base are to count
    is_default_branch: bool = True
    base: str = ""  # digest of the snapshot that the run compares with
    web: str = ""  # address of the repository's pages
    base_told: str = ""  # what that is, for people
    operations: tuple[str, ...] = ()  # what that comparison looks for
    sarif: tuple[SarifFile, ...] = ()  # what other tools found
    baseline: str = ""  # digest of a snapshot
    database: str = ""  # name of the database URL that the goal means
    schemas: tuple[str, ...] = ()  # of that database

    @property
    def inputs(self) -> dict[str, list[Any]]:
        """Values for input fields by name; what says nothing is left to the field's default."""
        settings = self.configured.settings
        known: dict[str, list[Any]] = {
            name: [value]
            for name, value in (
                ("base", self.base),
                ("operations", list(self.operations)),
                ("sarif", [one.model_dump(mode="json") for one in self.sarif]),
                ("baseline", self.baseline),
                ("database", self.database),
                ("schemas", list(self.schemas)),
            )
            if value
        }
        if settings != Settings():
            known["settings"] = [settings.model_dump(mode="json", exclude_defaults=True)]
        return known


def refuse(goal: str, requested: str, selection: Selection, *, planned_by: str) -> Composed:
    """Answer a goal that leads to no operation; nothing of the target is needed for that."""
    output = PlanOutput(
        goal=goal,
        requested=requested,
        answer=selection.answer,
        left_out=tuple(selection.left_out[:MAX_LEFT_OUT]),
    )
    return Composed(output=output, plan=whole((), _report(planned_by)))


def compose(
    goal: str,
    requested: str,
    selection: Selection,
    registry: Registry,
    *,
    profile: Profile,
    snapshot: Snapshot,
    planned_by: str,
    given: Given | None = None,
) -> Composed:
    """Plan what was selected for a target that is known. `planned_by` is the key of the planning step."""
    given = given or Given()
    made = draft(
        selection.chosen,
        offered(registry),
        profile=profile,
        snapshot=snapshot,
        goal=goal,
        more=given.inputs,
    )
    output = PlanOutput(
        goal=goal,
        requested=requested,
        answer=None if made.steps else _nothing_fits(selection, made),
        chosen=_chosen(made),
        left_out=(*selection.left_out, *made.left_out)[:MAX_LEFT_OUT],
        uncovered=tuple(uncovered(profile, made.choices)),
        profile=profile,
        snapshot=snapshot,
        configured=given.configured,
        is_default_branch=given.is_default_branch,
        comparison=_comparison(given, made),
        unfit=made.unfit,
        web=given.web,
    )
    return Composed(output=output, plan=whole(made.steps, _report(planned_by)))


def _report(planned_by: str) -> PlannedStep:
    """The step behind all others; a goal that leads to none is answered by the report alone."""
    return PlannedStep(
        key=REPORT_KEY,
        agent=SELF,
        operation="report",
        input={"plan": ref(planned_by)},
        reason="Sum up what was found and what was not looked at",
    )


def _comparison(given: Given, made: Draft) -> Comparison | None:
    if not given.base:
        return None
    return Comparison(
        base=given.base,
        told=given.base_told,
        compared={
            choice.key: given.operations if "base" in choice.operation.needs else ()
            for choice in made.choices
            if "base" in choice.operation.input.model_fields
        },
        head_only=tuple(choice.key for choice in made.choices if choice.head_only),
    )


def _nothing_fits(selection: Selection, made: Draft) -> str:
    told = "; ".join(f"{left.what}: {left.why}" for left in (*selection.left_out, *made.left_out)[:5])
    return f"Nothing that the goal asks for fits this repository. {told}."


def _chosen(made: Draft) -> tuple[ChosenStep, ...]:
    titles = {choice.key: choice.operation.title for choice in made.choices}
    return tuple(
        ChosenStep(
            key=step.key,
            agent=step.agent,
            operation=step.operation,
            title=titles[step.key],
            reason=step.reason,
        )
        for step in made.steps
    )
