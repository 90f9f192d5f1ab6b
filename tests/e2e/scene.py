"""A believable installation for pictures of pages: a team, its project, and runs of the bundled sample.

The runs are real: planned, analysed, documented and reported by the agents, in the test's own process.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from accounts import credentials, invitations, keys
from accounts.models import Credential
from accounts.roles import Role
from agents import requests, run_links, sights, sweeps
from agents.finding_lists import COUNTING, Wanted
from agents.findings import Severity, Verdict
from agents.workspace import parse_target
from monitoring import webhooks
from tasks import interruption, runs, schedules, sharing, stint
from tasks.contract import catalog
from tasks.models import Run, Schedule, WorkerSession
from tests.api.cast import Cast, make_cast

SHOP = Path(__file__).parents[2] / "samples" / "shop"
MASTER_KEY = "a:" + base64.b64encode(b"a" * 32).decode()
GOALS = ("What should we fix before the release?", "Generate documentation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The people, and runs: `inspected` found things, `documented` wrote pages, `waiting` has not begun.

    `shared` is the token of a link to the first one, `over` of one that was revoked. `sweep` accepted all that is
    low, `invitation` is the token of an invitation to Alice's team.
    """

    cast: Cast
    inspected: Run
    documented: Run
    waiting: Run
    shared: str
    over: str
    sweep: UUID
    invitation: str


def make_scene(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    tree: Path = SHOP,
    goals: tuple[str, str] = GOALS,
) -> Scene:
    """Build it, with runs on `tree` for each of the goals. Takes half a minute of work."""
    settings.LOCAL_ROOTS = [tree.parent]
    monkeypatch.setenv("WRENCH_LOCAL_ROOTS", str(tree.parent))  # for a web that starts later
    settings.WORKSPACE_CACHE_DIR = tmp_path / "cache"
    monkeypatch.setenv("WRENCH_MASTER_KEY", MASTER_KEY)
    settings.MASTER_KEY, settings.MASTER_KEY_FILE = MASTER_KEY, ""
    cast = make_cast()
    _set_up(cast)
    queues = [queue.name for queue in catalog().queues()]
    _be_a_worker(queues, monkeypatch)
    done = [_submitted(cast, goal, tree) for goal in goals]
    while not all(stint.run_next(queue).endswith("nothing to do") for queue in queues):
        pass
    waiting = _submitted(cast, "Find security problems", tree)
    runs.pause(waiting.public_id, by="bob")
    for run in (*done, waiting):
        run.refresh_from_db()
    week = timedelta(days=7)
    ada = sharing.Terms(lasts=week, note="for Ada", with_logs=True, with_files=True)
    _, shared = run_links.make(done[0], cast.bob, ada)
    row, over = run_links.make(done[0], cast.bob, sharing.Terms(lasts=week, note="for Eve", with_files=True))
    sharing.revoke(row, by_id=cast.bob.pk)
    return Scene(
        cast=cast,
        inspected=done[0],
        documented=done[1],
        waiting=waiting,
        shared=shared,
        over=over,
        sweep=_swept(cast),
        invitation=_invited(cast),
    )


def _set_up(cast: Cast) -> None:
    """A webhook, a credential, a key and a schedule of Alice's."""
    now, project = timezone.now(), cast.project
    at = "https://hooks.example.org/wrench"
    webhooks.create(project, at, ["run.finished"], description="The team's channel", by=cast.alice, now=now)
    kind = Credential.Kind.GIT_TOKEN
    credentials.store(
        project, kind, "deploy", "a-token", description="Reads the mirror", by=cast.alice, now=now
    )
    ends = now + timedelta(days=90)
    keys.create(
        cast.alice,
        "nightly CI",
        scopes=["run.submit", "*.view"],
        projects=[project],
        expires_at=ends,
        now=now,
    )
    target = {"kind": "git", "url": "https://git.example.org/team/shop.git", "ref": None, "depth": 1}
    schedules.store(
        Schedule(
            project=project,
            owner=cast.alice,
            name="nightly",
            cron="30 2 * * *",
            time_zone="Europe/Berlin",
            goal="Find security problems",
            request={"target": target},
            created_at=now,
        )
    )


def _swept(cast: Cast) -> UUID:
    low = sights.take([cast.project.pk], Wanted(statuses=COUNTING, severities=(Severity.LOW,)))
    sweep = sweeps.order(cast.alice, low, Verdict.ACCEPT, reason="", until=None)
    return sweeps.work(sweep, seconds=60).public_id


def _invited(cast: Cast) -> str:
    """Somebody is invited to Alice's team by address, and Alice to Charlie's."""
    week = timedelta(days=7)
    invitations.invite(cast.other.team, Role.DEVELOPER, user=cast.alice, by=cast.charlie, lasts=week)
    sent = invitations.invite(
        cast.project.team, Role.DEVELOPER, email="ada@example.org", by=cast.alice, lasts=week
    )
    assert sent.link is not None, "it was mailed"
    return sent.link.rpartition("/")[2]


def _submitted(cast: Cast, goal: str, tree: Path) -> Run:
    target = parse_target({"kind": "path", "path": str(tree)})
    wanted = requests.Request(goal=goal, target=target)
    return requests.submit(wanted, project_id=cast.project.pk, owner_id=cast.bob.pk)[0]


def _be_a_worker(queues: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    interruption.install()
    now = timezone.now()
    session = WorkerSession.objects.create(
        hostname="builder-1",
        pid=os.getpid(),
        queues=queues,
        slots=1,
        started_at=now,
        heartbeat_at=now,
        lease_until=now + timedelta(hours=1),
    )
    monkeypatch.setenv(stint.SESSION_VARIABLE, str(session.pk))
