"""What a root made for itself alone: closures, local classes, bound methods, and the summaries that tell of them.

A closure sees the variables of the call that made it. A summary that gives one, or that was made for one, is of use
to nobody but that root: another root that called the same function would get a closure over variables of a call that
it never made. So such summaries end with their root, and each root makes its own. What a root leaves at globals and
fields is copied (`estates`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from agents.inspector.taint.structures import Bound, Class, Function, Instance, Partial, Summary, Super
from agents.inspector.taint.values import Choice, Value


def is_own(ref: Any) -> bool:
    """Tell whether only the root that made it can hold it."""
    if isinstance(ref, (Bound, Partial)):
        return ref.born >= 0
    if isinstance(ref, Choice):
        return any(map(is_own, ref.options))
    return isinstance(ref, Super) or sees_own(ref)


def sees_own(ref: Any) -> bool:
    """Tell whether it stands in a function that a root called: a closure, a class, an instance of such a class."""
    if isinstance(ref, Function):
        is_of_root = ref.parent is not None and ref.parent.born >= 0
        return is_of_root or (ref.owner is not None and ref.owner.born >= 0)
    if isinstance(ref, Instance):
        return ref.cls.born >= 0
    if isinstance(ref, Super):
        return ref.cls.born >= 0
    return isinstance(ref, Class) and ref.born >= 0


def tells_of_own(summary: Summary) -> bool:
    """Tell whether a summary holds something that sees what only its root has.

    A method bound to an object of the tree, say, does not: other roots may ask for it.
    """
    return holds((summary.result, *summary.after.values(), *summary.written.values()), sees_own)


def holds(values: Iterable[Value], test: Callable[[Any], bool]) -> bool:
    """Tell whether a reference of this sort stands in one of these values."""
    waiting = list(values)
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if value.items is not None or value.rest is not None or value.ref is not None:
            if id(value) in seen:
                continue
            seen.add(id(value))
            if value.ref is not None and _is_within(value.ref, test, waiting):
                return True
            if value.items is not None:
                waiting += value.items.values()
            if value.rest is not None:
                waiting.append(value.rest)
    return False


def _is_within(ref: Any, test: Callable[[Any], bool], waiting: list[Value]) -> bool:
    """Tell it of one reference; adds the values that it holds to those that wait."""
    if isinstance(ref, Choice):
        return any(_is_within(one, test, waiting) for one in ref.options)
    if test(ref):
        return True
    if isinstance(ref, Bound):
        waiting.append(ref.receiver)
        return _is_within(ref.function, test, waiting)
    if isinstance(ref, Partial):
        waiting += (ref.target, *ref.positional, *ref.keywords.values())
    elif isinstance(ref, Super):
        waiting.append(ref.receiver)
    return False
