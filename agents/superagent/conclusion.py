"""What a run has come to: the report's model, and the short form that pages show.

Owns: collecting what the steps left behind. Refuses to know formats and storage.
Invariant: everything that was planned and did not succeed, and everything that nobody looked at, is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError

from agents.base import Schema
from agents.findings import FindingData, Severity
from agents.patches import FixData
from agents.quality.gate import Counted
from agents.quality.model import Quality
from agents.quality.reading import Configured
from agents.reporting import (
    AnalysisOutput,
    ChangeOutput,
    Compared,
    NotAnalysed,
    PlanStep,
    Report,
    ReportedFinding,
    Target,
    ToolRun,
    ToolState,
    Written,
)
from agents.reporting.model import plural
from agents.superagent import judging
from agents.superagent.profile import Profile
from agents.superagent.reviewing import HEAD_ONLY, NO_BASE
from agents.superagent.selection import LeftOut
from agents.superagent.unread import unread
from agents.workspace import Skipped, Snapshot
from tasks.contract import StepRequest, Upstream

TOP = 10
MAX_FILES = 50  # of one step that the report names
MAX_SAID = 200  # characters of one message in the step's output; the report has it whole
# With MAX_SAID, so that the output stays below 256 KiB even if every character is escaped.
MAX_NOT_ANALYSED = 75
SUCCEEDED = "succeeded"


class ChosenStep(Schema):
    """A step of the plan, and why it is there."""

    key: str
    agent: str
    operation: str
    title: str
    reason: str


class Comparison(Schema):
    """What the target is compared with, and by which steps.

    `compared`: key of a step -> operations of its agent that it does on both trees; none: it tells by itself what is
    new. `head_only`: keys of the steps whose findings are of the whole head.
    """

    base: str  # digest of its snapshot
    told: str
    compared: dict[str, tuple[str, ...]] = {}
    head_only: tuple[str, ...] = ()


class PlanOutput(Schema):
    """What planning came to. `answer` is set if the goal leads to no step."""

    goal: str
    requested: str
    answer: str | None = None
    chosen: tuple[ChosenStep, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    uncovered: tuple[LeftOut, ...] = ()
    profile: Profile = Profile()
    snapshot: Snapshot | None = None
    configured: Configured = Configured()
    is_default_branch: bool = True
    comparison: Comparison | None = None
    web: str = ""  # address of the repository's pages
    unfit: dict[str, str] = {}  # operation that the goal leads to -> what the repository lacks for it


class TopFinding(Schema):
    """One of those to read first, in short."""

    severity: str
    confidence: str = ""  # outputs of before it was told lack it
    rule: str
    path: str
    line: int
    message: str
    agent: str


class ReportOutput(Schema):
    """The report in short; `reports` are the names of the artifacts that hold it whole."""

    answer: str
    findings: dict[str, int]
    top: tuple[TopFinding, ...]
    not_analysed: tuple[NotAnalysed, ...]
    reports: tuple[str, ...]
    quality: Quality | None = None
    written: int = 0  # steps that wrote pages for people


def report_of(
    plan: PlanOutput,
    request: StepRequest,
    findings: Iterable[tuple[str, FindingData]],
    *,
    attempts: Mapping[str, int],
    now: datetime,
    dismissed: int = 0,
    fixes: Iterable[FixData] = (),
    counted: Sequence[Counted] = (),
    compared: Mapping[str, UUID] | None = None,
) -> Report:
    """Build the report of a run from what its steps left behind.

    `attempts` counts the tries of each step, `dismissed` the findings that are left out because people said so.
    """
    steps = tuple(
        _step(chosen, request.upstream.get(chosen.key), attempts.get(chosen.key, 0)) for chosen in plan.chosen
    )
    tools = tuple(tool for chosen in plan.chosen for tool in _tools(request.upstream.get(chosen.key)))
    written = tuple(_written(plan, request))
    reported = tuple(ReportedFinding(agent=agent, finding=finding) for agent, finding in findings)
    not_analysed = tuple(dict.fromkeys(_not_analysed(plan, steps, tools)))  # two steps may have the same gap
    return Report(
        run_id=request.run_id,
        goal=plan.goal,
        created_at=now,
        target=_target(plan),
        answer=plan.answer or _answer(plan, steps, tools, reported, not_analysed, dismissed, written),
        plan_steps=steps,
        findings=reported,
        dismissed=dismissed,
        tool_runs=tools,
        not_analysed=not_analysed,
        written=written,
        timings=_timings(request.upstream),
        quality=_quality(plan, request, counted, compared or {}),
        compared=_compared(plan, request.upstream),
        fixes=tuple(fixes),
    )


def short_form(report: Report, names: Iterable[str]) -> ReportOutput:
    """Give what pages and programs show of a report: of those to read first the gravest first."""
    first = sorted(report.ranked[:TOP], key=lambda entry: entry.finding.severity.weight)
    top = [
        TopFinding(
            severity=entry.finding.severity.value, confidence=entry.finding.confidence.value, agent=entry.agent,
            rule=entry.finding.rule, path=entry.finding.path[:MAX_SAID], line=entry.finding.line,
            message=_clipped(entry.finding.message),
        )
        for entry in first
    ]  # fmt: skip
    return ReportOutput(
        answer=report.answer,
        findings={severity.value: count for severity, count in report.by_severity.items()},
        top=tuple(top),
        not_analysed=tuple(_not_analysed_in_short(report.not_analysed)),
        reports=tuple(names),
        quality=report.quality,
        written=len(report.written),
    )


def _not_analysed_in_short(items: tuple[NotAnalysed, ...]) -> Iterator[NotAnalysed]:
    for item in items[:MAX_NOT_ANALYSED]:
        yield NotAnalysed(what=_clipped(item.what), why=_clipped(item.why))
    if len(items) > MAX_NOT_ANALYSED:
        yield NotAnalysed(
            what=f"{len(items) - MAX_NOT_ANALYSED:,} more", why="see the report, which names each"
        )


def _step(chosen: ChosenStep, ended: Upstream | None, attempts: int) -> PlanStep:
    if ended is None:
        return PlanStep(
            key=chosen.key, agent=chosen.agent, operation=chosen.operation, reason=chosen.reason, state="skipped",
            error="the step left no trace", attempts=attempts,
        )  # fmt: skip
    error = ended.error or {}
    return PlanStep(
        key=chosen.key, agent=chosen.agent, operation=chosen.operation, reason=chosen.reason, state=ended.state,
        seconds=_seconds(ended), attempts=attempts,
        error="" if ended.state == SUCCEEDED else str(error.get("message") or error or ""),
    )  # fmt: skip


def _quality(
    plan: PlanOutput, request: StepRequest, counted: Sequence[Counted], compared: Mapping[str, UUID]
) -> Quality | None:
    """Judge what was planned; None if nothing was."""
    if plan.snapshot is None or not plan.chosen:
        return None
    return judging.quality_of(
        plan.configured,
        steps=_outcomes(plan, request),
        counted=counted,
        compared=compared,
        revision=plan.snapshot.revision,
        snapshot=plan.snapshot.digest,
        is_default_branch=plan.is_default_branch,
        unfit=plan.unfit,
        is_review=plan.comparison is not None,
    )


def _outcomes(plan: PlanOutput, request: StepRequest) -> list[judging.Outcome]:
    found = []
    compared = plan.comparison.compared if plan.comparison else {}
    for chosen in plan.chosen:
        ended = request.upstream.get(chosen.key)
        found.append(
            judging.Outcome(
                operation=f"{chosen.agent}.{chosen.operation}",
                state=ended.state if ended else "skipped",
                tools=_tools(ended),
                output=(ended.output if ended else None) or {},
                is_compared=chosen.key in compared,
                stands_for=compared.get(chosen.key, ()),
            )
        )
    return found


def _tools(ended: Upstream | None) -> tuple[ToolRun, ...]:
    """Read what an analysis says of its tools; an operation may have another output and none."""
    if ended is None or ended.output is None:
        return ()
    try:
        # an operation may say more than this
        known = {name: ended.output[name] for name in AnalysisOutput.model_fields if name in ended.output}
        return AnalysisOutput.model_validate(known).tools
    except ValidationError:
        return ()


def _written(plan: PlanOutput, request: StepRequest) -> Iterator[Written]:
    """What steps wrote for people: those whose output names files."""
    for chosen in plan.chosen:
        ended = request.upstream.get(chosen.key)
        output = (ended.output if ended else None) or {}
        files = output.get("files")
        if isinstance(files, list) and files:
            yield Written(
                title=chosen.title,
                summary=str(output.get("summary") or ""),
                files=tuple(str(name) for name in files[:MAX_FILES]),
            )


def _not_analysed(
    plan: PlanOutput, steps: Iterable[PlanStep], tools: Iterable[ToolRun]
) -> Iterator[NotAnalysed]:
    titles = {chosen.key: chosen.title for chosen in plan.chosen}
    for step in steps:
        if step.state != SUCCEEDED:
            yield NotAnalysed(
                what=titles[step.key], why=f"its step ended as {step.state}: {step.error or 'no reason told'}"
            )
    for tool in tools:
        if tool.state is ToolState.FAILED:
            yield NotAnalysed(what=f"everything that {tool.tool} looks for", why=tool.note or _failures(tool))
        elif tool.state is ToolState.PARTIAL:
            gaps = [_failures(tool)] if tool.failed_count else []
            yield NotAnalysed(
                what=f"a part of what {tool.tool} looks for",
                why="; ".join([*gaps, *([tool.note] if tool.note else [])]) or "it did not say",
            )
    for (name, reason), count in _lost(tools).items():
        yield NotAnalysed(what=f"{plural(count, 'result')} of {name}", why=f"not used: {reason}")
    for key in plan.comparison.head_only if plan.comparison else ():
        yield NotAnalysed(what=f"the change alone, by {titles[key]!r}", why=HEAD_ONLY)
    for left in plan.left_out:
        yield NotAnalysed(what=left.what, why=left.why)
    yield from unread(plan.profile, tuple(tools), plan.uncovered)
    for reason, count in _kept_from_tools(tools).items():
        yield NotAnalysed(what=f"{count:,} {'file' if count == 1 else 'files'}", why=reason)
    for skipped in _skipped(plan.snapshot):
        yield NotAnalysed(what=skipped.path, why=skipped.reason)


def _lost(tools: Iterable[ToolRun]) -> dict[tuple[str, str], int]:
    """Tool and reason -> claims that could not be used, of all files in which it told them."""
    lost: Counter[tuple[str, str]] = Counter()
    for tool in tools:
        lost.update({(tool.tool, reason): count for reason, count in tool.lost.items()})
    return dict(sorted(lost.items()))


def _kept_from_tools(tools: Iterable[ToolRun]) -> dict[str, int]:
    """Reason -> files that no tool was given for it. Tools want different files; the one that wanted most counts."""
    most: Counter[str] = Counter()
    for tool in tools:
        most |= Counter(tool.skipped_by_reason)  # the greater count of each
    return dict(sorted(most.items()))


def _failures(tool: ToolRun) -> str:
    named = "; ".join(f"{problem.path}: {problem.reason}" for problem in tool.failed[:3])
    return f"{plural(tool.failed_count, 'file')} could not be fully analysed{': ' + named if named else ''}"


def _skipped(snapshot: Snapshot | None) -> tuple[Skipped, ...]:
    return snapshot.skipped if snapshot is not None else ()


def _target(plan: PlanOutput) -> Target:
    if plan.snapshot is None:
        return Target(description=plan.requested)
    return Target(
        description=plan.snapshot.description, revision=plan.snapshot.revision, digest=plan.snapshot.digest,
        files=plan.snapshot.files, lines=plan.profile.lines, web=plan.web,
    )  # fmt: skip


def _answer(
    plan: PlanOutput,
    steps: tuple[PlanStep, ...],
    tools: tuple[ToolRun, ...],
    findings: tuple[ReportedFinding, ...],
    not_analysed: tuple[NotAnalysed, ...],
    dismissed: int,
    written: tuple[Written, ...],
) -> str:
    """Answer the goal in two or three sentences."""
    done = sum(step.state == SUCCEEDED for step in steps)
    looked = done and (not tools or any(tool.files_analysed for tool in tools))
    found = _findings_in_words(findings) if looked else "Nothing could be analysed, so nothing is known."
    if written and len(written) == done and not findings:  # nobody looked for findings
        found = f"Written: {'; '.join(one.summary for one in written)}."
    said = [f"{found} {done} of {len(steps)} planned analyses of {plan.requested} succeeded."]
    if plan.comparison:
        said.append(f"Compared with {plan.comparison.told}.")
    said.extend(f"{left.why[0].upper()}{left.why[1:]}." for left in plan.left_out if NO_BASE in left.why)
    if dismissed:
        said.append(
            f"Not counted, because people dismissed {'it' if dismissed == 1 else 'them'}: {dismissed:,}."
        )
    if plan.configured.faults:
        said.append(f"{plan.configured.told}.")
    failed = [step for step in steps if step.state != SUCCEEDED]
    if failed:
        said.append(
            f"Without a result: {', '.join(step.key for step in failed)}; what they would have found is unknown."
        )
    unavailable = [left for left in plan.left_out if "not available" in left.why]
    said.extend(f"{left.what.capitalize()}: {left.why}." for left in unavailable)
    rest = len(not_analysed) - len(failed) - len(unavailable)
    if rest > 0:
        said.append(
            f"{rest} {'gap' if rest == 1 else 'gaps'} in what was analysed, each listed with its reason."
        )
    return " ".join(said)


def _findings_in_words(findings: tuple[ReportedFinding, ...]) -> str:
    if not findings:
        return "Nothing was found."
    counts = {severity: sum(f.finding.severity is severity for f in findings) for severity in Severity}
    told = ", ".join(f"{count} {severity.value}" for severity, count in counts.items() if count)
    return f"{len(findings):,} finding{'' if len(findings) == 1 else 's'}: {told}."


def _compared(plan: PlanOutput, upstream: Mapping[str, Upstream]) -> Compared | None:
    """Say what the run was compared with, and what came of that."""
    if plan.comparison is None:
        return None
    titles = {chosen.key: chosen.title for chosen in plan.chosen}
    change = None
    for key, names in plan.comparison.compared.items():
        ended = upstream.get(key)
        if names and ended is not None and ended.output is not None:
            with suppress(ValidationError):  # another agent's, which tells it in its own way
                change = ChangeOutput.model_validate(ended.output)
    head_only = tuple(titles[key] for key in plan.comparison.head_only)
    return Compared(base=plan.comparison.told, change=change, head_only=head_only)


def _timings(upstream: Mapping[str, Upstream]) -> dict[str, float]:
    timings = {key: _seconds(step) for key, step in upstream.items() if step.started_at and step.ended_at}
    begun = [step.started_at for step in upstream.values() if step.started_at]
    ended = [step.ended_at for step in upstream.values() if step.ended_at]
    if begun and ended:
        timings["analysis"] = max((max(ended) - min(begun)).total_seconds(), 0.0)
    return timings


def _seconds(step: Upstream) -> float:
    if step.started_at is None or step.ended_at is None:
        return 0.0
    return max((step.ended_at - step.started_at).total_seconds(), 0.0)


def _clipped(text: str) -> str:
    return text if len(text) <= MAX_SAID else text[: MAX_SAID - 1].rstrip() + "…"
