"""Twins written by hand, as a tester of such a tool writes them.

`python -m benchmarks.inspector.cases.pairs BATCH FOLDER` writes them as programs, with the `cases.json` and the
`truth.json` that `score.py` reads. A batch is a folder below `pairs/`; each file `KIND.pairs` in it holds programs of
one kind. `=== words` begins a pair. Lines that begin with `@` tell how to ask it. Of the program's lines those with
`-` stand in the vulnerable twin only, those with `+` in the safe one only, all others in both. `--> name.py` begins
another module: the twin is a package then. `shared.pairs` holds modules that all may import, each under its path.

    @frame   flask (unless told), django, fastapi or aiohttp
    @ask     METHOD /path?a={}; header Name: {}; cookie name={}; form name={}; json {...}; body {}; upload name={}
    @fine    a harmless text for {}; "report" unless told
    @pay     an attacker's text, in place of the kind's own; may be repeated
    @truth   by construction: it cannot be run here, its twin is what the author says it is

Pairs at odd places are for tuning, at even ones for reporting.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.inspector.cases.kinds import KINDS

PAIRS = Path(__file__).parent / "pairs"
PAYLOADS = {kind.name: list(kind.payloads) for kind in KINDS} | {"log": ["x\nFORGED entry"]}
HALVES = ("report", "tune")
SIDES = {"-": "vulnerable", "+": "safe"}


@dataclass(slots=True)
class Pair:
    """Two programs that differ in the lines that count. `modules` is by name, the first is the program."""

    kind: str
    place: int
    words: str
    frame: str = "flask"
    ask: str = ""
    fine: str = "report"
    payloads: list[str] = field(default_factory=list)
    is_attackable: bool = True
    modules: dict[str, list[str]] = field(default_factory=lambda: {"app.py": []})

    def text(self, module: str, side: str) -> str:
        """Give the module's text in the twin of that side ("-" or "+")."""
        lines = (line for line in self.modules[module] if line[:1] not in SIDES or line[0] == side)
        return "\n".join(line[1:] if line[:1] in SIDES else line for line in lines).strip("\n") + "\n"


def pairs_of(batch: Path) -> Iterator[Pair]:
    """Read the pairs of a batch. Raises ValueError at a line that tells what is not known."""
    for file in sorted(batch.glob("*.pairs")):
        for place, (words, lines) in enumerate(_parts(file), 1):
            if file.stem != "shared":
                yield _pair(Pair(file.stem, place, words), lines)


def shared_of(batch: Path) -> dict[str, str]:
    """Read the modules that all programs of a batch may import, by path."""
    file = batch / "shared.pairs"
    return {words: "\n".join(lines) + "\n" for words, lines in _parts(file)} if file.exists() else {}


def _parts(file: Path) -> Iterator[tuple[str, list[str]]]:
    for part in file.read_text().split("=== ")[1:]:
        words, *lines = part.splitlines()
        yield words, lines


def _pair(pair: Pair, lines: list[str]) -> Pair:
    module, is_head = "app.py", True
    for line in lines:
        is_head = is_head and line.startswith("@")
        if is_head:
            word, _, rest = line[1:].partition(" ")
            _tell(pair, word, rest)
        elif line.startswith("--> "):
            module = line[4:]
            pair.modules[module] = []
        else:
            pair.modules[module].append(line)
    pair.payloads = pair.payloads or PAYLOADS[pair.kind]
    return pair


def _tell(pair: Pair, word: str, rest: str) -> None:
    if word == "pay":
        pair.payloads.append(rest)
    elif word == "truth":
        pair.is_attackable = False
    elif word in ("frame", "ask", "fine"):
        setattr(pair, word, rest)
    else:
        raise ValueError(f"{pair.kind} {pair.place}: @{word} is not known")


def write(batch: Path, folder: Path) -> list[tuple[Pair, str, str]]:
    """Write both twins of every pair and `cases.json`; give pair, side and the case's name below the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in shared_of(batch).items():
        _put(folder / name, text)
    made, told = [], []
    for pair in pairs_of(batch):
        for side, twin in SIDES.items():
            stem = f"{pair.kind}_{pair.place:02}_{twin[0]}"
            case = stem if len(pair.modules) > 1 else f"{stem}.py"
            for name in pair.modules:
                _put(folder / stem / name if len(pair.modules) > 1 else folder / case, pair.text(name, side))
            made.append((pair, side, case))
            told.append({"file": case, "kind": pair.kind, "half": HALVES[pair.place % 2], "framework": pair.frame,
                         "flow": pair.words, "sink": "", "source": pair.ask})  # fmt: skip
    (folder / "cases.json").write_text(json.dumps(told, indent=1))
    (folder / "truth.json").write_text(json.dumps({case: SIDES[side] for _, side, case in made}, indent=1))
    return made


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    print(len(write(PAIRS / sys.argv[1], Path(sys.argv[2]))), "programs in", sys.argv[2])
