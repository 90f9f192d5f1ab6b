"""One analysis: a tree, some analyzers, what they found and what they could not see.

    survey -> for each analyzer: pick its files -> what is known of them (`memory`)
           -> the rest in batches, side by side -> parse -> coverage -> normalise over all tools

Invariant: each file that an analyzer wants ends as analysed, failed or skipped; a batch that crashed, ran out of
time or memory, or answered gibberish counts all its files as failed. So a fault can never read as clean.
"""

from __future__ import annotations

import math
import os
from collections import ChainMap, Counter
from collections.abc import Callable, Generator, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agents import process
from agents.findings import FindingData
from agents.inspector import bounds, normalise
from agents.inspector.analyzers.base import (
    Analyzer,
    AnswerUnreadable,
    Batch,
    Parsed,
    Problem,
    Tree,
    batches,
)
from agents.inspector.memory import Memory
from agents.inspector.normalise import Said
from agents.inspector.refuting import Refuting
from agents.inspector.shares import Shares
from agents.inspector.side_by_side import Done, Job, side_by_side
from agents.inspector.survey import SourceFile, Survey, survey
from agents.inspector.taint import garbage
from agents.quality.config import Paths, Settings
from agents.reporting.model import FileProblem, RefutedClaim, ToolRun, ToolState, plural

PIECE_SECONDS = 6.0  # of CPU for one call, about: so that the last call keeps nobody waiting
WORTH_PARTING_SECONDS = 2.0  # a second process costs half a second to start
MOST_HALVED = (
    20  # failed calls of one tool that are tried again: enough to find two bad files among a thousand
)
NAMED = 50  # failures and refuted claims in a step's output; all are counted
Tell = Callable[[str], None]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What came out: findings of all tools together, and each tool's coverage."""

    findings: list[FindingData]
    tools: list[ToolRun]
    survey: Survey
    unseen: frozenset[str] = frozenset()  # files that some tool wanted and did not analyse


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
    remembered: int = 0
    halved: int = 0  # calls that failed and were tried again in halves
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0


@garbage.seldom()  # most of what is made stays until the end
def analyse(
    tree: Path,
    analyzers: Sequence[Analyzer],
    *,
    scratch: Path,
    paths: Sequence[str] = (),
    tree_digest: str = "",
    memory: Memory | None = None,
    shares: Shares | None = None,
    settings: Settings | None = None,
    tell: Tell = lambda text: None,
    progress: Progress = lambda done, total, message: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Analysis:
    """Run the analyzers over the tree. Raises StepCancelled; a tool's fault is told in its ToolRun instead.

    `tree_digest` names the content of a tree that nobody can change; with it a second survey costs nothing.
    """
    memory, shares = memory or Memory(), shares or Shares(None)
    found = _surveyed(tree, paths, tree_digest, settings, memory)
    tell(f"{len(found.files)} text files, {sum(found.counts.values())} left out")
    accounts = [_open(analyzer, found) for analyzer in analyzers]
    jobs = [
        job
        for owner, account in enumerate(accounts)
        for job in _jobs(account, owner, memory, processes=shares.most)
    ]
    count = _work_off(
        jobs,
        accounts,
        memory,
        start=lambda waiting: side_by_side(
            waiting, tree=tree, scratch=scratch, shares=shares, cancelled=cancelled
        ),
        progress=progress,
    )
    whole = Tree(root=tree, files=found.files)
    for account in accounts:
        _conclude(account, whole)
    files = {file.path: file for file in found.files}
    said = [claim for account in accounts for claim in account.claims]
    refuting = _refuting(tree, accounts)
    findings = normalise.findings(said, tree, files, memory=memory, refuting=refuting)
    tools = [_close(account, refuting) for account in accounts]
    for run in tools:
        tell(_line(run))
    memory.write()
    progress(max(1, count), max(1, count), "done")
    return Analysis(findings=findings, tools=tools, survey=found, unseen=_unseen(accounts, found))


def _surveyed(
    tree: Path, paths: Sequence[str], tree_digest: str, settings: Settings | None, memory: Memory
) -> Survey:
    """Give the survey of a tree, which is remembered of a whole one: a part has no digest of its own."""
    name = "" if paths else _named(tree_digest, settings)
    return memory.surveyed(name, tree, lambda: survey(tree, only=paths, settings=settings))


def _work_off(
    jobs: list[Job],
    accounts: Sequence[_Account],
    memory: Memory,
    *,
    start: Callable[[Sequence[Job]], Generator[Done, None, None]],
    progress: Progress,
) -> int:
    """Book what each call came to, in rounds until none is to be tried again; gives how many calls there were."""
    count = 0
    while jobs:
        again: list[Job] = []
        with closing(start(jobs)) as running:
            progress(count, count + len(jobs), "begun" if not count else "what failed, in smaller parts")
            for at, done in enumerate(running, start=1):
                again += _take(accounts[done.job.owner], done, memory)
                told = f"{done.job.analyzer.name}: {plural(len(done.job.files), 'file')}"
                progress(count + at, count + len(jobs) + len(again), told)
        count += len(jobs)
        jobs = again
    return count


def _unseen(accounts: Sequence[_Account], found: Survey) -> frozenset[str]:
    """What some tool wanted and did not analyse, and what the survey left out."""
    left = set(found.left_paths)
    for account in accounts:
        given = {file.path for file in account.files}
        left |= {file.path for file in found.files if file.path not in given and account.analyzer.wants(file)}
        left |= account.failed.keys()
    return frozenset(left)


def _refuting(tree: Path, accounts: Sequence[_Account]) -> Refuting:
    """What the tools saw that refutes claims of others. One tool alone sees of a file that it is harmless."""
    seen = [account.analyzer.harmless(account.facts) for account in accounts]
    return Refuting(tree, _followed(accounts), ChainMap(*map(dict, seen)))


def _followed(accounts: Sequence[_Account]) -> dict[str, frozenset[str]]:
    """The dangers to which some tool followed all input in a file; one that it failed in may hold more ways."""
    found: dict[str, frozenset[str]] = {}
    for account in accounts:
        for file in account.files if account.analyzer.follows else ():
            if file.path not in account.failed:
                found[file.path] = found.get(file.path, frozenset()) | account.analyzer.follows
    return found


def _named(tree_digest: str, settings: Settings | None) -> str:
    """Name what a survey depends on: the tree, and which of its files the project wants looked at."""
    if not tree_digest or settings is None or settings.paths == Paths():
        return tree_digest
    return f"{tree_digest} {settings.paths.model_dump_json()}"


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


def _jobs(account: _Account, owner: int, memory: Memory, *, processes: int) -> list[Job]:
    """Book what is known, and cut the rest into calls: small enough to be spread over the processes."""
    analyzer = account.analyzer
    if not account.version:
        account.failed.update((file.path, "the tool is not installed") for file in account.files)
        return []
    known = memory.recall(analyzer, account.version, account.files)
    account.remembered = len(account.files) if "" in known else len(known)
    given = list(account.files)
    names = {file.path for file in given}
    for parsed in known.values():
        _book(account, parsed, names)
    fresh = [] if "" in known else [file for file in given if file.path not in known]
    if not fresh:
        return []
    if analyzer.whole_program:
        return [replace(_job(analyzer, tuple(fresh), owner), noted=memory.noted(analyzer, account.version))]
    size = sum(file.size for file in fresh)
    seconds = analyzer.seconds_per_megabyte * size / 1_000_000
    rounds = math.ceil(
        seconds / (PIECE_SECONDS * processes)
    )  # whole rounds, so that no process idles at the end
    pieces = processes * rounds if seconds > WORTH_PARTING_SECONDS else 1
    return [
        _job(analyzer, part, owner)
        for piece in _pieces(fresh, pieces)
        for part in batches(piece, max_files=analyzer.batch_files, max_bytes=analyzer.batch_bytes)
    ]


def _pieces(files: Sequence[SourceFile], count: int) -> list[list[SourceFile]]:
    """Deal the files out so that all pieces are about equally large: the largest first, to who has least."""
    sizes = [0] * count
    pieces: list[list[SourceFile]] = [[] for _ in range(count)]
    for file in sorted(files, key=lambda file: -file.size):
        least = sizes.index(min(sizes))
        pieces[least].append(file)
        sizes[least] += file.size + 500  # an empty file costs a little, too
    return [sorted(piece, key=lambda file: file.path) for piece in pieces if piece]


def _job(analyzer: Analyzer, files: tuple[SourceFile, ...], owner: int) -> Job:
    size = sum(file.size for file in files)
    return Job(
        analyzer=analyzer, files=files, owner=owner, weight=analyzer.seconds_per_megabyte * size / 1_000_000
    )


def _take(account: _Account, done: Done, memory: Memory) -> list[Job]:
    """Book what one call came to. One that failed is tried again in halves, so that one file costs itself alone."""
    outcome = done.outcome
    account.seconds += outcome.seconds
    account.cpu_seconds += outcome.cpu_seconds
    account.peak_rss_bytes = max(account.peak_rss_bytes, outcome.peak_rss_bytes)
    account.notes += outcome.notes
    parsed = _parse(account.analyzer, outcome, done.batch)
    if (
        isinstance(parsed, str) and done.job.noted
    ):  # the notes may be why: they must not fail every run to come
        return [replace(done.job, noted=b"")]
    if isinstance(parsed, str) and _may_be_halved(account, done.job):
        account.halved += 1
        return _halves(done.job)
    if isinstance(parsed, str):  # nobody knows whether it would happen again, so it is not remembered
        reason = f"{account.analyzer.name} {parsed}"
        failed = [Problem(path=file.path, reason=reason) for file in done.job.files]
        parsed = Parsed(failed=failed, notes=[parsed])
    else:
        parsed = bounds.of_each_file(parsed)
        memory.keep(account.analyzer, account.version, done.job.files, parsed)
        memory.keep_notes(account.analyzer, account.version, done.batch.notes)
    _book(account, parsed, {file.path for file in done.job.files})
    return []


def _may_be_halved(account: _Account, job: Job) -> bool:
    return len(job.files) > 1 and not job.analyzer.whole_program and account.halved < MOST_HALVED


def _halves(job: Job) -> list[Job]:
    middle = len(job.files) // 2
    return [
        replace(job, files=part, weight=job.weight / 2, hurry=True)
        for part in (job.files[:middle], job.files[middle:])
    ]


def _parse(analyzer: Analyzer, outcome: process.Outcome, batch: Batch) -> Parsed | str:
    """Read the answer, or say why there is none."""
    trouble = outcome.trouble(analyzer.good_codes)
    if trouble:
        return trouble
    try:
        return analyzer.parse(outcome.stdout, batch)
    except AnswerUnreadable as error:
        return str(error)


def _conclude(account: _Account, tree: Tree) -> None:
    """Judge the whole by what is known of its files, and leave out what nobody could read."""
    if account.facts:
        judged = bounds.of_each_file(Parsed(claims=list(account.analyzer.conclude(account.facts, tree))))
        _book(account, judged, {claim.path for claim in judged.claims})
    kept, left = bounds.of_all([said.claim for said in account.claims])
    if left:
        account.claims = [account.claims[at] for at in kept]
        account.failed.update(left)


def _book(account: _Account, parsed: Parsed, given: Set[str]) -> None:
    account.facts.update(parsed.facts)
    for one in parsed.skipped:
        account.skipped[one.reason] += 1
    left = {one.path for one in parsed.skipped}
    if left:
        account.files = [file for file in account.files if file.path not in left]
    account.failed.update((one.path, one.reason) for one in parsed.failed)
    account.notes += parsed.notes
    for claim in parsed.claims:
        if claim.path in given:
            account.claims.append(Said(account.analyzer, account.version, claim))
        else:
            account.notes.append(f"it reported on {os.fsencode(claim.path)!r}, which it was not given")


def _close(account: _Account, refuting: Refuting) -> ToolRun:
    failed = sorted(account.failed.items())
    refuted = refuting.of(said.claim for said in account.claims)
    return ToolRun(
        tool=account.analyzer.name,
        version=account.version,
        purpose=account.analyzer.purpose,
        state=_state(len(account.files), len(failed), said=bool(account.claims)),
        files_analysed=len(account.files) - len(failed),
        files_remembered=account.remembered,
        languages=_languages(account),
        failed=tuple(FileProblem(path=path, reason=reason[:500]) for path, reason in failed[:NAMED]),
        failed_count=len(failed),
        skipped_count=sum(account.skipped.values()),
        skipped_by_reason=dict(sorted(account.skipped.items())),
        findings=len(account.claims),
        refuted=tuple(
            RefutedClaim(rule=claim.tool_rule, path=claim.path, line=claim.line, why=why)
            for claim, why in refuted[:NAMED]
        ),
        refuted_count=len(refuted),
        seconds=round(account.seconds, 3),
        cpu_seconds=round(account.cpu_seconds, 3),
        peak_rss_bytes=account.peak_rss_bytes,
        note="; ".join(dict.fromkeys(account.notes))[:1000],
    )


def _languages(account: _Account) -> dict[str, int]:
    """Language -> files whose meaning was looked at; a scan of mere text looks at none."""
    looked_at = Counter(
        file.language
        for file in account.files
        if file.path not in account.failed and file.language in account.analyzer.languages
    )
    return dict(sorted(looked_at.items()))


def _state(given: int, failed: int, *, said: bool) -> ToolState:
    if not given:
        return ToolState.NOT_APPLICABLE
    if failed >= given and not said:
        return ToolState.FAILED
    return ToolState.PARTIAL if failed else ToolState.OK


def _line(run: ToolRun) -> str:
    state = str(run.state).replace("_", " ")
    files, claims = plural(run.files_analysed, "file"), plural(run.findings, "claim")
    told = f"{run.label} {run.version}: {state}, {files}, {claims}"
    if run.refuted_count:
        told += f", {run.refuted_count} of them refuted"
    if run.failed_count:
        told += f", {plural(run.failed_count, 'file')} failed"
    if run.files_remembered:
        told += f", {run.files_remembered} of them remembered"
    return f"{told}, {run.cpu_seconds:.1f} s of CPU"
