"""An architecture as text: Markdown with Mermaid, JSON, and one HTML page that works offline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape

from agents.documentation.architecture.collapsing import Picture
from agents.documentation.architecture.drawing import heading
from agents.documentation.architecture.mapping import Architecture, Cycle, Edge, Unit
from agents.documentation.product import Gap
from agents.documentation.reference.style import CSS, lone_page
from agents.reporting.markdown import code, escaped
from agents.reporting.model import plural
from agents.reporting.visible import one_line

NAMED_CUTS = 25
NAMED_MEMBERS = 60
NAMED_MODULES = 2_000
LAYER_NAMES = 40
_NO_WORD = re.compile(r"[^\w.:… -]")


def mermaid(picture: Picture) -> str:
    """Draw it as a Mermaid flow chart: dotted arrows close a circle."""
    ids = {name: f"m{number}" for number, name in enumerate(sorted(picture.boxes))}
    lines = ["flowchart TD"]
    for name, number in ids.items():
        box = picture.boxes[name]
        label = _NO_WORD.sub("_", box.label)
        shape = ("[[", "]]") if box.is_closed else ("([", "])") if box.is_external else ("[", "]")
        lines.append(f'    {number}{shape[0]}"{label}"{shape[1]}')
    for source, target in sorted(picture.edges):
        arrow = "-.->" if (source, target) in picture.back else "-->"
        lines.append(f"    {ids[source]} {arrow} {ids[target]}")
    if picture.cycles:
        inside = ",".join(ids[name] for knot in picture.cycles for name in knot)
        lines += ["    classDef circle stroke:#c2500f,stroke-width:2px", f"    class {inside} circle"]
    return "\n".join(lines) + "\n"


def markdown(found: Architecture, picture: Picture, left: tuple[Gap, ...]) -> str:
    """Tell the whole: picture, layers, cycles, each module. Names and places are code spans, so each is checked."""
    parts = ["# Architecture", _head(found)]
    if not found.units:
        return "\n\n".join([*parts, *_left(left)]) + "\n"
    parts += [picture.rule, f"```mermaid\n{mermaid(picture)}```"]
    parts += ["## Layers", "0 is the bottom: what imports nothing of the project.", *_layers(found)]
    if found.cycles:
        parts += ["## Cycles", *(part for cycle in found.cycles for part in _cycle(cycle, found))]
    parts += ["## Modules", _modules(found)]
    if found.externals:
        rows = [
            f"| {escaped(name)} | {len(users):,} |"
            for name, users in sorted(found.externals.items(), key=lambda pair: (-len(pair[1]), pair[0]))
        ]
        parts += ["## Packages of others", "\n".join(["| package | used by modules |", "|---|--:|", *rows])]
    return "\n\n".join([*parts, *_left(left)]) + "\n"


def _head(found: Architecture) -> str:
    if not found.units:
        return "No Python module was found."
    told = (
        f"{plural(len(found.units), 'module')}, {plural(len(found.edges), 'import')} between them, "
        f"{plural(found.layers, 'layer')}, {plural(len(found.cycles), 'cycle')}."
    )
    if found.deferred:
        which = (
            "for type checkers only" if found.is_with_deferred else "in functions or for type checkers only"
        )
        told += f" Not counted: {plural(len(found.deferred), 'import')} {which}."
    return told


def _layers(found: Architecture) -> Iterator[str]:
    layers: dict[int, list[Unit]] = {}
    for unit in found.units.values():
        layers.setdefault(unit.layer, []).append(unit)
    rows = ["| layer | modules | |", "|--:|--:|---|"]
    for number in sorted(layers, reverse=True):
        units = sorted(layers[number], key=lambda unit: (-unit.fan_in, unit.name))
        names = ", ".join(f"`{unit.name}`" for unit in units[:LAYER_NAMES])
        more = f" and {len(units) - LAYER_NAMES:,} more" if len(units) > LAYER_NAMES else ""
        rows.append(f"| {number} | {len(units)} | {names}{more} |")
    yield "\n".join(rows)


def _cycle(cycle: Cycle, found: Architecture) -> Iterator[str]:
    yield f"### Cycle {cycle.number}: {plural(len(cycle.modules), 'module')}"
    yield "A shortest way round: " + " → ".join(f"`{name}`" for name in cycle.way) + "."
    names = ", ".join(f"`{name}`" for name in cycle.modules[:NAMED_MEMBERS])
    more = f" and {len(cycle.modules) - NAMED_MEMBERS:,} more" if len(cycle.modules) > NAMED_MEMBERS else ""
    yield f"Part of it: {names}{more}."
    if cycle.cut:
        which = "this import" if len(cycle.cut) == 1 else f"these {len(cycle.cut)} imports"
        yield f"Without {which} there is no circle:"
        rows = [
            f"- `{a}` imports `{b}`, {code(f'{found.units[a].path}:{found.edges[a, b]}')}"
            for a, b in cycle.cut[:NAMED_CUTS]
        ]
        rows += [f"- and {len(cycle.cut) - NAMED_CUTS:,} more"] if len(cycle.cut) > NAMED_CUTS else []
        yield "\n".join(rows)


def _modules(found: Architecture) -> str:
    rows = ["| module | layer | imported by | imports | instability | cycle |", "|---|--:|--:|--:|--:|--:|"]
    units = sorted(found.units.values(), key=lambda unit: (-unit.layer, unit.name))
    rows += [
        f"| `{unit.name}` | {unit.layer} | {unit.fan_in} | {unit.fan_out} | {unit.instability:.2f} "
        f"| {unit.cycle or ''} |"
        for unit in units[:NAMED_MODULES]
    ]
    if len(units) > NAMED_MODULES:
        rows.append(f"| and {len(units) - NAMED_MODULES:,} more, see the JSON | | | | | |")
    return "\n".join(rows)


def _left(left: tuple[Gap, ...]) -> Iterator[str]:
    if left:
        yield "## Not in the map"
        yield "\n".join(f"- {escaped(one.what)}: {escaped(one.why)}" for one in left)


def as_json(found: Architecture, picture: Picture, left: tuple[Gap, ...]) -> bytes:
    """The whole map for programs: every module and import, and what the picture shows."""
    told = {
        "modules": [
            {
                "name": unit.name, "file": unit.path, "layer": unit.layer, "imported_by": unit.fan_in,
                "imports": unit.fan_out, "instability": round(unit.instability, 3), "cycle": unit.cycle or None,
            }
            for unit in sorted(found.units.values(), key=lambda unit: unit.name)
        ],
        "imports": [_edge(edge, line, found) for edge, line in sorted(found.edges.items())],
        "not_counted": [_edge(edge, line, found) for edge, line in sorted(found.deferred.items())],
        "cycles": [
            {"number": one.number, "modules": one.modules, "way": one.way, "cut": [list(edge) for edge in one.cut]}
            for one in found.cycles
        ],
        "external": [{"name": name, "used_by": sorted(users)} for name, users in found.externals.items()],
        "picture": {
            "rule": picture.rule,
            "boxes": [
                {"name": box.name, "label": box.label, "modules": box.modules, "layer": box.layer,
                 "external": box.is_external}
                for _, box in sorted(picture.boxes.items())
            ],
            "arrows": [
                {"from": picture.boxes[a].label, "to": picture.boxes[b].label, "imports": count,
                 "closes_a_circle": (a, b) in picture.back}
                for (a, b), count in sorted(picture.edges.items())
            ],
        },
        "not_in_the_map": [{"what": one.what, "why": one.why} for one in left],
    }  # fmt: skip
    return json.dumps(told, indent=1).encode()


def _edge(edge: Edge, line: int, found: Architecture) -> dict[str, object]:
    return {"from": edge[0], "to": edge[1], "file": found.units[edge[0]].path, "line": line}


_PAGE_CSS = """
figure{margin:1rem 0;overflow:auto;border:1px solid var(--line);border-radius:8px}
figure svg{display:block;margin:0 auto;max-width:100%;height:auto}
main{max-width:none;margin:0 auto}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
"""


def html(found: Architecture, picture: Picture, drawn: str, left: tuple[Gap, ...]) -> str:
    """One page with the picture and the tables, without a script; `drawn` is the SVG."""
    body = [f"<h1>{escape(heading(picture))}</h1><p>{escape(_head(found))}</p>"]
    if found.units:
        body.append(f'<figure>{drawn}</figure><p class="soft">{escape(picture.rule)}</p>')
        body += [*_html_cycles(found), _html_modules(found), _html_externals(found)]
    if left:
        items = "".join(
            f"<li><code>{escape(one_line(one.what))}</code>: {escape(one_line(one.why))}</li>" for one in left
        )
        body.append(f'<h2>Not in the map</h2><ul class="list">{items}</ul>')
    return lone_page(heading(picture), "".join(body), css=CSS + _PAGE_CSS, drawn=drawn)


def _html_cycles(found: Architecture) -> Iterator[str]:
    for cycle in found.cycles:
        if cycle.number == 1:
            yield "<h2>Cycles</h2>"
        way = " → ".join(f"<code>{escape(name)}</code>" for name in cycle.way)
        cut = "".join(
            f"<li><code>{escape(a)}</code> imports <code>{escape(b)}</code> "
            f'<span class="soft">{escape(one_line(found.units[a].path))}:{found.edges[a, b]}</span></li>'
            for a, b in cycle.cut[:NAMED_CUTS]
        )
        more = len(cycle.cut) - NAMED_CUTS
        cut += f"<li>and {more:,} more</li>" if more > 0 else ""
        names = ", ".join(f"<code>{escape(name)}</code>" for name in cycle.modules[:NAMED_MEMBERS])
        rest = len(cycle.modules) - NAMED_MEMBERS
        names += f" and {rest:,} more" if rest > 0 else ""
        yield f"<p><strong>Cycle {cycle.number}</strong>, {plural(len(cycle.modules), 'module')}: {way}</p>"
        yield f"<details><summary>Its modules</summary><p>{names}</p></details>"
        if cut:
            yield f'<p>Without these imports there is no circle:</p><ul class="list">{cut}</ul>'


def _html_modules(found: Architecture) -> str:
    units = sorted(found.units.values(), key=lambda unit: (-unit.layer, unit.name))
    rows = "".join(
        f'<tr><td><code>{escape(unit.name)}</code></td><td class="n">{unit.layer}</td>'
        f'<td class="n">{unit.fan_in}</td><td class="n">{unit.fan_out}</td><td class="n">{unit.instability:.2f}</td>'
        f'<td class="n">{unit.cycle or ""}</td></tr>'
        for unit in units[:NAMED_MODULES]
    )
    heads = "".join(
        f'<th class="n">{name}</th>' for name in ("layer", "imported by", "imports", "instability", "cycle")
    )
    more = len(units) - NAMED_MODULES
    rest = f'<p class="soft">and {more:,} more, see the JSON</p>' if more > 0 else ""
    return (
        "<h2>Modules</h2><p>Layer 0 imports nothing of the project. Instability is the share of a module's imports "
        "in all of its imports, both ways.</p>"
        f"<table><thead><tr><th>module</th>{heads}</tr></thead><tbody>{rows}</tbody></table>{rest}"
    )


def _html_externals(found: Architecture) -> str:
    order = sorted(found.externals.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    rows = "".join(
        f'<tr><td><code>{escape(name)}</code></td><td class="n">{len(users)}</td></tr>'
        for name, users in order
    )
    head = '<thead><tr><th>package</th><th class="n">used by modules</th></tr></thead>'
    return f"<h2>Packages of others</h2><table>{head}<tbody>{rows}</tbody></table>" if rows else ""
