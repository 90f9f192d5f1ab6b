"""The API reference of a project, from its source alone. Nothing is imported or executed.

choosing.py        symbols -> pages: what is public, and under which name it is documented
inheritance.py     what classes have from each other
prose.py           docstrings -> Markdown that is harmless
rendering.py       that Markdown -> HTML, in a process of its own
signatures.py      declarations as runs of text
html_form.py, markdown_form.py, layout.py, style.py, forge.py     the forms
site.py            everything together, checked and packed
"""

from __future__ import annotations

from agents.documentation.reference.choosing import choose
from agents.documentation.reference.forge import source_of
from agents.documentation.reference.model import Reference
from agents.documentation.reference.rendering import ProseUnreadable
from agents.documentation.reference.site import ReferenceTooLarge, Site, build

__all__ = [
    "ProseUnreadable",
    "Reference",
    "ReferenceTooLarge",
    "Site",
    "build",
    "choose",
    "source_of",
]
