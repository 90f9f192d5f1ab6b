"""From findings to fixes: offers, the ladder for each, and one patch of all that hold together.

    findings -> offers (codemods, ruff) -> a patch each -> ladder -> fixes with labels
    those whose fault is gone -> merged file by file -> ladder -> fixes.patch

Invariant: the combined patch holds only what was seen to mend its finding, each file's part was climbed as a whole,
and edits that touch the same lines are not mixed: the first one, by severity, is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.findings import FindingData
from agents.inspector.analysis import analyse
from agents.inspector.analyzers.base import Analyzer
from agents.inspector.fixes.offers import Cancelled, Offer, offers
from agents.patches import (
    MAX_DIFF,
    Candidate,
    Change,
    FixData,
    Label,
    Patch,
    Seen,
    climb,
    fix_of,
    plain_content,
)
from agents.patches.diffs import Edit, PatchInvalid, edited

MAX_BESIDE = 10  # files of one finding's way
MAX_BESIDE_BYTES = 1 << 20  # of one of them
MAX_FIXES = 500  # in one step; climbing each costs about 0.1 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A finding for which there is a mend in general and none here, and why."""

    finding: FindingData
    mend: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Mended:
    """What came out. `left_out`: fingerprint -> why a fix is not in the combined patch although it holds."""

    fixes: list[FixData] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    combined: Patch = field(default_factory=lambda: Patch(()))
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One offer as a patch."""

    offer: Offer
    content: bytes
    patch: Patch


def mend(
    tree: Path,
    findings: Sequence[FindingData],
    analyzers: Sequence[Analyzer],
    *,
    scratch: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Cancelled = lambda: False,
) -> Mended:
    """Make fixes for these findings, worst first, and try each. Raises StepCancelled."""
    made = Mended()
    work: list[_Work] = []
    for offer in offers(tree, findings, scratch=scratch, cancelled=cancelled):
        held = _work(tree, offer) if not offer.refused else offer.refused
        if not isinstance(held, str) and len(work) >= MAX_FIXES:
            held = f"one step tries at most {MAX_FIXES} fixes; run it again for a part of the tree"
        if isinstance(held, str):
            made.refusals.append(Refusal(finding=offer.finding, mend=offer.mend, reason=held))
        else:
            work.append(held)

    def seen_in(root: Path, paths: Sequence[str]) -> Seen:
        return _seen(root, paths, analyzers, scratch, cancelled)

    candidates = [
        Candidate(patch=one.patch, targets=(one.offer.finding,), beside=_beside(tree, [one])) for one in work
    ]
    proofs = climb(candidates, scratch=scratch, reanalyse=seen_in, progress=progress)
    for one, proof in zip(work, proofs, strict=True):
        offer = one.offer
        made.fixes.append(
            fix_of(offer.finding, one.patch, proof, mend=offer.mend, title=offer.title, note=offer.note)
        )
    good = [one for one, fix in zip(work, made.fixes, strict=True) if fix.is_offered]
    _combine(good, made, tree, scratch, seen_in)
    return made


def _work(tree: Path, offer: Offer) -> _Work | str:
    """The offer as a patch, or why it is none."""
    path = offer.finding.path
    content = (tree / path).read_bytes()
    try:
        patch = Patch.of([Change(path=path, before=content, after=edited(content, offer.edits))])
    except PatchInvalid as error:
        return str(error)
    if not patch.changes:
        return "nothing would change"
    if len(patch.text) > MAX_DIFF:
        return "the diff is too large for a mend of one finding"
    return _Work(offer=offer, content=content, patch=patch)


def _seen(
    root: Path, paths: Sequence[str], analyzers: Sequence[Analyzer], scratch: Path, cancelled: Cancelled
) -> Seen:
    analysis = analyse(root, analyzers, scratch=scratch, paths=paths, cancelled=cancelled)
    failed: dict[str, str] = {}
    for run in analysis.tools:
        failed |= {problem.path: f"{run.tool}: {problem.reason}" for problem in run.failed}
        if run.failed_count > len(run.failed):  # not all are named: nothing can be said of any
            failed |= dict.fromkeys(paths, f"{run.tool} failed on {run.failed_count} files")
    return Seen(findings=analysis.findings, failed=failed)


def _beside(tree: Path, held: Sequence[_Work]) -> dict[str, bytes]:
    """The other files on the ways of these findings, without which they are not found again."""
    own = {path for one in held for path in one.patch.paths}
    hops = (hop for one in held for proof in one.offer.finding.evidence for hop in proof.hops)
    paths = dict.fromkeys(hop.path for hop in hops if hop.path not in own)
    found = {path: plain_content(tree, path) for path in list(paths)[:MAX_BESIDE]}
    return {path: content for path, content in found.items() if content and len(content) <= MAX_BESIDE_BYTES}


def _combine(
    good: Sequence[_Work],
    made: Mended,
    tree: Path,
    scratch: Path,
    seen_in: Callable[[Path, Sequence[str]], Seen],
) -> None:
    """Merge what holds, file by file; a file whose fixes do not hold together keeps its first one alone."""
    files: dict[str, list[_Work]] = {}
    for one in good:
        files.setdefault(one.offer.finding.path, []).append(one)
    merged = {path: _merged(held, made) for path, held in files.items()}
    candidates = [
        Candidate(
            patch=Patch.of([Change(path=path, before=held[0].content, after=_after(held))]),
            targets=tuple(one.offer.finding for one in held),
            beside=_beside(tree, held),
        )
        for path, held in merged.items()
    ]
    changes: list[Change] = []
    for candidate, proof in zip(
        candidates, climb(candidates, scratch=scratch, reanalyse=seen_in), strict=True
    ):
        held = merged[candidate.patch.paths[0]]
        if proof.label is Label.REJECTED and len(held) > 1:
            for one in held[1:]:
                made.left_out[one.offer.finding.fingerprint] = (
                    f"together with the others of its file: {proof.failure}"
                )
            changes += held[0].patch.changes
        elif proof.label is not Label.REJECTED:
            changes += candidate.patch.changes
    made.combined = Patch.of(changes)


def _merged(held: Sequence[_Work], made: Mended) -> list[_Work]:
    """Those whose edits do not touch each other, in the order given."""
    taken: list[Edit] = []
    kept = []
    for one in held:
        new = [edit for edit in one.offer.edits if edit not in taken]
        if any(_touch(edit, other) for edit in new for other in taken):
            made.left_out[one.offer.finding.fingerprint] = (
                "it changes the same lines as another fix: apply that, then run again"
            )
            continue
        taken += new
        kept.append(one)
    return kept


def _touch(one: Edit, other: Edit) -> bool:
    """Tell whether two edits meet. Two insertions at one place, such as imports, do not."""
    if one.first == one.last and other.first == other.last:
        return False
    return (one.first < other.last and other.first < one.last) or one.first == other.first


def _after(held: Sequence[_Work]) -> bytes:
    changed = dict.fromkeys(edit for one in held for edit in one.offer.edits)
    return edited(held[0].content, sorted(changed, key=lambda edit: (edit.first, edit.last, edit.text)))
