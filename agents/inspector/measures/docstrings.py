"""How many public names of a Python file there are, and how many say what they are for.

What counts is what the Documentation agent's report counts (`agents.documentation.coverage`), so that the two tell
the same share: modules, classes and functions, without tests, migrations, properties, dunder methods, overloads and
the option classes of frameworks. Names are public by `__all__`, else without an underscore.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from agents.conventions import is_migration, is_test

_OPTIONS = frozenset(("Meta", "Config", "Media", "Params"))
_ATTRIBUTES = ("property", "cached_property", ".setter", ".deleter", "overload", "override")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef  # as types and for isinstance()


def documented(path: str, text: str) -> tuple[int, int]:
    """Count a file's public names, and those with a docstring; none of a file that does not count or parse."""
    if not path.endswith(".py") or is_test(path) or is_migration(path):
        return 0, 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the project's invalid escapes are not ours
            module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0, 0  # the analyzers name what does not parse
    said = [ast.get_docstring(one, clean=False) is not None for one in _public(module, path)]
    return len(said), sum(said)


def _public(module: ast.Module, path: str) -> Iterator[ast.Module | _Definition]:
    if PurePosixPath(path).name != "__init__.py" or module.body:
        yield module
    exported = _exported(module)
    waiting = [
        one
        for one in _defined(module.body)
        if (one.name in exported if exported else not one.name.startswith("_"))
    ]
    while waiting:
        one = waiting.pop()
        if one.name.startswith("__") and one.name.endswith("__"):
            continue
        yield one
        if isinstance(one, ast.ClassDef):
            waiting += [
                part
                for part in _defined(one.body)
                if not part.name.startswith("_")
                and not (isinstance(part, ast.ClassDef) and part.name in _OPTIONS)
            ]


def _defined(body: Iterable[ast.stmt]) -> list[_Definition]:
    """Give what a body defines, below conditions too; of one name the last."""
    found: dict[str, _Definition] = {}
    waiting = list(body)[::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not any(
                ast.unparse(one).partition("(")[0].endswith(_ATTRIBUTES) for one in node.decorator_list
            ):
                found[node.name] = node
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
            parts = [getattr(node, name, []) for name in ("body", "handlers", "orelse", "finalbody")]
            inner = [one for part in parts for one in part]
            waiting += [
                one
                for held in reversed(inner)
                for one in (held.body[::-1] if isinstance(held, ast.ExceptHandler) else [held])
            ]
    return list(found.values())


def _exported(module: ast.Module) -> set[str]:
    """Give the names of `__all__`, as far as it is written in lists."""
    found: set[str] = set()
    for node in module.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(one, ast.Name) and one.id == "__all__" for one in targets):
            found |= {
                one.value
                for one in ast.walk(node)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            }
    return found
