"""Journey: its queue is registered; its operations come with their tools."""

from __future__ import annotations

from agents.base import Agent


class Journey(Agent):
    """User interaction"""

    name = "journey"
    title = "Journey"
    description = "User interaction"
    priority =  conversations, task management and follow-up questions.:1
