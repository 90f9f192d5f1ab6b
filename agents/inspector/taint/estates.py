"""What a root leaves at globals and fields, in a form that outlives it: closures, bound methods and partials.

A closure sees the variables of the call that made it, and this call's objects are known to nobody outside its root.
So what is left is a copy: of each variable whose name stands in the closure, without what labels say, since the
summaries that these belong to are finished. Two copies that tell the same are one object, whichever roots left them:
whoever reads a field depends on what is there, not on all that the root read which left it.

A copy is no deeper than needed to call what is left: a closure that refers to itself, what stands LEVELS closures
deep and what a `super()` would give are forgotten, and so are classes that a root made, with their instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from agents.inspector.taint.belongings import holds, is_own
from agents.inspector.taint.frames import Budget, Frame
from agents.inspector.taint.ledger import BEFORE_ROOTS
from agents.inspector.taint.origins import OF, Origins
from agents.inspector.taint.structures import Bound, Class, Function, Instance, Partial, Super
from agents.inspector.taint.taints import Taint
from agents.inspector.taint.tokens import CONSTANTS, SINGLE, Nameless, Tokens
from agents.inspector.taint.values import DEEP, MISSING, UNKNOWN, Choice, Value

LEVELS = 2  # of what is called within each other's variables
MOST = 500  # values of one estate


class LeftFrame(Frame):
    """The variables that a closure sees of a call whose root has ended."""

    __slots__ = ()


class Estates:
    """What the roots of one run left, by the tokens."""

    def __init__(self, tokens: Tokens, origins: Origins) -> None:
        self._tokens = tokens
        self._origins = origins
        self._known: dict[str, Any] = {}

    def left(self, value: Value) -> Value:
        """The value as later roots see it."""
        return _Heir(self, self._tokens).value(value) if holds((value,), is_own) else value

    def find(self, token: str) -> Any:
        """What is left under this token; None if it was not seen in this run."""
        return self._known.get(token)

    def add(self, token: str, ref: Any) -> Any:
        """Note what is left under a token. Gives what is known by it."""
        known = self._known.get(token)
        if known is None:
            known = self._known[token] = ref
            self._tokens.left[ref] = token
            for number, value in enumerate(_held(_values(ref))):
                self._origins.hold(value, f"^{token}{OF}{number}")
        return known

    def token(self, ref: Any) -> str:
        """The token of what is left, "" if it is something else."""
        return self._tokens.left.get(ref, "")


class _Heir:
    """Copies one estate."""

    def __init__(self, estates: Estates, tokens: Tokens) -> None:
        self._estates = estates
        self._tokens = tokens
        self._done: dict[int, Value] = {}
        self._open: list[Any] = []  # what is copied, outermost first
        self._left = MOST

    def value(self, value: Value, depth: int = DEEP) -> Value:
        """The value, itself if it stands in no closure and nothing in it was copied."""
        if id(value) in SINGLE or self._tokens.is_shared(value):
            return value
        known = self._done.get(id(value))
        if known is not None:
            return known
        self._left -= 1
        if self._left < 0 or (depth < 0 and self._open):
            return UNKNOWN
        items, rest = value.items, value.rest
        if items is not None:
            items = {key: self.value(one, depth - 1) for key, one in items.items()}
        if rest is not None:
            rest = self.value(rest, depth - 1)
        ref = self._ref(value.ref)
        if self._open:
            taints = tuple(one for one in value.taints if not _is_label(one))
            const = value.const if type(value.const) in CONSTANTS else MISSING
            made = value.but(items=items, rest=rest, ref=ref, taints=taints, const=const, facts=None)
        elif ref is value.ref and rest is value.rest and _are_same(items, value.items):
            made = value
        else:
            made = value.but(items=items, rest=rest, ref=ref)
        self._done[id(value)] = made
        return made

    def _ref(self, ref: Any) -> Any:
        if isinstance(ref, Choice):
            options = dict.fromkeys(one for each in ref.options if (one := self._ref(each)) is not None)
            return Choice(tuple(options)) if len(options) > 1 else next(iter(options), None)
        if isinstance(ref, Instance):
            return ref if ref.cls.born < 0 else None
        if isinstance(ref, Class):
            return ref if ref.born < 0 else None
        if isinstance(ref, Super):
            return None
        if isinstance(ref, (Bound, Partial)):
            return self._copied(ref) if ref.born >= 0 else ref
        if isinstance(ref, Function) and ref.parent is not None and ref.parent.born >= 0:
            return self._copied(ref)
        return ref

    def _copied(self, ref: Any) -> Any:
        if len(self._open) == LEVELS or any(one is ref for one in self._open):
            return None
        self._open.append(ref)
        done = self._done
        try:
            made = self._copy(ref)
            return None if made is None else self._estates.add(self._tokens.reference(made), made)
        except Nameless:
            return None
        finally:
            self._done = done
            self._open.pop()

    def _apart(self, value: Value) -> Value:
        """A copy that shares no object with what was copied before: tokens do not tell which values do."""
        self._done = {}
        return self.value(value)

    def _copy(self, ref: Any) -> Any:
        if isinstance(ref, Bound):
            function = self._ref(ref.function)
            return None if function is None else Bound(function, self._apart(ref.receiver))
        if isinstance(ref, Partial):
            keywords = {name: self._apart(one) for name, one in ref.keywords.items()}
            return Partial(self._apart(ref.target), tuple(map(self._apart, ref.positional)), keywords)
        frame = self._frame(ref.parent, ref.names)
        if frame is None or _is_made(ref.owner):
            return None
        return replace(
            ref,
            parent=frame,
            decorators=tuple(map(self._apart, ref.decorators)),
            decorated=None if ref.decorated is None else self._apart(ref.decorated),
            defaults={name: self._apart(one) for name, one in ref.defaults.items()},
        )

    def _frame(self, frame: Frame, names: frozenset[str]) -> Frame | None:
        """What a closure with these names in it sees of a frame; None if it cannot outlive its root."""
        function = frame.function
        if function is None or frame.born < 0:
            return frame
        outer = None
        if function.parent is not None and not function.parent.is_module:
            outer = self._frame(function.parent, names)
        if _is_made(function.owner) or (outer is None) != (
            function.parent is None or function.parent.is_module
        ):
            return None
        return left_frame(
            frame.engine,
            Function(function.node, frame.module, function.name, function.owner, outer),
            {name: self._apart(one) for name, one in sorted(frame.state.variables.items()) if name in names},
        )


def left_frame(engine: Any, function: Function, variables: dict[str, Value]) -> LeftFrame:
    """A frame that no root executes any more."""
    made = LeftFrame(engine, function.module, Budget(0, 0), function=function)
    made.born = BEFORE_ROOTS
    made.state.variables.update(variables)
    return made


def _values(ref: Any) -> Iterator[Value]:
    """The values that belong to something left, in an order that every run has."""
    if isinstance(ref, Bound):
        yield ref.receiver
    elif isinstance(ref, Partial):
        yield from (ref.target, *ref.positional, *ref.keywords.values())
    else:
        yield from (*ref.decorators, *ref.defaults.values())
        if ref.decorated is not None:
            yield ref.decorated
        frame = ref.parent
        while isinstance(frame, LeftFrame):
            yield from frame.state.variables.values()
            frame = frame.parent


def _held(values: Iterable[Value]) -> Iterator[Value]:
    """These values and those within them."""
    for value in values:
        yield value
        if value.items is not None:
            yield from _held(value.items.values())
        if value.rest is not None:
            yield from _held((value.rest,))


def _is_made(cls: Class | None) -> bool:
    return cls is not None and cls.born >= 0


def _is_label(taint: Taint) -> bool:
    encoded = taint.source.encoded
    return taint.source.what[:1] == "#" or (encoded is not None and _is_label(encoded))


def _are_same(one: dict[Any, Value] | None, other: dict[Any, Value] | None) -> bool:
    return one is other or (
        one is not None and other is not None and all(one[key] is other[key] for key in other)
    )
