"""Where values from outside come from, and by which way: sources, trails, taints.

Invariant: nothing here is ever changed after it was made, but for what decoding gives back (`Source.encoded`). A
taint knows what it was cleaned for (bits of `kinds`), how often it went through something that we do not understand
(`weak`), and its trail: a linked list of hops, shared by all values that came the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

MAX_TAINTS = 6  # per value: a reader needs one path, a sink one reason
MAX_TRAIL = 40


class Place(NamedTuple):
    """Where something is written."""

    path: str
    line: int
    column: int


# What a request says does not change while it is answered: `args["next"]` is the same wherever it is read.
_OF_THE_REQUEST = ("a query parameter", "a form field", "a header of", "a cookie", "the request's")
SourceKey = tuple[str, Place | None, str]  # what tells one source from another
DECODED = (
    "~d"  # a part's selector ends so if the text was decoded: checks before say nothing of what came out
)
STRUCTURED = "~s"  # and so if a text was read as JSON or the like: it may have any parts


ONE_FIELD = "form "  # the identity of one field of a form that is known begins so


class Source:
    """Where a value from outside enters. `selector` tells parts of one source apart: `args['name']`."""

    __slots__ = (
        "_key",
        "cleaned",
        "encoded",
        "identity",
        "origin",
        "parent",
        "place",
        "selector",
        "veil",
        "what",
    )

    def __init__(
        self,
        what: str,
        place: Place | None,
        origin: str,
        *,
        selector: str = "",
        parent: Source | None = None,
        cleaned: int = 0,
        identity: str = "",
        veil: int = -1,
    ) -> None:
        self.what = what
        self.place = place
        self.origin = (
            origin  # "remote", "local", "random" or "label" (a parameter of a function under summary)
        )
        self.selector = selector
        self.parent = parent
        self.cleaned = cleaned
        self.identity = (
            identity  # what is read twice under one name is one source: a check of either holds for both
        )
        self.encoded: Taint | None = None  # what decoding gives back
        self.veil = veil  # what a check of this part does not tell about the whole
        self._key = (identity or what, None if identity else place, selector)

    @property
    def key(self) -> tuple[str, Place | None, str]:
        """What makes it the same source."""
        return self._key

    @property
    def keys(self) -> tuple[SourceKey, ...]:
        """Its key, and the one that it shares with every other reading of the same part of the same request."""
        if not self.selector or not self.what.startswith(_OF_THE_REQUEST):
            return (self._key,)
        return (self._key, (self.what, None, self.selector))

    def part(self, selector: str, veil: int = -1) -> Source:
        """The source of a part of what this source gives. `veil`: what a check of it leaves open for the whole."""
        if len(self.selector) > 60:
            return self
        return Source(
            self.what,
            self.place,
            self.origin,
            selector=self.selector + selector,
            parent=self,
            cleaned=self.cleaned,
            identity=self.identity,
            veil=veil,
        )

    def lineage(self) -> Iterator[Source]:
        """This source and those that it is a part of."""
        one: Source | None = self
        while one is not None:
            yield one
            one = None if one.selector.endswith(DECODED) else one.parent


class Trail:
    """One hop and the trail before it."""

    __slots__ = ("before", "length", "place", "variable", "what")

    def __init__(self, before: Trail | None, place: Place, variable: str, what: str) -> None:
        self.before = before
        self.place = place
        self.variable = variable
        self.what = what
        self.length: int = before.length + 1 if before else 1

    def hops(self) -> list[Trail]:
        """The hops, first to last."""
        found: list[Trail] = []
        one: Trail | None = self
        while one is not None:
            found.append(one)
            one = one.before
        return found[::-1]


def longer(before: Trail | None, place: Place, variable: str, what: str) -> Trail:
    """Add a hop, unless the trail tells the same already or has grown too long."""
    if before is not None and (
        before.length >= MAX_TRAIL or (before.place[:2] == place[:2] and before.variable == variable)
    ):
        return before
    return Trail(before, place, variable, what)


class Taint:
    """That a source reaches a value."""

    __slots__ = ("cleaned", "source", "trail", "weak")

    def __init__(self, source: Source, cleaned: int, trail: Trail | None, weak: int = 0) -> None:
        self.source = source
        self.cleaned = cleaned
        self.trail = trail
        self.weak = weak

    def with_cleaned(self, cleaned: int) -> Taint:
        """The same, cleaned for more."""
        if self.cleaned | cleaned == self.cleaned:
            return self
        return Taint(self.source, self.cleaned | cleaned, self.trail, self.weak)

    def without_marks(self, marks: int) -> Taint:
        """The same without some marks, such as RESOLVED after something was appended."""
        if not self.cleaned & marks:
            return self
        return Taint(self.source, self.cleaned & ~marks, self.trail, self.weak)

    def weaker(self, by: int = 1) -> Taint:
        """The same, less sure."""
        return Taint(self.source, self.cleaned, self.trail, min(3, self.weak + by))


def merged(first: tuple[Taint, ...], second: tuple[Taint, ...]) -> tuple[Taint, ...]:
    """The taints of something that may be either or holds both. What is less clean wins."""
    if not second or first is second:
        return first
    if not first:
        return second
    found: dict[Any, Taint] = {one.source.key: one for one in first}
    changed = False
    for one in second:
        key = one.source.key
        old = found.get(key)
        if old is None:
            if len(found) < MAX_TAINTS:
                found[key] = one
                changed = True
        elif old.cleaned & one.cleaned != old.cleaned or one.weak < old.weak:
            base = one if one.cleaned & old.cleaned == one.cleaned else old
            found[key] = Taint(base.source, old.cleaned & one.cleaned, base.trail, min(old.weak, one.weak))
            changed = True
    return tuple(found.values()) if changed else first
