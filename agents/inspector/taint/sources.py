"""What is told of a file without executing it: its tree, what it imports, which globals its functions rebind.

Statements stand only in bodies of statements, so looking for them passes over expressions, which are most of a tree.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

_YIELD = re.compile(rb"\byield\b")
_GLOBAL = re.compile(rb"\bglobal\b")
_CODING = re.compile(rb"coding[:=][ \t]*([-\w.]+)")
_PLAIN = frozenset((b"utf-8", b"utf8", b"latin-1", b"latin1", b"iso-8859-1", b"ascii", b"us-ascii"))


def parsed(source: bytes, path: str) -> ast.Module:
    """Parse a file. Raises SyntaxError, ValueError, RecursionError or MemoryError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, filename=path)


def is_plain(source: bytes) -> bool:
    """Tell whether each keyword stands in the bytes as it is read: not in every coding it does."""
    first = b"\n".join(source.splitlines()[:2])
    return all(told.lower().replace(b"_", b"-") in _PLAIN for told in _CODING.findall(first))


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """All statements, those of functions and classes included, in no order."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        one = waiting.pop()
        yield one
        for name in one._fields:
            if name in ("body", "orelse", "finalbody"):
                waiting += getattr(one, name)
            elif name in ("handlers", "cases"):
                for part in getattr(one, name):
                    waiting += part.body


def imports(tree: ast.Module) -> frozenset[str]:
    """The top names of what it imports."""
    found: set[str] = set()
    for one in statements(tree):
        if isinstance(one, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in one.names)
        elif isinstance(one, ast.ImportFrom) and one.module and not one.level:
            found.add(one.module.partition(".")[0])
    return frozenset(found)


def rebound(tree: ast.Module, source: bytes) -> frozenset[str]:
    """The globals that a function changes."""
    if is_plain(source) and not _GLOBAL.search(source):
        return frozenset()
    return frozenset(name for one in statements(tree) if isinstance(one, ast.Global) for name in one.names)


def yielding(source: bytes) -> tuple[int, ...] | None:
    """The lines on which a function may yield; None if that is not told by the bytes."""
    if not is_plain(source):
        return None
    if not _YIELD.search(source):
        return ()
    lines = enumerate(source.splitlines(), start=1)
    return tuple(number for number, line in lines if _YIELD.search(line))


__all__ = ["imports", "is_plain", "parsed", "rebound", "statements", "yielding"]
