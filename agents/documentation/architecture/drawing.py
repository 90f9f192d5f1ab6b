"""A picture of an architecture as one SVG that stands alone.

What is above stands on what is below; arrows point to what is imported. Colours follow the reader's scheme; colour is
never the only sign: arrows that close a circle are dashed, boxes in one carry its number. Every text is escaped,
nothing is loaded from outside.
"""

from __future__ import annotations

from html import escape

from agents.documentation.architecture.collapsing import Box, Picture
from agents.documentation.architecture.placing import HEIGHT, MARGIN, Placed, Spot, Way, place, shown, size_of
from agents.reporting.model import plural

HEAD = 78  # pixels above the boxes
LINE = 18
NARROWEST = 560
LETTER = 6.6
_STYLE = """
:root{color-scheme:light dark}.bg{fill:#fff}text{font:13px system-ui,sans-serif;fill:#1b2330}
.t{font-size:19px;font-weight:650}.s{font-size:12px;fill:#556170}
.l{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px;font-weight:600;text-anchor:middle}
.c{font-size:11px;fill:#556170;text-anchor:middle}
.b{fill:#f3f7fd;stroke:#7c93b5;stroke-width:1.2}.u{fill:#f3f7fd;stroke:#7c93b5;stroke-width:1.2}
.k .b,.k .u{fill:#fff4ec;stroke:#c2500f;stroke-width:1.6}.x .b{fill:#f6f6f6;stroke:#8a919c;stroke-dasharray:4 3}
.n{fill:#c2500f}.nt{font-size:10px;font-weight:700;fill:#fff;text-anchor:middle}
path{fill:none}.a{stroke:#7d8ba0;stroke-width:1.2}.r{stroke:#c2500f;stroke-width:1.5;stroke-dasharray:5 3}
.ha{fill:#7d8ba0}.hr{fill:#c2500f}
@media (prefers-color-scheme:dark){.bg{fill:#12161d}text{fill:#e3e8ef}.s,.c{fill:#9ba7b6}
.b,.u{fill:#1a2331;stroke:#5b769f}.k .b,.k .u{fill:#33211a;stroke:#f08c52}.x .b{fill:#1b1f26;stroke:#78828f}
.n{fill:#f08c52}.nt{fill:#12161d}.a{stroke:#71809a}.r{stroke:#f08c52}.ha{fill:#71809a}.hr{fill:#f08c52}}
"""


def svg(picture: Picture) -> str:
    """Draw it. An empty picture says so."""
    placed = place(picture)
    notes = _notes(picture, placed)
    width = max(placed.width, NARROWEST)
    head = HEAD + LINE * (len(lines := _wrapped(notes, width)) - 1)
    height = head + placed.height + MARGIN
    shift = (width - placed.width) / 2
    title = heading(picture)
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" role="img" aria-labelledby="map-title map-desc">'
            f'<title id="map-title">{escape(title)}</title><desc id="map-desc">{escape(_described(picture))}</desc>'
            f"<style>{_STYLE}</style><defs>{_head('ha')}{_head('hr')}</defs>"
            f'<rect class="bg" width="{width:.0f}" height="{height:.0f}"/>'
            f'<text class="t" x="{MARGIN}" y="36">{escape(title)}</text>',
            *(
                f'<text class="s" x="{MARGIN}" y="{58 + LINE * number}">{escape(line)}</text>'
                for number, line in enumerate(lines)
            ),
            f'<g transform="translate({shift:.1f} {head})">',
            *(_arrow(way) for way in placed.ways),
            *(_box(picture.boxes[name], placed.spots[name]) for name in sorted(picture.boxes)),
            "</g></svg>\n",
        ]
    )


def heading(picture: Picture) -> str:
    """What the picture is called."""
    return f"Architecture of {picture.title}" if picture.title else "Architecture"


def _head(name: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path class="{name}" d="M0 .5L8 4L0 7.5z"/></marker>'
    )


def _notes(picture: Picture, placed: Placed) -> list[str]:
    told = [f"{plural(len(picture.boxes), 'box')}: what is above imports what is below. {picture.rule}"]
    told[0] = told[0].replace("boxs:", "boxes:")
    if placed.implied:
        told.append(
            f"{plural(placed.implied, 'arrow')} that a longer way implies {_are(placed.implied)} not drawn."
        )
    if picture.cycles:
        told.append(
            "Boxes with a number import each other in a circle, though their modules may not; dashed arrows close it."
        )
    return told


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _wrapped(notes: list[str], width: float) -> list[str]:
    room, lines = int((width - 2 * MARGIN) / LETTER), [""]
    for word in " ".join(notes).split():
        if len(lines[-1]) + len(word) + 1 > room and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _described(picture: Picture) -> str:
    """The picture in words, for those who do not see it."""
    layers: dict[int, list[str]] = {}
    for box in picture.boxes.values():
        layers.setdefault(box.layer, []).append(box.label)
    told = [
        f"Layer {number}: {', '.join(sorted(layers[number]))}." for number in sorted(layers, reverse=True)
    ]
    told += [
        f"Circle {number}: {', '.join(picture.boxes[name].label for name in names)}."
        for number, names in enumerate(picture.cycles, start=1)
    ]
    return " ".join(told) or "There is no module."


def _box(box: Box, spot: Spot) -> str:
    left = spot.x - spot.width / 2
    kinds = " ".join(kind for kind, holds in (("k", box.cycle), ("x", box.is_external)) if holds)
    parts = [f'<g class="{kinds}" transform="translate({left:.1f} {spot.y:.1f})">', _tooltip(box)]
    if box.is_closed:
        parts.append(f'<rect class="u" x="4" y="-4" width="{spot.width:.0f}" height="{HEIGHT}" rx="7"/>')
    parts.append(f'<rect class="b" width="{spot.width:.0f}" height="{HEIGHT}" rx="7"/>')
    middle = spot.width / 2
    parts.append(f'<text class="l" x="{middle:.1f}" y="19">{escape(shown(box.label))}</text>')
    parts.append(f'<text class="c" x="{middle:.1f}" y="35">{escape(size_of(box))}</text>')
    if box.cycle:
        parts.append('<circle class="n" r="8"/>')
        parts.append(f'<text class="nt" y="3.5">{box.cycle}</text>')
    return "".join([*parts, "</g>"])


def _tooltip(box: Box) -> str:
    kind = "external package" if box.is_external else f"layer {box.layer}"
    told = f"{box.name}: {kind}; imported by {box.fan_in}, imports {box.fan_out}"
    return f"<title>{escape(told)}</title>"


def _arrow(way: Way) -> str:
    (x, y), *rest = way.points
    shape = [f"M{x:.1f} {y:.1f}"]
    for number, (nx, ny) in enumerate(rest):
        if number % 2:  # beside the boxes of a row
            shape.append(f"L{nx:.1f} {ny:.1f}")
        else:
            middle = (y + ny) / 2
            shape.append(f"C{x:.1f} {middle:.1f} {nx:.1f} {middle:.1f} {nx:.1f} {ny:.1f}")
        x, y = nx, ny
    imports = plural(way.count, "import")
    told = escape(f"{way.source.rstrip('.:')} imports {way.target.rstrip('.:')} ({imports})")
    kind, head = ("r", "hr") if way.is_back else ("a", "ha")
    return f'<path class="{kind}" d="{"".join(shape)}" marker-end="url(#{head})"><title>{told}</title></path>'
