"""The cast of the engine's tests: a project, a way to submit, and workers of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Project, Team
from tasks import runs
from tasks.models import Run
from tasks.plans import Plan, PlannedStep

Submit = Callable[..., Run]


@pytest.fixture
def project(transactional_db: None) -> Project:
    team = Team.objects.create(name="Alice's team", slug="alice")
    return Project.objects.create(team=team, name="Shop", slug="shop")


@pytest.fixture
def submit(project: Project) -> Submit:
    """Submit a plan (or single steps) and give the run."""

    def go(*parts: PlannedStep | Plan, **options: Any) -> Run:
        steps = tuple(s for part in parts for s in ((part,) if isinstance(part, PlannedStep) else part.steps))
        run, _ = runs.submit(
            Plan(steps),
            project_id=project.pk,
            owner_id=None,
            goal=options.pop("goal", "a goal"),
            request=options.pop("request", {}),
            **options,
        )
        return run

    return go


def work(key: str, *, operation: str = "work", agent: str = "probe", **rest: Any) -> PlannedStep:
    """One step of the tests' agent; unknown keywords become its input."""
    known = {name: rest.pop(name) for name in ("after", "reason", "priority", "deadline_seconds") if name in rest}
    return PlannedStep(key=key, agent=agent, operation=operation, input=rest, **known)
