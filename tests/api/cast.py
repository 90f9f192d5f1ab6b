"""The cast of the tests of API and pages: Alice owns a project, Bob develops, Vera views, Charlie is a stranger.

`planner` puts a catalog in place that knows `super.plan`, so that a request can be accepted whatever agents there
are. Nothing is executed with it. `worker` is a worker session whose only child is the test's own process, for runs of
the tests' own agent: `work_off` does what is ready.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import sessions, tokens
from accounts.limits.book import book
from accounts.limits.engine import local
from accounts.limits.shared import circuit
from accounts.models import Membership, Project, SessionKind, Team, User
from accounts.roles import Role
from api import seen
from tasks import contract, events, interruption, partitions, runs, stint
from tasks.changes import Change
from tasks.contract import QueueSpec, StepSpec
from tasks.models import Approval, Run, WorkerSession
from tasks.plans import After, Plan, PlannedStep

PASSWORD = "a long enough password"
GOAL = "Find security problems"
TARGET = {"kind": "git", "url": "https://git.example.org/team/shop.git"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who there is. `other` is a project of Charlie's own."""

    alice: User
    bob: User
    vera: User
    charlie: User
    project: Project
    other: Project


class PlannerCatalog:
    """A catalog with one operation, `super.plan`, that takes any input."""

    def queues(self) -> Iterable[QueueSpec]:
        return [QueueSpec(name="agent.super", agent="super", priority=1)]

    def spec(self, agent: str, operation: str) -> StepSpec:
        return StepSpec(
            agent=agent,
            operation=operation,
            queue=f"agent.{agent}",
            priority=1,
            timeout_seconds=60,
            max_attempts=3,
        )

    def check_input(self, agent: str, operation: str, input: dict[str, Any]) -> list[str]:
        return []


@pytest.fixture
def planner() -> Iterator[None]:
    real = contract.catalog()
    contract.use_catalog(PlannerCatalog())
    yield
    contract.use_catalog(real)


@pytest.fixture(autouse=True)
def _plain_static(settings: Any) -> None:
    """Static files without a manifest, which only collectstatic makes."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "whitenoise" not in name]


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    """Four people per test need no slow hashes."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _fresh_counts() -> None:
    """Attempts to sign in and requests are counted per test."""
    cache.clear()
    book.forget()
    seen.forget()
    local.clear()
    circuit.reset()


@pytest.fixture
def one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts are counted in one minute, however the clock stands: no edge of a window lies in a test."""
    begun = time.time()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: begun))


@pytest.fixture
def steady_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules of the rate limits are read once, not each second, so that queries can be counted."""
    monkeypatch.setattr(book, "_read_seconds", 3_600.0)


@pytest.fixture(scope="session", autouse=True)
def _days(django_db_setup: None, django_db_blocker: Any) -> None:
    """Make the events' partitions outside of the tests' transactions, which would take them back."""
    with django_db_blocker.unblock():
        if (
            "tasks_event" in connection.introspection.table_names()
        ):  # no test of this session may want a database
            partitions.ensure(datetime.now(UTC).date())
        connection.close()


def make_cast() -> Cast:
    team = Team.objects.create(name="Alice's team", slug="alice")
    others = Team.objects.create(name="Charlie's team", slug="charlie")
    project = Project.objects.create(team=team, name="Shop", slug="shop")
    other = Project.objects.create(team=others, name="Other", slug="other")
    people = {}
    for name, role in (("alice", Role.OWNER), ("bob", Role.DEVELOPER), ("vera", Role.VIEWER)):
        people[name] = User.objects.create_user(name, password=PASSWORD)
        Membership.objects.create(user=people[name], team=team, role=role)
    charlie = User.objects.create_user("charlie", password=PASSWORD)
    Membership.objects.create(user=charlie, team=others, role=Role.OWNER)
    return Cast(**people, charlie=charlie, project=project, other=other)


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


def token(user: User, *, lasts: timedelta | None = None) -> str:
    """An access token of a new session of this person's."""
    session = sessions.begin(user, SessionKind.PROGRAM, sessions.Device(), lasts=timedelta(days=1))
    made = tokens.access_token(session)
    if lasts is not None:
        made.set_exp(lifetime=lasts)
    return str(made)


def api(user: User | None) -> APIClient:
    """A program that speaks for this person, or for nobody."""
    client = APIClient()
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token(user)}")
    return client


def browser(user: User) -> Client:
    """A browser in which this person has signed in."""
    client = Client()
    client.force_login(user)
    return client


SubmitRun = Callable[..., Run]


def submit_run(project: Project, owner: User | None = None, *, steps: int = 1, goal: str = GOAL) -> Run:
    """Store a run; no worker touches it."""
    plan = Plan(tuple(PlannedStep(key=f"s{n}", agent="super", operation="plan") for n in range(steps)))
    run, _ = runs.submit(
        plan,
        project_id=project.pk,
        owner_id=owner.pk if owner else None,
        goal=goal,
        request={"goal": goal, "target": TARGET},
    )
    return run


@pytest.fixture
def worker(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker session of this process: `work_off` does the steps of the tests' agent in it."""
    interruption.install()
    now = timezone.now()
    session = WorkerSession.objects.create(
        hostname="test",
        pid=os.getpid(),
        queues=["agent.probe"],
        slots=1,
        started_at=now,
        heartbeat_at=now,
        lease_until=now + timedelta(hours=1),
    )
    monkeypatch.setenv(stint.SESSION_VARIABLE, str(session.pk))


def probe(key: str, operation: str = "work", *, after: str = "", **given: Any) -> PlannedStep:
    """A step of the tests' agent; what is given becomes its input."""
    needs = (After(key=after),) if after else ()
    return PlannedStep(key=key, agent="probe", operation=operation, input=given, after=needs)


def submit_steps(project: Project, *steps: PlannedStep, owner: User | None = None, goal: str = GOAL) -> Run:
    """Store a run of these steps."""
    owner_id = owner.pk if owner else None
    return runs.submit(Plan(steps), project_id=project.pk, owner_id=owner_id, goal=goal, request={})[0]


def work_off() -> None:
    """Do what is ready for the tests' agent, until there is nothing."""
    while not stint.run_next("agent.probe").endswith("nothing to do"):
        pass


def ask(
    project: Project, question: str = "Deploy to production?", *, seconds: int = 0, **who: Any
) -> Approval:
    """Let a step of a new run ask people; `role` and `users` say whom. No answer without `worker`."""
    run = submit_steps(project, probe("a", "ask", note=question, value=seconds), probe("b", after="a"))
    work_off()
    Approval.objects.filter(run=run).update(**who)
    return Approval.objects.get(run=run)


def add_events(run: Run, count: int, *, key: str = "s0") -> int:
    """Append facts to a run as the engine does, with its hint to the sockets. Returns the new head."""
    change = Change(run.pk)
    for n in range(count):
        change.tell(events.StepProgress(key=key, attempt=1, done=n + 1, total=count, message=""))
    with transaction.atomic():
        change.write()
    return Run.objects.values_list("last_seq", flat=True).get(pk=run.pk)
