"""A file without its functions' bodies is the same file: what stands outside them, and every line number."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

from agents.inspector.taint import lines, sources

ODD = {
    "one line": "def f(): return 1\nx = 1\n",
    "the next line": "def f(\n    a=1,\n):\n    return a\n\n\nx = 1\n",
    "a line that goes on": "def f(): \\\n    return 1\nx = 1\n",
    "decorated inside": "def f():\n    @g\n    def h():\n        yield 1\n    return h\nx = 1\n",
    "more on its last line": "def f():\n    x = 1; y = 2;  # so\nx = 1\n",
    "a text of many lines": 'def f():\n    """a\nb\n    """\n    return """\nc"""\nx = 1\n',
    "tabs and a feed": "class A:\n\x0c\n\tdef f(self):\n\t\tyield\n\tdef g(self):\n\t\treturn 1\n",
    "old ends of lines": "def f():\r    return 1\rx = 1\r",
    "ends of windows": "def f():\r\n    if 1:\r\n        return 1\r\nx = 1\r\n",
    "no end": "def f():\n    return 1",
    "within statements": "try:\n    def f():\n        pass\nexcept E:\n    async def f():\n        await g()\n",
    "a comment first": "def f():\n    # a\n\n    # b\n    return 1\n    # c\nx = 1\n",
    "a mark first": "\ufeffdef f():\n    return 1\nx = 1\n",
    "a line that goes on at the end": "def f():\n    x = 1 \\\n\nx = 1\n",
}
OWN = sorted((Path(__file__).parents[4] / "agents" / "inspector" / "taint").glob("*.py"))[::6]


def _shape(tree: ast.Module) -> list[str]:
    """Every statement outside of functions' bodies, with all lines; of columns those where things begin."""
    found: list[str] = []
    for one in sources.statements(tree):
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
            one.body = []
    for node in ast.walk(tree):
        place = [getattr(node, name, None) for name in ("lineno", "col_offset", "end_lineno")]
        found.append(f"{type(node).__name__} {place}")
    return found


@pytest.mark.parametrize("source", [*ODD.values(), *(path.read_text() for path in OWN)])
def test_what_is_blanked_can_be_filled_again(source: str) -> None:
    content = source.encode()
    whole = sources.parsed(content, "a.py")
    bodies = sources.bodies(content, whole, (), lines.first(content))
    tree = sources.parsed(sources.blanked(content, bodies), "a.py")
    assert _shape(tree) == _shape(sources.parsed(content, "a.py"))

    tree = sources.parsed(sources.blanked(content, bodies), "a.py")
    sources.fill(tree, content, "a.py", {(line, column) for line, column, *_ in bodies}, lines.first(content))
    assert _bodies(tree) == _bodies(whole)


def _bodies_of(source: bytes, needed: Iterable[sources.Position]) -> tuple[sources.Body, ...]:
    return sources.bodies(source, sources.parsed(source, "a.py"), needed, lines.first(source))


def _bodies(tree: ast.Module) -> list[tuple[str, list[str]]]:
    return [
        (one.name, [ast.dump(each, include_attributes=True) for each in one.body])
        for one in sources.outermost(tree)
    ]


def test_bodies_that_begin_on_the_line_of_their_function_or_in_an_odd_coding_stay() -> None:
    for source in (
        b"def f(): return 1\n",
        b"def f(): \\\n    return 1\n",
        b"# coding: utf-7\ndef f():\n    return 1\n",
    ):
        assert _bodies_of(source, ()) == ()


def test_whether_it_yields_is_told_of_each_body() -> None:
    source = b"def f():\n    def g():\n        yield\n    return g\n\nclass A:\n    def h(self):\n        yield 1\n"
    told = _bodies_of(source, ())
    assert sorted(told) == [(1, 0, 2, 4, False), (7, 4, 8, 8, True)]


def test_a_body_that_every_run_needs_stays() -> None:
    source = b"def f():\n    return 1\n\ndef g():\n    return 2\n"
    assert _bodies_of(source, {(1, 0)}) == ((4, 0, 5, 5, False),)


def test_a_body_that_was_not_blanked_keeps_its_nodes() -> None:
    source = b"def f():\n    return lambda: 1\n\ndef g():\n    return 2\n"
    bodies = _bodies_of(source, {(1, 0)})
    tree = sources.parsed(sources.blanked(source, bodies), "a.py")
    before = {one.name: one.body for one in sources.outermost(tree)}

    sources.fill(tree, source, "a.py", {(4, 0)}, lines.first(source))

    after = {one.name: one.body for one in sources.outermost(tree)}
    assert after["f"] is before["f"]
    assert [ast.dump(one) for one in after["g"]] == ["Return(value=Constant(value=2))"]
