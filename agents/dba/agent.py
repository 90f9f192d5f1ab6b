"""DBA: its queue is registered; its operations come with their tools."""

from __future__ import annotations

from agents.base import Agent


class Dba(Agent):
    """Works on databases: schema, queries, indexes and migrations, proved by the planner's own figures."""

    name = "dba"
    title = "DBA"
    description = (
        "Works on databases: schema, queries, indexes and migrations, proved by the planner's own figures."
    )
    priority = 5
