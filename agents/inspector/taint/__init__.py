"""The taint engine: follows input through Python code to where it is dangerous. Standard library only.

    tree's files -> project (modules) -> engine (roots) -> frames: statements, expressions, calls, summaries
                                             tables say what a framework's names mean
    sinks -> hits with their hops -> wording

Values are immutable; states are small dictionaries, copied at branches. What reaches a bound is reported as not
analysed. `python -m agents.inspector.taint` runs it alone; the Inspector runs it as one of its analyzers.
"""

from __future__ import annotations

VERSION = "1.2"
