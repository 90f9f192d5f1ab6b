"""Test engineer: its queue is registered; its operations come with their tools."""

from __future__ import annotations

from agents.base import Agent


class TestEngineer(Agent):
    """Test suites"""

    name = "test_engineer"
    title = "Test engineer"
    description = "Test suites"
    priority =  runs, coverage, flaky tests, missing tests.:6
