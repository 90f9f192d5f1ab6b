"""The shape of an argument: all that may make a function do something else, but for where its taint came from.

Arguments of one key are one to a summary. Of a function with very many shapes they are widened: constants and most
elements are not told apart any more, and functions are known by their text and by what they see.
"""

from __future__ import annotations

import re
from typing import Any

from agents.inspector.taint.belongings import is_own
from agents.inspector.taint.structures import Bound, Function, Shape
from agents.inspector.taint.taints import Taint, merged
from agents.inspector.taint.translation import Labels
from agents.inspector.taint.values import (
    MISSING,
    SEEN,
    Attribute,
    Choice,
    Value,
    deep_taints,
    element,
    parts,
)

LONG_TEXT = 80  # constants that are longer do not make shapes
WIDE = 12  # elements of an argument that are told apart
LEVELS = 3  # of closures that see each other, told apart by what they see


def flat(value: Value) -> Value:
    """The value as something that is tainted or not."""
    if value.items is None and value.rest is None and not value.known:
        return value
    taints = value.taints
    for part in parts(value):
        taints = merged(taints, tuple(one.weaker() for one in deep_taints(part)))
    return Value(taints, name=value.name, ref=value.ref, shape=value.shape)


def _under_any_key(value: Value) -> Value:
    """An element; of a dictionary, whoever asks for another key gets this one too, so it is less surely one."""
    found = element(value.but(taints=()))
    if value.shape != "dict" or not found.taints:
        return found
    return found.but(taints=tuple(one.weaker() for one in found.taints))


def _says_something(value: Value) -> bool:
    """Tell whether a widened element can matter: it is tainted, or something of the tree or of the tables."""
    return bool(value.ref is not None or value.name or deep_taints(value))


def _told_apart(value: Value, depth: int) -> tuple[dict[Any, Value] | None, Value | None, bool]:
    """The elements that make shapes, the one that stands for all others, and whether the first are all."""
    items = value.items
    if items is None or (depth > 0 and len(items) <= WIDE):
        return items, value.rest, value.exact
    if depth <= 0:
        return {}, Value(deep_taints(value)), False
    return {k: v for k, v in items.items() if isinstance(k, Attribute)}, _under_any_key(value), False


_HOST = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#{}%]+[/?#]")


def _begin(value: Value, *, widened: bool) -> str:
    """How a text begins; of a function with very many shapes, as much of it as says on which host it stays."""
    if not widened:
        return value.prefix[:LONG_TEXT]
    if not value.taints:
        return ""
    if value.prefix.startswith(("/", "?", "#")):
        return value.prefix[:2]
    host = _HOST.match(value.prefix[:LONG_TEXT])
    return host[0] if host else ""


def shape(value: Value, labels: Labels, depth: int, *, widened: bool) -> tuple[Value, Any]:
    """The value with labels for sources (always a new object), and a key that is equal for equal shapes."""
    taints: list[Taint] = []
    keys: list[Any] = []
    for one in value.taints:
        taint, key = labels.of(one)
        taints.append(taint)
        keys.append(key)
    const = value.const
    if const is not MISSING and (widened or (isinstance(const, (str, bytes)) and len(const) > LONG_TEXT)):
        const = MISSING
    items, rest, exact = _told_apart(value, depth)
    exact = exact and not widened
    item_keys: list[Any] = []
    made: dict[Any, Value] | None = None
    if items is not None:
        made = {}
        if widened:
            items = {key: part for key, part in items.items() if _says_something(part)}
        for key, part in items.items():
            made[key], part_key = shape(part, labels, depth - 1, widened=widened)
            item_keys.append((key, part_key))
    rest_key: Any = None
    if rest is not None:
        rest, rest_key = shape(rest, labels, depth - 1, widened=widened)
    ref_key = _reference(value.ref, widened=widened)
    if ref_key is not None and ref_key is value.ref and is_own(ref_key):
        labels.is_private = True
    new = Value(
        tuple(taints), const=const, prefix=_begin(value, widened=widened), name=value.name,
        ref=value.ref, shape=value.shape, items=made, rest=rest, exact=exact,
        seen=SEEN if value.seen == SEEN and taints and not widened else 0,
    )  # fmt: skip
    const_key = None if const is MISSING else (type(const).__name__, const)
    key = (
        tuple(keys),
        const_key,
        new.prefix,
        value.name,
        ref_key,
        value.shape,
        frozenset(item_keys),  # in whatever order they were set
        rest_key,
        exact,
        new.seen,
    )
    return new, Shape(key)


def _reference(ref: Any, *, widened: bool, levels: int = LEVELS) -> Any:
    """What makes it the same reference. Widened: a method taken from its object again, a function made again."""
    if not widened:
        return ref  # itself, not its id: the key keeps it alive, so that nothing else gets the same one
    if isinstance(ref, Bound):
        sources = frozenset(one.source.key for one in deep_taints(ref.receiver))
        return ("bound", ref.function.module.path, ref.function.node, sources)
    if isinstance(ref, Choice):
        return ("choice", tuple(_reference(one, widened=True, levels=levels) for one in ref.options))
    return (ref.module.path, ref.node, _seen_by(ref, levels)) if isinstance(ref, Function) else ref


def _seen_by(closure: Function, levels: int) -> frozenset[Any]:
    """What a closure sees, as far as it tells two of one text apart: decorators make many."""
    found: set[Any] = set()
    frame = closure.parent if levels else None
    while frame is not None and not frame.is_module:
        for name in closure.names & frame.state.variables.keys():
            value = frame.state.variables[name]
            sources = frozenset(_source_key(one) for one in deep_taints(value))
            found.add((name, value.name, sources, _reference(value.ref, widened=True, levels=levels - 1)))
        frame = frame.parent
    return frozenset(found)


def _source_key(taint: Taint) -> Any:
    """What tells a source; a label without its summary, which is another one at each level of a recursion."""
    what, place, selector = taint.source.key
    return (what.rpartition(".")[2] if taint.source.origin == "label" else what, place, selector)
