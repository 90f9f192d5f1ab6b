"""A summary speaks of labels; here it is put into the terms of one call."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from agents.inspector.taint.frames import Frame
from agents.inspector.taint.states import State
from agents.inspector.taint.structures import SERIALS, Function, Hit, Partial
from agents.inspector.taint.taints import Source, Taint, Trail, longer, merged
from agents.inspector.taint.values import DEEP, Facts, OrNone, Value, deep_taints


class Labels:
    """Replaces sources by labels, and back."""

    def __init__(self) -> None:
        self.serial = next(SERIALS)
        self.taints: list[Taint] = []
        self.is_private = False  # the shape holds what only this root has
        self._numbers: dict[Any, int] = {}

    def of(self, taint: Taint) -> tuple[Taint, Any]:
        """The label of a taint, and what of it belongs to the shape."""
        key = (taint.source.key, taint.cleaned)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.taints)
            self.taints.append(taint)
        elif taint.weak < self.taints[number].weak:
            self.taints[number] = taint
        weak = taint.weak - self.taints[number].weak  # than another value of the same source
        # What it was clean for from the begin is known to whoever decodes it.
        source = Source(f"#{self.serial}.{number}", None, "label", cleaned=taint.source.cleaned)
        return Taint(source, taint.cleaned, None, weak), (number, taint.cleaned, taint.source.cleaned, weak)


class Back:
    """Translates a summary into the terms of one call."""

    def __init__(
        self, frame: Frame, node: ast.expr, function: Function, taints: list[Taint], mark: str
    ) -> None:
        self.frame = frame
        self.node = node
        self.function = function
        self.taints = taints
        self._closures: dict[int, Function] = {}
        self.mark = mark  # of this summary's own labels; others belong to an outer function

    def taint(self, label: Taint) -> Taint:
        """The call's own taint for a label, with the hops inside the function added."""
        return self._passed(label, label.trail) if self._is_own(label) else label

    def _is_own(self, label: Taint) -> bool:
        return label.source.what.startswith(self.mark)

    def _passed(self, label: Taint, inner: Trail | None) -> Taint:
        """What was passed where the label stands, after the hops of this trail."""
        passed, number = self._without_trail(label)
        passed.trail = self._trail(self.taints[number].trail, inner)
        return passed

    def _without_trail(self, label: Taint) -> tuple[Taint, int]:
        """What was passed where the label stands, and the label's number."""
        number = int(label.source.what[len(self.mark) :])
        actual = self.taints[number]
        source = actual.source
        if label.source.selector:
            source = source.part(label.source.selector)
        return Taint(source, label.cleaned, None, actual.weak + label.weak), number

    def _trail(self, before: Trail | None, inner: Trail | None) -> Trail | None:
        """The hops of what was passed, then those inside: made once, since ways to many sinks begin alike."""
        way = (self.node, self.function, before)
        known = self.frame.trails.setdefault(way, {})
        waiting: list[Trail] = []
        one = inner
        while one is not None and one not in known:
            waiting.append(one)
            one = one.before
        if one is not None:
            trail = known[one]
        else:
            trail = longer(before, self.frame.place(self.node), "", f"passed to {self.function.name}()")
        for hop in reversed(waiting):
            trail = known[hop] = longer(trail, hop.place, hop.variable, hop.what)
        return trail

    def value(self, value: Value, depth: int = DEEP + 1) -> Value:
        """The value in the call's terms."""
        facts = None
        if value.facts is not None:
            both = (self.facts(value.facts[0]), self.facts(value.facts[1]))
            facts = OrNone(both) if isinstance(value.facts, OrNone) else both
        items, rest = value.items, value.rest
        if depth and items:
            items = {key: self.value(one, depth - 1) for key, one in items.items()}
        if depth and rest is not None:
            rest = self.value(rest, depth - 1)
        ref = self.reference(value.ref, depth)
        if not value.taints and all(
            one is other
            for one, other in (
                (items, value.items),
                (rest, value.rest),
                (facts, value.facts),
                (ref, value.ref),
            )
        ):
            return value
        return value.but(taints=self._all(value.taints), items=items, rest=rest, facts=facts, ref=ref)

    def reference(self, ref: Any, depth: int) -> Any:
        """What is called, in the call's terms: a closure sees the variables of the function that made it."""
        if not depth or ref is None:
            return ref
        if isinstance(ref, Function):
            return self._closure(ref, depth)
        if isinstance(ref, Partial):
            positional = tuple(self.value(one, depth - 1) for one in ref.positional)
            keywords = {name: self.value(one, depth - 1) for name, one in ref.keywords.items()}
            return Partial(self.value(ref.target, depth - 1), positional, keywords, self.frame.born)
        return ref

    def _closure(self, closure: Function, depth: int) -> Function:
        made = closure.parent
        if made is None or made.function is not self.function:
            return closure
        if id(closure) not in self._closures:
            if not any(self._is_mine(one) for one in made.state.variables.values()):
                return closure
            seen = Frame(
                made.engine,
                made.module,
                made.budget,
                function=made.function,
                state=State(),
                caller=self.frame,
            )
            self._closures[id(closure)] = found = replace(closure, parent=seen)
            made.engine.closures += (closure, found)
            seen.state.variables.update(
                {name: self.value(one, depth - 1) for name, one in made.state.variables.items()}
            )
        return self._closures[id(closure)]

    def _is_mine(self, value: Value) -> bool:
        return any(self._is_own(one) for one in deep_taints(value))

    def _all(self, taints: tuple[Taint, ...]) -> tuple[Taint, ...]:
        found: tuple[Taint, ...] = ()
        for one in taints:
            found = merged(found, (self.taint(one),))
        return found

    def facts(self, facts: Facts) -> Facts:
        """The facts in the call's terms."""
        found: dict[Any, int] = {}
        for (key, need), bits in facts.items():
            what, place, selector = key
            if what.startswith(self.mark) and place is None:
                source = self.taints[int(what[len(self.mark) :])].source
                source = source.part(selector) if selector else source
                found.update(dict.fromkeys(((own, need) for own in source.keys), bits))
            else:
                found[(key, need)] = bits
        return found

    def hit(self, hit: Hit) -> None:
        """Tell of a sink inside the function that an argument reaches."""
        label: Taint = hit.source
        if not self._is_own(label):
            self.frame.hits.append(hit)
            return
        passed, number = self._without_trail(label)
        for seen in self.frame.state.open((passed,), hit.kind):
            seen.trail = self._trail(self.taints[number].trail, hit.trail)
            told = Hit(hit.kind, seen, hit.path, hit.line, hit.column, hit.end_line, hit.sink, seen.trail)
            if seen.source.origin == "label":
                self.frame.hits.append(told)
            else:
                self.frame.engine.claim(told, self.frame)
