"""Put flows, sinks and sources together to programs: `python -m benchmarks.inspector.cases.making FOLDER`.

Writes one file a case and `cases.json`, which tells of each its kind, its parts, its half ("tune" or "report")
and how to attack it. It does not tell which are vulnerable: `truth.py` finds that out by attacking them.
The same seed makes the same cases.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from textwrap import indent

from benchmarks.inspector.cases.flows import FLOWS, Flow
from benchmarks.inspector.cases.frames import FRAMES, Frame, Source
from benchmarks.inspector.cases.kinds import KINDS
from benchmarks.inspector.cases.weakness import Kind, Sink

SEED = 20261129
PER_KIND = 90
WEIGHTS = {"flask": 6, "django": 2, "fastapi": 2}
HALVES = ("tune", "report")


def make(folder: Path, *, per_kind: int = PER_KIND, seed: int = SEED) -> list[dict[str, object]]:
    """Write the cases of all kinds below the folder; give what `cases.json` says."""
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    told: list[dict[str, object]] = []
    for kind in KINDS:
        for number in range(per_kind if kind.payloads else 0):
            told.append(_flowing(folder, kind, number, chance))
        told.extend(_still(folder, kind))
    (folder / "cases.json").write_text(json.dumps(told, indent=1))
    return told


def _flowing(folder: Path, kind: Kind, number: int, chance: random.Random) -> dict[str, object]:
    half = number % 2
    flows = [flow for place, flow in enumerate(FLOWS) if place % 2 != half]  # odd places are for tuning
    frame, sink = _place(kind.sinks, chance)
    flow, source = chance.choice(flows), chance.choice(frame.sources)
    name = f"{kind.name}_{number:03}"
    (folder / f"{name}.py").write_text(program(frame, source, flow, sink))
    return {
        "file": f"{name}.py", "kind": kind.name, "cwe": kind.cwe, "framework": frame.name, "half": HALVES[half],
        "flow": flow.name, "sink": sink.name, "source": source.name, "carrier": source.carrier,
        "payloads": list(kind.payloads),
    }  # fmt: skip


def _still(folder: Path, kind: Kind) -> list[dict[str, object]]:
    told: list[dict[str, object]] = []
    for number, sink in enumerate(kind.flowless):
        frame = FRAMES[sink.framework or "flask"]
        for wrapped in (False, True):
            name = f"{kind.name}_{number:03}{'w' if wrapped else ''}"
            (folder / f"{name}.py").write_text(_still_program(frame, sink, wrapped=wrapped))
            told.append({
                "file": f"{name}.py", "kind": kind.name, "cwe": kind.cwe, "framework": frame.name,
                "half": HALVES[number // 2 % 2], "flow": "in a function" if wrapped else "", "sink": sink.name,
                "source": "",
                "carrier": "query", "payloads": [],
            })  # fmt: skip
    return told


def _place(sinks: tuple[Sink, ...], chance: random.Random) -> tuple[Frame, Sink]:
    able = {sink.framework for sink in sinks}
    names = [name for name in WEIGHTS if name in able or "" in able]
    name = chance.choices(names, [WEIGHTS[name] for name in names])[0]
    return FRAMES[name], chance.choice([sink for sink in sinks if sink.framework in ("", name)])


def program(frame: Frame, source: Source, flow: Flow, sink: Sink) -> str:
    """Write the program of one case."""
    names = {"v": "brought", "o": "wanted_text", "refuse": frame.refuse}
    lines = [source.line.format(**names), flow.lines.format(**names), sink.lines.format(**names)]
    if not any(line.startswith("return") for line in lines[-1].splitlines()[-1:]):
        lines.append(frame.answer)
    return _filled(frame, source.parameters, source.route, (source.above, sink.above, flow.above), lines)


def _still_program(frame: Frame, sink: Sink, *, wrapped: bool) -> str:
    text = sink.lines.format()
    returns = text.splitlines()[-1].startswith("return")
    if not wrapped:
        return _filled(frame, "", "", (sink.above,), [text] if returns else [text, frame.answer])
    inner = text if returns else f"{text}\nreturn answer"
    body = "def done():\n" + indent(inner, "    ")
    return _filled(
        frame, "", "", (sink.above, body), ["return done()"] if returns else ["answer = done()", frame.answer]
    )


def _filled(frame: Frame, parameters: str, route: str, above: tuple[str, ...], lines: list[str]) -> str:
    text = "\n\n".join(part.format() if "{{" in part else part for part in above if part)
    view = indent("\n".join(lines), "    ")
    needed = (
        "from flask import Response\n"
        if frame.name == "flask" and "Response(" in view and "Response" not in text
        else ""
    )
    text = frame.text.replace("{above}", needed + text)
    return text.replace("{parameters}", parameters).replace("{route}", route).replace("{view}", view)


if __name__ == "__main__":
    print(len(make(Path(sys.argv[1]))), "cases in", sys.argv[1])
