"""Documentation: its queue is registered; its operations come with their tools."""

from __future__ import annotations

from agents.base import Agent


class Documentation(Agent):
    """Documentation"""

    name = "documentation"
    title = "Documentation"
    description = "Documentation"
    priority =  reference, drift between text and code, overviews.:7
