"""Offers: for a finding, the edits that would mend it, from a codemod or from ruff, or why there are none.

Owns: asking both. Codemods run in a process of their own, ruff without any configuration; a crash of either is told
as a refusal. Judges nothing: that is the ladder's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from agents import process
from agents.findings import FindingData
from agents.inspector.analyzers.base import PYTHON
from agents.inspector.fixes.codemods import BY_RULE
from agents.patches.diffs import Edit, edits, lines_of

RUFF = "ruff"
TIMEOUT_SECONDS = 240
MEMORY_BYTES = 2 << 30
BATCH_FILES = 50
_DRIVER = Path(__file__).with_name("driver.py")
_Answer = Mapping[str, Any]
Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Edits for a finding, or the reason why there are none."""

    finding: FindingData
    mend: str
    title: str
    edits: tuple[Edit, ...] = ()
    note: str = ""
    refused: str = ""


def offers(
    tree: Path, findings: Sequence[FindingData], *, scratch: Path, cancelled: Cancelled = lambda: False
) -> list[Offer]:
    """Give an offer for each finding that has a codemod or a safe fix of ruff; the others are left out."""
    own = [one for one in findings if one.rule in BY_RULE]
    rest = [one for one in findings if one.rule not in BY_RULE and _ruff_rule(one)]
    asking = _Asking(tree.resolve(), scratch, cancelled)  # the tools work in folders of their own
    made = [*asking.codemods(own), *asking.ruff(rest)]
    by_finding = {offer.finding.fingerprint: offer for offer in made}
    return [by_finding[one.fingerprint] for one in findings if one.fingerprint in by_finding]


@dataclass(frozen=True, slots=True)
class _Asking:
    """Where and how the tools are asked."""

    tree: Path
    scratch: Path
    cancelled: Cancelled

    def codemods(self, findings: Sequence[FindingData]) -> Iterator[Offer]:
        """Ask the codemods in batches; a batch that brings the process down is asked file by file."""
        files = list(_by_path(findings).items())
        for at in range(0, len(files), BATCH_FILES):
            batch = files[at : at + BATCH_FILES]
            answers, trouble = self._drive(batch)
            if trouble:
                for one in batch:
                    some, fault = self._drive([one])
                    answers += some if not fault else [_refusal(finding, fault) for finding in one[1]]
            by_id = {str(answer["id"]): answer for answer in answers}
            for _, held in batch:
                for finding in held:
                    yield _own_offer(
                        finding, by_id.get(finding.fingerprint) or _refusal(finding, "no answer")
                    )

    def _drive(self, batch: Sequence[tuple[str, Sequence[FindingData]]]) -> tuple[list[_Answer], str]:
        folder = Path(mkdtemp(prefix="codemods-", dir=self.scratch))
        jobs = [
            {"path": path, "file": str(self.tree / path), "findings": [_place(one) for one in held]}
            for path, held in batch
        ]
        (folder / "jobs").write_text(json.dumps(jobs), encoding="utf-8")
        outcome = self._run([*PYTHON, str(_DRIVER), str(folder / "jobs")], folder)
        trouble = outcome.trouble()
        return ([], f"the codemods {trouble}") if trouble else (json.loads(outcome.stdout.read_bytes()), "")

    def ruff(self, findings: Sequence[FindingData]) -> Iterator[Offer]:
        """Ask ruff for the safe fixes of what it claimed, finding by finding."""
        files = list(_by_path(findings).items())
        for at in range(0, len(files), BATCH_FILES):
            batch = files[at : at + BATCH_FILES]
            codes = sorted({_ruff_rule(one) for _, held in batch for one in held})
            folder = Path(mkdtemp(prefix="ruff-", dir=self.scratch))
            outcome = self._run(
                [
                    *("ruff", "check", "--isolated", "--no-cache", "--no-fix", "--exit-zero"),
                    *("--quiet", "--output-format", "json", "--target-version", "py314"),
                    *("--select", ",".join(codes), "--", *(str(self.tree / path) for path, _ in batch)),
                ],
                folder,
            )
            if trouble := outcome.trouble():
                yield from (
                    Offer(finding=one, mend=RUFF, title=one.title, refused=f"ruff {trouble}")
                    for _, held in batch
                    for one in held
                )
                continue
            fixes = _safe_fixes(json.loads(outcome.stdout.read_bytes()))
            for path, held in batch:
                yield from self._ruff_offers(path, held, fixes)

    def _ruff_offers(
        self, path: str, held: Sequence[FindingData], fixes: Mapping[tuple[str, str, int, int], _Answer]
    ) -> Iterator[Offer]:
        content: bytes | None = None
        for finding in held:
            fix = fixes.get((str(self.tree / path), _ruff_rule(finding), finding.line, finding.column))
            if fix is None:
                continue
            content = (self.tree / path).read_bytes() if content is None else content
            made = _made_by_ruff(content, fix)
            yield Offer(
                finding=finding,
                mend=RUFF,
                title=str(fix["message"] or finding.title)[:200],
                edits=() if made is None else tuple(edits(lines_of(content), lines_of(made))),
                refused="" if made is not None else "the file's line ends are not read here",
            )

    def _run(self, command: list[str], folder: Path) -> process.Outcome:
        return process.run(
            command,
            cwd=folder,
            scratch=folder,
            timeout_seconds=TIMEOUT_SECONDS,
            limits=process.Limits(memory_bytes=MEMORY_BYTES),
            cancelled=self.cancelled,
        )


def _by_path(findings: Iterable[FindingData]) -> dict[str, list[FindingData]]:
    found: dict[str, list[FindingData]] = {}
    for finding in findings:
        found.setdefault(finding.path, []).append(finding)
    return found


def _place(finding: FindingData) -> dict[str, Any]:
    return {
        "id": finding.fingerprint,
        "rule": finding.rule,
        "line": finding.line,
        "end_line": finding.end_line,
        "column": finding.column,
        "tainted": sorted(
            {hop.variable for one in finding.evidence for hop in one.hops if hop.path == finding.path}
        ),
    }


def _refusal(finding: FindingData, reason: str) -> _Answer:
    return {"id": finding.fingerprint, "mend": BY_RULE[finding.rule].name, "refused": reason}


def _own_offer(finding: FindingData, answer: _Answer) -> Offer:
    mend = BY_RULE[finding.rule]
    changed = tuple(
        Edit(first, last, text.encode("latin-1")) for first, last, text in answer.get("edits", ())
    )
    return Offer(
        finding=finding,
        mend=mend.name,
        title=mend.title,
        edits=changed,
        note=str(answer.get("note", "")),
        refused=str(answer.get("refused", "")) or ("" if changed else "nothing would change"),
    )


def _ruff_rule(finding: FindingData) -> str:
    """What ruff calls the finding, or "" if ruff did not claim it."""
    return next((one.rule for one in finding.evidence if one.tool == RUFF), "")


def _safe_fixes(rows: Iterable[_Answer]) -> dict[tuple[str, str, int, int], _Answer]:
    return {
        (row["filename"], row["code"], row["location"]["row"], row["location"]["column"]): row["fix"]
        for row in rows
        if row.get("fix") and row["fix"]["applicability"] == "safe" and row["code"]
    }


def _made_by_ruff(content: bytes, fix: _Answer) -> bytes | None:
    """Make ruff's edits, whose places are lines and characters from 1. None where ruff counts lines otherwise."""
    text = content.decode("utf-8")
    if "\r" in text.replace("\r\n", ""):
        return None
    start = 1 if text.startswith("\ufeff") else 0
    lines = text.split("\n")
    begins = [0]
    for line in lines:
        begins.append(begins[-1] + len(line) + 1)

    def place(at: _Answer) -> int:
        row = int(at["row"])
        return begins[row - 1] + int(at["column"]) - 1 + (start if row == 1 else 0)

    made, at = [], 0
    for edit in sorted(fix["edits"], key=lambda one: place(one["location"])):
        made += [text[at : place(edit["location"])], str(edit["content"])]
        at = place(edit["end_location"])
    return "".join([*made, text[at:]]).encode("utf-8")
