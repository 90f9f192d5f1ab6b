"""`architecture_map`: layers, cycles and the picture, of trees that are nice and trees that are not."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from agents.documentation.architecture import Picture, collapse, svg
from agents.documentation.architecture.mapping import Architecture, against, layered, read
from agents.documentation.architecture.placing import HEIGHT, place, reduced
from agents.imports import Facts
from agents.registry import load
from agents.reporting.model import ToolState
from agents.superagent.selection import select
from tests.agents.documentation.conftest import SHOP, Done, Work

LAYERED = {
    "app/__init__.py": "",
    "app/web.py": "import requests\nfrom app import service, model\n",
    "app/service.py": "from . import model\n\ndef late():\n    from app import web\n",
    "app/model.py": "import json\n",
    "app/one.py": "from app import two\n",
    "app/two.py": "import os\nfrom app import one, model\n",
    "tests/test_app.py": "import app.web\n",
}


def told(done: Done) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(done.artifacts["architecture_map.json"])
    return found


def made(edges: list[tuple[str, str]]) -> Architecture:
    """The architecture of modules that import each other so."""
    names = sorted({name for edge in edges for name in edge})
    modules = {name: f"{name.replace('.', '/')}.py" for name in names}
    facts = {
        path: tuple((target, 0, (), 1, "load") for source, target in edges if source == name)
        for name, path in modules.items()
    }
    return read(modules, Facts.model_validate({"facts": facts}), deferred=False)


def test_layers_fans_and_cycles_are_told(work: Work) -> None:
    done = work("architecture_map", LAYERED)
    rows = [
        (m["name"], m["layer"], m["imported_by"], m["imports"], m["cycle"]) for m in told(done)["modules"]
    ]
    assert rows == [
        ("app", 0, 0, 0, None), ("app.model", 0, 3, 0, None), ("app.one", 1, 1, 1, 1), ("app.service", 1, 1, 1, None),
        ("app.two", 1, 1, 2, 1), ("app.web", 2, 0, 2, None),
    ]  # fmt: skip
    assert done.summary == "6 modules, 6 imports between them, 3 layers, 1 cycle"
    assert told(done)["not_counted"] == [
        {"from": "app.service", "to": "app.web", "file": "app/service.py", "line": 4}
    ]
    assert told(done)["external"] == [{"name": "requests", "used_by": ["app.web"]}]
    assert told(done)["not_in_the_map"] == [{"what": "tests/test_app.py", "why": "a test"}]
    assert sorted(done.artifacts) == [
        f"architecture_map.{end}" for end in ("html", "json", "md", "mmd", "svg")
    ]


def test_page_tells_a_way_round_and_what_to_cut(work: Work) -> None:
    page = work("architecture_map", LAYERED).artifacts["architecture_map.md"].decode()
    assert "A shortest way round: `app.one` → `app.two` → `app.one`." in page
    assert "Without this import there is no circle:\n\n- `app.two` imports `app.one`, `app/two.py:2`" in page
    assert "| `app.web` | 2 | 0 | 2 | 1.00 |  |" in page


def test_deferred_imports_count_when_asked_for(work: Work) -> None:
    done = work("architecture_map", LAYERED, deferred=True)
    assert done.output.model_dump()["cycles"] == (2, 2)


def test_packages_of_others_are_drawn_when_asked_for(work: Work) -> None:
    drawn = work("architecture_map", LAYERED, external=True).artifacts["architecture_map.mmd"].decode()
    assert '(["requests"])' in drawn
    assert "requests" not in work("architecture_map", LAYERED).artifacts["architecture_map.mmd"].decode()


def test_packages_of_others_have_one_order_whatever_the_order_of_sets() -> None:
    edges = [(f"a.m{number}", "b.x") for number in range(8)]
    found = made([*edges, ("b.x", "requests")])
    del found.units["requests"], found.edges["b.x", "requests"]
    found.externals["requests"] = frozenset(source for source, _ in edges)
    drawn = collapse(found, depth=2, externals=True).edges
    assert list(drawn) == [*edges, *((source, "requests:") for source, _ in edges)]


def test_large_graphs_are_drawn_by_their_packages() -> None:
    edges = [(f"big.p{a}.m{b}", f"big.p{a + 1}.m{b}") for a in range(9) for b in range(9)]
    picture = collapse(made(edges))
    assert (len(picture.boxes), picture.left_out) == (34, 0)
    assert picture.rule.startswith("Packages are opened, the largest first, while there are at most 40 boxes")
    assert sum(box.modules for box in picture.boxes.values()) == 90
    assert {box.label for box in collapse(made(edges), depth=2).boxes.values()} == {
        f"p{a}" for a in range(10)
    }


def test_more_packages_than_boxes_leaves_out_the_least_used() -> None:
    edges = [(f"a{n:03}", f"a{n + 1:03}") for n in range(99)] + [("a000", "a050")]
    picture = collapse(made(edges))
    assert (len(picture.boxes), picture.left_out) == (40, 60)
    assert {"a000", "a050"} < set(picture.boxes)
    assert "The 60 boxes with the fewest imports are left out." in picture.rule


def test_package_of_many_modules_is_opened_if_nothing_else_would_be_drawn() -> None:
    picture = collapse(made([(f"r.m{n:03}", f"r.m{n + 1:03}") for n in range(99)]))
    assert (len(picture.boxes), picture.left_out) == (40, 60)


def test_arrows_that_a_longer_way_implies_are_not_drawn() -> None:
    assert reduced("abc", [("a", "b"), ("b", "c"), ("a", "c")]) == {("a", "b"), ("b", "c")}


def test_edges_against_the_order_break_every_circle() -> None:
    weights = {("a", "b"): 5, ("b", "c"): 5, ("c", "a"): 1, ("c", "b"): 1}
    cut = against("abc", weights)
    assert cut == {("c", "a"), ("c", "b")}
    assert layered("abc", set(weights) - cut, []) == {"a": 2, "b": 1, "c": 0}


@pytest.mark.parametrize(
    "edges",
    [
        [("a", "b"), ("b", "c"), ("c", "a"), ("a", "c"), ("d", "a")],
        [(f"m{a}", f"m{(a * 7 + b) % 30}") for a in range(30) for b in range(1, 4) if a != (a * 7 + b) % 30],
        [("root", f"leaf{n:02}") for n in range(35)],
    ],
)
def test_no_box_stands_on_another_and_arrows_end_at_boxes(edges: list[tuple[str, str]]) -> None:
    picture = collapse(made(edges))
    placed = place(picture)
    spots = sorted(placed.spots.values(), key=lambda spot: (spot.y, spot.x))
    for one, other in pairwise(spots):
        assert one.y != other.y or one.x + one.width / 2 < other.x - other.width / 2
    for way in placed.ways:
        start, end = placed.spots[way.source], placed.spots[way.target]
        assert way.points[0][1] in (start.y, start.y + HEIGHT)
        assert way.points[-1][1] in (end.y, end.y + HEIGHT)
        assert (way.points[0][1] > way.points[-1][1]) == way.is_back
    assert min(spot.x - spot.width / 2 for spot in spots) >= 0
    assert max(spot.x + spot.width / 2 for spot in spots) <= placed.width


def test_picture_is_told_to_those_who_do_not_see_it(work: Work) -> None:
    root = ET.fromstring(work("architecture_map", LAYERED).artifacts["architecture_map.svg"])
    name = "{http://www.w3.org/2000/svg}"
    assert root.attrib["aria-labelledby"] == "map-title map-desc"
    assert root.findtext(f"{name}title") == "Architecture of app"
    assert root.findtext(f"{name}desc") == (
        "Layer 2: web. Layer 1: one, service, two. Layer 0: model. Circle 1: one, two."
    )


HOSTILE = {
    "a/__init__.py": "import a.b\n",
    "a/b.py": "from a import *\nfrom .....x import y\nimport __main__, a.b, a\n",
    "a/bad.py": "import (\n",
    "a/nul.py": b"import os\0\n",
    "a/latin.py": b"# \xff\nimport a\n",
    'a/"><script>.py': "import a\n",
    "a/deep.py": "x = " + "(" * 500 + ")" * 500 + "\n",
    "a/ids.py": "import \u1d44_x, e\u0301t\u00e9\n",
}


def test_hostile_trees_are_drawn_without_harm(work: Work) -> None:
    done = work("architecture_map", HOSTILE)
    tool = done.output.model_dump()["tools"][0]
    assert tool["state"] == ToolState.PARTIAL
    assert {"a/bad.py", "a/nul.py", "a/latin.py"} <= {one["path"] for one in tool["failed"]}
    for name in ("architecture_map.svg", "architecture_map.html"):
        assert "<script" not in done.artifacts[name].decode()
    ET.fromstring(done.artifacts["architecture_map.svg"])
    assert re.search(
        r"Not in the map</h2><ul class=\"list\"><li><code>a/bad.py",
        done.artifacts["architecture_map.html"].decode(),
    )


def test_marks_that_turn_text_around_are_shown(work: Work) -> None:
    artifacts = work("architecture_map", {"a.py": "", "\u202egnp.py": "def ("}).artifacts
    assert "<code>&lt;U+202E&gt;gnp.py</code>: SyntaxError" in artifacts["architecture_map.html"].decode()
    assert "- \\<U+202E\\>gnp.py: SyntaxError" in artifacts["architecture_map.md"].decode()


def test_same_tree_gives_the_same_bytes(work: Work) -> None:
    first = work("architecture_map", SHOP).artifacts
    assert work("architecture_map", SHOP).artifacts == first


def test_tree_without_modules_says_so(work: Work) -> None:
    done = work("architecture_map", {"a.txt": "x"})
    assert done.summary == "no Python module was found"
    assert svg(Picture(title="", boxes={}, edges={}, back=frozenset(), cycles=(), rule="")).startswith("<svg")


@pytest.mark.parametrize(
    "goal",
    ["draw the architecture", "make a module graph", "show me an architecture diagram of this project"],
)
def test_plain_words_reach_the_operation(goal: str) -> None:
    assert [choice.operation.name for choice in select(goal, load(plugins=False)).chosen] == [
        "architecture_map"
    ]
