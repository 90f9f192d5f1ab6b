"""What differs between two trees, and which files were renamed, as git sees it.

Owns: the comparison. Git runs over plain folders with no configuration of anybody's, no external diff and no text
conversion, so nothing of the trees is executed. Invariant: a file is unchanged only if its bytes are the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agents import process
from agents.workspace.git import clean_environment

GIT_SECONDS = 120
MAX_RENAMES = 5_000  # pairs of files that git looks at; past them only what has the same bytes is known again
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Paths with `/`. `renamed`: new path -> old path, which are in `head` and `base`, too. `note`: a fault."""

    head: frozenset[str]  # files of the head that are new or have other bytes
    base: frozenset[str]  # files of the base that are gone or have other bytes
    renamed: dict[str, str]
    note: str = ""


def compare(
    base: Path, head: Path, *, scratch: Path, cancelled: Callable[[], bool] = lambda: False
) -> Difference:
    """Compare two trees. Raises StepCancelled. If git fails, no rename is known and `note` says so."""
    old, new = set(_files(base)), set(_files(head))
    same = {path for path in old & new if _same(base / path, head / path)}
    renamed: dict[str, str] = {}
    note = ""
    if old - new and new - old:
        renamed, note = _renamed(base, head, scratch, cancelled)
    return Difference(head=frozenset(new - same), base=frozenset(old - same), renamed=renamed, note=note)


def _files(root: Path) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                yield os.path.relpath(path, root)


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while chunk := left.read(_CHUNK):
            if chunk != right.read(_CHUNK):
                return False
    return True


def _renamed(
    base: Path, head: Path, scratch: Path, cancelled: Callable[[], bool]
) -> tuple[dict[str, str], str]:
    command = [
        "git", "-c", "core.attributesFile=/dev/null", "diff", "--no-index", "--no-ext-diff", "--no-textconv",
        "-M", f"-l{MAX_RENAMES}", "--diff-filter=R", "--name-status", "-z", "--", str(base), str(head),
    ]  # fmt: skip
    outcome = process.run(
        command,
        cwd=scratch,
        scratch=scratch,
        timeout_seconds=GIT_SECONDS,
        environment=clean_environment(scratch, None, "", 1),
        cancelled=cancelled,
    )
    trouble = outcome.trouble(frozenset({0, 1}))  # 1: they differ
    if trouble:
        return {}, f"renamed files are not known: git {trouble}"
    words = os.fsdecode(outcome.stdout.read_bytes()).split("\0")
    found = {}
    for status, old, new in zip(words[::3], words[1::3], words[2::3], strict=False):
        if status.startswith("R"):
            found[os.path.relpath(new, head)] = os.path.relpath(old, base)
    return found, ""
