"""Places the nodes of a directed graph in layers, from left to right, so that lines are short and cross little.

    1. layer    the longest way from a node without any before it
    2. bends    a line that passes over layers gets a bend in each; lines from one node share their bends
    3. order    within a layer by the mean place of the neighbours, a few times forth and back
    4. places   each as near to its neighbours as the distances allow (least squares, pool adjacent violators)

Method: Sugiyama, Tagawa and Toda 1981; places as isotonic regression, Best and Chakravarti 1990. Invariants: nodes of
a layer never overlap, each line leads to the right, and the same graph is always drawn the same. Lines that would
close a circle, and lines of unknown nodes, are left out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, TypeVar

SWEEPS = 3  # forth and back; more change little
MOST_BENDS = 2_000  # a graph that would need more has straight lines over its layers

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Sizes, in units of the drawing."""

    width: int = 200  # of a node
    height: int = 44
    across: int = 56  # between layers
    between: int = 14  # between nodes of a layer
    bend: int = 10  # between a bend and its neighbours


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Where a node stands: its upper left corner."""

    x: int
    y: int
    layer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Generic[Name]):
    """A line between two nodes. `path` is what an SVG path's `d` takes."""

    source: Name
    target: Name
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing(Generic[Name]):
    """A graph that has its places. `boxes` are in the order of the nodes given."""

    boxes: dict[Name, Box]
    lines: list[Line[Name]]
    width: int
    height: int


@dataclass(slots=True)
class _Graph:
    """The graph by numbers: nodes first, then bends. `ways` are the numbers that each line passes."""

    layer: list[int]
    nodes: int
    before: list[list[int]]
    behind: list[list[int]]
    ways: list[list[int]] = field(default_factory=list)

    def layers(self) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in range(max(self.layer, default=-1) + 1)]
        for number, layer in enumerate(self.layer):
            found[layer].append(number)
        return found


def draw(
    nodes: Sequence[Name], edges: Iterable[tuple[Name, Name]], measures: Measures | None = None
) -> Drawing[Name]:
    """Give each node its place and each edge its line."""
    measures = measures or Measures()
    numbers = {name: number for number, name in enumerate(dict.fromkeys(nodes))}
    names = list(numbers)
    known = dict.fromkeys((numbers[a], numbers[b]) for a, b in edges if a in numbers and b in numbers)
    graph = _bent(*_layered(len(names), list(known)))
    layers = _ordered(graph)
    ys = _placed(graph, layers, measures)
    step = measures.width + measures.across
    boxes = {
        name: Box(x=graph.layer[n] * step, y=round(ys[n]), layer=graph.layer[n])
        for name, n in numbers.items()
    }
    lines = [
        Line(source=names[way[0]], target=names[way[-1]], path=_path(way, graph, ys, measures))
        for way in graph.ways
    ]
    tops = [ys[n] + (measures.height if n < graph.nodes else 0) for n in range(len(ys))]
    width = len(layers) * step - measures.across if layers else 0
    return Drawing(boxes=boxes, lines=lines, width=width, height=round(max(tops, default=0)))


def _layered(count: int, edges: list[tuple[int, int]]) -> tuple[list[int], list[tuple[int, int]]]:
    """Give each number its layer, and the edges that lead to the right."""
    behind: list[list[int]] = [[] for _ in range(count)]
    open_edges = [0] * count
    for a, b in edges:
        behind[a].append(b)
        open_edges[b] += 1
    layer, done, waiting = [0] * count, [False] * count, iter(range(count))
    ready = [n for n in range(count) if not open_edges[n]]
    for _ in range(count):
        if not ready:  # a circle: begin it at its first node
            ready.append(next(n for n in waiting if not done[n]))
        at = ready.pop()
        done[at] = True
        for b in behind[at]:
            open_edges[b] -= 1
            if not done[b]:
                layer[b] = max(layer[b], layer[at] + 1)
                if open_edges[b] == 0:
                    ready.append(b)
        while ready and done[ready[-1]]:
            ready.pop()
    return layer, [(a, b) for a, b in edges if layer[a] < layer[b]]


def _bent(layer: list[int], edges: list[tuple[int, int]]) -> _Graph:
    """Add the bends, unless there were too many."""
    count = len(layer)
    last = [0] * count  # the layer up to which each node's bends reach
    for a, b in edges:
        last[a] = max(last[a], layer[b] - 1)
    wanted = sum(max(0, end - layer[n]) for n, end in enumerate(last))
    bends: dict[tuple[int, int], int] = {}
    graph = _Graph(layer=list(layer), nodes=count, before=[], behind=[])
    for a, b in edges:
        way = [a]
        if wanted <= MOST_BENDS:
            for at in range(layer[a] + 1, layer[b]):
                if (a, at) not in bends:
                    bends[a, at] = len(graph.layer)
                    graph.layer.append(at)
                way.append(bends[a, at])
        graph.ways.append([*way, b])
    graph.before = [[] for _ in graph.layer]
    graph.behind = [[] for _ in graph.layer]
    for a, b in dict.fromkeys(pair for way in graph.ways for pair in pairwise(way)):
        graph.behind[a].append(b)
        graph.before[b].append(a)
    return graph


def _ordered(graph: _Graph) -> list[list[int]]:
    """Order each layer by the mean place of its neighbours, forth and back."""
    layers = graph.layers()
    place = [0.0] * len(graph.layer)
    for layer in layers:
        _number(layer, place)
    for _ in range(SWEEPS):
        for layer in layers[1:]:
            _sort(layer, graph.before, place)
        for layer in reversed(layers[:-1]):
            _sort(layer, graph.behind, place)
    for layer in layers[1:]:
        _sort(layer, graph.before, place)
    return layers


def _sort(layer: list[int], neighbours: list[list[int]], place: list[float]) -> None:
    means = {n: _mean(neighbours[n], place, place[n]) for n in layer}
    layer.sort(key=lambda n: (means[n], place[n]))
    _number(layer, place)


def _number(layer: list[int], place: list[float]) -> None:
    """Number a layer from 0 to 1, so that long and short layers compare."""
    for at, n in enumerate(layer):
        place[n] = (at + 0.5) / len(layer)


def _mean(numbers: list[int], values: list[float], otherwise: float) -> float:
    if len(numbers) == 1:
        return values[numbers[0]]
    return sum([values[n] for n in numbers]) / len(numbers) if numbers else otherwise


def _placed(graph: _Graph, layers: list[list[int]], measures: Measures) -> list[float]:
    """Give each number its upper end: near to the neighbours, and as far from the next one as it must be."""
    middle = [0.0] * len(graph.layer)
    gaps = [_gaps(layer, graph.nodes, measures) for layer in layers]
    for layer, gap in zip(layers, gaps, strict=True):
        at = -sum(gap) / 2
        for n, distance in zip(layer, gap, strict=True):
            at += distance
            middle[n] = at
    order = range(len(layers))
    for neighbours, way in ((graph.before, order), (graph.behind, order[::-1])) * 2:
        for at in way:
            wanted = [_mean(neighbours[n], middle, middle[n]) for n in layers[at]]
            for n, y in zip(layers[at], _apart(wanted, gaps[at]), strict=True):
                middle[n] = y
    half = [measures.height / 2 if n < graph.nodes else 0.0 for n in range(len(middle))]
    top = min((y - h for y, h in zip(middle, half, strict=True)), default=0.0)
    return [y - h - top for y, h in zip(middle, half, strict=True)]


def _gaps(layer: list[int], nodes: int, measures: Measures) -> list[float]:
    """Give how far each must be from the one before it, middle to middle. The first has none before it."""
    gaps, before = [], None
    for n in layer:
        half = measures.height / 2 if n < nodes else 0.0
        if before is None:
            gaps.append(0.0)
        else:
            gaps.append(before + half + (measures.between if before and half else measures.bend))
        before = half
    return gaps


def _apart(wanted: list[float], gaps: list[float]) -> list[float]:
    """Give the values nearest to those wanted (least squares) that keep their distances."""
    sums, total = [], 0.0
    for gap in gaps:
        total += gap
        sums.append(total)
    blocks: list[tuple[float, int]] = []  # the sum of a block's values, and how many they are
    for value, shift in zip(wanted, sums, strict=True):
        block = (value - shift, 1)
        while blocks and blocks[-1][0] / blocks[-1][1] >= block[0] / block[1]:
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1])
        blocks.append(block)
    level = [block / size for block, size in blocks for _ in range(size)]
    return [y + shift for y, shift in zip(level, sums, strict=True)]


def _path(way: list[int], graph: _Graph, ys: list[float], measures: Measures) -> str:
    """Draw a line: a curve between two layers, straight through a bend's layer."""
    step, half = measures.width + measures.across, measures.height / 2
    parts: list[str] = []
    for a, b in pairwise(way):
        left, right = graph.layer[a] * step + measures.width, graph.layer[b] * step
        y, to = (round(ys[n] + (half if n < graph.nodes else 0)) for n in (a, b))
        if not parts:
            parts.append(f"M{left} {y}")
        elif a >= graph.nodes:
            parts.append(f"H{left}")
        if y == to:
            parts.append(f"H{right}")
        else:
            middle = left + measures.across // 2
            end = min(right, left + measures.across) if b != way[-1] else right
            parts.append(f"C{middle} {y} {end - measures.across // 2} {to} {end} {to}")
    return "".join(parts)


__all__ = ["Box", "Drawing", "Line", "Measures", "draw"]
