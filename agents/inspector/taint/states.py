"""The state at one point of a function: variables and facts.

Owns: copying at branches, joining where they meet. A state is the only thing here that changes. Copying is two
shallow copies of small dictionaries; the values themselves are shared.
"""

from __future__ import annotations

from agents.inspector.taint import letters
from agents.inspector.taint.kinds import WITHIN, mask
from agents.inspector.taint.taints import Taint
from agents.inspector.taint.values import (
    MISSING,
    NO_FACTS,
    WEAKEN,
    Facts,
    Value,
    all_facts,
    common_facts,
    join,
)

_KINDS = (1 << 40) - 1 | letters.ALL  # bits that a taint can bear


class State:
    """Variables by name, and what is known of sources here. `alive` is False after return, raise or exit."""

    __slots__ = ("alive", "facts", "variables")

    def __init__(
        self, variables: dict[str, Value] | None = None, facts: Facts = NO_FACTS, alive: bool = True
    ) -> None:
        self.variables: dict[str, Value] = {} if variables is None else variables
        self.facts = facts
        self.alive = alive

    def copy(self) -> State:
        """A state that may go another way."""
        return State(dict(self.variables), self.facts, self.alive)

    def become(self, other: State) -> None:
        """Take over another state's content."""
        self.variables = other.variables
        self.facts = other.facts
        self.alive = other.alive

    def assume(self, facts: Facts) -> None:
        """Add what a branch's condition tells."""
        self.facts = all_facts(self.facts, facts)

    def replace(self, old: Value, new: Value) -> bool:
        """Put a changed container wherever the old one is held, also some levels deep. Tells whether it was."""
        done = False
        for name, value in self.variables.items():
            if value is old:
                self.variables[name] = new
                done = True
            elif value.items and (changed := _replaced(value, old, new, 2)) is not None:
                self.variables[name] = changed
                done = True
        return done

    def open(self, taints: tuple[Taint, ...], bit: int) -> list[Taint]:
        """The taints that are dangerous for a kind here, doubtful ones weakened."""
        return [
            seen for one in taints if not one.cleaned & bit and (seen := self._seen(one, bit)) is not None
        ]

    def _seen(self, taint: Taint, bit: int) -> Taint | None:
        """The taint as these facts leave it: as it is, weaker, or not at all."""
        if not self.facts:
            return taint
        known = self._known_of(taint)
        if known & bit or (bit & _LITERAL and _is_literal(taint, known)):
            return None
        return taint.weaker() if known & WEAKEN else taint

    def _known_of(self, taint: Taint) -> int:
        keys = {key for source in taint.source.lineage() for key in source.keys}
        bits = 0
        for (key, need), known in self.facts.items():
            if key in keys and taint.cleaned & need == need:
                bits |= known
        return bits

    def settled(self, value: Value, depth: int = 2) -> Value:
        """The value with what is known here of its sources put into it, to keep where this state is left."""
        if not self.facts:
            return value
        taints = tuple(self.settled_taint(one) for one in value.taints)
        if any(new is not old for new, old in zip(taints, value.taints, strict=True)):
            value = value.but(taints=taints)
        if depth and value.items:
            items = {key: self.settled(one, depth - 1) for key, one in value.items.items()}
            if any(items[key] is not one for key, one in value.items.items()):
                value = value.but(items=items)
        return value

    def settled_taint(self, taint: Taint) -> Taint:
        """The same of one taint; a doubt makes it less sure."""
        known = self._known_of(taint)
        if not known:
            return taint
        taint = taint.with_cleaned(letters.closed(known & _KINDS | taint.cleaned))
        return taint.weaker() if known & WEAKEN else taint


def _replaced(holder: Value, old: Value, new: Value, depth: int) -> Value | None:
    items = holder.items or {}
    for key, value in items.items():
        if value is old:
            return holder.but(items={**items, key: new})
        if depth and value.items and (changed := _replaced(value, old, new, depth - 1)) is not None:
            return holder.but(items={**items, key: changed})
    return None


def _only_here(state: State, other: State) -> State:
    """What one of two states knows and the other does not: after they meet, only values can tell."""
    if not state.facts or state.facts is other.facts:
        return State()
    return State(None, {key: bits for key, bits in state.facts.items() if bits & ~other.facts.get(key, 0)})


_LITERAL = mask("sql xpath")  # between quotation marks, a text is no more than a literal


def _is_literal(taint: Taint, known: int) -> bool:
    """Tell whether it stands between quotation marks of a sort that does not occur in it."""
    known |= taint.cleaned
    return any(taint.cleaned & within and known & letters.BIT[quote] for quote, within in WITHIN.items())


def joined(first: State, second: State) -> State:
    """The state after two ways meet."""
    if not first.alive:
        return second
    if not second.alive or first is second:
        return first
    variables = dict(first.variables)
    # What only one way knows stays with the value that came that way: `if not safe(x): x = "/"`.
    own, others = _only_here(first, second), _only_here(second, first)
    for name, value in second.variables.items():
        mine = variables.get(name)
        if mine is None:
            value = others.settled(value)
            variables[name] = value.but(const=MISSING, exact=False) if value.known or value.exact else value
        elif mine is not value:
            variables[name] = join(own.settled(mine), others.settled(value))
    for name in first.variables.keys() - second.variables.keys():
        value = variables[name]
        if value.known:
            variables[name] = value.but(const=MISSING)
    return State(variables, common_facts(first.facts, second.facts))
