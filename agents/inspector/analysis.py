"""One analysis: a tree, some analyzers, what they found and what they could not see.

    survey -> for each analyzer: pick its files -> batches -> agents.process.run -> parse -> coverage
           -> normalise over all tools

Invariant: each file that an analyzer wants ends as analysed, failed or skipped; a batch that crashed, ran out of
time or memory, or answered gibberish counts all its files as failed. So a fault can never read as clean.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agents import process
from agents.findings import FindingData
from agents.inspector import normalise
from agents.inspector.analyzers.base import (
    Analyzer,
    AnswerUnreadable,
    Batch,
    Parsed,
    Problem,
    Tree,
    batches,
)
from agents.inspector.normalise import Said
from agents.inspector.survey import SourceFile, Survey, survey
from agents.reporting.model import FileProblem, ToolRun, ToolState

NAMED_FAILURES = 50  # in a step's output; all are counted
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What came out: findings of all tools together, and each tool's coverage."""

    findings: list[FindingData]
    tools: list[ToolRun]
    survey: Survey


@dataclass(slots=True)
class _Account:
    """One analyzer's books."""

    analyzer: Analyzer
    version: str
    files: list[SourceFile]
    skipped: Counter[str]
    claims: list[Said] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0


def analyse(
    tree: Path,
    analyzers: Sequence[Analyzer],
    *,
    scratch: Path,
    paths: Sequence[str] = (),
    tell: Tell = lambda text: None,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Analysis:
    """Run the analyzers over the tree. Raises StepCancelled; a tool's fault is told in its ToolRun instead."""
    found = survey(tree, only=paths)
    tell(f"{len(found.files)} text files, {sum(found.counts.values())} left out")
    accounts = [_open(analyzer, found) for analyzer in analyzers]
    work = [(account, part) for account in accounts for part in _parts(account)]
    for done, (account, part) in enumerate(work):
        progress(done, len(work), f"{account.analyzer.name}: {len(part)} files")
        _run(account, part, tree=tree, scratch=scratch, cancelled=cancelled)
    progress(len(work), len(work), "done")
    whole = Tree(root=tree, files=found.files)
    for account in accounts:
        _conclude(account, whole)
    files = {file.path: file for file in found.files}
    tools = [_close(account) for account in accounts]
    for run in tools:
        tell(_line(run))
    said = [claim for account in accounts for claim in account.claims]
    return Analysis(findings=normalise.findings(said, tree, files), tools=tools, survey=found)


def _open(analyzer: Analyzer, found: Survey) -> _Account:
    account = _Account(analyzer, analyzer.version(), [], Counter())
    for file in found.files:
        if analyzer.wants(file):
            reason = analyzer.why_not(file)
            if reason:
                account.skipped[reason] += 1
            else:
                account.files.append(file)
    account.skipped.update(_left_out(analyzer, found))
    silenced = sum(
        count for file in account.files for name, count in file.silenced if name == analyzer.silencer
    )
    if silenced:
        account.notes.append(f"comments in the source silence it {silenced} times ({analyzer.silencer})")
    return account


def _left_out(analyzer: Analyzer, found: Survey) -> Counter[str]:
    """What the survey left out and this tool would have wanted, by reason."""
    wants_any_text = analyzer.wants(SourceFile(path="a", size=1, lines=1, language=""))
    if wants_any_text:
        return Counter(found.counts)
    return Counter(
        left.reason
        for left in found.left_out
        if left.language
        and analyzer.wants(SourceFile(path=left.path, size=1, lines=1, language=left.language))
    )


def _parts(account: _Account) -> list[tuple[SourceFile, ...]]:
    if not account.version:
        reason = "the tool is not installed"
        account.failed.update((file.path, reason) for file in account.files)
        return []
    return batches(
        account.files, max_files=account.analyzer.batch_files, max_bytes=account.analyzer.batch_bytes
    )


def _run(
    account: _Account,
    files: tuple[SourceFile, ...],
    *,
    tree: Path,
    scratch: Path,
    cancelled: Callable[[], bool],
) -> None:
    analyzer = account.analyzer
    with TemporaryDirectory(prefix=f"{analyzer.name}-", dir=scratch) as folder:
        batch = Batch(root=tree, files=files, scratch=Path(folder))
        outcome = process.run(
            analyzer.command(batch),
            cwd=tree,
            scratch=batch.scratch,
            timeout_seconds=analyzer.timeout_seconds,
            limits=process.Limits(memory_bytes=analyzer.memory_bytes),
            cancelled=cancelled,
        )
        account.seconds += outcome.seconds
        account.cpu_seconds += outcome.cpu_seconds
        account.peak_rss_bytes = max(account.peak_rss_bytes, outcome.peak_rss_bytes)
        account.notes += outcome.notes
        parsed = _parse(analyzer, outcome, batch)
    _book(account, parsed, files)


def _parse(analyzer: Analyzer, outcome: process.Outcome, batch: Batch) -> Parsed:
    trouble = outcome.trouble(analyzer.good_codes)
    if not trouble:
        try:
            return analyzer.parse(outcome.stdout, batch)
        except AnswerUnreadable as error:
            trouble = str(error)
    return Parsed(
        failed=[Problem(path=file.path, reason=f"{analyzer.name} {trouble}") for file in batch.files],
        notes=[trouble],
    )


def _conclude(account: _Account, tree: Tree) -> None:
    if account.facts:
        claims = account.analyzer.conclude(account.facts, tree)
        account.claims += [Said(account.analyzer, account.version, claim) for claim in claims]


def _book(account: _Account, parsed: Parsed, files: tuple[SourceFile, ...]) -> None:
    given = {file.path for file in files}
    account.facts.update(parsed.facts)
    for one in parsed.skipped:
        account.skipped[one.reason] += 1
        account.files = [file for file in account.files if file.path != one.path]
    account.failed.update((one.path, one.reason) for one in parsed.failed)
    account.notes += parsed.notes
    for claim in parsed.claims:
        if claim.path in given:
            account.claims.append(Said(account.analyzer, account.version, claim))
        else:
            account.notes.append(f"it reported on {os.fsencode(claim.path)!r}, which it was not given")


def _close(account: _Account) -> ToolRun:
    failed = sorted(account.failed.items())
    return ToolRun(
        tool=account.analyzer.name,
        version=account.version,
        purpose=account.analyzer.purpose,
        state=_state(len(account.files), len(failed)),
        files_analysed=len(account.files) - len(failed),
        failed=tuple(FileProblem(path=path, reason=reason[:500]) for path, reason in failed[:NAMED_FAILURES]),
        failed_count=len(failed),
        skipped_count=sum(account.skipped.values()),
        skipped_by_reason=dict(sorted(account.skipped.items())),
        findings=len(account.claims),
        seconds=round(account.seconds, 3),
        cpu_seconds=round(account.cpu_seconds, 3),
        peak_rss_bytes=account.peak_rss_bytes,
        note="; ".join(dict.fromkeys(account.notes))[:1000],
    )


def _state(given: int, failed: int) -> ToolState:
    if not given:
        return ToolState.NOT_APPLICABLE
    if failed >= given:
        return ToolState.FAILED
    return ToolState.PARTIAL if failed else ToolState.OK


def _line(run: ToolRun) -> str:
    told = f"{run.label} {run.version}: {run.state}, {run.files_analysed} files, {run.findings} claims"
    if run.failed_count:
        told += f", {run.failed_count} files failed"
    return f"{told}, {run.cpu_seconds:.1f} s of CPU"
