"""Which names of Python code want a docstring: one rule for the figures of quality and for the report on docstrings.

A name counts if it is public and a module, a class or a function. Properties of whatever kind read as attributes,
overloads and overrides are documented elsewhere, and the option classes of frameworks are settings. A package's file
counts if it says or defines something itself: one that hands on what it imports has nothing of its own to tell.
"""

from __future__ import annotations

from collections.abc import Iterable

_OPTIONS = frozenset(("Meta", "Config", "Media", "Params"))
_ATTRIBUTES = ("property", ".setter", ".deleter", "overload", "override")


def is_wanted_of_module(path: str, *, defines: bool, has_docstring: bool) -> bool:
    """Tell whether a file wants a docstring as a module. `defines`: it binds a name other than by an import."""
    return not path.endswith("__init__.py") or defines or has_docstring


def is_wanted_of(name: str, decorators: Iterable[str], *, is_class: bool, in_class: bool) -> bool:
    """Tell whether a public class or function wants a docstring; `decorators` as they are written, without @."""
    if name.startswith("__") and name.endswith("__"):
        return False
    if is_class and in_class and name in _OPTIONS:
        return False
    return not any(one.partition("(")[0].endswith(_ATTRIBUTES) for one in decorators)
