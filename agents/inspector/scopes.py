"""Which function or class encloses a line of Python; part of a finding's identity.

Parses, never imports. A file that does not parse has no scopes, which is no fault: its findings keep their line.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_OPENS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class _Span:
    first: int
    last: int
    name: str  # qualified


class Scopes:
    """The named scopes of one file."""

    def __init__(self, spans: Iterable[tuple[int, int, str]]) -> None:
        self._spans = [_Span(*span) for span in spans]
        self._innermost: list[str] | None = None

    @classmethod
    def of(cls, source: str) -> Scopes:
        """Find the scopes of a source."""
        found = cls(())
        found._spans = _spans(source)
        return found

    @property
    def spans(self) -> list[tuple[int, int, str]]:
        """First line, last line and qualified name of each scope; what they can be made of again."""
        return [(span.first, span.last, span.name) for span in self._spans]

    def at(self, line: int) -> str:
        """The innermost scope's qualified name, or "" at the top of the module."""
        if self._innermost is None:
            self._innermost = _by_line(self._spans)
        return self._innermost[line] if 0 <= line < len(self._innermost) else ""


def _by_line(spans: list[_Span]) -> list[str]:
    """The innermost scope's name of each line, of equally long ones the first: a file may ask for all its lines."""
    names = [""] * (max((span.last for span in spans), default=0) + 1)
    longest_first = spans[::-1]
    longest_first.sort(key=lambda span: span.first - span.last)
    for span in longest_first:
        names[span.first : span.last + 1] = [span.name] * (span.last + 1 - span.first)
    return names


def _spans(source: str) -> list[_Span]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the project's invalid escapes are not ours
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: list[_Span] = []
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:  # no recursion: generated code nests deeper than Python may
        node, prefix = waiting.pop()
        for child in _inside(node):
            if isinstance(child, _OPENS):
                name = f"{prefix}{child.name}"
                first = min([child.lineno, *(one.lineno for one in child.decorator_list)])
                found.append(_Span(first, child.end_lineno or child.lineno, name))
                waiting.append((child, f"{name}."))
            else:
                waiting.append((child, prefix))
    return found


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """What may hold statements: passing over expressions, which are most of a tree."""
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        if name in node._fields:
            yield from getattr(node, name)
