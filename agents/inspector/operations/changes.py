"""The Inspector's look at a change: what the head has that its base had not.

both trees -> what differs, renames -> analyzers on both: file by file only where they differ, whole programs whole
           -> the same claims by fingerprint, rename, unique move, edited line -> new | fixed
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from pydantic import Field

from agents import workspace
from agents.base import OperationContext, operation
from agents.findings import FindingData, sort_key
from agents.inspector.analysis import Analysis, analyse
from agents.inspector.analyzers import ANALYZERS
from agents.inspector.analyzers.base import Analyzer
from agents.inspector.memory import Memory
from agents.inspector.shares import Shares
from agents.inspector.steps import ATTEMPTS, GIVES, AnalysisInput, is_complete, output_of, remembering
from agents.matching import known_of, match
from agents.reporting.change import PULL_REQUEST, Change, ChangeOutput, as_pull_request
from agents.reporting.model import ToolState, plural
from agents.workspace.comparing import Difference, compare

TIMEOUT_SECONDS = 3_600  # two trees, all tools
MEDIA_TYPE = "text/markdown; charset=utf-8"


class ChangeInput(AnalysisInput):
    """The head (`snapshot`), what it is compared with, and what to look for; no operations means all."""

    base: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the base's snapshot, in hex")
    operations: list[str] = Field(
        default_factory=list, description="names of the Inspector's operations whose analyzers are run"
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two trees, analysed."""

    findings: list[FindingData]
    analyses: list[Analysis]

    @property
    def unseen(self) -> frozenset[str]:
        return frozenset().union(*(one.unseen for one in self.analyses))


class Changes:
    """Mixin: what a branch or a pull request makes worse."""

    @operation(
        ChangeInput,
        ChangeOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=("snapshot", "base"),
        gives=GIVES,
        examples=(
            "review this change",
            "what does this branch make worse?",
            "review the pull request against main",
            "which problems are new compared with the base?",
        ),
    )
    def review_changes(self, input: ChangeInput, context: OperationContext) -> ChangeOutput:
        """Compare a change with its base: only what the change brings in.

        Runs the analyzers on both trees, file by file only where they differ, and hands back what the head has and
        the base had not. A claim is known again by its fingerprint, in a file that git sees as renamed, where exactly
        one like it moved, or on an edited line; what is gone is counted as fixed. Stores a summary fit for a
        pull request. Needs a run with a base.
        """
        with (
            workspace.checked_out(input.snapshot, context.open_artifact) as head,
            workspace.checked_out(input.base, context.open_artifact) as base,
            remembering(context.request.project_id) as memory,
        ):
            difference = compare(base, head, scratch=context.scratch, cancelled=context.cancelled)
            context.log(f"{plural(len(difference.head), 'file')} of the change differ from the base")
            chosen = _analyzers(input.operations)
            before = _side(base, sorted(difference.base), chosen, memory, context)
            after = _side(head, sorted(difference.head), chosen, memory, context)
        change = judged(before.findings, after.findings, difference, unseen=after.unseen)
        return _told(change, before, after, difference, context)


def judged(
    before: Sequence[FindingData],
    after: Sequence[FindingData],
    difference: Difference,
    *,
    unseen: frozenset[str] = frozenset(),
) -> Change:
    """Part the claims of a head into new and known ones, and find those that are gone.

    `unseen`: paths of the head that were not analysed; nothing in them is fixed.
    """
    old = {one.fingerprint: one for one in before}
    fresh = [one for one in after if one.fingerprint not in old]
    seen = {one.fingerprint for one in after}
    gone = [one for name, one in old.items() if name not in seen]
    matched = match(map(known_of, fresh), map(known_of, gone), moves=difference.renamed)
    new = [one.model_copy(update={"is_new": True}) for one in fresh if one.fingerprint not in matched]
    there = set(matched.values())
    now = {old_path: path for path, old_path in difference.renamed.items()}
    fixed = [
        one for one in gone if one.fingerprint not in there and now.get(one.path, one.path) not in unseen
    ]
    return Change(
        new=tuple(sorted(new, key=sort_key)),
        fixed=tuple(sorted(fixed, key=sort_key)),
        kept=len(after) - len(new),
        files=len(difference.head | difference.base) - len(difference.renamed),
        renamed=len(difference.renamed),
    )


def _analyzers(names: Iterable[str]) -> list[Analyzer]:
    wanted = [name for name in dict.fromkeys(names) if name in ANALYZERS] or list(ANALYZERS)
    return list(dict.fromkeys(one for name in wanted for one in ANALYZERS[name]))


def _side(
    tree: Path, paths: list[str], chosen: Sequence[Analyzer], memory: Memory, context: OperationContext
) -> _Side:
    parts = []
    by_file = [one for one in chosen if not one.whole_program]
    if paths and by_file:
        parts.append((by_file, paths))
    whole = [one for one in chosen if one.whole_program]
    if whole:
        parts.append((whole, []))
    shares = Shares(Path(settings.ANALYSIS_CACHE_DIR) / "cores", most=settings.ANALYZER_PROCESSES)
    analyses = [
        analyse(
            tree, analyzers, scratch=context.scratch, paths=only, memory=memory, shares=shares,
            tell=context.log, progress=context.progress, cancelled=context.cancelled,
        )
        for analyzers, only in parts
    ]  # fmt: skip
    found = {one.fingerprint: one for analysis in analyses for one in analysis.findings}
    return _Side(list(found.values()), analyses)


def _told(
    change: Change, before: _Side, after: _Side, difference: Difference, context: OperationContext
) -> ChangeOutput:
    tools = tuple(run for one in after.analyses for run in one.tools)
    notes = [difference.note] if difference.note else []
    for one in before.analyses:
        for run in one.tools:
            if run.state in (ToolState.FAILED, ToolState.PARTIAL):
                notes.append(
                    f"{run.label} could not analyse the base in full: what it had may be told as new"
                )
    busy = [
        one for one in after.analyses if any(run.state is not ToolState.NOT_APPLICABLE for run in one.tools)
    ]
    for one in busy:
        output_of(one)  # raises if no tool could do its work
    output = ChangeOutput.of(change, tools=tools, notes=tuple(dict.fromkeys(notes)))
    context.put_artifact(
        PULL_REQUEST, as_pull_request(change, output, run=context.request.run_id), media_type=MEDIA_TYPE
    )
    context.add_findings(change.new)
    if all(map(is_complete, after.analyses)):
        context.cover(after.unseen)
    context.summary = output.summary
    return output
