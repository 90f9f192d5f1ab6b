"""The architecture of a project: which modules stand on which, as a map. Nothing is imported or executed.

mapping.py     facts of imports -> modules with layers, cycles, fan-in and fan-out
collapsing.py  that -> a graph of few boxes, by a stated rule
placing.py     that -> rows, places and ways of arrows (Sugiyama's method)
drawing.py     that -> SVG
pages.py       the forms: Markdown, Mermaid, JSON, HTML
"""

from __future__ import annotations

from agents.documentation.architecture.collapsing import Picture, collapse
from agents.documentation.architecture.drawing import svg
from agents.documentation.architecture.mapping import Architecture, Cycle, Unit, read
from agents.documentation.architecture.pages import as_json, html, markdown, mermaid

__all__ = [
    "Architecture",
    "Cycle",
    "Picture",
    "Unit",
    "as_json",
    "collapse",
    "html",
    "markdown",
    "mermaid",
    "read",
    "svg",
]
