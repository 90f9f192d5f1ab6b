"""Test engineer: its queue is registered; its operations come with their tools."""

from __future__ import annotations

from agents.base import Agent


class TestEngineer(Agent):
    """Works on test suites: runs them, measures coverage, finds flaky and missing tests."""

    name = "test_engineer"
    title = "Test engineer"
    description = "Works on test suites: runs them, measures coverage, finds flaky and missing tests."
    priority = 6
