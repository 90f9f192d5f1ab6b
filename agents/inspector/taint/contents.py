"""What a summary holds, as it is written down and made again: so that its root need not be executed for it.

An object that somebody else held first is written as its name there (`origins`). Closures, bound methods and partials
are written if a root left them at a global or field (`closures`); of others the root is executed again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
from typing import Any

from agents.inspector.taint.structures import Bound, Class, Function, Hit, Instance, Module, Partial, Summary
from agents.inspector.taint.taints import Place, Source, Taint, Trail
from agents.inspector.taint.values import (
    FALSE,
    MISSING,
    NONE,
    TRUE,
    UNKNOWN,
    Attribute,
    Choice,
    Facts,
    OrNone,
    Value,
)

MOST_LETTERS = 8_000  # of one summary; who needs a larger one has its root executed again
_SINGLES = {"U": UNKNOWN, "N": NONE, "T": TRUE, "F": FALSE}
_LETTERS = {id(value): letter for letter, value in _SINGLES.items()}
Written = Any  # what JSON can hold
Namer = Callable[[Any], Written]  # of a function, class or module, or what a root left; raises Unwritable
Finder = Callable[[Written], Any]  # the same back; raises LookupError
Holder = Callable[[Value], str]  # who held an object first, "" if it was this summary
Giver = Callable[[str], Value]  # the object back; raises LookupError


class Unwritable(Exception):
    """It holds something that has no form outside its run."""


def written(summary: Summary, name: Namer, holder: Holder) -> str:
    """A summary as text. Raises Unwritable."""
    return text_of(Writer(f"#{summary.serial}.", name, holder).summary(summary))


def written_value(value: Value, name: Namer, holder: str) -> str:
    """A value that a root left and that holds no other one, as text. Raises Unwritable."""
    if value.items is not None or value.rest is not None:
        raise Unwritable
    return text_of([holder] if holder else Writer("#0.", name, lambda one: "").value(value))


def text_of(told: Written) -> str:
    """What was written, as text. Raises Unwritable."""
    text = json.dumps(told, separators=(",", ":"))
    if len(text) > MOST_LETTERS:
        raise Unwritable
    return text


def made_value(text: str, find: Finder, give: Giver) -> Value:
    """The value that a text tells of. Raises LookupError."""
    return Reader("#0.", find, give).value(json.loads(text))


def made(text: str, serial: int, find: Finder, give: Giver) -> Summary:
    """The summary that a text tells of, with labels of this serial number. Raises LookupError."""
    return Reader(f"#{serial}.", find, give).summary(json.loads(text), serial)


class Writer:
    """Writes values that stand in one text. `mark` begins the labels of its summary."""

    def __init__(self, mark: str, name: Namer, holder: Holder) -> None:
        self._mark = mark
        self._name = name
        self._holder = holder
        self._seen: dict[int, int] = {}

    def summary(self, one: Summary) -> Written:
        """A summary."""
        return [
            one.returns,
            one.doubtful,
            self.value(one.result),
            self._facts(one.facts),
            [[number, self.value(value)] for number, value in one.after.items()],
            [[name, self.value(value)] for name, value in one.written.items()],
            [self._hit(hit) for hit in one.hits],
        ]

    def value(self, value: Value) -> Written:
        """A value. Raises Unwritable."""
        single = _LETTERS.get(id(value))
        if single is not None:
            return single
        at = self._seen.get(id(value))
        if at is not None:
            return at
        holder = self._holder(value)
        if holder:
            return [holder]
        self._seen[id(value)] = len(self._seen)
        parts: dict[str, Written] = {}
        for field in ("name", "prefix", "shape"):
            if getattr(value, field):
                parts[field] = getattr(value, field)
        if value.exact:
            parts["exact"] = True
        if value.seen:
            parts["seen"] = value.seen
        if value.const is not MISSING:
            parts["const"] = _constant(value.const)
        if value.taints:
            parts["taints"] = [self._taint(one) for one in value.taints]
        if value.ref is not None:
            parts["ref"] = self._ref(value.ref)
        if value.items is not None:
            parts["items"] = [[_key(key), self.value(one)] for key, one in value.items.items()]
        if value.rest is not None:
            parts["rest"] = self.value(value.rest)
        if value.facts is not None:
            parts["facts"] = [self._facts(one) for one in value.facts]
            if isinstance(value.facts, OrNone):
                parts["none"] = True
        return parts

    def _ref(self, ref: Any) -> Written:
        if isinstance(ref, Instance):
            return ["of", self._name(ref.cls)]
        if isinstance(ref, Choice):
            return ["any", [self._ref(one) for one in ref.options]]
        if isinstance(ref, (Function, Class, Module, Bound, Partial)):
            return ["", self._name(ref)]
        raise Unwritable

    def _taint(self, one: Taint) -> Written:
        return [self._source(one.source), one.cleaned, one.weak, _hops(one.trail)]

    def _source(self, one: Source) -> Written:
        if one.encoded is not None:
            raise Unwritable
        parent = None if one.parent is None else self._source(one.parent)
        return [
            self._label(one.what), one.place, one.origin, one.selector, parent, one.cleaned, one.identity, one.veil,
        ]  # fmt: skip

    def _label(self, what: str) -> str:
        if what[:1] != "#":
            return what
        if not what.startswith(self._mark):
            raise Unwritable
        return f"#{what[len(self._mark) :]}"

    def _facts(self, facts: Facts) -> Written:
        return [
            [self._label(what), place, selector, need, bits]
            for ((what, place, selector), need), bits in facts.items()
        ]

    def _hit(self, one: Hit) -> Written:
        taint: Taint = one.source
        trail = None if one.trail is taint.trail else [_hops(one.trail)]
        return [one.kind, self._taint(taint), one.path, one.line, one.column, one.end_line, one.sink, trail]


class Reader:
    """Makes the values of one text again."""

    def __init__(self, mark: str, find: Finder, give: Giver) -> None:
        self._mark = mark
        self._find = find
        self._give = give
        self._made: list[Value] = []

    def summary(self, told: Written, serial: int) -> Summary:
        """The same back. Raises LookupError."""
        returns, doubtful, result, facts, after, changed, hits = told
        return Summary(
            result=self.value(result),
            after={number: self.value(one) for number, one in after},
            written={name: self.value(one) for name, one in changed},
            facts=self._facts(facts),
            hits=[self._hit(one) for one in hits],
            returns=returns,
            doubtful=doubtful,
            serial=serial,
        )

    def value(self, told: Written) -> Value:
        """The same back. Raises LookupError."""
        if isinstance(told, str):
            return _SINGLES[told]
        if isinstance(told, int):
            return self._made[told]
        if isinstance(told, list):
            return self._give(told[0])
        at = len(self._made)
        self._made.append(UNKNOWN)  # none within this one is this one
        items = told.get("items")
        made = self._made[at] = Value(
            tuple(self._taint(one) for one in told.get("taints", ())),
            const=_constant_of(told["const"]) if "const" in told else MISSING,
            prefix=told.get("prefix", ""),
            name=told.get("name", ""),
            ref=self._ref(told["ref"]) if "ref" in told else None,
            shape=told.get("shape", ""),
            items=None if items is None else {_key_of(key): self.value(one) for key, one in items},
            rest=self.value(told["rest"]) if "rest" in told else None,
            exact=told.get("exact", False),
            facts=self._both(told),
            seen=told.get("seen", 0),
        )
        return made

    def _both(self, told: Written) -> tuple[Facts, Facts] | None:
        if "facts" not in told:
            return None
        true, false = map(self._facts, told["facts"])
        return OrNone((true, false)) if "none" in told else (true, false)

    def _ref(self, told: Written) -> Any:
        kind, what = told
        if kind == "of":
            return Instance(self._find(what))
        return Choice(tuple(self._ref(one) for one in what)) if kind == "any" else self._find(what)

    def _taint(self, told: Written) -> Taint:
        source, cleaned, weak, hops = told
        return Taint(self._source(source), cleaned, _trail(hops), weak)

    def _source(self, told: Written) -> Source:
        what, place, origin, selector, parent, cleaned, identity, veil = told
        return Source(
            self._label(what), _place(place), origin, selector=selector,
            parent=None if parent is None else self._source(parent), cleaned=cleaned, identity=identity, veil=veil,
        )  # fmt: skip

    def _label(self, what: str) -> str:
        return f"{self._mark}{what[1:]}" if what[:1] == "#" else what

    def _facts(self, told: Written) -> dict[Any, int]:
        return {
            ((self._label(what), _place(place), selector), need): bits
            for what, place, selector, need, bits in told
        }

    def _hit(self, told: Written) -> Hit:
        kind, source, path, line, column, end_line, sink, trail = told
        taint = self._taint(source)
        return Hit(
            kind,
            taint,
            path,
            line,
            column,
            end_line,
            sink,
            taint.trail if trail is None else _trail(trail[0]),
        )


def _place(told: Written) -> Place | None:
    return None if told is None else Place(*told)


def _hops(trail: Trail | None) -> Written:
    return None if trail is None else [[*one.place, one.variable, one.what] for one in trail.hops()]


def _trail(told: Written) -> Trail | None:
    trail: Trail | None = None
    for path, line, column, variable, what in told or ():
        trail = Trail(trail, Place(path, line, column), variable, what)
    return trail


def _constant(const: Any) -> Written:
    if type(const) in (str, bool, type(None)):
        return const
    if type(const) is int and abs(const) < 1 << 4000:  # a text of more digits is not read back
        return const
    if type(const) is float and isfinite(const):
        return const
    if type(const) is bytes:
        return {"bytes": const.decode("latin-1")}
    raise Unwritable


def _constant_of(told: Written) -> Any:
    return told["bytes"].encode("latin-1") if isinstance(told, dict) else told


def _key(key: Any) -> Written:
    return {"attribute": key.attribute} if isinstance(key, Attribute) else _constant(key)


def _key_of(told: Written) -> Any:
    if isinstance(told, dict) and "attribute" in told:
        return Attribute(told["attribute"])
    return _constant_of(told)
