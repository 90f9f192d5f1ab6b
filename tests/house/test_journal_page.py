"""The agent of docs/how_to/do_once_call_ask.md does a real step, and survives a lost attempt at each place."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Project, Team, User
from agents import catalog, registry
from tasks import contract, execution, interruption, runs, stint
from tasks.models import Approval, Queue, Step, WorkerSession
from tasks.plans import PlannedStep, plan_of
from tests.house.checkout import ROOT

PAGE = (ROOT / "docs" / "how_to" / "do_once_call_ask.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```\w+ file=(\S+)\n(.*?)^```$", PAGE, re.M | re.S))
QUEUE = "agent.releases"


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[None]:
    """Let the engine execute the page's agent, in this process."""
    (tmp_path / "releases.py").write_text(FILES["releases.py"])
    monkeypatch.syspath_prepend(tmp_path)
    before = contract.catalog()
    contract.use_catalog(
        catalog.RegistryCatalog(registry.load(built_in=["releases:Releases"], plugins=False))
    )
    Queue.objects.create(name=QUEUE, agent="releases")
    interruption.install()
    now = timezone.now()
    session = WorkerSession.objects.create(
        hostname="test", pid=os.getpid(), queues=[QUEUE], slots=1, started_at=now, heartbeat_at=now,
        lease_until=now + timedelta(hours=1),
    )  # fmt: skip
    monkeypatch.setenv(stint.SESSION_VARIABLE, str(session.pk))
    yield
    contract.use_catalog(before)
    sys.modules.pop("releases", None)


def work_off() -> None:
    while not stint.run_next(QUEUE).endswith("nothing to do"):
        pass


def release(folder: Path) -> Step:
    project = Project.objects.create(team=Team.objects.create(name="t", slug="t"), name="p", slug="p")
    step = PlannedStep(
        key="release", agent="releases", operation="release", input={"name": "1.0", "folder": str(folder)}
    )
    run, _ = runs.submit(plan_of(step), project_id=project.pk, owner_id=None, goal="g", request={})
    work_off()
    return Step.objects.get(run=run, key="release")


def answer(step: Step, *, approved: bool) -> None:
    bob = User.objects.create_user("bob", "bob@example.com", "x")
    runs.decide(Approval.objects.get(step=step).public_id, approved=approved, by_user_id=bob.pk, by="bob")


def lose_after_publishing(folder: Path) -> None:
    """Let an attempt begin to publish, publish, and be lost before it could say so."""
    lease = runs.start(QUEUE, worker=WorkerSession.objects.get().pk, pid=1, worker_name="t")
    assert lease is not None
    context = execution.AttemptContext(lease=lease, project_id=lease.order.project_id)
    with pytest.raises(KeyboardInterrupt):
        context.once("publish", _publish_and_die(folder), effect="once", input="1.0")
    Step.objects.filter(pk=lease.step_pk).update(lost_at=Now())
    assert runs.recover() == 1


def _publish_and_die(folder: Path):
    def deed() -> None:
        (folder / "1.0.published").write_text("done\n")
        raise KeyboardInterrupt

    return deed


@pytest.mark.parametrize("is_lost", [False, True])
def test_version_is_tagged_checked_asked_about_and_published_once(
    releases: None, tmp_path: Path, is_lost: bool
) -> None:
    step = release(tmp_path)
    assert step.state == "waiting_approval"
    assert Approval.objects.get().details == {"tag": "tag:1.0", "checked": True}
    answer(step, approved=True)
    if is_lost:
        lose_after_publishing(tmp_path)
    work_off()
    step.refresh_from_db()
    assert (step.state, step.output) == (
        "succeeded",
        {"receipt": "published:1.0", "checked": True, "approved_by": "bob"},
    )
    assert (tmp_path / "1.0.tag").read_text() == (tmp_path / "1.0.published").read_text() == "done\n"


def test_rejected_version_is_not_published(releases: None, tmp_path: Path) -> None:
    step = release(tmp_path)
    answer(step, approved=False)
    work_off()
    step.refresh_from_db()
    assert (step.state, step.error) == ("dead", {"kind": "failed", "message": "not published: rejected"})
    assert not (tmp_path / "1.0.published").exists()
