"""Modules with what they stand on: layers, cycles, fan-in and fan-out.

The layer of a module is the number of steps down to one that imports nothing of the project: 0 at the bottom. Modules
that import each other in a circle share a layer (levels of the strongly connected components, in topological order).
Only imports that happen when a module is loaded count, unless deferred ones are asked for.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import grimp

from agents.imports import Facts, knots, shortest_cycle, targets

Edge = tuple[str, str]  # importer, imported
MAX_CUT = 1_500  # modules of a cycle for which imports to cut are looked for: the search is quadratic
_STDLIB = frozenset(sys.stdlib_module_names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One module. `cycle` is the number of the cycle that it is part of, 0 for none."""

    name: str
    path: str
    layer: int
    fan_in: int
    fan_out: int
    cycle: int

    @property
    def instability(self) -> float:
        """Martin's I: 0 where others stand on it and it on nobody, 1 for the reverse."""
        total = self.fan_in + self.fan_out
        return self.fan_out / total if total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Modules that reach each other. `way` is a shortest circle, `cut` imports without which there is none."""

    number: int
    modules: tuple[str, ...]
    way: tuple[str, ...]
    cut: tuple[Edge, ...]


@dataclass(slots=True, kw_only=True)
class Architecture:
    """The whole map. `edges` has the line of the first import; `externals` counts the modules that use a package."""

    units: dict[str, Unit]
    edges: dict[Edge, int]
    cycles: tuple[Cycle, ...]
    externals: dict[str, frozenset[str]] = field(default_factory=dict)
    deferred: dict[Edge, int] = field(default_factory=dict)
    is_with_deferred: bool = False

    @property
    def layers(self) -> int:
        return 1 + max((unit.layer for unit in self.units.values()), default=-1)


def read(modules: Mapping[str, str], facts: Facts, *, deferred: bool) -> Architecture:
    """Make the map of modules (name -> path)."""
    edges: dict[Edge, int] = {}
    later: dict[Edge, int] = {}
    externals: dict[str, set[str]] = defaultdict(set)
    tops = {name.partition(".")[0] for name in modules}
    for name, path in modules.items():
        for fact in facts.facts.get(path, ()):
            counted = fact[4] == "load" or (deferred and fact[4] == "deferred")
            for target, line in targets(name, path, [fact], modules):
                (edges if counted else later).setdefault((name, target), line)
            top = fact[0].partition(".")[0]
            if top and not fact[1] and top not in tops and top not in _STDLIB:
                externals[top].add(name)
    cycles = tuple(_cycles(modules, edges))
    layers = layered(modules, edges, [cycle.modules for cycle in cycles])
    inside, outside = Counter(target for _, target in edges), Counter(source for source, _ in edges)
    member = {name: cycle.number for cycle in cycles for name in cycle.modules}
    return Architecture(
        units={
            name: Unit(
                name=name, path=path, layer=layers[name], fan_in=inside[name], fan_out=outside[name],
                cycle=member.get(name, 0),
            )
            for name, path in modules.items()
        },
        edges=edges,
        cycles=cycles,
        externals={name: frozenset(users) for name, users in sorted(externals.items())},
        deferred={edge: line for edge, line in later.items() if edge not in edges},
        is_with_deferred=deferred,
    )  # fmt: skip


def _cycles(modules: Iterable[str], edges: Mapping[Edge, int]) -> Iterator[Cycle]:
    graph = grimp.ImportGraph()
    for module in modules:
        graph.add_module(module)
    for importer, imported in edges:
        graph.add_import(importer=importer, imported=imported)
    found = sorted(knots(edges), key=lambda knot: (-len(knot), knot))
    for number, knot in enumerate(found, start=1):
        yield Cycle(
            number=number,
            modules=tuple(knot),
            way=tuple(shortest_cycle(knot, graph)),
            cut=tuple(sorted(against(knot, dict.fromkeys(edges, 1)))) if len(knot) <= MAX_CUT else (),
        )


def layered(names: Iterable[str], edges: Iterable[Edge], cycles: Iterable[Iterable[str]]) -> dict[str, int]:
    """Give the layer of each name; those of a cycle share one."""
    head = {name: name for name in names}
    for cycle in cycles:
        members = sorted(cycle)
        head.update(dict.fromkeys(members, members[0]))
    below: dict[str, set[str]] = defaultdict(set)
    above: dict[str, set[str]] = defaultdict(set)
    for importer, imported in edges:
        if head[importer] != head[imported]:
            below[head[importer]].add(head[imported])
            above[head[imported]].add(head[importer])
    left = {name: len(below[name]) for name in set(head.values())}
    layer = dict.fromkeys(left, 0)
    ready = sorted(name for name, count in left.items() if not count)
    while ready:
        name = ready.pop()
        for user in sorted(above[name]):
            layer[user] = max(layer[user], layer[name] + 1)
            left[user] -= 1
            if not left[user]:
                ready.append(user)
    return {name: layer[first] for name, first in head.items()}


def against(names: Iterable[str], weights: Mapping[Edge, int]) -> set[Edge]:
    """Choose edges between some names without which nothing goes in a circle there, light ones first.

    Method: greedy feedback arc set (Eades, Lin, Smyth 1993): sinks to the end, sources to the front, else whoever
    gives most more than it takes; the edges that point backwards in that order are the answer.
    """
    out: dict[str, dict[str, int]] = {name: {} for name in names}
    into: dict[str, dict[str, int]] = {name: {} for name in out}
    within = [edge for edge in weights if edge[0] in out and edge[1] in out]
    for source, target in within:
        out[source][target] = into[target][source] = weights[source, target]
    front: list[str] = []
    back: list[str] = []
    left = set(out)
    balance = {name: sum(out[name].values()) - sum(into[name].values()) for name in left}
    while left:
        name = _following(left, out, into, balance)
        left.discard(name)
        (back if not out[name] else front).append(name)
        for other in out.pop(name):
            balance[other] += into[other].pop(name)
        for other in into.pop(name):
            balance[other] -= out[other].pop(name)
    place = {name: number for number, name in enumerate([*front, *reversed(back)])}
    return {edge for edge in within if place[edge[0]] > place[edge[1]]}


def _following(
    left: set[str],
    out: Mapping[str, Mapping[str, int]],
    into: Mapping[str, Mapping[str, int]],
    balance: Mapping[str, int],
) -> str:
    """A sink, else a source, else the name that gives most more than it takes; the alphabet decides ties."""
    return min(left, key=lambda name: (bool(out[name]), bool(into[name]), -balance[name], name))
