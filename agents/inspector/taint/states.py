"""The state at one point of a function: variables and facts.

Owns: copying at branches, joining where they meet. A state is the only thing here that changes. Copying is two
shallow copies of small dictionaries; the values themselves are shared.
"""

from __future__ import annotations

from agents.inspector.taint.kinds import MADE_OF
from agents.inspector.taint.values import (
    MISSING,
    NO_FACTS,
    WEAKEN,
    Facts,
    Taint,
    Value,
    all_facts,
    common_facts,
    join,
)


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
        keys = {source.key for source in taint.source.lineage()}
        doubtful = False
        for (key, need), bits in self.facts.items():
            if key in keys and taint.cleaned & need == need:
                if bits & bit:
                    return None
                doubtful = doubtful or bool(bits & WEAKEN)
        return taint.weaker() if doubtful else taint


def _replaced(holder: Value, old: Value, new: Value, depth: int) -> Value | None:
    items = holder.items or {}
    for key, value in items.items():
        if value is old:
            return holder.but(items={**items, key: new})
        if depth and value.items and (changed := _replaced(value, old, new, depth - 1)) is not None:
            return holder.but(items={**items, key: changed})
    return None


_KINDS = (1 << 40) - 1 | MADE_OF  # bits that a taint can bear


def settled(value: Value, state: State) -> Value:
    """The value with a state's facts about its sources put into it."""
    if not state.facts or not value.taints:
        return value
    taints = tuple(settled_taint(one, state) for one in value.taints)
    return (
        value
        if all(one is other for one, other in zip(taints, value.taints, strict=True))
        else value.but(taints=taints)
    )


def settled_taint(taint: Taint, state: State) -> Taint:
    """The taint with a state's facts about its source put into it."""
    keys = {source.key for source in taint.source.lineage()}
    bits = 0
    for (key, need), known in state.facts.items():
        if key in keys and taint.cleaned & need == need:
            bits |= known
    return taint.with_cleaned(bits & _KINDS) if bits & _KINDS else taint


def joined(first: State, second: State) -> State:
    """The state after two ways meet."""
    if not first.alive:
        return second
    if not second.alive or first is second:
        return first
    variables = dict(first.variables)
    differ = first.facts is not second.facts and first.facts != second.facts
    for name, value in second.variables.items():
        mine = variables.get(name)
        if differ and mine is not value:
            # What only one way knows stays with the value that came that way: `if not safe(x): x = "/"`.
            value = settled(value, second)
            mine = settled(mine, first) if mine is not None else None
        if mine is None:
            variables[name] = value.but(const=MISSING, exact=False) if value.known or value.exact else value
        elif mine is not value:
            variables[name] = join(mine, value)
    for name in first.variables.keys() - second.variables.keys():
        value = variables[name]
        if value.known:
            variables[name] = value.but(const=MISSING)
    return State(variables, common_facts(first.facts, second.facts))
