"""Documentation: its queue is registered; its operations come with their tools."""

from __future__ import annotations

from agents.base import Agent


class Documentation(Agent):
    """Writes and checks documentation: reference, drift between text and code, overviews."""

    name = "documentation"
    title = "Documentation"
    description = "Writes and checks documentation: reference, drift between text and code, overviews."
    priority = 7
