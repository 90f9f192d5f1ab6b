"""Where each object was first held that functions may get from more than one place.

Who changes an object changes it in all variables that hold it. So whoever gets one from two calls, or from a call and
from a global, can tell that from two equal ones, and the token of a summary must tell it, too: at which of its places
stand objects that it holds twice, or that somebody held before. Summaries are told of in the order in which they were
finished, so that what a function hands on is its callee's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.inspector.taint.structures import Bound, Partial, Summary, Super
from agents.inspector.taint.values import FALSE, NONE, TRUE, UNKNOWN, Choice, Value

OF = "\t"  # between the name of a root and what it holds
AT = "/"  # between the name of a summary and the number of an object in it
_SINGLE = frozenset(id(one) for one in (UNKNOWN, NONE, TRUE, FALSE))


class Origins:
    """The objects of one run."""

    def __init__(self, *, finds: bool = False) -> None:
        self._first: dict[int, tuple[Value, str]] = {}  # the value stays, so that no other one gets its id
        self._named: dict[str, Value] | None = {} if finds else None

    def hold(self, value: Value, name: str) -> str:
        """Note where an object is held; tells where it was held first."""
        if id(value) in _SINGLE:
            return name
        known = self._first.get(id(value))
        if known is not None:
            return known[1]
        self._add(value, name)
        return name

    def _add(self, value: Value, name: str) -> None:
        self._first[id(value)] = (value, name)
        if self._named is not None:
            self._named[name] = value

    def name_of(self, value: Value) -> str:
        """Where an object was held first, "" if that is not known."""
        known = self._first.get(id(value))
        return "" if known is None else known[1]

    def named(self, name: str) -> Value | None:
        """The object that was held first at a place; None if that was not seen yet."""
        return None if self._named is None else self._named.get(name)

    def tell(self, summary: Summary, name: str) -> str:
        """Note the objects of a finished summary; tells which of them are not its own, or stand in it twice."""
        if id(summary.result) in _SINGLE and not summary.after and not summary.written:
            return ""
        waiting = [*summary.written.values(), *summary.after.values(), summary.result]
        first = self._first
        told: list[str] = []
        seen: dict[int, int] = {}
        count = 0
        while waiting:
            value = waiting.pop()
            number = id(value)
            if number in _SINGLE:
                continue
            count += 1
            at = seen.get(number)
            if at is not None:
                told.append(f"{count}={at}")
                continue
            seen[number] = count
            known = first.get(number)
            if known is None:
                self._add(value, f"{name}{AT}{count}")
            else:
                told.append(f"{count}@{known[1]}")  # and so are the objects within it
                continue
            if value.items is not None:
                waiting += value.items.values()
            if value.rest is not None:
                waiting.append(value.rest)
            if value.ref is not None:
                waiting += _within(value.ref)
        return " ".join(told)


def _within(ref: Any) -> Iterator[Value]:
    """The values that a reference holds; those that a closure sees are named by who made it."""
    if isinstance(ref, (Bound, Super)):
        yield ref.receiver
    elif isinstance(ref, Partial):
        yield from (ref.target, *ref.positional, *ref.keywords.values())
    elif isinstance(ref, Choice):
        for one in ref.options:
            yield from _within(one)
