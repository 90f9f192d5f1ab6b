"""The cast of the engine's tests: a project, a way to submit, a worker in this process, and a real cluster."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.utils import timezone

from accounts.models import Project, Team
from tasks import contract, interruption, runs, stint
from tasks.contract import StepResult, catalog, use_first_plan
from tasks.models import Run, Schedule, WorkerSession
from tasks.plans import Part, PlannedStep, plan_of
from tasks.runs.moves import database_now
from tests.engine.cluster import Cluster

Submit = Callable[..., Run]
Operation = Callable[[Any], StepResult]


@pytest.fixture
def project(transactional_db: None) -> Project:
    team = Team.objects.create(name="Alice's team", slug="alice")
    return Project.objects.create(team=team, name="Shop", slug="shop")


@pytest.fixture
def submit(project: Project) -> Submit:
    """Submit parts of a plan and give the run."""

    def go(*parts: Part, **options: Any) -> Run:
        run, _ = runs.submit(
            plan_of(*parts),
            project_id=project.pk,
            owner_id=None,
            goal=options.pop("goal", "a goal"),
            request=options.pop("request", {}),
            **options,
        )
        return run

    return go


@pytest.fixture
def worker(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> WorkerSession:
    """A worker session whose only child is this process: `stint.run_next` works in it."""
    interruption.install()
    interruption.forget()  # a cancel that the test before sent
    stint._paces.clear()  # what the steps of the test before took
    now = timezone.now()
    session = WorkerSession.objects.create(
        hostname="test",
        pid=os.getpid(),
        queues=["agent.probe", "agent.second"],
        slots=1,
        started_at=now,
        heartbeat_at=now,
        lease_until=now + timedelta(hours=1),
    )
    monkeypatch.setenv(stint.SESSION_VARIABLE, str(session.pk))
    return session


class Stand:
    """The real catalog, but each execution does what the test says."""

    def __init__(self, operation: Operation) -> None:
        self.real, self.operation = contract.catalog(), operation

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def execute(self, request: Any, context: Any) -> StepResult:
        return self.operation(context)


@pytest.fixture
def operation() -> Any:
    """Let executions do something else until the test's end."""
    real = contract.catalog()
    yield lambda act: contract.use_catalog(Stand(act))
    contract.use_catalog(real)


@pytest.fixture
def other_worker(worker: WorkerSession) -> uuid.UUID:
    """A second session, to be claimed for by hand."""
    now = timezone.now()
    session = WorkerSession.objects.create(
        hostname="other",
        pid=1,
        queues=["agent.probe"],
        slots=1,
        started_at=now,
        heartbeat_at=now,
        lease_until=now + timedelta(hours=1),
    )
    return session.pk


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def cluster(project: Project, tmp_path: Path) -> Iterator[Cluster]:
    """Real processes: relay, scheduler and workers, started by the test, all ended after it."""
    purge_bells()
    with Cluster(tmp_path) as running:
        yield running


@pytest.fixture
def quick() -> Iterator[None]:
    """The queue's last steps were quick: a turn has as many as it may."""
    pace = stint._paces["agent.probe"] = stint._Pace()
    for _ in range(stint.REMEMBERED):
        pace.took(0.0001)
    yield
    stint._paces.clear()


@pytest.fixture
def first_plan() -> Iterator[None]:
    from agents import requests
    from tests.engine.timetable import probe_plan

    use_first_plan(probe_plan)
    yield
    use_first_plan(requests.plan_for_schedule)


@pytest.fixture
def make_schedule(project: Project, first_plan: None) -> Callable[..., Schedule]:
    """Store a schedule that is due since `ago`, every `interval_seconds`."""

    def go(*, ago: timedelta = timedelta(0), **fields: Any) -> Schedule:
        now = database_now().replace(microsecond=0)
        given = {"interval_seconds": 3600} if "cron" not in fields else {}
        given |= {"name": f"s{Schedule.objects.count()}", "project": project, "goal": "look", **fields}
        given.setdefault("starts_at", now - ago)
        return Schedule.objects.create(next_fire_at=now - ago, **given)

    return go


def purge_bells() -> None:
    """Throw away the bells of tests before, whose steps are gone.

    Any bell may do any ready step of its queue; Flower learns a bell's queue when it is sent, so a step that an
    old bell does has none there.
    """
    with current_app.connection_for_write() as broker:
        for queue in catalog().queues():
            broker.default_channel.queue_purge(queue.name)


def work(key: str, *, operation: str = "work", agent: str = "probe", **rest: Any) -> PlannedStep:
    """One step of the tests' agent; unknown keywords become its input."""
    fields = ("after", "reason", "priority", "deadline_seconds", "limit_key")
    known = {name: rest.pop(name) for name in fields if name in rest}
    values = {name: str(value) if isinstance(value, Path) else value for name, value in rest.items()}
    return PlannedStep(key=key, agent=agent, operation=operation, input=values, **known)


def drain(queue: str = "agent.probe", *, most: int = 1000) -> list[str]:
    """Do in this process whatever is ready, until there is nothing. Returns the lines that Flower would show."""
    lines: list[str] = []
    while len(lines) < most:
        line = stint.run_next(queue)
        if line.endswith("nothing to do"):
            return lines
        lines.append(line)
    raise AssertionError(f"still not drained after {most} attempts")
