"""The Inspector's look at what a repository depends on: known vulnerabilities, a bill of materials, licences.

The files are read by `agents.dependencies`; the database of advisories is `agents.advisories`. Invariant: a
dependency that could not be judged is told as not audited, file by file; without a database, all are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from pydantic import Field

from agents import workspace
from agents.advisories.matching import sources
from agents.base import OperationContext, operation
from agents.dependencies import licences, sbom
from agents.dependencies.licences import Policy
from agents.dependencies.reading import Reading, read_tree
from agents.findings import FindingData, Severity, sort_key
from agents.inspector.dependency_findings import Audit, audit, licence_findings, unpinned
from agents.inspector.steps import ATTEMPTS, GIVES, NEEDS, TIMEOUT_SECONDS, AnalysisInput
from agents.quality.config import LicenceName, Settings
from agents.reporting.model import (
    AnalysisOutput,
    FileProblem,
    ToolRun,
    ToolState,
    count_by_severity,
    plural,
)

NAMED = 50
READER = "wrench-dependencies"
MATCHER = "wrench-advisories"
LICENCES = "wrench-licences"
VERSION = "1"


class LicenceInput(AnalysisInput):
    """Which tree to look at, and which licences it may depend on."""

    allow: list[LicenceName] = Field(
        default_factory=list, max_length=200, description="SPDX ids; if any, other licences are findings"
    )
    deny: list[LicenceName] = Field(
        default_factory=list, max_length=200, description="SPDX ids that are findings; wins over allow"
    )


class Dependencies:
    """Mixin: what the repository depends on."""

    @operation(
        AnalysisInput,
        AnalysisOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=GIVES,
        examples=(
            "are my dependencies vulnerable?",
            "audit the dependencies",
            "do we use libraries with known CVEs?",
            "make an SBOM",
            "which packages need an update for security?",
            "write a software bill of materials",
        ),
    )
    def dependencies(self, input: AnalysisInput, context: OperationContext) -> AnalysisOutput:
        """Audit the dependencies: known vulnerabilities of packages, and a bill of materials.

        Reads what the repository declares and locks for Python, npm, Yarn, pnpm, Go, Rust, Ruby, PHP, Maven, Conda,
        executing nothing and asking nobody. Each package with an exact version is compared with the advisories
        (CVE, GHSA and others in one finding, with the range that matches and the version that mends it) of the
        OSV database that the operator imported; what could not be compared, for want of a database or of an exact
        version, is told as not audited. Stores the software bill of materials (SBOM) as the artifact bom.cdx.json, in
        CycloneDX 1.6.
        """
        with workspace.checked_out(input.snapshot, context.open_artifact) as tree:
            context.progress(0, 3, "reading what is declared")
            reading = read_tree(tree, scratch=context.scratch, paths=input.paths, cancelled=context.cancelled)
            own = _own_licence(tree)
        context.progress(1, 3, plural(len(reading.components), "dependency"))
        found, runs, result = audited(reading)
        context.progress(2, 3, "writing the bill of materials")
        bill = sbom.as_cyclonedx(reading.components, digest=input.snapshot, licence=own, at=timezone.now())
        context.put_artifact(sbom.NAME, bill, media_type=sbom.MEDIA_TYPE)
        for run in runs:
            context.log(f"{run.tool}: {run.state}, {plural(run.files_analysed, 'file')}. {run.note}".rstrip())
        output = _output(runs, found, _audit_summary(reading, result))
        context.add_findings(found)
        context.summary = output.summary
        context.progress(3, 3, "done")
        return output

    @operation(
        LicenceInput,
        AnalysisOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=GIVES,
        examples=(
            "which licences do we have?",
            "check the licenses of our packages",
            "is there GPL code among the libraries?",
            "what is this repository's license?",
        ),
    )
    def licences(self, input: LicenceInput, context: OperationContext) -> AnalysisOutput:
        """Tell the licences: the repository's own and, where lock files name them, those of its packages.

        Recognises the text of some thirty licences, reads SPDX expressions, and takes the licences of packages from
        package-lock.json and composer.lock; the others are unknown, and counted. With `allow` or `deny`, here or in
        the project's wrench.toml, each licence that the policy does not accept is a finding.
        """
        policy = policy_of(input.settings, allow=input.allow, deny=input.deny)
        with workspace.checked_out(input.snapshot, context.open_artifact) as tree:
            context.progress(0, 2, "reading what is declared")
            reading = read_tree(tree, scratch=context.scratch, paths=input.paths, cancelled=context.cancelled)
            context.progress(1, 2, "comparing licences")
            found, run = licensed(tree, reading, policy)
        context.log(run.note)
        output = _output((run,), found, run.note)
        context.add_findings(found)
        context.summary = output.summary
        context.progress(2, 2, "done")
        return output


def policy_of(settings: Settings, *, allow: Sequence[str] = (), deny: Sequence[str] = ()) -> Policy:
    """Give the project's policy of licences; what a run allows replaces it, what it denies is added."""
    wanted = settings.licences
    return Policy(allow=frozenset(allow or wanted.allow), deny=frozenset((*wanted.deny, *deny)))


def audited(reading: Reading) -> tuple[list[FindingData], tuple[ToolRun, ...], Audit]:
    """Compare what a tree declares with the advisories: findings, worst first, and the coverage."""
    now = timezone.now()
    result = audit(reading.components, sources())
    found = sorted([*result.findings, *unpinned(reading.components)], key=sort_key)
    return found, (_reader_run(reading), _audit_run(reading, result, now)), result


def licensed(tree: Path, reading: Reading, policy: Policy) -> tuple[list[FindingData], ToolRun]:
    """Compare the licences of a tree and of what it declares with a policy; the run's note names them."""
    told = licences.of_repository(tree)
    found = sorted(licence_findings(told, reading.components, policy), key=sort_key)
    known = sum(bool(one.licence) for one in reading.components)
    own = ", ".join(dict.fromkeys(one.expression for one in told)) or "none found"
    note = (
        f"the repository's licence: {own}; of {len(reading.components):,} dependencies {known:,} name theirs,"
        f" {len(reading.components) - known:,} are unknown"
    )
    run = _reader_run(reading).model_copy(update={"tool": LICENCES, "purpose": "licences", "note": note})
    return found, run


def _own_licence(tree: Path) -> str:
    told = [one.expression for one in licences.of_repository(tree) if one.expression != licences.UNKNOWN]
    return told[-1] if told else ""  # what is declared says more than what the text says


def _output(runs: tuple[ToolRun, ...], found: list[FindingData], summary: str) -> AnalysisOutput:
    counts = {str(severity): count for severity, count in count_by_severity(found).items() if count}
    return AnalysisOutput(tools=runs, findings_by_severity=counts, summary=summary)


def _reader_run(reading: Reading) -> ToolRun:
    notes = [f"{path}: {one}" for path, many in reading.notes.items() for one in many]
    return ToolRun(
        tool=READER, version=VERSION, purpose="what is declared",
        state=_state(len(reading.read), len(reading.failed)),
        files_analysed=len(reading.read), failed=_problems(reading.failed), failed_count=len(reading.failed),
        skipped_count=sum(reading.skipped.values()), skipped_by_reason=reading.skipped,
        seconds=round(reading.seconds, 3), cpu_seconds=round(reading.cpu_seconds, 3),
        peak_rss_bytes=reading.peak_rss_bytes, note="; ".join(notes)[:1000],
    )  # fmt: skip


def _audit_run(reading: Reading, result: Audit, now: datetime) -> ToolRun:
    """The matcher's coverage: a file with a dependency that was not audited counts as failed."""
    gaps = {path: [why] for path, why in result.not_audited.items()}
    for path, notes in reading.notes.items():  # what was not understood names a package that nobody knows
        gaps.setdefault(path, []).extend(notes)
    gaps |= {path: [why] for path, why in reading.failed.items()}
    whole = [path for path in reading.read if path not in gaps]
    told = {path: f"not audited: {'; '.join(why)}" for path, why in gaps.items()}
    return ToolRun(
        tool=MATCHER, version=VERSION, purpose="known vulnerabilities",
        state=_audit_state(len(whole), len(gaps), audited=result.audited),
        files_analysed=len(whole), failed=_problems(told),
        failed_count=len(gaps), findings=len(result.findings), note="; ".join(_age(result, now))[:1000],
    )  # fmt: skip


def _audit_state(whole: int, gaps: int, *, audited: int) -> ToolState:
    state = _state(whole, gaps)
    return ToolState.PARTIAL if state is ToolState.FAILED and audited else state


def _state(read: int, failed: int) -> ToolState:
    if failed:
        return ToolState.PARTIAL if read else ToolState.FAILED
    return ToolState.OK if read else ToolState.NOT_APPLICABLE


def _problems(failed: dict[str, str]) -> tuple[FileProblem, ...]:
    return tuple(FileProblem(path=path, reason=why[:500]) for path, why in sorted(failed.items())[:NAMED])


def _age(result: Audit, now: datetime) -> list[str]:
    if not result.ecosystems:
        return []
    told = []
    for ecosystem in sorted(result.ecosystems):
        source = result.sources.get(ecosystem)
        if source is None:
            told.append(
                f"not audited: no advisories of {ecosystem} are imported (./wrench advisories import FILE)"
            )
            continue
        days = max((now - min(source.imported_at, source.newest)).days, 0)
        line = f"{ecosystem}: advisories of {source.newest:%Y-%m-%d}, imported {source.imported_at:%Y-%m-%d}"
        if days > settings.ADVISORIES_STALE_DAYS:
            line += f", {days} days old: newer vulnerabilities are not known here, import a newer file"
        told.append(line)
    return told


def _audit_summary(reading: Reading, result: Audit) -> str:
    if not reading.read and not reading.failed:
        return "nothing here declares dependencies"
    vulnerable = [one for one in result.findings if one.severity is not Severity.INFO]
    told = f"{plural(len(reading.components), 'dependency')} in {plural(len(reading.read), 'file')}: "
    told += f"{result.audited:,} audited, {plural(len(vulnerable), 'known vulnerability')}"
    if result.not_audited_count:
        told += f"; {result.not_audited_count:,} not audited"
    if reading.failed:
        told += f"; {plural(len(reading.failed), 'file')} could not be read"
    return told
