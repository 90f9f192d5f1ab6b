"""The Inspector's figures: lines, copies, complexity, docstrings."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.utils import timezone
from pydantic import Field

from agents import workspace
from agents.base import OperationContext, operation
from agents.findings import Confidence, Evidence, FindingData, Severity, fingerprint
from agents.inspector.analysis import analyse
from agents.inspector.analyzers.lizard_figures import LizardFigures
from agents.inspector.measures.copies import Copy
from agents.inspector.measures.figures import Counted, count, fresh_lines, measures_of, new_code
from agents.inspector.measures.hotspots import measured
from agents.inspector.steps import (
    ATTEMPTS,
    GIVES,
    NEEDS,
    TIMEOUT_SECONDS,
    AnalysisInput,
    remembering,
    shares_of_host,
)
from agents.inspector.survey import Survey, survey
from agents.quality.adjusting import adjusted
from agents.quality.model import Measures, NewCode
from agents.redaction import redact
from agents.reporting.model import AnalysisOutput, FileProblem, ToolRun, ToolState, count_by_severity, plural
from agents.workspace import WorkspaceError
from tasks.contract import StepCancelled
from tasks.errors import ArtifactMissing

RULE = "duplicated-code"
MAX_FINDINGS = 200  # the largest copies; the figures count all
NAMED_FAILURES = 50
VERSION = "1"


class QualityInput(AnalysisInput):
    """Which tree to measure, by which settings, and the tree that tells which lines are new."""

    revision: str = Field(default="", max_length=200, description="of the snapshot; its history is read")
    baseline: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of the snapshot that new lines are told by",
    )
    base: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of what a change is compared with: it tells the new lines, and only copies that hold"
        " such a line are findings",
    )


class QualityOutput(AnalysisOutput):
    """An analysis, and what was measured."""

    measures: Measures


class Quality:
    """Mixin: what can be counted of a tree."""

    @operation(
        QualityInput,
        QualityOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=GIVES,
        examples=(
            "how much of the code is duplicated?",
            "find copy-pasted code",
            "count the lines of code",
            "show the hotspots",
            "which files change most often and are complex?",
        ),
    )
    def quality(self, input: QualityInput, context: OperationContext) -> QualityOutput:
        """Measure lines, duplication, hotspots and debt of the code.

        Counts code, comment and blank lines of product and test code apart, finds the same code in two places (at
        least 100 tokens and 10 lines, unless the project says otherwise), and measures the complexity of all
        functions and the share of public Python names with a docstring. Hotspots are files that are complex and
        changed often of late, by the git history of the target. Of the lines that the baseline, or the base
        of a change, did not have it tells how many are copies. The ratings and the gate are made of these figures.
        """
        with workspace.checked_out(input.snapshot, context.open_artifact) as tree:
            return _measure(input, context, tree)


def _measure(input: QualityInput, context: OperationContext, tree: Path) -> QualityOutput:
    def check() -> None:
        if context.cancelled():
            raise StepCancelled("the figures are not wanted any more")

    context.progress(0, 4, "counting lines")
    found = survey(tree, only=input.paths, settings=input.settings)
    counted = count(tree, found, input.settings, check=check)
    context.progress(1, 4, "measuring functions")
    lizard = LizardFigures()
    with remembering(context.request.project_id) as memory:
        analysis = analyse(
            tree,
            [lizard],
            scratch=context.scratch,
            paths=input.paths,
            memory=memory,
            shares=shares_of_host(),
            settings=input.settings,
            tell=context.log,
            cancelled=context.cancelled,
        )
    context.progress(2, 4, "comparing with the baseline")
    new, fresh = _new_code(input, context, tree, counted)
    context.progress(3, 4, "reading the history")
    hot = measured(
        context.request.run_request, lizard.complexities, counted.product.keys(), input.settings.hotspots,
        revision=input.revision, scratch=context.scratch, now=timezone.now(), cancelled=context.cancelled,
    )  # fmt: skip
    measures = measures_of(
        counted,
        lizard.complexities,
        found,
        new=new,
        failed=sum(run.failed_count for run in analysis.tools),
        hot=hot,
    )
    known = None if not input.base or fresh is None else fresh
    findings = adjusted(_findings(tree, counted, known), input.settings)
    context.add_findings(findings)
    context.progress(4, 4, "measured")
    output = QualityOutput(
        tools=(_account(counted, found), *analysis.tools),
        findings_by_severity={str(name): many for name, many in count_by_severity(findings).items() if many},
        summary=_summary(measures),
        measures=measures,
    )
    context.summary = output.summary
    return output


def _new_code(
    input: QualityInput, context: OperationContext, tree: Path, counted: Counted
) -> tuple[NewCode, dict[str, set[int]] | None]:
    """Tell new lines, by path; None if they cannot be told."""
    baseline = input.base or input.baseline
    if not baseline:
        return NewCode(why="there is no baseline yet"), None
    try:
        with workspace.checked_out(baseline, context.open_artifact) as base:
            fresh = fresh_lines(tree, counted, base, survey(base, only=input.paths))
            return new_code(counted, fresh, baseline=baseline), fresh
    except ArtifactMissing:
        why = "the tree of the baseline was removed by retention"
    except WorkspaceError as error:
        why = f"the tree of the baseline cannot be read: {error}"
    return NewCode(why=why[:300], baseline=baseline), None


def _account(counted: Counted, found: Survey) -> ToolRun:
    analysed, failed = len(counted.product) + len(counted.tests), sorted(counted.failed.items())
    state = ToolState.OK if not failed else ToolState.PARTIAL if analysed else ToolState.FAILED
    return ToolRun(
        tool="wrench",
        version=VERSION,
        purpose="lines and copies",
        state=state if analysed or failed else ToolState.NOT_APPLICABLE,
        files_analysed=analysed,
        failed=tuple(FileProblem(path=path, reason=reason) for path, reason in failed[:NAMED_FAILURES]),
        failed_count=len(failed),
        skipped_count=sum(found.counts.values()),
        skipped_by_reason=dict(found.counts),
        findings=len(counted.copies),
    )


def _findings(tree: Path, counted: Counted, fresh: dict[str, set[int]] | None = None) -> list[FindingData]:
    """The largest copies; with the lines of a change, those that hold one of them, which are new."""
    ordered = sorted(counted.copies, key=lambda copy: (-copy.lines, copy.here, copy.here_first))
    largest = [one for one in ordered if fresh is None or _holds(one, fresh)][:MAX_FINDINGS]
    seen: dict[str, int] = {}
    found = []
    for copy in largest:
        text = _lines_of(tree, copy)
        name = hashlib.sha256("".join("".join(text).split()).encode("utf-8", "replace")).hexdigest()
        occurrence = seen[f"{copy.here} {name}"] = seen.get(f"{copy.here} {name}", -1) + 1
        made = _finding(copy, text, name, occurrence)
        found.append(made if fresh is None else made.model_copy(update={"is_new": True}))
    return found


def _holds(copy: Copy, fresh: dict[str, set[int]]) -> bool:
    here = range(copy.here_first, copy.here_last + 1)
    there = range(copy.there_first, copy.there_last + 1)
    return not fresh.get(copy.here, set()).isdisjoint(here) or not fresh.get(copy.there, set()).isdisjoint(
        there
    )


def _finding(copy: Copy, text: list[str], name: str, occurrence: int) -> FindingData:
    said = f"{copy.lines} lines are the same as {copy.there}:{copy.there_first}-{copy.there_last}"
    return FindingData(
        rule=RULE,
        title="The same code stands in two places",
        message=f"{said} ({copy.tokens} tokens).",
        severity=Severity.LOW,
        confidence=Confidence.HIGH,
        category="maintainability",
        path=copy.here,
        line=copy.here_first,
        end_line=copy.here_last,
        fingerprint=fingerprint(rule=RULE, path=copy.here, scope="", line_text=name, occurrence=occurrence),
        cwe=(1041,),
        evidence=(
            Evidence(
                kind="tool_trace",
                tool="wrench",
                tool_version=VERSION,
                rule=RULE,
                message=said,
                snippet=redact("\n".join(line[:200] for line in text[:6])),
            ),
        ),
    )


def _lines_of(tree: Path, copy: Copy) -> list[str]:
    try:
        text = (tree / copy.here).read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return []
    return text.split("\n")[copy.here_first - 1 : copy.here_last]


def _summary(measures: Measures) -> str:
    copies = measures.duplication
    told = f"{plural(measures.product.code, 'line')} of product code, {plural(measures.tests.code, 'line')} of tests"
    return f"{told}; {copies.percent:.1f} % duplicated" if copies else told
