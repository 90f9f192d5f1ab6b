"""Which modules of a tree import which: facts of files, and what follows from them.

    targets(module, path, facts, modules)    the modules of the tree that one imports
    knots(edges)                             sets of modules each of which reaches all others
    shortest_cycle(knot, graph)              a way through one of them

Facts come from parsing, never from importing; grimp's graph is filled with them and asked, and never looks for a
module itself, so nothing of the tree is found on `sys.path`.
"""

from __future__ import annotations

from agents.imports.graph import knots, shortest_cycle, targets
from agents.imports.reading import Facts, ImportsUnreadable, read

__all__ = ["Facts", "ImportsUnreadable", "knots", "read", "shortest_cycle", "targets"]
