"""From gaps to fixes: written by the driver, grounded, climbed one by one, and merged into one patch.

Invariant: a fix is offered only if a fresh reading of the changed file makes its claim no more, and makes no new one.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from agents import process
from agents.documentation.claims import findings
from agents.documentation.skeletons.gaps import Gap, Style, claims_in, is_typed, job_of, style_of
from agents.documentation.skeletons.wording import MARK
from agents.findings import FindingData
from agents.grounding import Index, check_function
from agents.patches import MAX_DIFF, Candidate, Change, FixData, Label, Patch, Proof, Seen, climb, fix_of
from agents.patches.diffs import Edit, PatchInvalid, edited
from agents.symbols import Symbols, SymbolsUnreadable, read
from agents.symbols.sources import Sources, listed

TIMEOUT_SECONDS = 240
MEMORY_BYTES = 2 << 30
BATCH_FILES = 40
WHOLE, ENTRIES = "docstring-skeleton", "docstring-entries"
_DRIVER = Path(__file__).parents[1] / "drivers" / "skeleton_driver.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A gap that was left to people, and why."""

    finding: FindingData
    reason: str


@dataclass(slots=True, kw_only=True)
class Written:
    """What came out: fixes of any label, refusals, and the patch of all that hold together."""

    fixes: list[FixData] = field(default_factory=list)
    findings: list[FindingData] = field(default_factory=list)  # those of the fixes that are offered
    refusals: list[Refusal] = field(default_factory=list)
    combined: Patch = field(default_factory=lambda: Patch(()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One gap as a patch."""

    gap: Gap
    finding: FindingData
    content: bytes
    edits: tuple[Edit, ...]
    patch: Patch


_Named = tuple[Gap, FindingData]
_Told = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Writer:
    """Writes the docstrings of one tree."""

    sources: Sources
    symbols: Symbols
    index: Index
    scratch: Path
    style: Style | None = None  # None: the one that is in use
    cancelled: Callable[[], bool] = lambda: False
    progress: Callable[[int, int], None] = lambda done, total: None
    _typed: dict[str, bool] = field(default_factory=dict)  # style -> whether its docstrings repeat types here

    def write(self, gaps: Sequence[Gap]) -> Written:
        """Write what can be written. Raises StepCancelled."""
        made = Written()
        named = _named(gaps, self.sources)
        work: list[_Work] = []
        for (gap, finding), job, answer in self._answers(named):
            held = self._work(gap, finding, job, answer)
            if isinstance(held, str):
                made.refusals.append(Refusal(finding=finding, reason=held))
            else:
                work.append(held)
        eyes = _Eyes(self)
        eyes.learn([change for one in work for change in one.patch.changes])
        candidates = [Candidate(patch=one.patch, targets=(one.finding,)) for one in work]
        proofs = climb(candidates, scratch=self.scratch, reanalyse=eyes.seen, progress=self.progress)
        good = []
        for one, proof in zip(work, proofs, strict=True):
            fix = _fix(one, proof)
            made.fixes.append(fix)
            if fix.is_offered:
                good.append(one)
                made.findings.append(one.finding)
        made.combined = self._combined(good, eyes)
        return made

    def _answers(self, named: Mapping[str, _Named]) -> Iterator[tuple[_Named, _Told, _Told]]:
        """Yield each gap with what the driver was told of it and what it answered."""
        jobs = {key: self._job(key, gap) for key, (gap, _) in named.items()}
        files: dict[str, list[_Told]] = defaultdict(list)
        for key, (gap, _) in named.items():
            files[gap.module.file].append(jobs[key])
        answers: dict[str, _Told] = {}
        waiting = list(files.items())
        for at in range(0, len(waiting), BATCH_FILES):
            batch = waiting[at : at + BATCH_FILES]
            some, trouble = self._drive(batch)
            for one in batch if trouble else ():  # one of them has brought it down
                again, fault = self._drive([one])
                some += again or [{"id": job["id"], "refused": fault} for job in one[1]]
            answers |= {str(answer["id"]): answer for answer in some}
        for key, pair in named.items():
            yield pair, jobs[key], answers.get(key, {"refused": "no answer"})

    def _job(self, key: str, gap: Gap) -> _Told:
        style = self.style or style_of(gap.module, self.symbols)
        if style not in self._typed:
            self._typed[style] = is_typed(style, [symbol for _, symbol in self.symbols.walk()])
        return job_of(gap, key=key, style=style, typed=self._typed[style])

    def _drive(self, batch: Sequence[tuple[str, list[_Told]]]) -> tuple[list[_Told], str]:
        folder = Path(mkdtemp(prefix="skeletons-", dir=self.scratch))
        root = self.sources.root.resolve()
        jobs = [{"file": str(root / path), "objects": objects} for path, objects in batch]
        (folder / "jobs").write_text(json.dumps(jobs), encoding="utf-8")
        outcome = process.run(
            [sys.executable, "-I", str(_DRIVER), str(folder / "jobs")],
            cwd=folder,
            scratch=folder,
            timeout_seconds=TIMEOUT_SECONDS,
            limits=process.Limits(memory_bytes=MEMORY_BYTES),
            cancelled=self.cancelled,
        )
        trouble = outcome.trouble()
        return ([], f"the writer {trouble}") if trouble else (json.loads(outcome.stdout.read_bytes()), "")

    def _work(self, gap: Gap, finding: FindingData, job: _Told, answer: _Told) -> _Work | str:
        """The answer as a patch, or why it is none."""
        if "refused" in answer:
            return str(answer["refused"])
        names, path = [one["name"] for one in job["parameters"]], gap.symbol.path
        if gap.symbol.kind == "class":
            path = f"{path}.__init__"
        if names or answer["raises"]:
            faults = check_function(path, self.index, parameters=names, raises=answer["raises"])
            if faults:
                return f"it would name what the code does not have: {faults[0].text!r} ({faults[0].why})"
        content = (self.sources.root / gap.module.file).read_bytes()
        changed = tuple(Edit(first, last, text.encode("latin-1")) for first, last, text in answer["edits"])
        try:
            after = edited(content, changed)
            patch = Patch.of([Change(path=gap.module.file, before=content, after=after)])
        except PatchInvalid as error:
            return str(error)
        if not patch.changes or len(patch.text) > MAX_DIFF:
            return "nothing would change" if not patch.changes else "the diff is too large"
        return _Work(gap=gap, finding=finding, content=content, edits=changed, patch=patch)

    def _combined(self, good: Sequence[_Work], eyes: _Eyes) -> Patch:
        """Merge what holds, file by file, and climb each file's part as a whole."""
        files: dict[str, list[_Work]] = defaultdict(list)
        for one in good:
            files[one.gap.module.file].append(one)
        candidates = [_merged(path, held) for path, held in files.items()]
        eyes.learn([change for one in candidates for change in one.patch.changes])
        proofs = climb(candidates, scratch=self.scratch, reanalyse=eyes.seen)
        held = [one for one, proof in zip(candidates, proofs, strict=True) if proof.label is Label.REANALYSED]
        return Patch.of(change for one in held for change in one.patch.changes)


class _Eyes:
    """Sees what is claimed of a file's docstrings. A content that was learnt costs nothing to see again."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._known: dict[tuple[str, str], tuple[list[FindingData], str]] = {}

    def learn(self, changes: Iterable[Change]) -> None:
        """Read all these files at once, each before and after, in folders of their own."""
        wanted: dict[tuple[str, str], bytes] = {}
        for change in changes:
            for content in (change.before, change.after):
                if content is not None and (key := (change.path, _digest(content))) not in self._known:
                    wanted[key] = content
        if not wanted:
            return
        root = Path(mkdtemp(prefix="seen-", dir=self._writer.scratch))
        folders = {f"v{number}": key for number, key in enumerate(wanted)}
        for name, key in folders.items():
            file = root / name / key[0]
            file.parent.mkdir(parents=True)
            file.write_bytes(wanted[key])
        try:
            symbols = read(listed(root), scratch=self._writer.scratch, cancelled=self._writer.cancelled)
        except SymbolsUnreadable as error:
            self._known |= {key: ([], str(error)) for key in wanted}
            return
        failed = {one.path: one.reason for one in symbols.failed}
        modules = {module.file: module for module in symbols.modules}
        for name, key in folders.items():
            module = modules.get(f"{name}/{key[0]}")
            fault = failed.get(f"{name}/{key[0]}", "" if module else "it was not read")
            claims = [] if module is None else list(claims_in(module, symbols, self._writer.index))
            there = Sources(root=root / name, paths=[key[0]])
            self._known[key] = (findings((replace(one, path=key[0]) for one in claims), there), fault)

    def seen(self, root: Path, paths: Sequence[str]) -> Seen:
        """`agents.patches.Reanalyse`."""
        self.learn(Change(path=path, before=None, after=(root / path).read_bytes()) for path in paths)
        told = {path: self._known[path, _digest((root / path).read_bytes())] for path in paths}
        return Seen(
            findings=[one for some, _ in told.values() for one in some],
            failed={path: fault for path, (_, fault) in told.items() if fault},
        )


def _key(gap: Gap) -> str:
    return f"{gap.module.file}\0{gap.claim.rule}\0{gap.claim.scope}"


def _named(gaps: Sequence[Gap], sources: Sources) -> dict[str, _Named]:
    """Each gap with its claim as a finding."""
    by_key = {_key(gap): gap for gap in gaps}
    found = findings((gap.claim for gap in by_key.values()), sources)
    made = {f"{one.path}\0{one.rule}\0{one.scope}": one for one in found}
    return {key: (gap, made[key]) for key, gap in by_key.items() if key in made}


def _merged(path: str, held: Sequence[_Work]) -> Candidate:
    edits = sorted(
        {edit for one in held for edit in one.edits}, key=lambda edit: (edit.first, edit.last, edit.text)
    )
    patch = Patch.of([Change(path=path, before=held[0].content, after=edited(held[0].content, edits))])
    return Candidate(patch=patch, targets=tuple(one.finding for one in held))


def _fix(one: _Work, proof: Proof) -> FixData:
    whole = one.gap.symbol.docstring is None
    name = one.gap.claim.scope or one.gap.symbol.name
    title = f"Begin a docstring of {name}" if whole else f"List the other parameters of {name}"
    return fix_of(
        one.finding,
        one.patch,
        proof,
        mend=WHOLE if whole else ENTRIES,
        title=title[:200],
        note=f"What is marked {MARK} is for you to say.",
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
