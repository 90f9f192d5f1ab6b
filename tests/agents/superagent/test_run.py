"""Whole runs on the real engine, in this process: submit, plan, analyse, report."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import Project, Team, User
from agents import requests, triage
from agents.findings import Verdict
from agents.inspector import agent as inspector
from agents.models import Fix, TrackedFinding
from agents.workspace import parse_target
from tasks import artifacts, interruption, stint
from tasks.contract import StepFailed
from tasks.models import Artifact, Run, Step, WorkerSession

SHOP = Path(__file__).parents[3] / "samples" / "shop"
QUEUES = ["agent.super", "agent.inspector", "agent.documentation"]


@pytest.fixture
def project(transactional_db, settings, tmp_path, monkeypatch) -> Project:
    settings.LOCAL_ROOTS = [SHOP.parent]
    settings.WORKSPACE_CACHE_DIR = tmp_path / "cache"
    interruption.install()
    now = timezone.now()
    session = WorkerSession.objects.create(
        hostname="test", pid=os.getpid(), queues=QUEUES, slots=1, started_at=now, heartbeat_at=now,
        lease_until=now + timedelta(hours=1),
    )  # fmt: skip
    monkeypatch.setenv(stint.SESSION_VARIABLE, str(session.pk))
    team = Team.objects.create(name="Alice's team", slug="alice")
    return Project.objects.create(team=team, name="Shop", slug="shop")


def run_of(project: Project, goal: str, path: Path = SHOP) -> Run:
    target = parse_target({"kind": "path", "path": str(path)})
    run, _ = requests.submit(requests.Request(goal=goal, target=target), project_id=project.pk, owner_id=None)
    for _ in range(20):
        if all(stint.run_next(queue).endswith("nothing to do") for queue in QUEUES):
            break
    run.refresh_from_db()
    return run


def report_of(run: Run) -> dict:
    return Step.objects.get(run=run, key="super.report").output


def test_the_shop_is_inspected_and_reported(project):
    run = run_of(project, "what should we fix before the release?")
    steps = dict(Step.objects.filter(run=run).values_list("key", "state"))
    assert (run.state, set(steps.values())) == ("succeeded", {"succeeded"})
    assert {"inspector.lint", "inspector.dead_code", "inspector.infrastructure"} < set(steps)
    told = report_of(run)
    assert sum(told["findings"].values()) > 0
    assert len(told["top"]) == min(10, sum(told["findings"].values()))
    assert any("lines of HTML" in item["what"] for item in told["not_analysed"])
    stored = Artifact.objects.get(step__run=run, name="report.json")
    with artifacts.open_blob(stored.digest) as file:
        plan = json.load(file)["plan"]
    assert [step["attempts"] for step in plan] == [1] * (len(steps) - 2)


def test_a_step_that_fails_leaves_the_others_results_in_the_report(project, monkeypatch):
    real = inspector.analyse_step

    def failing(name, input, context):
        if name == "secret_scan":
            raise StepFailed("the tool exploded", retriable=False)
        return real(name, input, context)

    monkeypatch.setattr(inspector, "analyse_step", failing)
    run = run_of(project, "find security problems")
    states = dict(Step.objects.filter(run=run).values_list("key", "state"))
    assert states == {
        "super.plan": "succeeded",
        "inspector.security_scan": "succeeded",
        "inspector.secret_scan": "dead",
        "super.report": "succeeded",
    }
    told = report_of(run)
    assert sum(told["findings"].values()) > 0
    assert "Without a result: inspector.secret_scan" in told["answer"]
    assert told["not_analysed"][0]["why"] == "its step ended as dead: the tool exploded"


def test_what_was_written_stands_in_the_report(project):
    run = run_of(project, "draw the architecture")
    assert run.state == "succeeded"
    assert report_of(run)["answer"].startswith("Written: ")
    assert report_of(run)["written"] == 1
    with artifacts.open_blob(Artifact.objects.get(step__run=run, name="report.json").digest) as file:
        written = json.load(file)["written"]
    assert [part["title"] for part in written] == [
        "Draw the architecture: the graph of modules with layers, cycles, fan-in and fan-out"
    ]
    names = set(Artifact.objects.filter(step__run=run).values_list("name", flat=True))
    assert names > set(written[0]["files"]) > {"architecture_map.svg", "architecture_map.html"}


@pytest.mark.parametrize("goal", ["translate this poem into French", "tune our PostgreSQL schema"])
def test_a_goal_that_nobody_serves_ends_with_an_answer(project, goal):
    run = run_of(project, goal)
    assert run.state == "succeeded"
    assert "What the agents can do: find bugs" in report_of(run)["answer"]
    assert Artifact.objects.filter(step__run=run, name="report.html").exists()


def test_a_path_that_is_not_there_fails_the_run_with_a_clear_error(project):
    run = run_of(project, "find bugs", SHOP.parent / "nowhere")
    step = Step.objects.get(run=run, key="super.plan")
    assert (run.state, step.state) == ("failed", "dead")
    assert "there is nothing at" in step.error["message"]


def test_a_dismissed_finding_is_not_counted_by_the_next_report(project):
    first = report_of(run_of(project, "find leaked secrets"))
    before = sum(first["findings"].values())
    assert before >= 1
    person = User.objects.create_user("alice")
    chosen = TrackedFinding.objects.order_by("-severity_rank").first()
    with transaction.atomic():
        triage.decide(triage.lock([chosen.pk]), Verdict.DISMISS, reason="a sample", until=None, by=person)
    run = run_of(project, "find leaked secrets")
    told = report_of(run)
    assert sum(told["findings"].values()) == before - 1
    assert told["findings"][chosen.severity] == first["findings"][chosen.severity] - 1
    assert "Not counted, because people dismissed it: 1." in told["answer"]
    stored = Artifact.objects.get(step__run=run, name="report.json")
    with artifacts.open_blob(stored.digest) as file:
        written = json.load(file)
    assert (written["summary"]["findings"], written["summary"]["dismissed"]) == (before - 1, 1)
    assert chosen.fingerprint not in {one["fingerprint"] for one in written["findings"]}
    TrackedFinding.objects.update(until=timezone.now())
    assert sum(report_of(run_of(project, "find leaked secrets"))["findings"].values()) == before


def test_patches_are_made_stored_and_told_when_a_goal_asks_for_them(project):
    run = run_of(project, "fix what you can")
    assert (run.state, set(Step.objects.filter(run=run).values_list("key", flat=True))) == (
        "succeeded",
        {"super.plan", "inspector.fix", "super.report"},
    )
    fixes = {(fix.mend, fix.path, fix.label) for fix in Fix.objects.filter(run=run)}
    assert fixes == {
        ("safe-yaml", "catalog/management/commands/import_products.py", "re-analysed"),
        ("strong-hash", "customers/tokens.py", "re-analysed"),
    }
    stored = Artifact.objects.get(step__run=run, name="fixes.patch")
    with artifacts.open_blob(stored.digest) as file:
        patch = file.read()
    assert patch.count(b"\ndiff --git ") == 1
    assert b"+                rows = yaml.safe_load(stream)\n" in patch
    report = Artifact.objects.get(step__run=run, name="report.json")
    with artifacts.open_blob(report.digest) as file:
        offered = json.load(file)["fixes"]
    assert [(one["mend"], one["label"], "+" in one["diff"]) for one in offered] == [
        ("safe-yaml", "re-analysed", True),
        ("strong-hash", "re-analysed", True),
    ]
    told = set(TrackedFinding.objects.filter(project=project).values_list("fingerprint", flat=True))
    assert told == set(Fix.objects.values_list("fingerprint", flat=True))
