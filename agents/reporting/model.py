"""What a report says, before it takes one of its forms; and what an analysis step hands back.

Owns: the shapes, and the one question that every form asks: may it be said that nothing was found
(`Report.is_complete`)? Invariant: a partial or failed tool makes a report incomplete, so no form calls it clean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from agents.findings import FindingData, Severity
from agents.patches import FixData
from agents.quality.model import Quality
from agents.reading_order import by_reading_order


class ToolState(StrEnum):
    """How a tool's run ended, taken over all its files."""

    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileProblem(_Shape):
    """A file that a tool was given and could not analyse."""

    path: str
    reason: str


class RefutedClaim(_Shape):
    """A claim that is no finding, because another tool saw that what arrives at its place can do nothing."""

    rule: str
    path: str
    line: int
    why: str


class ToolRun(_Shape):
    """What one tool did: its coverage and its cost.

    `failed` names at most 50 files and `refuted` at most 50 claims; `failed_count` and `refuted_count` count all.
    `lost` counts claims that nobody sees, by the reason why they could not be used.
    """

    tool: str
    version: str
    purpose: str = ""  # tells runs of one tool apart, such as "security rules"
    state: ToolState
    unit: str = "file"  # of what is counted: tables, where a database was read
    files_analysed: int = 0
    files_remembered: int = 0  # of them and the failed ones, those whose content had been analysed before
    languages: dict[str, int] = Field(default_factory=dict)  # language -> files whose meaning it looked at
    failed: tuple[FileProblem, ...] = ()
    failed_count: int = 0
    skipped_count: int = 0
    skipped_by_reason: dict[str, int] = Field(default_factory=dict)
    findings: int = 0
    refuted: tuple[RefutedClaim, ...] = ()
    refuted_count: int = 0  # of the claims
    lost: dict[str, int] = Field(default_factory=dict)  # reason -> claims that could not be used
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0
    note: str = ""

    @property
    def label(self) -> str:
        """The tool's name for people."""
        return f"{self.tool} ({self.purpose})" if self.purpose else self.tool


class AnalysisOutput(_Shape):
    """The output of every operation of the Inspector."""

    tools: tuple[ToolRun, ...]
    findings_by_severity: dict[str, int] = Field(default_factory=dict)
    summary: str = ""


class FixedClaim(_Shape):
    """A finding of a base that its head has not any more, in short."""

    severity: Severity
    rule: str
    title: str
    path: str
    line: int


class ChangeOutput(AnalysisOutput):
    """What a review of a change came to; the tools are those of the head.

    `fixed` names the worst. `tools_of`: operation that was done on both trees -> labels of its tools.
    """

    fixed_by_severity: dict[str, int] = Field(default_factory=dict)
    fixed: tuple[FixedClaim, ...] = ()
    files_changed: int = 0
    files_renamed: int = 0
    known: int = 0  # claims that the base had, too, in what was looked at
    notes: tuple[str, ...] = ()
    tools_of: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class Compared(_Shape):
    """What a run was compared with. `change` is None if nothing compared, or it failed.

    `head_only`: titles of the operations whose findings are of the whole head, old or new.
    """

    base: str
    change: ChangeOutput | None = None
    head_only: tuple[str, ...] = ()


class Target(_Shape):
    """What was looked at. `web`: the address of the repository's pages, if it has some."""

    kind: str = "repository"
    description: str = ""
    revision: str = ""
    digest: str = ""
    files: int = 0
    lines: int = 0
    web: str = ""


class PlanStep(_Shape):
    """One step of the run, why it was chosen and how it went."""

    key: str
    agent: str
    operation: str
    reason: str = ""
    state: str
    seconds: float = 0.0
    attempts: int = 1
    error: str = ""


class ReportedFinding(_Shape):
    """A finding and the agent that made it.

    `is_new`: against the base, or the run that this one is compared with; None: compared with nothing. `line_hash`:
    GitHub's of its line, if the tree is known (`agents.reporting.line_hash`).
    """

    agent: str
    finding: FindingData
    is_new: bool | None = None
    line_hash: str = ""

    @property
    def newness(self) -> bool | None:
        """Tell whether it is new against whatever it was compared with: what the run said last, else its step."""
        return self.finding.is_new if self.is_new is None else self.is_new


class SetAside(_Shape):
    """A finding that people have dismissed, and why."""

    agent: str
    finding: FindingData
    reason: str
    line_hash: str = ""

    @property
    def newness(self) -> bool | None:
        """Tell whether its step said that it is new."""
        return self.finding.is_new


class NotAnalysed(_Shape):
    """A part of the target that nobody looked at, and why."""

    what: str
    why: str


class Written(_Shape):
    """What a step wrote for people to read: pages, drawings. `files` are names of the run's artifacts."""

    title: str
    summary: str
    files: tuple[str, ...]


class Report(_Shape):
    """Everything that a run has to tell. `timings` are seconds by name, such as "total" or "queue".

    `dismissed`: findings that people have dismissed, which are not among `findings`.
    """

    run_id: UUID
    goal: str
    created_at: datetime
    target: Target = Target()
    answer: str = ""
    plan_steps: tuple[PlanStep, ...] = ()
    findings: tuple[ReportedFinding, ...] = ()
    dismissed: int = 0
    set_aside: tuple[SetAside, ...] = ()  # the dismissed ones, for forms that tell them
    tool_runs: tuple[ToolRun, ...] = ()
    not_analysed: tuple[NotAnalysed, ...] = ()
    written: tuple[Written, ...] = ()
    timings: dict[str, float] = Field(default_factory=dict)
    quality: Quality | None = None  # None: nothing was planned that could tell
    compared: Compared | None = None  # None: there was no base
    fixes: tuple[FixData, ...] = ()

    @property
    def by_severity(self) -> dict[Severity, int]:
        """How many findings of each severity, worst first, zeros included."""
        return count_by_severity(entry.finding for entry in self.findings)

    @property
    def ranked(self) -> list[ReportedFinding]:
        """The findings in the order in which to read them."""
        return by_reading_order(self.findings, lambda entry: entry.finding)

    @property
    def faulty_tools(self) -> list[ToolRun]:
        """The tools whose silence means nothing: their run failed or missed files."""
        return [run for run in self.tool_runs if run.state in (ToolState.PARTIAL, ToolState.FAILED)]

    @property
    def unfinished_steps(self) -> list[PlanStep]:
        """Steps that did not succeed; what they would have found is unknown."""
        return [step for step in self.plan_steps if step.state in ("dead", "cancelled", "skipped", "failed")]

    @property
    def is_complete(self) -> bool:
        """Tell whether silence means something: some tool ran, all of them fully, and every step succeeded."""
        ran = [run for run in self.tool_runs if run.state is ToolState.OK and run.files_analysed]
        change = self.compared.change if self.compared else None
        is_empty = change is not None and not change.files_changed
        return (bool(ran) or is_empty) and not self.faulty_tools and not self.unfinished_steps

    @property
    def verdict(self) -> str:
        """One sentence for the head of every form."""
        total = len(self.findings)
        told = f"{total} finding{'' if total == 1 else 's'}" if total else "No finding"
        if not self.is_complete:
            return f"{told}, but the analysis is incomplete: see the coverage."
        if total:
            return f"{told} in {plural(self.target.files, 'file')}." if self.target.files else f"{told}."
        return "No finding in what was analysed."


_ENDS_IN_IES = re.compile("[^aeiou]y$")


def plural(count: int, word: str) -> str:
    """Say how many: 1 file, 2 files, 3 dependencies."""
    if count == 1:
        return f"1 {word}"
    return f"{count:,} {word[:-1]}ies" if _ENDS_IN_IES.search(word) else f"{count:,} {word}s"


def count_by_severity(findings: Iterable[FindingData]) -> dict[Severity, int]:
    """Count findings by severity, worst first, zeros included."""
    counts = dict.fromkeys(Severity, 0)
    for finding in findings:
        counts[finding.severity] += 1
    return counts
