"""The layered drawing: what leads where, what may not overlap, and that it is bounded."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from frontend.drawing.layers import MOST_BENDS, Box, Drawing, Measures, draw

SIZES = Measures(width=100, height=40, across=20, between=10, bend=4)


def overlaps(drawing: Drawing[int]) -> list[tuple[Box, Box]]:
    """Pairs of a layer with less room than a bend between them takes."""
    by_layer: dict[int, list[Box]] = {}
    for box in drawing.boxes.values():
        by_layer.setdefault(box.layer, []).append(box)
    least = SIZES.height + 2 * SIZES.bend - 1  # places are rounded
    return [
        (a, b)
        for boxes in by_layer.values()
        for a, b in pairwise(sorted(boxes, key=lambda box: box.y))
        if b.y - a.y < least
    ]


def some_graph(nodes: int, degree: int) -> list[tuple[int, int]]:
    dice = random.Random(7)
    return [(dice.randrange(max(0, n - 60), n), n) for n in range(1, nodes) for _ in range(degree)]


def test_diamond_is_drawn_from_left_to_right_around_its_middle() -> None:
    drawing = draw("abcd", [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], SIZES)
    assert drawing.boxes == {
        "a": Box(x=0, y=25, layer=0),
        "b": Box(x=120, y=0, layer=1),
        "c": Box(x=120, y=50, layer=1),
        "d": Box(x=240, y=25, layer=2),
    }
    assert (drawing.width, drawing.height) == (340, 90)
    assert [line.path for line in drawing.lines] == [
        "M100 45C110 45 110 20 120 20",
        "M100 45C110 45 110 70 120 70",
        "M220 20C230 20 230 45 240 45",
        "M220 70C230 70 230 45 240 45",
    ]


def test_chain_is_straight() -> None:
    drawing = draw(range(5), pairwise(range(5)), SIZES)
    assert {box.y for box in drawing.boxes.values()} == {0}
    assert drawing.lines[0].path == "M100 20H120"


def test_long_line_goes_around_the_nodes_between() -> None:
    drawing = draw("abc", [("a", "b"), ("b", "c"), ("a", "c")], SIZES)
    around = next(line for line in drawing.lines if (line.source, line.target) == ("a", "c"))
    at = int(around.path.split("H")[0].split()[-1])  # the height at which it passes b's layer
    b = drawing.boxes["b"]
    assert not b.y <= at <= b.y + SIZES.height


def test_crossings_are_undone() -> None:
    edges = [("a", "z"), ("b", "y"), ("c", "x")]
    drawing = draw(["a", "b", "c", "x", "y", "z"], edges, SIZES)
    assert all(drawing.boxes[a].y == drawing.boxes[b].y for a, b in edges)


@pytest.mark.parametrize(
    "edges", [[("a", "b"), ("b", "a")], [("a", "a")], [("a", "b"), ("b", "c"), ("c", "a")]]
)
def test_circles_lose_a_line_and_no_node(edges: list[tuple[str, str]]) -> None:
    nodes = sorted({name for edge in edges for name in edge})
    drawing = draw(nodes, edges, SIZES)
    assert sorted(drawing.boxes) == nodes
    assert all(drawing.boxes[line.source].layer < drawing.boxes[line.target].layer for line in drawing.lines)
    assert len(drawing.lines) == len(edges) - 1


def test_unknown_ends_and_repeated_lines_are_left_out() -> None:
    drawing = draw("ab", [("a", "b"), ("a", "b"), ("a", "ghost")], SIZES)
    assert [(line.source, line.target) for line in drawing.lines] == [("a", "b")]


def test_nothing_is_an_empty_drawing() -> None:
    assert draw([], []) == Drawing(boxes={}, lines=[], width=0, height=0)


def test_five_hundred_nodes_neither_overlap_nor_differ_from_time_to_time() -> None:
    edges = some_graph(500, 3)
    first, second = draw(range(500), edges, SIZES), draw(range(500), edges, SIZES)
    assert first == second
    assert overlaps(first) == []
    assert len(first.lines) == len(set(edges))
    assert max(box.y for box in first.boxes.values()) + SIZES.height <= first.height


def test_graph_that_would_need_too_many_bends_has_straight_lines() -> None:
    count = MOST_BENDS
    edges = [*pairwise(range(count)), *((n, count - 1) for n in range(count - 2))]
    drawing = draw(range(count), edges, SIZES)
    assert all(line.path.count("H") + line.path.count("C") == 1 for line in drawing.lines)
    assert len(drawing.lines) == len(edges)
