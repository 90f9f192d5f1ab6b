"""What follows from the imports of files: edges between modules, and the knots that they tie."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import grimp


def targets(
    module: str, path: str, facts: Iterable[Iterable[Any]], modules: Mapping[str, str]
) -> Iterator[tuple[str, int]]:
    """Which modules of the project one module imports, and in which line. A fact: name, level, names, line."""
    package = module if path.endswith("/__init__.py") else module.rpartition(".")[0]
    for name, level, names, line, *_ in facts:
        base = name
        if level:
            above = package.split(".")[: len(package.split(".")) - (level - 1)] if package else []
            base = ".".join([*above, *([name] if name else [])])
        for one in names or [""]:
            target = f"{base}.{one}" if one and f"{base}.{one}" in modules else base
            while target and target not in modules and not names:
                target = target.rpartition(".")[0]
            if target in modules and target != module:
                yield target, line


def knots(edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Sets of modules each of which reaches all others: Tarjan's strongly connected components, without recursion."""
    after: dict[str, list[str]] = defaultdict(list)
    for importer, imported in edges:
        after[importer].append(imported)
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[list[str]] = []
    for root in sorted(after):
        if root in number:
            continue
        work = [(root, iter(sorted(after[root])))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, following = work[-1]
            child = next(following, None)
            if child is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    at = stack.index(node)
                    knot, stack[at:] = stack[at:], []
                    on_stack.difference_update(knot)
                    if len(knot) > 1:
                        found.append(sorted(knot))
            elif child not in number:
                number[child] = low[child] = len(number)
                stack.append(child)
                on_stack.add(child)
                work.append((child, iter(sorted(after.get(child, ())))))
            elif child in on_stack:
                low[node] = min(low[node], number[child])
    return sorted(found)


def shortest_cycle(knot: list[str], graph: grimp.ImportGraph) -> list[str]:
    """The shortest way from the first module of a knot back to it."""
    start, inside = knot[0], set(knot)
    ways = [
        graph.find_shortest_chain(importer=imported, imported=start)
        for imported in sorted(graph.find_modules_directly_imported_by(start))
        if imported in inside
    ]
    best = min((way for way in ways if way), key=lambda way: (len(way), way))
    return [start, *best]
