"""Which errors that a function raises leave it, by reading. Runs inside the driver.

Counts `raise X`, `raise X(...)`, a bare `raise` in a handler and `raise error` of a handler's name, in the function's
own body. What an enclosing `try` catches (by its name, by a base among Python's own errors, by a bare `except`), or
`contextlib.suppress` swallows, does not leave. What a called function raises is not known here.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

_OTHER_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_ALL = frozenset(("", "Exception", "BaseException"))


def leaving(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Name the errors in the order of their first line, as they are written."""
    reading = _Reading()
    reading.block(function.body, (), {}, ())
    return list(dict.fromkeys(name for _, name in sorted(reading.found, key=lambda pair: pair[0])))


class _Reading:
    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def block(
        self,
        nodes: Iterable[ast.AST],
        caught: tuple[str, ...],
        named: dict[str, tuple[str, ...]],
        handled: tuple[str, ...],
    ) -> None:
        """`caught`: what is caught around; `named`: a handler's variable -> its types; `handled`: its types."""
        for node in nodes:
            if isinstance(node, _OTHER_SCOPES):
                continue
            if isinstance(node, ast.Raise):
                self._raised(node, caught, named, handled)
            elif isinstance(node, (ast.Try, ast.TryStar)):
                self._try(node, caught, named, handled)
            elif isinstance(node, (ast.With, ast.AsyncWith)):
                inside = caught + tuple(_suppressed(node))
                self.block(node.body, inside, named, handled)
            else:
                self.block(ast.iter_child_nodes(node), caught, named, handled)

    def _try(
        self,
        node: ast.Try | ast.TryStar,
        caught: tuple[str, ...],
        named: dict[str, tuple[str, ...]],
        handled: tuple[str, ...],
    ) -> None:
        inside = caught + tuple(name for one in node.handlers for name in _types(one.type))
        self.block(node.body, inside, named, handled)
        for one in node.handlers:
            types = tuple(_types(one.type))
            self.block(one.body, caught, {**named, one.name: types} if one.name else named, types)
        self.block([*node.orelse, *node.finalbody], caught, named, handled)

    def _raised(
        self,
        node: ast.Raise,
        caught: tuple[str, ...],
        named: dict[str, tuple[str, ...]],
        handled: tuple[str, ...],
    ) -> None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if raised is None:
            names = handled
        elif isinstance(raised, ast.Name) and raised.id in named:
            names = named[raised.id]
        else:
            names = (dotted(raised),)
        for name in names:
            if name.rpartition(".")[2][:1].isupper() and not any(_catches(one, name) for one in caught):
                self.found.append((node.lineno, name))


def dotted(node: ast.expr | None) -> str:
    """A name with its dots, or ""."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _types(node: ast.expr | None) -> list[str]:
    """The names that a handler catches; "" for a bare one, nothing for what is computed."""
    if node is None:
        return [""]
    listed = node.elts if isinstance(node, ast.Tuple) else [node]
    return [name for one in listed if (name := dotted(one))]


def _suppressed(node: ast.With | ast.AsyncWith) -> Iterable[str]:
    for item in node.items:
        call = item.context_expr
        if isinstance(call, ast.Call) and dotted(call.func) in ("suppress", "contextlib.suppress"):
            yield from (name for one in call.args if (name := dotted(one)))


def _catches(caught: str, raised: str) -> bool:
    if caught in _ALL or caught == raised:
        return True
    base, error = getattr(builtins, caught, None), getattr(builtins, raised, None)
    return isinstance(base, type) and isinstance(error, type) and issubclass(error, base)
