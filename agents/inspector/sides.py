"""One of the two trees of a change, analysed: by the analyzers, and by what looks at declared dependencies.

Operations whose analyzers work file by file look at the files that differ, all else at the whole tree: a claim of
theirs may come from a file that nobody touched. An operation's analyzers look together, so that what two of them say
is one claim, with the same name as in a run without a base.

Invariant: each operation that was asked for leaves its coverage in `tools`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.base import OperationContext
from agents.dependencies.reading import read_tree
from agents.findings import FindingData, one_of_each, sort_key
from agents.inspector.analysis import Analysis, analyse
from agents.inspector.analyzers import ANALYZERS
from agents.inspector.analyzers.base import Analyzer
from agents.inspector.memory import Memory
from agents.inspector.operations.dependencies import LICENCES as LICENCE_READER
from agents.inspector.operations.dependencies import MATCHER, READER, audited, licensed, policy_of
from agents.inspector.steps import is_complete, output_of, shares_of_host
from agents.quality.adjusting import adjusted
from agents.quality.config import Settings
from agents.reporting.model import ToolRun, ToolState

DEPENDENCIES, LICENCES = "dependencies", "licences"
DECLARED = {
    DEPENDENCIES: frozenset({f"{READER} (what is declared)", f"{MATCHER} (known vulnerabilities)"}),
    LICENCES: frozenset({f"{LICENCE_READER} (licences)"}),
}
COMPARABLE = (*ANALYZERS, DEPENDENCIES, LICENCES)
"""Names of the operations whose claims of two trees can be compared."""


@dataclass(slots=True)
class Side:
    """What was found in a tree, adjusted to the project's settings, and what could not be seen."""

    findings: list[FindingData] = field(default_factory=list)
    analyses: list[Analysis] = field(default_factory=list)
    tools: tuple[ToolRun, ...] = ()

    @property
    def unseen(self) -> frozenset[str]:
        """Paths that some tool did not analyse."""
        failed = {problem.path for run in self.tools for problem in run.failed}
        return frozenset(failed).union(*(one.unseen for one in self.analyses))

    @property
    def is_complete(self) -> bool:
        """Tell whether what is not found any more is gone."""
        named_all = all(run.failed_count <= len(run.failed) for run in self.tools)
        return named_all and all(map(is_complete, self.analyses))

    def tools_of(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Give the labels of the tools that worked for each operation; none if no file differed."""
        ran = {run.label for run in self.tools}
        labels = {name: set(map(_label, ANALYZERS.get(name, ()))) for name in names}
        return {
            name: tuple(sorted((wanted | DECLARED.get(name, frozenset())) & ran))
            for name, wanted in labels.items()
        }

    def require_work(self) -> None:
        """Raise StepFailed if no tool of an analysis that had something to do could do it."""
        for one in self.analyses:
            if any(run.state is not ToolState.NOT_APPLICABLE for run in one.tools):
                output_of(one)


def side_of(
    tree: Path,
    differing: Sequence[str],
    names: Iterable[str],
    settings: Settings,
    memory: Memory,
    context: OperationContext,
    *,
    digest: str,
) -> Side:
    """Analyse the tree of a snapshot. `differing`: its files that the other tree has not, or not so.

    Raises StepCancelled.
    """
    wanted, side = tuple(names), Side()
    for chosen, paths in _parts(wanted, differing):
        analysis = _analysis(tree, chosen, paths, settings, memory, context, digest=digest)
        side.analyses.append(analysis)
        side.findings += analysis.findings
        side.tools += tuple(analysis.tools)
    if {DEPENDENCIES, LICENCES}.intersection(wanted):
        _declared(tree, wanted, settings, side, context)
    side.findings = one_of_each(sorted(adjusted(side.findings, settings), key=sort_key))
    return side


def _parts(
    names: Iterable[str], differing: Sequence[str]
) -> Iterable[tuple[Sequence[Analyzer], Sequence[str]]]:
    """Analyzers that look together, and what they look at; no paths means the whole tree."""
    by_file: list[Analyzer] = []
    for name in names:
        analyzers = ANALYZERS.get(name, ())
        if any(one.whole_program for one in analyzers):
            yield analyzers, ()
        else:
            by_file += analyzers
    if differing and by_file:
        yield list(dict.fromkeys(by_file)), differing


def _analysis(
    tree: Path,
    analyzers: Sequence[Analyzer],
    paths: Sequence[str],
    settings: Settings,
    memory: Memory,
    context: OperationContext,
    *,
    digest: str,
) -> Analysis:
    return analyse(
        tree, [one.configured(settings) for one in analyzers], scratch=context.scratch, paths=paths,
        tree_digest=digest, memory=memory, shares=shares_of_host(), settings=settings,
        tell=context.log, progress=context.progress, cancelled=context.cancelled,
    )  # fmt: skip


def _label(analyzer: Analyzer) -> str:
    """What its `ToolRun` is called."""
    return f"{analyzer.name} ({analyzer.purpose})" if analyzer.purpose else analyzer.name


def _declared(
    tree: Path, names: Iterable[str], settings: Settings, side: Side, context: OperationContext
) -> None:
    """Add what the dependencies that a tree declares come to."""
    reading = read_tree(tree, scratch=context.scratch, paths=(), cancelled=context.cancelled)
    if DEPENDENCIES in names:
        found, runs, _ = audited(reading)
        side.findings += found
        side.tools += runs
    if LICENCES in names:
        found, run = licensed(tree, reading, policy_of(settings))
        side.findings += found
        side.tools += (run,)
