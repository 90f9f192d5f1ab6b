"""From what the steps of a run came to, to its quality: ratings, debt and the gate.

Owns: which operation counts as done whole. Refuses to know storage and what a baseline is.
Invariant: an operation that did not end, or one of whose tools failed, is lacking, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError

from agents.quality import adjusting
from agents.quality.gate import NEEDED, Assessed, Counted, Coverage, judge
from agents.quality.model import Measures, Quality, SettingsTold
from agents.quality.ratings import counts, debt_of, rate
from agents.quality.reading import Configured
from agents.reporting import ToolRun, ToolState
from tasks.plans import JsonObject

SUCCEEDED = "succeeded"
NOT_ASKED = "it was not part of this run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one planned operation."""

    operation: str  # "inspector.lint"
    state: str
    tools: Sequence[ToolRun]
    output: JsonObject


def quality_of(
    configured: Configured,
    *,
    steps: Sequence[Outcome],
    counted: Iterable[Counted],
    compared: Mapping[str, UUID],
    revision: str,
    snapshot: str,
    is_default_branch: bool,
) -> Quality:
    """Judge a run by its project's settings."""
    settings = configured.settings
    lacking = _lacking(steps, least=settings.gate.coverage)
    measures = _measures(steps)
    counting = [one for one in counted if counts(one.finding, settings)]
    findings = [one.finding for one in counting]
    debt = debt_of(findings, measures, settings)
    seen = Assessed(
        findings=counting,
        coverage=list(_coverage(steps)),
        lacking=lacking,
        baselines=compared,
        measures=measures,
    )
    return Quality(
        gate=judge(seen, settings),
        ratings=rate(findings, debt, settings, lacking=lacking),
        debt=debt,
        measures=measures,
        settings=SettingsTold(
            source=configured.source,
            digest=configured.digest,
            faults=configured.faults,
            changed_rules=adjusting.told(settings),
        ),
        revision=revision,
        snapshot=snapshot,
        operations=tuple(step.operation for step in steps if step.operation not in lacking),
        is_default_branch=is_default_branch,
    )


def _lacking(steps: Sequence[Outcome], *, least: float) -> dict[str, str]:
    """Say of each operation without a whole result why. Single files that failed are the coverage's business."""
    done = {step.operation for step in steps}
    lacking = {operation: NOT_ASKED for operation in NEEDED if operation not in done}
    for step in steps:
        if step.state != SUCCEEDED:
            lacking[step.operation] = f"its step ended as {step.state}"
            continue
        failed = [tool.label for tool in step.tools if _percent(tool) < least]
        if failed:
            lacking[step.operation] = f"{', '.join(failed)} analysed less than {least:g} % of the files"
    return lacking


def _percent(tool: ToolRun) -> float:
    return _covered(tool).percent


def _coverage(steps: Iterable[Outcome]) -> Iterator[Coverage]:
    for step in steps:
        for tool in step.tools:
            if tool.state is not ToolState.NOT_APPLICABLE:
                yield _covered(tool)


def _covered(tool: ToolRun) -> Coverage:
    return Coverage(
        tool=tool.label,
        analysed=tool.files_analysed,
        failed=tool.failed_count,
        is_whole_failure=tool.state is ToolState.FAILED,
    )


def _measures(steps: Iterable[Outcome]) -> Measures | None:
    for step in steps:
        if step.state == SUCCEEDED and step.output.get("measures") is not None:
            try:
                return Measures.model_validate(step.output["measures"])
            except ValidationError:
                continue  # another agent's, which means something else by the word
    return None
