"""Documentation: writes and checks documentation from the code alone, without an LLM.

    docstring_report    docstrings that are missing or no longer match the code      griffe, pydoclint

Each operation is a mixin of `agents.documentation.operations`. Nothing of a tree is imported or executed, and
every text made here passes `agents.grounding`: a name that the code does not have ends the step.
"""

from __future__ import annotations

from agents.base import Agent
from agents.documentation.operations.docstrings import Docstrings


class Documentation(Docstrings, Agent):
    """Writes and checks documentation: reference, drift between text and code, overviews."""

    name = "documentation"
    title = "Documentation"
    description = "Writes and checks documentation: reference, drift between text and code, overviews."
    priority = 7
