"""Where boxes stand and how arrows go: a layered drawing, the same for the same picture.

Method: Sugiyama, Tagawa, Toda 1981. Edges that close a circle are turned; rows by longest path, wide ones are split;
an edge over several rows gets a bend in each; the order within rows comes from sweeps by the mean place of
neighbours, the best of them by crossings; places come from least squares that keep the order (pool adjacent
violators).
Edges that other edges imply are not drawn (transitive reduction), so that the picture can be read.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from agents.documentation.architecture.collapsing import Box, Picture
from agents.documentation.architecture.mapping import Edge, layered

SWEEPS = 24
SETTLES = 60
STIFF = 12.0  # how much more a bend holds to the next bend than to a box
PER_ROW = 9  # boxes of one row; a fuller layer goes on in the next
HEIGHT, GAP_X, GAP_Y, BEND, MARGIN = 44, 22, 46, 10, 28  # pixels
LETTER, SMALL_LETTER, LONGEST = 7.3, 6.0, 36  # pixels of a letter, by line; letters of a label
PADDING, NARROWEST = 26, 96  # pixels of both sides; of a box


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A box's place: its middle at the top, and its width."""

    x: float
    y: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An arrow's way from the lower edge of a box to the upper edge of one below; `is_back` points up instead."""

    source: str
    target: str
    points: tuple[tuple[float, float], ...]
    count: int
    is_back: bool


@dataclass(slots=True, kw_only=True)
class Placed:
    """The finished layout. `implied` counts the edges that are not drawn."""

    spots: dict[str, Spot]
    ways: list[Way]
    width: float
    height: float
    implied: int = 0


@dataclass(slots=True)
class _Rows:
    """Rows of names; a bend is named by its edge and row."""

    order: list[list[str]] = field(default_factory=list)
    widths: dict[str, float] = field(default_factory=dict)
    up: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    down: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    chains: dict[Edge, list[str]] = field(default_factory=dict)


def shown(label: str) -> str:
    """A label as it is drawn."""
    return label if len(label) <= LONGEST else f"…{label[-LONGEST + 1 :]}"


def size_of(box: Box) -> str:
    """The second line of a box."""
    if box.is_external:
        return f"used by {box.modules}"
    own = f"{box.modules} modules · " if box.modules > 1 else ""
    return f"{own}{box.fan_in} in, {box.fan_out} out"


def place(picture: Picture) -> Placed:
    """Lay the picture out."""
    down = {
        **picture.forward,
        **{(b, a): picture.edges[a, b] for a, b in picture.back if (b, a) not in picture.edges},
    }
    kept = reduced(picture.boxes, down)
    turned = {(b, a) for a, b in picture.back}
    drawn = [edge for edge in down if edge in kept or edge in turned]
    rows = _rows(picture.boxes, sorted(drawn), _levels(picture.boxes, down))
    _arrange(rows)
    spots, centres, width, height = _settle(rows, picture.boxes)
    ways = [
        _way(edge, rows, centres, spots, picture, is_back=False) for edge in drawn if edge in picture.forward
    ]
    for source, target in sorted(picture.back):
        ways.append(_way((target, source), rows, centres, spots, picture, is_back=True))
    implied = len(picture.forward) - sum(not way.is_back for way in ways)
    return Placed(spots=spots, ways=ways, width=width, height=height, implied=implied)


def reduced(names: Iterable[str], edges: Iterable[Edge]) -> set[Edge]:
    """The edges that no longer way implies. The edges make no circle."""
    after: dict[str, set[str]] = defaultdict(set)
    for source, target in edges:
        after[source].add(target)
    reach: dict[str, set[str]] = {}
    for name in _leaves_first(names, after):
        reach[name] = {name}.union(*(reach[other] for other in after[name]))
    kept = set()
    for source, targets in after.items():
        for target in targets:
            if not any(target in reach[other] for other in targets if other != target):
                kept.add((source, target))
    return kept


def _leaves_first(names: Iterable[str], after: Mapping[str, set[str]]) -> list[str]:
    order: list[str] = []
    done: set[str] = set()
    for start in sorted(names):
        stack = [start]
        while stack:
            name = stack[-1]
            waiting = [other for other in sorted(after.get(name, ())) if other not in done]
            if name in done or not waiting:
                stack.pop()
                if name not in done:
                    done.add(name)
                    order.append(name)
            else:
                stack.extend(waiting)
    return order


def _levels(names: Iterable[str], edges: Iterable[Edge]) -> dict[str, int]:
    """Rows from the top: 0 for what nothing stands above of; a box is pulled up to just below its lowest user."""
    height = layered(names, edges, [])
    top = max(height.values(), default=0)
    return {name: top - value for name, value in height.items()}


def _rows(boxes: Mapping[str, Box], edges: Sequence[Edge], level: Mapping[str, int]) -> _Rows:
    layers: dict[int, list[str]] = defaultdict(list)
    for name in sorted(boxes):
        layers[level[name]].append(name)
    rows, row_of = _Rows(), dict[str, int]()
    for number in sorted(layers):
        names = layers[number]
        pieces = -(-len(names) // PER_ROW)
        size = -(-len(names) // pieces)
        for at in range(0, len(names), size):
            for name in names[at : at + size]:
                row_of[name] = len(rows.order)
            rows.order.append(list(names[at : at + size]))
    for name, box in boxes.items():
        longest = max(len(shown(box.label)) * LETTER, len(size_of(box)) * SMALL_LETTER)
        rows.widths[name] = max(NARROWEST, round(longest + PADDING))
    for source, target in edges:
        chain = [source]
        for row in range(row_of[source] + 1, row_of[target]):
            bend = f"\0{source}\0{target}\0{row}"
            rows.widths[bend] = BEND
            rows.order[row].append(bend)
            chain.append(bend)
        chain.append(target)
        rows.chains[source, target] = chain
        for one, other in pairwise(chain):
            rows.down[one].append(other)
            rows.up[other].append(one)
    return rows


def _arrange(rows: _Rows) -> None:
    """Order each row so that few arrows cross."""
    best, fewest = [list(row) for row in rows.order], _crossings(rows)
    for sweep in range(SWEEPS):
        neighbours = rows.down if sweep % 2 else rows.up
        order = rows.order[::-1] if sweep % 2 else rows.order
        place = {name: number for row in rows.order for number, name in enumerate(row)}
        for row in order:
            mean = {
                name: sum(place[one] for one in near) / len(near)
                if (near := neighbours[name])
                else place[name]
                for name in row
            }
            row.sort(key=lambda name: (mean[name], place[name], name))
            place.update((name, number) for number, name in enumerate(row))
        crossings = _crossings(rows)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows.order], crossings
        if not fewest:
            break
    rows.order = best


def _crossings(rows: _Rows) -> int:
    """Count the pairs of arrows that cross between neighbouring rows."""
    total = 0
    for upper, lower in pairwise(rows.order):
        place = {name: number for number, name in enumerate(lower)}
        seen: list[int] = []
        for name in upper:
            ends = sorted(place[other] for other in rows.down[name])
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _settle(
    rows: _Rows, boxes: Mapping[str, Box]
) -> tuple[dict[str, Spot], dict[str, tuple[float, float]], float, float]:
    """Give each name its place: near its neighbours, none on another."""
    x: dict[str, float] = {}
    for row in rows.order:
        at = 0.0
        for name in row:
            x[name] = at + rows.widths[name] / 2
            at += rows.widths[name] + GAP_X
        for name in row:
            x[name] -= (at - GAP_X) / 2
    for number in range(SETTLES):
        for row in rows.order if number % 2 else rows.order[::-1]:
            wanted = [_wanted(name, rows, x) for name in row]
            for name, value in zip(row, _spread(row, wanted, rows.widths), strict=True):
                x[name] = value
    left = min((x[name] - rows.widths[name] / 2 for name in x), default=0.0) - MARGIN
    right = max((x[name] + rows.widths[name] / 2 for name in x), default=0.0) + MARGIN
    centres = {
        name: (x[name] - left, float(number * (HEIGHT + GAP_Y)))
        for number, row in enumerate(rows.order)
        for name in row
    }
    spots = {name: Spot(x=centres[name][0], y=centres[name][1], width=rows.widths[name]) for name in boxes}
    height = float(max(0, len(rows.order) * (HEIGHT + GAP_Y) - GAP_Y))
    return spots, centres, right - left, height


def _wanted(name: str, rows: _Rows, x: Mapping[str, float]) -> tuple[float, float]:
    """Where a name would like to be, and how much. Bends stay below each other, so that long arrows are straight."""
    near = [*rows.up[name], *rows.down[name]]
    if not near:
        return x[name], 0.1
    is_bend = _is_bend(name)
    pulls = [STIFF if is_bend and _is_bend(one) else 1.0 for one in near]
    mean = sum(x[one] * pull for one, pull in zip(near, pulls, strict=True)) / sum(pulls)
    return mean, 4.0 if is_bend else 1.0


def _is_bend(name: str) -> bool:
    return name.startswith("\0")


def _spread(
    row: Sequence[str], wanted: Sequence[tuple[float, float]], widths: Mapping[str, float]
) -> list[float]:
    """The places nearest to the wanted ones, by least squares, in this order and without overlap."""
    shifts, at = [], 0.0
    for number, name in enumerate(row):
        at += (widths[row[number - 1]] + widths[name]) / 2 + GAP_X if number else 0.0
        shifts.append(at)
    blocks: list[list[float]] = []  # [value, weight, how many]
    for (value, weight), shift in zip(wanted, shifts, strict=True):
        blocks.append([value - shift, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            last = blocks.pop()
            before = blocks[-1]
            total = before[1] + last[1]
            before[0] = (before[0] * before[1] + last[0] * last[1]) / total
            before[1], before[2] = total, before[2] + last[2]
    values = [block[0] for block in blocks for _ in range(int(block[2]))]
    return [value + shift for value, shift in zip(values, shifts, strict=True)]


def _way(
    edge: Edge,
    rows: _Rows,
    centres: Mapping[str, tuple[float, float]],
    spots: Mapping[str, Spot],
    picture: Picture,
    *,
    is_back: bool,
) -> Way:
    """Follow an edge downwards through its bends. An arrow that closes a circle starts at the lower end."""
    upper, lower = edge
    chain = rows.chains.get(edge, [upper, lower])
    points = [(centres[upper][0], centres[upper][1] + HEIGHT)]
    for bend in chain[1:-1]:
        bx, by = centres[bend]
        points += [(bx, by), (bx, by + HEIGHT)]
    points.append(centres[lower])
    both = is_back and edge in picture.edges
    if both:  # there is an arrow down beside it
        points = [(px + 7, py) for px, py in points]
    source, target = (lower, upper) if is_back else (upper, lower)
    return Way(
        source=source, target=target, points=tuple(reversed(points) if is_back else points),
        count=picture.edges[source, target], is_back=is_back,
    )  # fmt: skip
