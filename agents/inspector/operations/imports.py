"""The Inspector's reading of what other tools said: SARIF files that were given with the run.

    files -> claims on the tree (`imports`) -> merged among themselves (`normalise`)
          -> the same as what this run's own analyses say, where they mean the same -> findings and coverage

It comes after the other analyses of a run, whatever becomes of them. A claim that one of them makes, too, takes over
that one's identity, so that it is one finding with all tools as evidence, tracked and judged as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import BinaryIO

from pydantic import Field

from agents import workspace
from agents.base import OperationContext, operation
from agents.findings import FindingData, one_of_each
from agents.inspector import normalise
from agents.inspector.analysis import Analysis
from agents.inspector.analyzers.base import Claim
from agents.inspector.dangers import danger
from agents.inspector.imports.claims import Given, read_file
from agents.inspector.imports.sarif import NotSarif
from agents.inspector.normalise import Said
from agents.inspector.steps import ATTEMPTS, GIVES, AnalysisInput, output_of, remembering
from agents.inspector.survey import SourceFile, survey
from agents.quality.adjusting import adjusted
from agents.reporting.model import AnalysisOutput, FileProblem, ToolRun, ToolState, plural
from agents.reporting.visible import one_line
from agents.workspace.comparing import compare
from agents.workspace.targets import SarifFile
from tasks.contract import StepFailed
from tasks.errors import ArtifactMissing

MAX_BYTES = 200_000_000  # of one file
PURPOSE = "imported"
NAMED_FAILURES = 50
MAX_COMPARED = 10_000  # lines of a file and its base


class ImportInput(AnalysisInput):
    """The tree, and the files that speak of it."""

    sarif: list[SarifFile] = Field(min_length=1, description="uploads that hold SARIF 2.1.0")
    base: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of a base's snapshot: only results on lines that it lacks are taken over",
    )


@dataclass(frozen=True, slots=True)
class Foreign:
    """A tool that ran elsewhere: a name, for the evidence."""

    name: str

    def reproduce(self, claim: Claim) -> str:
        """Nobody here knows how it was called."""
        del claim
        return ""


class Imports:
    """Mixin: what other tools found."""

    @operation(
        ImportInput,
        AnalysisOutput,
        timeout_seconds=1800,
        attempts=ATTEMPTS,
        needs=("snapshot", "sarif"),
        gives=GIVES,
        follows=("findings",),
        examples=(
            "import the SARIF of our other tools",
            "take over the results of other tools",
        ),
    )
    def import_sarif(self, input: ImportInput, context: OperationContext) -> AnalysisOutput:
        """Take over what other tools found, from SARIF files given with the run.

        Reads SARIF 2.1.0 of any tool and places each result in the tree: by base URIs, or by the folder that the
        tool's paths have in common with it. Severity comes from `security-severity` or the level, CWE numbers from
        tags and taxa, ways of values from code flows. What was suppressed there stays so. A result that means the
        same as a finding of this run is further evidence of it. Each result that is not used is counted, with the
        reason. Needs a run with `sarif`.
        """
        with (
            workspace.checked_out(input.snapshot, context.open_artifact) as tree,
            remembering(context.request.project_id) as memory,
        ):
            found = survey(tree, only=input.paths, settings=input.settings)
            files = {file.path: file for file in found.files}
            given, failed = _read(input.sarif, tree, files, context)
            said = _said(given)
            findings = normalise.findings(said, tree, files, memory=memory)
            memory.write()
            if input.base:
                findings = _of_change(findings, tree, input.base, context)
        findings = same_as_known(adjusted(findings, input.settings), _known(context))
        tools = [_tool_run(one) for one in given] + failed
        output = output_of(Analysis(findings=findings, tools=tools, survey=found))
        context.add_findings(findings)
        unseen = {path for one in given for path in one.unread} | set(found.left_paths)
        complete = _complete(given) if not failed and not input.paths and not input.base else ()
        context.cover(unseen, tools=complete)
        context.summary = output.summary
        return output


def same_as_known(findings: Iterable[FindingData], known: Iterable[FindingData]) -> list[FindingData]:
    """Give each finding that means the same as a known one that one's identity and words, with its own evidence.

    The same: the same danger on the same lines, or lines that touch in the same function, or on the way of a value.
    """
    places: dict[tuple[str, str], list[FindingData]] = {}
    for one in known:
        places.setdefault((one.path, _danger(one)), []).append(one)
    told = []
    for finding in findings:
        near = [
            (far, other.fingerprint, other)
            for other in places.get((finding.path, _danger(finding)), ())
            if (far := _distance(finding, other)) is not None
        ]
        told.append(_as(min(near, key=lambda one: one[:2])[2], finding) if near else finding)
    return one_of_each(told)


def _danger(finding: FindingData) -> str:
    return danger(finding.rule, finding.cwe, category=finding.category, words=finding.title)


def _distance(one: FindingData, other: FindingData) -> int | None:
    if one.line <= other.end_line and other.line <= one.end_line:
        return 0
    if _passes(one, other) or _passes(other, one):
        return 1
    touches = one.line <= other.end_line + 1 and other.line <= one.end_line + 1
    same_tool = {proof.tool for proof in one.evidence} & {proof.tool for proof in other.evidence}
    return 2 if touches and one.scope == other.scope and not same_tool else None


def _passes(way: FindingData, place: FindingData) -> bool:
    hops = (hop for evidence in way.evidence for hop in evidence.hops)
    return any(hop.path == place.path and place.line <= hop.line <= place.end_line for hop in hops)


def _as(known: FindingData, finding: FindingData) -> FindingData:
    """The known finding as another tool tells it: its identity, the worse severity, the other's evidence."""
    return known.model_copy(
        update={
            "evidence": finding.evidence,
            "severity": min(known.severity, finding.severity, key=lambda one: one.weight),
            "confidence": min(known.confidence, finding.confidence, key=lambda one: one.weight),
            "cwe": tuple(sorted({*known.cwe, *finding.cwe})),
        }
    )


def _of_change(
    findings: Sequence[FindingData], tree: Path, base: str, context: OperationContext
) -> list[FindingData]:
    """Keep what is on a line that the base lacks; whoever ran the tools has looked at the head alone."""
    with workspace.checked_out(base, context.open_artifact) as old:
        difference = compare(old, tree, scratch=context.scratch, cancelled=context.cancelled)
        fresh = {
            path: _fresh(tree / path, old / difference.renamed.get(path, path))
            for path in {one.path for one in findings} & difference.head
        }
    kept = [
        one.model_copy(update={"is_new": True})
        for one in findings
        if not fresh.get(one.path, frozenset()).isdisjoint(range(one.line, one.end_line + 1))
    ]
    context.log(
        f"{plural(len(kept), 'result')} on lines that the base lacks, {len(findings) - len(kept):,} on others"
    )
    return kept


def _fresh(head: Path, base: Path) -> frozenset[int]:
    """Numbers of a file's lines that an older state of it lacks, whatever their indentation."""
    now = [line.strip() for line in head.read_text(encoding="utf-8").split("\n")]
    try:
        then = [line.strip() for line in base.read_text(encoding="utf-8").split("\n")]
    except (OSError, UnicodeError):
        then = []
    if len(now) + len(then) > MAX_COMPARED:  # too long to find out what was moved: by their texts alone
        known = set(then)
        return frozenset(number for number, line in enumerate(now, start=1) if line not in known)
    blocks = SequenceMatcher(a=then, b=now, autojunk=False).get_matching_blocks()
    same = {block.b + offset for block in blocks for offset in range(block.size)}
    return frozenset(number + 1 for number in range(len(now)) if number not in same)


def _known(context: OperationContext) -> list[FindingData]:
    """What the other steps of this run have found, judged or not."""
    from agents import findings_store  # needs Django's models, which load after the agents

    return findings_store.all_of_run(context.request.run_id)


def _read(
    wanted: Sequence[SarifFile], tree: Path, files: Mapping[str, SourceFile], context: OperationContext
) -> tuple[list[Given], list[ToolRun]]:
    """Read all files. One that cannot be read is a failed tool; if none can, StepFailed."""
    given: list[Given] = []
    failed: list[ToolRun] = []
    for number, one in enumerate(wanted, start=1):
        name = one_line(one.name)
        try:
            with context.open_artifact(one.digest) as file:
                _refuse_large(file)
                books = read_file(file, tree, files)
        except (NotSarif, ArtifactMissing) as error:
            context.log(f"{name}: {error}", level="error")
            failed.append(_failed(name, str(error)))
            continue
        for book in books:
            context.log(
                f"{name}: {book.tool} {book.version}: {plural(len(book.claims), 'result')}{_unused(book)}"
            )
        given += books
        context.progress(number, len(wanted), f"read {name}")
    if failed and not given:
        raise StepFailed("; ".join(run.note for run in failed), retriable=False)
    return given, failed


def _failed(name: str, reason: str) -> ToolRun:
    problem = FileProblem(path=name, reason=reason[:500])
    return ToolRun(
        tool=name, version="", purpose=PURPOSE, state=ToolState.FAILED, failed=(problem,), failed_count=1,
        note=f"{name}: {reason}"[:1000],
    )  # fmt: skip


def _refuse_large(file: BinaryIO) -> None:
    size = file.seek(0, 2)
    if size > MAX_BYTES:
        raise NotSarif(f"it has {size:,} bytes, and at most {MAX_BYTES:,} are read; give it in parts")


def _said(given: Iterable[Given]) -> list[Said]:
    tools: dict[str, Foreign] = {}
    told = [one for book in given for one in book.claims]
    return [Said(tools.setdefault(one.tool, Foreign(one.tool)), one.version, one.claim) for one in told]


def _complete(given: Sequence[Given]) -> frozenset[str]:
    """The tools of which no file is incomplete: what they do not say any more is gone."""
    lacking = [one.speaks_for for one in given if not one.is_complete]
    return frozenset().union(*(one.speaks_for for one in given)).difference(*lacking)


def _tool_run(one: Given) -> ToolRun:
    seen = {told.claim.path for told in one.claims}
    state = ToolState.OK if one.is_complete and not one.unread else ToolState.PARTIAL
    reason = "the tool could not analyse it"
    notes = [*one.failures, _unused(one).lstrip("; ")]
    return ToolRun(
        tool=one.tool,
        version=one.version,
        purpose=PURPOSE,
        state=state,
        files_analysed=len(seen - one.unread),
        failed=tuple(FileProblem(path=path, reason=reason) for path in sorted(one.unread)[:NAMED_FAILURES]),
        failed_count=len(one.unread),
        findings=len(one.claims),
        lost=one.lost,
        note=one_line("; ".join(filter(None, notes)))[:1000],
    )


def _unused(one: Given) -> str:
    if not one.unused:
        return ""
    return "; not used: " + ", ".join(f"{count:,} {reason}" for reason, count in sorted(one.unused.items()))
