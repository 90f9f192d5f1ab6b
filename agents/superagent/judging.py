"""From what the steps of a run came to, to its quality: ratings, debt and the gate.

Owns: which operation counts as done whole. Refuses to know storage and what a baseline is.
Invariant: an operation that did not end, or one of whose tools failed, is lacking, with the reason; one that the
target has nothing for is unfit, which is neither.

A review of a change did the work of several operations on both trees: it stands for each of them, compared with the
base. What it found is what is new, so it rates nothing and is no baseline for other runs.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from pydantic import ValidationError

from agents.quality import adjusting
from agents.quality.gate import NEEDED, Assessed, Counted, Coverage, judge
from agents.quality.model import Measures, Quality, Rated, SettingsTold
from agents.quality.ratings import counts, debt_of, rate
from agents.quality.reading import Configured
from agents.reporting import ChangeOutput, ToolRun, ToolState
from tasks.plans import JsonObject

SUCCEEDED = "succeeded"
NOT_ASKED = "it was not part of this run"
OF_A_CHANGE = "not rated: a review looks at the change alone"
NOTHING_FITS = "there is no file of its kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one planned operation."""

    operation: str  # "inspector.lint"
    state: str
    tools: Sequence[ToolRun]
    output: JsonObject
    is_compared: bool = False  # with the base of a change
    stands_for: tuple[str, ...] = ()  # operations of the same agent that it did on both trees


def quality_of(
    configured: Configured,
    *,
    steps: Sequence[Outcome],
    counted: Iterable[Counted],
    compared: Mapping[str, UUID],
    revision: str,
    snapshot: str,
    is_default_branch: bool,
    unfit: Mapping[str, str] | None = None,
    is_review: bool = False,
) -> Quality:
    """Judge a run by its project's settings. `unfit`: operation -> what the target has not that it would look at."""
    settings = configured.settings
    outcomes = [part for step in steps for part in _parts(step)]
    empty = {**(unfit or {}), **{one.operation: NOTHING_FITS for one in outcomes if _is_empty(one)}}
    lacking = _lacking(outcomes, empty, least=settings.gate.coverage)
    measures = _measures(steps)
    counting = [one for one in counted if counts(one.finding, settings)]
    findings = [one.finding for one in counting]
    debt = debt_of(findings, measures, settings)
    seen = Assessed(
        findings=counting,
        coverage=list(_coverage(outcomes)),
        lacking=lacking,
        baselines={**compared, **{one.operation: None for one in outcomes if one.is_compared}},
        measures=measures,
        unfit=empty,
    )
    rated = rate(findings, debt, settings, lacking={**lacking, **empty})
    if is_review:
        rated = {name: Rated(rating=None, why=OF_A_CHANGE) for name in rated}
    return Quality(
        gate=judge(seen, settings),
        ratings=rated,
        debt=debt,
        measures=measures,
        settings=_settings_told(configured),
        revision=revision,
        snapshot=snapshot,
        operations=tuple(one.operation for one in outcomes if one.operation not in lacking),
        is_default_branch=is_default_branch and not is_review,
    )


def _settings_told(configured: Configured) -> SettingsTold:
    return SettingsTold(
        source=configured.source,
        digest=configured.digest,
        faults=configured.faults,
        changed_rules=adjusting.told(configured.settings),
    )


def _parts(step: Outcome) -> Iterator[Outcome]:
    """Give an outcome, or those of the operations that a review of a change did on both trees."""
    if not step.stands_for:
        yield step
        return
    try:
        tools_of = ChangeOutput.model_validate(step.output).tools_of
    except ValidationError:  # it did not end, or is another agent's that tells it otherwise
        tools_of = {}
    agent = step.operation.partition(".")[0]
    for name in step.stands_for:
        labels = tools_of.get(name)
        tools = [one for one in step.tools if labels is None or one.label in labels]
        yield replace(step, operation=f"{agent}.{name}", tools=tools)


def _is_empty(step: Outcome) -> bool:
    return bool(step.tools) and all(tool.state is ToolState.NOT_APPLICABLE for tool in step.tools)


def _lacking(steps: Sequence[Outcome], unfit: Container[str], *, least: float) -> dict[str, str]:
    """Say of each operation without a whole result why. Single files that failed are the coverage's business."""
    done = {step.operation for step in steps}
    lacking = {
        operation: NOT_ASKED for operation in NEEDED if operation not in done and operation not in unfit
    }
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
    """What the conditions rest on: a page's broken links or a missing database of advisories are not the gate's."""
    for step in steps:
        for tool in step.tools if step.operation in NEEDED else ():
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
