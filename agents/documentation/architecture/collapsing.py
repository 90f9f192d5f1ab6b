"""From a map of many modules to a picture of few boxes.

Rule: each top-level package is a box. As long as the picture stays within its limit of boxes, the package of most
modules is opened: its parts take its place. A package that has more parts than there is room for stays closed, unless
almost nothing would be drawn. Where there are more boxes than the limit, those of most imports stay, and what is left
out is counted.
With a depth, every name is cut after that many parts instead.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agents.documentation.architecture.mapping import Architecture, Edge, against, layered
from agents.documentation.product import title_of
from agents.imports import knots

MAX_BOXES = 40
FEWEST = 4  # boxes; fewer say nothing
MAX_EXTERNALS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One box. `modules` counts what is in it, `is_closed` tells that it stands for what is below its name, too."""

    name: str
    label: str
    modules: int
    layer: int = 0
    fan_in: int = 0
    fan_out: int = 0
    cycle: int = 0
    is_closed: bool = False
    is_external: bool = False


@dataclass(slots=True, kw_only=True)
class Picture:
    """What is drawn. `edges` counts imports; `back` are those that close a circle. `rule` says what is shown."""

    title: str
    boxes: dict[str, Box]
    edges: dict[Edge, int]
    back: frozenset[Edge]
    cycles: tuple[tuple[str, ...], ...]
    rule: str
    left_out: int = 0

    @property
    def forward(self) -> dict[Edge, int]:
        """The edges that close no circle."""
        return {edge: count for edge, count in self.edges.items() if edge not in self.back}


def collapse(
    found: Architecture, *, depth: int = 0, externals: bool = False, most: int = MAX_BOXES
) -> Picture:
    """Make the picture. `depth` 0 lets the rule decide."""
    home, rule = _at_depth(found, depth) if depth else _opened(found, most)
    home, left_out = _most_used(home, found, most if not depth else 3 * most)
    if left_out:
        rule += f" The {left_out:,} boxes with the fewest imports are left out."
    edges: Counter[Edge] = Counter()
    for importer, imported in found.edges:
        source, target = home.get(importer), home.get(imported)
        if source and target and source != target:
            edges[source, target] += 1
    outside = _externals(found, home, edges) if externals else {}
    return _picture(found, home, dict(edges), outside, rule, left_out)


def _at_depth(found: Architecture, depth: int) -> tuple[dict[str, str], str]:
    home = {name: ".".join(name.split(".")[:depth]) for name in found.units}
    return home, f"Names are cut after {depth} part{'s' if depth > 1 else ''}: a box stands for all below it."


def _opened(found: Architecture, most: int) -> tuple[dict[str, str], str]:
    """Open packages, the largest first, while there is room."""
    below = _children(found.units)
    sizes = _sizes(found.units)
    boxes = set(below[""])
    closed = {name for name in boxes if below[name]}
    kept: set[str] = set()
    busy = {name for edge in found.edges for name in edge}
    while candidates := [name for name in closed if name in boxes and name not in kept]:
        name = max(candidates, key=lambda one: (sizes[one], one))
        parts = set(below[name]) | ({f"{name}."} if name in busy else set())
        if len(boxes) - 1 + len(parts) > max(most, 1):
            kept.add(name)
            continue
        boxes = boxes - {name} | parts
        closed |= {part for part in parts if below.get(part)}
    if len(boxes) < FEWEST and kept:
        largest = max(kept, key=lambda one: (sizes[one], one))
        boxes = boxes - {largest} | set(below[largest]) | ({f"{largest}."} if largest in busy else set())
    home = {name: _home(name, boxes) for name in found.units}
    if not any(name in boxes and below.get(name) for name in closed):
        return {name: box for name, box in home.items() if box}, "Each box is one module."
    return {name: box for name, box in home.items() if box}, (
        f"Packages are opened, the largest first, while there are at most {most} boxes; "
        "a box with a double edge stands for all modules below it."
    )


def _children(names: Iterable[str]) -> dict[str, list[str]]:
    """Each package with its direct parts, those without a file included."""
    below: dict[str, set[str]] = defaultdict(set)
    for name in names:
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            below[".".join(parts[: end - 1])].add(".".join(parts[:end]))
    return defaultdict(list, {name: sorted(parts) for name, parts in below.items()})


def _sizes(names: Iterable[str]) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        sizes.update(".".join(parts[:end]) for end in range(1, len(parts) + 1))
    return sizes


def _home(name: str, boxes: set[str]) -> str:
    """The box of a module: itself, the nearest package above, or what an opened package is apart from its parts."""
    if f"{name}." in boxes:
        return f"{name}."
    while name and name not in boxes:
        name = name.rpartition(".")[0]
    return name


def _most_used(home: dict[str, str], found: Architecture, most: int) -> tuple[dict[str, str], int]:
    boxes = set(home.values())
    if len(boxes) <= most:
        return home, 0
    uses: Counter[str] = Counter()
    for importer, imported in found.edges:
        if home[importer] != home[imported]:
            uses.update((home[importer], home[imported]))
    kept = set(sorted(boxes, key=lambda name: (-uses[name], name))[:most])
    return {name: box for name, box in home.items() if box in kept}, len(boxes) - len(kept)


def _externals(found: Architecture, home: Mapping[str, str], edges: Counter[Edge]) -> dict[str, int]:
    """Add the packages of others that most modules use."""
    order = sorted(found.externals, key=lambda name: (-len(found.externals[name]), name))[:MAX_EXTERNALS]
    for name in order:
        for user in sorted(found.externals[name]):
            if user in home:
                edges[home[user], f"{name}:"] += 1
    return {f"{name}:": len(found.externals[name]) for name in order}


def _picture(
    found: Architecture,
    home: Mapping[str, str],
    edges: dict[Edge, int],
    outside: Mapping[str, int],
    rule: str,
    left_out: int,
) -> Picture:
    counts = Counter(home.values())
    names = [*sorted(counts), *outside]
    tied = sorted(knots(edges), key=lambda knot: (-len(knot), knot))
    member = {name: number for number, knot in enumerate(tied, start=1) for name in knot}
    layers = layered(names, edges, tied)
    into, out = Counter(target for _, target in edges), Counter(source for source, _ in edges)
    shared = _shared(found.units)
    boxes = {
        name: Box(
            name=name.rstrip(".:"), label=_label(name, shared), modules=counts.get(name, outside.get(name, 0)),
            layer=layers[name], fan_in=into[name], fan_out=out[name], cycle=member.get(name, 0),
            is_closed=counts[name] > 1 or (name not in found.units and name[-1] not in ".:"),
            is_external=name in outside,
        )
        for name in names
    }  # fmt: skip
    back = {edge for knot in tied for edge in against(knot, edges)}
    return Picture(
        title=title_of(found.units), boxes=boxes, edges=edges, back=frozenset(back),
        cycles=tuple(map(tuple, tied)), rule=rule, left_out=left_out,
    )  # fmt: skip


def _shared(names: Iterable[str]) -> str:
    """The package that all names are below of, with its dot; "" if there are several."""
    tops = {name.partition(".")[0] for name in names}
    return f"{tops.pop()}." if len(tops) == 1 else ""


def _label(name: str, shared: str) -> str:
    """A name without what all names share. A package apart from its parts is its `__init__`."""
    if name.endswith("."):
        return f"{name.removeprefix(shared) if name != shared else ''}__init__"
    return name.rstrip(":").removeprefix(shared)
