"""What a request becomes, and what came of it: the door that the API and the pages share.

Owns: the plan of one step that every request starts as (planning is itself a step), and reading the final report
back. Refuses to know HTTP and who may do what.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from agents.findings import Severity
from agents.workspace.errors import TargetInvalid, WorkspaceError
from agents.workspace.targets import (
    ArchiveTarget,
    GitTarget,
    PathTarget,
    SarifFile,
    describe,
    parse_target,
    read_url,
)
from tasks import runs
from tasks.errors import RequestRefused
from tasks.models import Run, Step
from tasks.plans import JsonObject, Plan, PlannedStep, plan_of

PLANNER = ("super", "plan")
REPORTER = ("super", "report")
MAX_GOAL = 4000  # characters
MAX_SARIF = 20
FIRST_RUN = "first-run"  # idempotency key of the run of the sample that a new installation begins with

Target = PathTarget | GitTarget | ArchiveTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants of a project, checked."""

    goal: str
    target: Target
    base: Target | None = None  # what the target is compared with: only what is new is reported
    sarif: tuple[SarifFile, ...] = ()  # what other tools found on the target


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The final report in short. `findings` counts by severity, worst first, each severity present."""

    answer: str
    findings: Mapping[str, int]
    top: list[JsonObject]
    not_analysed: list[Any]
    written: int  # steps that wrote pages for people

    @property
    def total(self) -> int:
        return sum(self.findings.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many findings a final report counts, as in `Summary`; whether something was left out; what was written."""

    findings: Mapping[str, int]
    not_analysed: bool
    written: int

    @property
    def total(self) -> int:
        return sum(self.findings.values())


def first_plan(request: Request) -> Plan:
    """Make the plan that every request starts as: one step that plans the others."""
    agent, operation = PLANNER
    step = PlannedStep(
        key=f"{agent}.{operation}",
        agent=agent,
        operation=operation,
        input=stored_request(request),
        reason="Understand the goal and plan the work",
    )
    return plan_of(step)


def plan_for_schedule(goal: str, request: JsonObject) -> tuple[Plan, JsonObject]:
    """Read a schedule's request, {"target": {...}}, and give its first plan and what is stored with the run.

    `tasks.contract.FirstPlan`. Raises RequestRefused (tasks.errors).
    """
    try:
        unknown = sorted(set(request) - {"target", "base"})
        if unknown:
            raise TargetInvalid(f"there is no field {unknown[0]!r}; the fields are 'target' and 'base'")
        if not goal.strip() or len(goal) > MAX_GOAL:
            raise TargetInvalid(f"a goal has 1 to {MAX_GOAL} characters, and this one has {len(goal)}")
        target = parse_target(request.get("target"))
        wanted = Request(goal=goal, target=target, base=base_of(request.get("base"), target))
        for one in (wanted.target, wanted.base):
            if one is not None:
                refuse_secret(one)
    except TargetInvalid as error:
        raise RequestRefused(
            f"{error}; a request looks like"
            ' {"target": {"kind": "git", "url": "https://git.example.org/team/shop.git"}}'
        ) from error
    return first_plan(wanted), stored_request(wanted)


def submit(
    request: Request,
    *,
    project_id: int,
    owner_id: int | None,
    idempotency_key: str | None = None,
    priority: int | None = None,
) -> tuple[Run, bool]:
    """Accept a request as a run. Returns (run, created); the same key and request give the run of the first time.

    Raises PlanInvalid, UnknownOperation, IdempotencyConflict (tasks.errors), TargetInvalid for a URL with a secret.
    """
    for target in (request.target, request.base):
        if target is not None:
            refuse_secret(target)
    return runs.submit(
        first_plan(request),
        project_id=project_id,
        owner_id=owner_id,
        goal=request.goal,
        request=stored_request(request),
        idempotency_key=idempotency_key,
        priority=priority,
    )


def stored_request(request: Request) -> JsonObject:
    """Give what is stored with a run and shown of its request."""
    told: JsonObject = {"goal": request.goal, "target": request.target.model_dump(mode="json")}
    if request.base is not None:
        told["base"] = request.base.model_dump(mode="json")
    if request.sarif:
        told["sarif"] = [one.model_dump(mode="json") for one in request.sarif]
    return told


def base_of(given: object, target: Target) -> Target | None:
    """Read what a target is to be compared with: a ref of the same repository, or a target. Raises TargetInvalid."""
    if given is None:
        return None
    if not isinstance(given, str):
        return parse_target(given)
    if not isinstance(target, GitTarget):
        raise TargetInvalid(
            f"the base {given[:100]!r} names a revision, and the target is no git URL: give the base as a target of"
            ' its own, such as {"kind": "archive", ...} of an upload'
        )
    return parse_target({**target.model_dump(mode="json"), "ref": given})


def sarif_of(given: object) -> tuple[SarifFile, ...]:
    """Read which uploads hold what other tools found. Raises TargetInvalid."""
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MAX_SARIF:
        raise TargetInvalid(f"`sarif` is a list of at most {MAX_SARIF} uploads")
    try:
        found = tuple(SarifFile.model_validate(one) for one in given)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        where = ascii(fault["loc"][-1])[:100]
        told = f"`sarif` is a list of uploads, each with its digest and name: {where}: {fault['msg']}"
        raise TargetInvalid(told) from None
    return found


def refuse_secret(target: Target) -> None:
    """Let pass what holds no secret: a request is stored and shown. Raises TargetInvalid."""
    if not isinstance(target, GitTarget):
        return
    remote = read_url(target.url)
    if remote.password or (remote.scheme == "https" and remote.user):
        raise TargetInvalid(
            f"the URL of {describe(target)} holds a user name or password, which would be stored with the run;"
            " use an ssh URL with a key of this host, or upload an archive"
        )


def target_of(run: Run) -> str:
    """Name what a run works on for people, without any password. Empty if the run has no readable target."""
    target = run.request.get("target") if isinstance(run.request, dict) else None
    try:
        return describe(parse_target(target))
    except WorkspaceError:
        return ""


def summaries(run_pks: Iterable[int]) -> dict[int, Summary]:
    """Read the final reports of these runs, in one query. Runs without one are left out."""
    agent, operation = REPORTER
    reports = Step.objects.filter(
        run_id__in=list(run_pks), agent=agent, operation=operation, output__isnull=False
    ).order_by("pk")
    return {run_pk: read_summary(output) for run_pk, output in reports.values_list("run_id", "output")}


def tallies(run_pks: Iterable[int]) -> dict[int, Tally]:
    """Count what the final reports of these runs found, for lists: a report is large, and its counts are not."""
    agent, operation = REPORTER
    reports = Step.objects.filter(
        run_id__in=list(run_pks), agent=agent, operation=operation, output__isnull=False
    ).order_by("pk")
    counted = reports.values_list("run_id", "output__findings", "output__not_analysed__0", "output__written")
    return {
        run_pk: Tally(
            findings={s.value: _count(counts, s.value) for s in Severity},
            not_analysed=first is not None,
            written=written if isinstance(written, int) else 0,
        )
        for run_pk, counts, first, written in counted
    }


def read_summary(output: object) -> Summary:
    """Read a report's output; what is missing or of another shape is left empty."""
    given: Mapping[str, Any] = output if isinstance(output, dict) else {}
    counts = given.get("findings")
    return Summary(
        answer=str(given.get("answer") or ""),
        findings={s.value: _count(counts, s.value) for s in Severity},
        top=[item for item in _list(given.get("top")) if isinstance(item, dict)],
        not_analysed=_list(given.get("not_analysed")),
        written=_count(given, "written"),
    )


def _count(counts: object, severity: str) -> int:
    value = counts.get(severity) if isinstance(counts, dict) else None
    return value if isinstance(value, int) else 0


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
