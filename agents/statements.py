"""The statements that a module or a class runs when it is read: those of its body, and of the blocks in it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body in their order, below conditions too; not those of definitions."""
    waiting = list(body)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If | ast.Try | ast.TryStar | ast.With | ast.For | ast.While | ast.Match):
            waiting += _inner(node)[::-1]


def _inner(node: ast.stmt) -> list[ast.stmt]:
    """The statements of all branches of a statement."""
    held = [one for name in _BLOCKS for one in getattr(node, name, [])]
    return [
        one
        for part in held
        for one in (part.body if isinstance(part, ast.ExceptHandler | ast.match_case) else [part])
    ]
