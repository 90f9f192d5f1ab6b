"""Which findings are known again after a tree has changed: the same claims under the same names, by real tools.

    .venv/bin/python -m benchmarks.inspector.fingerprints TREE [--json FILE]

TREE is the source of a real Python project. It is analysed, changed, and analysed again:

    inserted   five lines of comment at the top of each file
    edited     a line of code before each third and a comment behind each fifth line on which nothing is found
    renamed    all lies one folder deeper, and every file but `__init__.py` has another name

"own name" counts findings whose fingerprint is the same; "known again" also those that `agents.matching` takes for an
old one, as tracking does (the rename is not told: it has to be found out). "wrong" are old claims that were matched
with another line than their own. "alarms" counts what would fail a gate on new code although nothing is new.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.findings import FindingData

OPERATIONS = ("lint", "security_scan", "complexity", "dead_code")
SEED = 20
_SIMPLE = re.compile(r"(?P<indent>\s*)(?:[A-Za-z_][\w.]* = .*[\w)\]'\"]|return\b.*[\w)\]'\"]|[\w.]+\(.*\))\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """Shares of the findings of the first look (`own_name`, `known_again`, 0 to 1), and counts."""

    change: str
    findings: int
    own_name: float
    known_again: float
    wrong: int
    alarms: int


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tree", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrenchai_project.settings")
    import django

    django.setup()
    with tempfile.TemporaryDirectory(prefix="fingerprints-") as folder:
        rows = measure(asked.tree, Path(folder))
    for row in rows:
        print(
            f"{row.change:<10} {row.findings:6} findings  own name {row.own_name:.3f}  known again "
            f"{row.known_again:.3f}  wrong {row.wrong}  alarms {row.alarms}"
        )
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return 0


def measure(tree: Path, folder: Path) -> list[Survival]:
    """Analyse the tree, and each changed copy of it."""
    before = _look(tree)
    marked = {(one.path, number) for one in before for number in range(one.line, one.end_line + 1)}
    changes: dict[str, Callable[[str, list[str]], list[tuple[str, int]]]] = {
        "inserted": lambda path, lines: _inserted(lines),
        "edited": lambda path, lines: _edited(path, lines, marked),
        "renamed": lambda path, lines: [(line, number) for number, line in enumerate(lines, start=1)],
    }
    rows = []
    for name, change in changes.items():
        copy = folder / name
        places = _changed(tree, copy, change, rename=name == "renamed")
        rows.append(_compared(name, before, _look(copy), places))
    return rows


def _look(tree: Path) -> list[FindingData]:
    """What the real analyzers find, each claim once."""
    from agents.findings import one_of_each
    from agents.inspector.analysis import analyse
    from agents.inspector.analyzers import ANALYZERS

    found: list[FindingData] = []
    for operation in OPERATIONS:
        with tempfile.TemporaryDirectory() as scratch:
            found += analyse(tree, ANALYZERS[operation], scratch=Path(scratch)).findings
    return one_of_each(found)


def _changed(
    tree: Path,
    copy: Path,
    change: Callable[[str, list[str]], list[tuple[str, int]]],
    *,
    rename: bool,
) -> dict[tuple[str, int], tuple[str, int]]:
    """Write the changed tree; give (new path, new line) -> (old path, old line)."""
    places: dict[tuple[str, int], tuple[str, int]] = {}
    for source in sorted(tree.rglob("*")):
        path = source.relative_to(tree).as_posix()
        if not source.is_file() or source.is_symlink():
            continue
        new = _renamed(path) if rename else path
        target = copy / new
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix != ".py":
            shutil.copyfile(source, target)
            continue
        text = source.read_bytes().decode("utf-8", "surrogateescape")
        lines = change(path, text.split("\n"))
        target.write_bytes("\n".join(line for line, _ in lines).encode("utf-8", "surrogateescape"))
        places |= {(new, at): (path, old) for at, (_, old) in enumerate(lines, start=1) if old}
    return places


def _renamed(path: str) -> str:
    parts = path.split("/")
    if parts[-1] != "__init__.py" and parts[-1].endswith(".py"):
        parts[-1] = f"{parts[-1].removesuffix('.py')}_moved.py"
    return "/".join(["lib", *parts])


def _inserted(lines: list[str]) -> list[tuple[str, int]]:
    """Five lines of comment on top; below the lines that must stay first."""
    head = 2 if any("coding" in line for line in lines[:2]) else 1 if lines[0].startswith("#!") else 0
    told = [(line, number) for number, line in enumerate(lines, start=1)]
    return [*told[:head], *[(f"# inserted line {n}", 0) for n in range(5)], *told[head:]]


def _edited(path: str, lines: list[str], marked: set[tuple[str, int]]) -> list[tuple[str, int]]:
    """Code and comments beside what was found: only where a line is whole, so that the file stays what it was."""
    dice = random.Random(f"{SEED} {path}")
    told: list[tuple[str, int]] = []
    brackets = 0
    quoted = False
    for number, line in enumerate(lines, start=1):
        is_whole = not brackets and not quoted and (match := _SIMPLE.match(line)) is not None
        if is_whole and (path, number) not in marked:
            chance = dice.random()
            if chance < 1 / 3:
                told.append((f"{match['indent']}print()", 0))  # type: ignore[index]  # is_whole
            told.append((f"{line}  # edited" if chance > 4 / 5 else line, number))
        else:
            told.append((line, number))
        quoted ^= bool((line.count('"""') + line.count("'''")) % 2)
        brackets = max(0, brackets + sum(map(line.count, "([{")) - sum(map(line.count, ")]}")))
    return told


def _compared(
    change: str,
    before: Iterable[FindingData],
    after: Iterable[FindingData],
    places: dict[tuple[str, int], tuple[str, int]],
) -> Survival:
    from agents.matching import known_of, match

    old, new = {one.fingerprint: one for one in before}, {one.fingerprint: one for one in after}
    gone = [one for name, one in old.items() if name not in new]
    fresh = [one for name, one in new.items() if name not in old]
    matched = match(map(known_of, fresh), map(known_of, gone))
    pairs = {name: name for name in old if name in new} | matched
    wrong = sum(
        1
        for now, then in pairs.items()
        if places.get((new[now].path, new[now].line), (old[then].path, old[then].line))
        != (old[then].path, old[then].line)
    )
    count = max(1, len(old))
    return Survival(
        change=change,
        findings=len(old),
        own_name=round(sum(1 for name in old if name in new) / count, 4),
        known_again=round(len(pairs) / count, 4),
        wrong=wrong,
        alarms=len(new) - len(pairs),
    )


if __name__ == "__main__":
    sys.exit(main())
