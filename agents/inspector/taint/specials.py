"""Calls that no row of a table can describe, by the name that `special` rows give them.

The functions stand in the modules `special_*`; the engine imports those, which registers them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from agents.inspector.taint.frames import Frame
from agents.inspector.taint.structures import Arguments
from agents.inspector.taint.taints import Taint, merged
from agents.inspector.taint.values import Value, deep_taints

Special = Callable[[Frame, ast.expr, Arguments, "Value | None", Value], Value]
SPECIALS: dict[str, Special] = {}


def known_as(*names: str) -> Callable[[Special], Special]:
    """Register a function under the names that tables use."""

    def register(function: Special) -> Special:
        SPECIALS.update(dict.fromkeys(names, function))
        return function

    return register


def all_taints(given: Arguments, receiver: Value | None = None) -> tuple[Taint, ...]:
    """The taints of everything that a call gets."""
    found = receiver.taints if receiver is not None else ()
    for one in given.every():
        found = merged(found, deep_taints(one))
    return found
