"""Which class has which members from which other class of the tree.

The order is Python's own (C3, https://docs.python.org/3/howto/mro.html); where classes contradict each other, so that
Python would refuse them, it is depth first. Classes of other projects are not known and lend nothing.
"""

from __future__ import annotations

from agents.documentation.reference.model import MAX_HOPS, base_of
from agents.symbols import Symbol, Symbols

MAX_ANCESTORS = 60
Lent = tuple[str, list[tuple[str, Symbol]]]


class Lineage:
    """The classes of a tree by their qualified names, and what each has from others."""

    def __init__(self, symbols: Symbols) -> None:
        self._classes: dict[str, Symbol] = {}
        self._aliases: dict[str, str] = {}
        self._orders: dict[str, list[str]] = {}
        for _, symbol in symbols.walk():
            if symbol.kind == "class":
                self._classes.setdefault(symbol.path, symbol)
            elif symbol.kind == "alias":
                self._aliases[symbol.path] = symbol.target

    def inherited(self, path: str) -> list[Lent]:
        """Give each ancestor with the members that the class at `path` has from it, nearest first."""
        seen = {member.name for member in self._classes[path].members} if path in self._classes else set()
        lent: list[Lent] = []
        for base in self.ancestors(path):
            members = [
                (one.name, one)
                for one in self._classes[base].members
                if one.name not in seen and one.kind != "alias"
            ]
            seen.update(name for name, _ in members)
            if members:
                lent.append((base, members))
        return lent

    def ancestors(self, path: str) -> list[str]:
        """Give the classes of the tree that a class descends from, in the order in which Python asks them."""
        return self._order(path, ())[1:]

    def _order(self, path: str, below: tuple[str, ...]) -> list[str]:
        if path in self._orders:
            return self._orders[path]
        if path not in self._classes or path in below or len(below) > MAX_ANCESTORS:
            return []
        bases = [found for tokens in self._classes[path].bases if (found := self._resolve(base_of(tokens)))]
        orders = [order for base in bases if (order := self._order(base, (*below, path)))]
        order = [path, *_merged([*orders, [order[0] for order in orders]])][: MAX_ANCESTORS + 1]
        self._orders[path] = order
        return order

    def _resolve(self, path: str) -> str:
        for _ in range(MAX_HOPS):
            if path in self._classes:
                return path
            if path not in self._aliases:
                return ""
            path = self._aliases[path]
        return ""


def _merged(orders: list[list[str]]) -> list[str]:
    """Merge as C3 does; what cannot be merged is appended as it comes."""
    left = [list(order) for order in orders if order]
    merged: list[str] = []
    while left:
        tails = {name for order in left for name in order[1:]}
        head = next((order[0] for order in left if order[0] not in tails), None)
        if head is None:
            rest = dict.fromkeys(name for order in left for name in order)
            return [*merged, *(name for name in rest if name not in merged)]
        merged.append(head)
        left = [kept for order in left if (kept := [name for name in order if name != head])]
    return merged
