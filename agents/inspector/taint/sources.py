"""What is told of a file without executing it: its tree, what it imports, which globals its functions rebind.

Statements stand only in bodies of statements, so looking for them passes over expressions, which are most of a tree.

A file that an earlier run told of is parsed without its functions' bodies, since most of them are never executed
again: each is blanked to an empty tuple on the same lines, which costs next to nothing to parse. Where one is needed
after all, the file is parsed whole, and the bodies are put in their places.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from agents.inspector.taint import lines
from agents.inspector.taint.lines import Lines

_YIELD = re.compile(rb"\byield\b")
_GLOBAL = re.compile(rb"\bglobal\b")
_CHANGES_TABLE = re.compile(
    rb"\b([A-Z][A-Z0-9_]*)(?:\s*\.\s*(?:append|extend|insert|pop|popitem|remove|discard|add|clear|update|setdefault|sort"
    rb"|reverse)\b|\s*\[[^\n]*\]\s*(?:[-+*/|&^%@]|//|\*\*)?=(?!=)|\s*[|+&^-]=)|\bdel\s+([A-Z][A-Z0-9_]*)\b"
)
_CODING = re.compile(rb"coding[:=][ \t]*([-\w.]+)")
_PLAIN = frozenset((b"utf-8", b"utf8", b"latin-1", b"latin1", b"iso-8859-1", b"ascii", b"us-ascii"))


class Stale(BaseException):
    """What an earlier run told does not hold. No handler of the interpreter may swallow it."""


Position = tuple[int, int]  # of a function's `def`: its line's name and the column
Body = tuple[
    int, int, int, int, bool
]  # the line and column of the `def`, the body's first and last line, whether it yields
Fields = tuple[tuple[str, str], ...]  # of forms: a name, and what it is made of


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a file of this content."""

    digest: str
    imports: frozenset[str]
    rebound: frozenset[str]
    yielding: tuple[int, ...] | None  # the lines on which a function may yield, if that is known
    bodies: tuple[Body, ...]  # those that may be blanked
    lines: Lines
    fields: Fields | None = None  # of its forms, if somebody asked for them


def told(source: bytes, tree: ast.Module, before: Told | None = None) -> Told:
    """Look at a whole tree. Its bodies are left to `bodies`. `before`: what was told before it was changed."""
    named = lines.after(before.lines, source) if before is not None else lines.first(source)
    return Told(digest_of(source), imports(tree), rebound(tree, source), yielding(source), (), named)


def digest_of(source: bytes) -> str:
    """The content's name."""
    return sha256(source).hexdigest()


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
        waiting += _within(one)


def _within(one: ast.stmt) -> list[ast.stmt]:
    """The statements of a statement's bodies."""
    found: list[ast.stmt] = []
    for name in one._fields:
        if name in ("body", "orelse", "finalbody"):
            found += getattr(one, name)
        elif name in ("handlers", "cases"):
            for part in getattr(one, name):
                found += part.body
    return found


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
    """The globals that a function changes, and the tables, by their names in capitals, that anything here changes."""
    tables = {(one[1] or one[2]).decode() for one in _CHANGES_TABLE.finditer(source)}
    if is_plain(source) and not _GLOBAL.search(source):
        return frozenset(tables)
    named = (name for one in statements(tree) if isinstance(one, ast.Global) for name in one.names)
    return frozenset(tables.union(named))


def yielding(source: bytes) -> tuple[int, ...] | None:
    """The lines on which a function may yield; None if that is not told by the bytes."""
    if not is_plain(source):
        return None
    if not _YIELD.search(source):
        return ()
    lines = enumerate(source.splitlines(), start=1)
    return tuple(number for number, line in lines if _YIELD.search(line))


def outermost(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions that stand in no other one."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        one = waiting.pop()
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield one
        else:
            waiting += _within(one)


def bodies(source: bytes, tree: ast.Module, needed: Iterable[Position], named: Lines) -> tuple[Body, ...]:
    """The bodies of a whole tree that may be blanked; not those that are needed in every run."""
    where = yielding(source)
    if where is None:
        return ()
    texts, needed = source.splitlines(), frozenset(needed)
    found: list[Body] = []
    for one in outermost(tree):
        if (one.lineno, one.col_offset) in needed:
            continue
        first, last, line = one.body[0], one.body[-1], named.line(one.lineno)
        begun = named.line(first.lineno)
        start = min([begun, *(named.line(each.lineno) for each in getattr(first, "decorator_list", ()))])
        end = named.line(last.end_lineno or last.lineno)
        before = texts[start - 1][: first.col_offset] if start == begun else b""
        if start > line and not before.strip() and not texts[start - 2].rstrip().endswith(b"\\"):
            found.append((line, one.col_offset, start, end, yields(one, where, named)))
    return tuple(found)


def blanked(source: bytes, blank: Iterable[Body]) -> bytes:
    """The source with an empty tuple for each of these bodies, on the lines of the body. Raises IndexError."""
    lines = source.splitlines(keepends=True)
    for _, _, start, end, _ in blank:
        text = lines[start - 1]
        indent = text[: len(text) - len(text.lstrip())]
        lines[start - 1 : end] = (
            [indent + b"(\n", *([b"\n"] * (end - start - 1)), b")\n"] if end > start else [indent + b"()\n"]
        )
    return b"".join(lines)


def fill(tree: ast.Module, source: bytes, path: str, blank: Container[Position], named: Lines) -> None:
    """Give the functions that are blank the bodies that they have in the whole tree. Raises Stale.

    Others keep theirs: summaries and closures that were made of them know their nodes by identity.
    """
    try:
        whole = parsed(source, path)
        named.rename(whole)
        full = {(one.lineno, one.col_offset): one.body for one in outermost(whole)}
        for one in outermost(tree):
            if (one.lineno, one.col_offset) in blank:
                one.body = full[one.lineno, one.col_offset]
    except (SyntaxError, ValueError, KeyError, RecursionError, MemoryError) as error:
        raise Stale from error


def yields(node: ast.FunctionDef | ast.AsyncFunctionDef, where: tuple[int, ...] | None, named: Lines) -> bool:
    """Tell whether a function is a generator; `where` are the lines of its file on which one may yield, if known."""
    if where is not None:
        after = bisect_left(where, named.line(node.lineno))
        if after == len(where) or where[after] > named.line(node.end_lineno or node.lineno):
            return False
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        one = waiting.pop()
        if isinstance(one, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(one))
    return False
