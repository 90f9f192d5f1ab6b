"""What every analysing operation of the Inspector has in common: its input, its work and its output.

A tool that fails is named in the output; only when every tool that had something to do failed does the step fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from pydantic import Field

from agents import workspace
from agents.base import OperationContext, Schema
from agents.inspector.analysis import Analysis, analyse
from agents.inspector.analyzers import ANALYZERS
from agents.inspector.memory import Memory
from agents.inspector.results import Results
from agents.inspector.shares import Shares
from agents.quality.adjusting import adjusted
from agents.quality.config import Settings
from agents.reporting.model import AnalysisOutput, ToolRun, ToolState, count_by_severity, plural
from tasks.contract import StepFailed

TIMEOUT_SECONDS = 900
ATTEMPTS = 2  # the tools are deterministic: a second try only helps against a lost worker or a full machine
NEEDS = ("snapshot",)
GIVES = ("findings",)
PYTHON = ("language:python",)


class AnalysisInput(Schema):
    """Which tree to look at, and which parts of it; no paths means all of it."""

    snapshot: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the stored snapshot, in hex")
    paths: list[str] = Field(
        default_factory=list, description="files and folders, relative to the tree's root"
    )
    settings: Settings = Field(default=Settings(), description="what the project's wrench.toml says")


def analyse_step(name: str, input: AnalysisInput, context: OperationContext) -> AnalysisOutput:
    """Run the analyzers of one operation over the snapshot; hand back what they found and what they saw."""
    with (
        workspace.checked_out(input.snapshot, context.open_artifact) as tree,
        remembering(context.request.project_id) as memory,
    ):
        analysis = analyse(
            tree,
            [one.configured(input.settings) for one in ANALYZERS[name]],
            scratch=context.scratch,
            paths=input.paths,
            tree_digest=input.snapshot,
            memory=memory,
            shares=shares_of_host(),
            settings=input.settings,
            tell=context.log,
            progress=context.progress,
            cancelled=context.cancelled,
        )
    analysis = replace(analysis, findings=adjusted(analysis.findings, input.settings))
    output = output_of(analysis)
    context.add_findings(analysis.findings)
    if not input.paths and is_complete(analysis):
        context.cover(analysis.unseen)
    context.summary = output.summary
    return output


def shares_of_host() -> Shares:
    """Give a step its share of this host's cores, as the installation wants it."""
    return Shares(Path(settings.ANALYSIS_CACHE_DIR) / "cores", most=settings.ANALYZER_PROCESSES)


@contextmanager
def remembering(project_id: int) -> Iterator[Memory]:
    """Open what is known of one project's content on this host."""
    if not settings.ANALYSIS_CACHE_BYTES:
        yield Memory()
        return
    results = Results(Path(settings.ANALYSIS_CACHE_DIR), settings.ANALYSIS_CACHE_BYTES)
    try:
        yield Memory(results, realm=str(project_id))
    finally:
        results.close()


def is_complete(analysis: Analysis) -> bool:
    """Tell whether every tool worked, so that what is not found any more in the files that were seen is gone."""
    return all(run.state is not ToolState.FAILED for run in analysis.tools)


def output_of(analysis: Analysis) -> AnalysisOutput:
    """Sum an analysis up. Raises StepFailed when every tool that had something to do failed."""
    busy = [run for run in analysis.tools if run.state is not ToolState.NOT_APPLICABLE]
    if busy and all(run.state is ToolState.FAILED for run in busy):
        raise StepFailed(
            "no tool could do its work: " + "; ".join(f"{run.label}: {_complaint(run)}" for run in busy)
        )
    counts = {
        str(severity): count for severity, count in count_by_severity(analysis.findings).items() if count
    }
    return AnalysisOutput(
        tools=tuple(analysis.tools),
        findings_by_severity=counts,
        summary=_summary(analysis, counts, busy),
    )


def _summary(analysis: Analysis, counts: dict[str, int], busy: list[ToolRun]) -> str:
    if not busy:
        return "nothing here that these tools can analyse"
    told = plural(len(analysis.findings), "finding") if analysis.findings else "no finding"
    if counts:
        told += " (" + ", ".join(f"{count} {severity}" for severity, count in counts.items()) + ")"
    told += f" in {plural(max(run.files_analysed for run in busy), 'file')}"
    faulty = [run for run in busy if run.state is not ToolState.OK]
    if faulty:
        told += "; incomplete: " + ", ".join(
            f"{run.label} failed"
            if run.state is ToolState.FAILED
            else f"{run.label} could not fully analyse {plural(run.failed_count, 'file')}"
            for run in faulty
        )
    return told


def _complaint(run: ToolRun) -> str:
    return run.note or (run.failed[0].reason if run.failed else "it gave no reason")
