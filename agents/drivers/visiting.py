"""How our programs let griffe read files: one by one, below parents that need no file, without search paths.

Runs inside of a driver, under a Python that may be another one than ours: it needs griffe and nothing else of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import griffe

MAX_VALUE = 200  # characters of an attribute's value or a default
SAID: list[str] = []  # what griffe said of the docstring that it parses now


class Listener:
    """Stands in for griffe's logger: keeps warnings, drops the rest."""

    def __init__(self, name: str) -> None:
        del name

    def warning(self, text: str, *arguments: Any) -> None:
        SAID.append(text % arguments if arguments else text)

    error = warning

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **more: None


def visit(
    name: str, path: str, code: str, root: str, extensions: Any, modules: Any, lines: Any
) -> griffe.Module:
    """Let griffe visit one file below its parent modules, which are made where there is no file for them."""
    *above, last = name.split(".")
    parent = None
    for part in above:
        home = modules.members if parent is None else parent.members
        below = home.get(part)
        if not isinstance(below, griffe.Module):
            below = griffe.Module(
                part, filepath=[Path(root)], parent=parent, modules_collection=modules, lines_collection=lines
            )
            home[part] = below
        parent = below
    module = griffe.visit(
        last,
        filepath=Path(root, path),
        code=code,
        extensions=extensions,
        parent=parent,
        lines_collection=lines,
        modules_collection=modules,
    )
    (modules.members if parent is None else parent.members)[last] = module
    return module


def resolve(modules: Any, lines: Any) -> None:
    """Let names that stand for others find them, inside the tree only."""
    loader = griffe.GriffeLoader(
        search_paths=[], modules_collection=modules, lines_collection=lines, allow_inspection=False
    )
    loader.finder.search_paths.clear()
    for module in list(modules.members.values()):
        for step in (loader.expand_exports, lambda m: loader.expand_wildcards(m, external=False)):
            with suppress(Exception, RecursionError):  # odd imports only cost their links
                step(module)
    with suppress(Exception, RecursionError):
        loader.resolve_aliases(implicit=True, external=False, max_iterations=10)


def short(text: str) -> str:
    """A text, cut where it grows too long to be shown."""
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "..."
