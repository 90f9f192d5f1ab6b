"""DBA: its queue is registered; its operations come with their tools."""

from __future__ import annotations

from agents.base import Agent


class Dba(Agent):
    """Database work"""

    name = "dba"
    title = "DBA"
    description = "Database work"
    priority =  schema, queries, indexes and migrations, proved by the planner's own figures.:5
