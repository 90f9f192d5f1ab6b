"""SuperAgent: understands a goal, plans the work of the others, and sums up what became of it.

    plan    goal -> selection -> (nothing to do: an answer) | snapshot -> profile -> draft -> steps + report
    report  what the steps left behind -> answer, four forms of the report

Knows the others through the registry only. Uses no LLM.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from pydantic import Field

from agents import reporting, workspace
from agents.base import Agent, OperationContext, Schema, operation
from agents.databases.stored import names_of
from agents.findings import FindingData
from agents.patches import FixData
from agents.quality.gate import QUALITY, Counted
from agents.quality.reading import FILE, Configured, read, unreadable
from agents.registry import Registry
from agents.reporting import Report, SetAside
from agents.reporting.line_hash import of_places
from agents.superagent.composing import Composed, Given, compose, refuse
from agents.superagent.conclusion import PlanOutput, ReportOutput, report_of, short_form
from agents.superagent.live import Live, with_database
from agents.superagent.profile import Profile, profile_tree
from agents.superagent.reviewing import Review, importing, reviewing, speaks_of_change, without_base
from agents.superagent.selection import Selection, select
from agents.workspace import Limits, Snapshot, WorkspaceError
from agents.workspace.errors import ObtainCancelled
from agents.workspace.targets import GitTarget, SarifFile, web_of
from tasks.contract import StepCancelled, StepFailed, StepRequest
from tasks.errors import ArtifactMissing

MAX_GOAL = 4_000
PLAN_STAGES = 4
OF_BASE = "of what the change is compared with"


class PlanInput(Schema):
    """What somebody wants, and of what."""

    goal: str
    target: workspace.Target
    base: workspace.Target | None = Field(default=None, description="what the target is compared with")
    sarif: tuple[SarifFile, ...] = Field(default=(), description="what other tools found on the target")


class ReportInput(Schema):
    """The output of the planning step."""

    plan: PlanOutput


class SuperAgent(Agent):
    """Plans the others' work for a goal, and reports what came of it."""

    name = "super"
    title = "SuperAgent"
    description = "Understands a goal, plans the work of the other agents, and sums up what became of it."
    priority = 1

    @operation(
        PlanInput,
        PlanOutput,
        timeout_seconds=900,
        effect="idempotent",  # stores an artifact named by its content
        gives=("snapshot", "profile", "plan"),
    )
    def plan(self, input: PlanInput, context: OperationContext) -> PlanOutput:
        """Plan the work that a goal needs.

        Reads the goal, fetches the target as an immutable snapshot, profiles it, and chooses operations of the
        other agents, each with a reason. What the goal asks for and nobody can do is named. A goal that leads to
        no operation is answered without fetching anything.
        """
        registry = _registry()
        goal = input.goal[:MAX_GOAL]
        requested = workspace.describe(input.target)
        selection = select(goal, registry)
        context.progress(1, PLAN_STAGES, "read the goal")
        base = input.base or _own_base(goal, input.target)
        review = _review(goal, selection, input, registry, has_base=base is not None)
        review, live = _live(goal, review, context)
        if live.database:
            context.log(f"the goal means the live database {live.database}")
        key = context.request.step_key
        if review.selection.answer is not None:
            return _conclude(context, refuse(goal, requested, review.selection, planned_by=key))
        snapshot, given = _snapshot(input, context, has_base=base is not None)
        given = replace(given, sarif=input.sarif, web=web_of(input.target))
        given = replace(given, database=live.database, schemas=live.schemas)
        if base is not None and input.base is None and given.is_default_branch:
            base = None
            review, _ = _live(goal, _review(goal, selection, input, registry, has_base=False), context)
            if review.selection.answer is not None:
                return _conclude(context, refuse(goal, requested, review.selection, planned_by=key))
        if base is not None:
            given = _with_base(given, base, review, context, is_given=input.base is not None)
        profile = _profile(snapshot, context)
        composed = compose(
            goal,
            requested,
            review.selection,
            registry,
            profile=profile,
            snapshot=snapshot,
            planned_by=key,
            given=given,
        )
        return _conclude(context, composed)

    @operation(
        ReportInput,
        ReportOutput,
        timeout_seconds=600,
        effect="idempotent",
        needs=("plan",),
        gives=("report",),
    )
    def report(self, input: ReportInput, context: OperationContext) -> ReportOutput:
        """Sum up a run: the answer, the findings, and what was not analysed and why.

        Stores the report as HTML, Markdown, JSON and SARIF. A step that failed is named with its error, and its
        missing results are not taken for good news. Findings that people have dismissed are counted apart.
        """
        findings, dismissed = _findings(context.request.run_id)
        tries = _attempts(context.request.run_id)
        quality = _compared(context.request, input.plan)
        report = report_of(
            input.plan,
            context.request,
            findings,
            dismissed=dismissed,
            attempts=tries,
            fixes=_offered(context.request.run_id),
            counted=quality[0],
            compared=quality[1],
            now=datetime.now(UTC),
        )
        told = {one.finding.fingerprint: one.is_new for one in quality[0]} if quality[1] else {}
        aside = _set_aside(context.request.run_id) if dismissed else ()
        report = _placed(_told_apart(report, told, aside), input.plan, context)
        context.progress(1, 2, "collected the results")
        names = []
        for name, content in reporting.write_all(report).items():
            context.put_artifact(name, content, media_type=reporting.ALL_MEDIA_TYPES[name])
            names.append(name)
        context.progress(2, 2, "wrote the report")
        context.summary = report.answer
        return short_form(report, names)


def _registry() -> Registry:
    from agents.catalog import current_registry  # needs Django's models, which load after the agents

    return current_registry()


def _findings(run_id: UUID) -> tuple[Iterable[tuple[str, FindingData]], int]:
    """Give the findings that count, each with its agent, and how many people have dismissed."""
    from agents import findings_store  # needs Django's models, which load after the agents

    return findings_store.findings_of_run(run_id), findings_store.count_dismissed(run_id)


def _offered(run_id: UUID) -> Iterable[FixData]:
    """Give the fixes that the run's steps hand back."""
    from agents import fixes_store  # needs Django's models, which load after the agents

    return fixes_store.fixes_of_run(run_id)


def _compared(request: StepRequest, plan: PlanOutput) -> tuple[list[Counted], dict[str, UUID]]:
    """Give the findings that count, each with whether it is new, and the runs that they were compared with."""
    from agents.quality import store  # needs Django's models, which load after the agents

    operations = {f"{step.agent}.{step.operation}" for step in plan.chosen}
    compared = store.baselines(request.project_id, operations)
    runs = {operation: row.run for operation, row in compared.items()}
    return store.counted(request.run_id, compared), runs


def _set_aside(run_id: UUID) -> tuple[SetAside, ...]:
    from agents import findings_store  # needs Django's models, which load after the agents

    dismissed = findings_store.dismissed_of_run(run_id)
    return tuple(SetAside(agent=agent, finding=one, reason=reason) for agent, one, reason in dismissed)


def _told_apart(report: Report, new: Mapping[str, bool], set_aside: tuple[SetAside, ...]) -> Report:
    """Say of each finding whether it is new, and add those that people have dismissed."""
    findings = tuple(
        entry.model_copy(
            update={
                "is_new": new.get(entry.finding.fingerprint)
                if entry.finding.is_new is None
                else entry.finding.is_new
            }
        )
        for entry in report.findings
    )
    return report.model_copy(update={"findings": findings, "set_aside": set_aside})


def _placed(report: Report, plan: PlanOutput, context: OperationContext) -> Report:
    """Add to each finding the hash of its line. Without the tree there is none, and the report is whole all the
    same.
    """
    told = [*(one.finding for one in report.findings), *(one.finding for one in report.set_aside)]
    if plan.snapshot is None or not told:
        return report
    try:
        with workspace.checked_out(plan.snapshot.digest, context.open_artifact) as tree:
            hashes = of_places(tree, ((one.path, one.line) for one in told))
    except (WorkspaceError, ArtifactMissing) as error:
        context.log(f"lines have no hash in the SARIF: {error}", level="warning")
        return report
    findings, set_aside = (
        tuple(
            one.model_copy(update={"line_hash": hashes.get((one.finding.path, one.finding.line), "")})
            for one in part
        )
        for part in (report.findings, report.set_aside)
    )
    return report.model_copy(update={"findings": findings, "set_aside": set_aside})


def _attempts(run_id: UUID) -> dict[str, int]:
    """Key of a step -> how often it was tried: a worker that died in the middle is a try too."""
    from tasks.models import Attempt  # needs Django, which loads after the agents

    return Counter(Attempt.objects.filter(step__run__public_id=run_id).values_list("step__key", flat=True))


def _snapshot(input: PlanInput, context: OperationContext, *, has_base: bool) -> tuple[Snapshot, Given]:
    """Fetch and store the target, read what its project wants. Raises StepFailed with the workspace's own words."""
    context.progress(1, PLAN_STAGES, "fetching the target")
    snapshot, tree = _fetched(input.target, context, folder="target")
    told = snapshot.model_dump(mode="json", exclude={"skipped"}) | {"skipped": len(snapshot.skipped)}
    context.emit("snapshot", told)
    context.progress(2, PLAN_STAGES, f"stored {snapshot.files:,} files")
    return snapshot, _given(tree, context, has_base=has_base)


def _own_base(goal: str, target: workspace.Target) -> workspace.Target | None:
    """Give the default branch of a git target whose goal is about a change that names no base."""
    if not isinstance(target, GitTarget) or target.ref is None or not speaks_of_change(goal):
        return None
    return target.model_copy(update={"ref": None})


def _review(
    goal: str, selection: Selection, input: PlanInput, registry: Registry, *, has_base: bool
) -> Review:
    """Say what the goal leads to with a base or without one, and with the files that the run brings."""
    review = Review(selection=selection)
    if has_base:
        review = reviewing(selection, registry)
    elif speaks_of_change(goal):
        review = Review(selection=without_base(selection))
    return importing(review, registry) if input.sarif else review


def _live(goal: str, review: Review, context: OperationContext) -> tuple[Review, Live]:
    """Say what the goal leads to if it means a live database, and which one."""
    found = with_database(goal, review.selection, lambda: names_of(context.request.project_id))
    return replace(review, selection=found.selection), found


_PACKED_BASE = re.compile(r"^(.+)-([0-9a-f]{12})\.tar\.gz$")
"""How the client names what it packed of a revision and its commit: see `wrenchai_client.targets.sent_base`."""


def _with_base(
    given: Given, base: workspace.Target, review: Review, context: OperationContext, *, is_given: bool
) -> Given:
    """Fetch and store what the target is compared with; its settings count where no default branch is known."""
    stored, tree = _fetched(base, context, folder="base")
    if given.is_configured_by_change:
        file = replace(tree.settings, source=OF_BASE) if tree.settings.is_of_change else tree.settings
        context.log(f"{FILE} of the change itself does not count, but that of what it is compared with")
        given = replace(given, configured=_configured(file, context))
    named = _PACKED_BASE.sub(r"\1 (\2)", stored.description)
    told = named if is_given else f"{named}, the default branch, as no base was given"
    context.log(f"compared with {told}")
    return replace(given, base=stored.digest, base_told=told, operations=review.operations)


def _fetched(
    target: workspace.Target, context: OperationContext, *, folder: str
) -> tuple[Snapshot, workspace.Tree]:
    """Fetch and store one tree in a part of the scratch folder. Raises StepFailed, StepCancelled."""
    from django.conf import settings  # read at work, not at import: the registry loads without Django too

    limits, scratch = Limits(), context.scratch / folder
    scratch.mkdir()
    try:
        tree = workspace.obtain(
            target,
            scratch=scratch,
            limits=limits,
            local_roots=settings.LOCAL_ROOTS,
            private_hosts=settings.GIT_PRIVATE_HOSTS,
            open_artifact=context.open_artifact,
            cancelled=context.cancelled,
        )
        snapshot = workspace.store(
            tree, context.put_artifact, scratch=scratch, limits=limits, cancelled=context.cancelled
        )
    except ObtainCancelled as error:
        raise StepCancelled(str(error)) from error
    except WorkspaceError as error:
        raise StepFailed(str(error), retriable=error.retriable, kind=type(error).__name__) from error
    return snapshot, tree


def _given(tree: workspace.Tree, context: OperationContext, *, has_base: bool) -> Given:
    by_change = has_base and tree.settings.is_of_change  # then the base's count: `_with_base`
    return Given(
        configured=Configured() if by_change else _configured(tree.settings, context),
        is_configured_by_change=by_change,
        is_default_branch=tree.is_default_branch,
        baseline=_baseline(context.request.project_id),
    )


def _configured(file: workspace.SettingsFile, context: OperationContext) -> Configured:
    """Read what a project wants, and say in the log what was used or why it was not."""
    configured = (
        unreadable(file.fault, source=file.source) if file.fault else read(file.content, source=file.source)
    )
    for fault in configured.faults:
        context.log(f"{FILE} {file.source}: {fault}", level="warning")
    if configured.source:
        context.log(configured.told, level="warning" if configured.faults else "info")
    return configured


def _baseline(project_id: int) -> str:
    """Digest of the tree that new lines are told by; "" if none was measured."""
    from agents.quality import store  # needs Django's models, which load after the agents

    return next((row.snapshot for row in store.baselines(project_id, [QUALITY]).values()), "")


def _profile(snapshot: Snapshot, context: OperationContext) -> Profile:
    try:
        with workspace.checked_out(snapshot.digest, context.open_artifact) as folder:
            profile = profile_tree(folder)
    except WorkspaceError as error:
        raise StepFailed(str(error), retriable=error.retriable, kind=type(error).__name__) from error
    context.emit("profile", profile.model_dump(mode="json"))
    context.progress(3, PLAN_STAGES, "profiled the repository")
    return profile


def _conclude(context: OperationContext, composed: Composed) -> PlanOutput:
    """Add the steps and the report behind them."""
    output = composed.output
    context.add_plan(composed.plan)
    context.emit("planned", {"chosen": [step.key for step in output.chosen], "answer": output.answer})
    context.summary = output.answer or f"{len(output.chosen)} analyses planned for {output.requested}"
    context.progress(PLAN_STAGES, PLAN_STAGES, "planned")
    return output
