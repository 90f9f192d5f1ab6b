"""Journey: its queue is registered; its operations come with their tools."""

from __future__ import annotations

from agents.base import Agent


class Journey(Agent):
    """Talks with people: conversations, task management and follow-up questions."""

    name = "journey"
    title = "Journey"
    description = "Talks with people: conversations, task management and follow-up questions."
    priority = 1
