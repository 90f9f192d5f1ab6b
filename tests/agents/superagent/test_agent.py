"""SuperAgent at work, with artifacts and events in memory."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.findings import Confidence, Evidence, FindingData, Severity, fingerprint
from agents.superagent import agent as subject
from agents.superagent.agent import PlanInput, ReportInput, SuperAgent
from agents.superagent.conclusion import PlanOutput
from agents.workspace import parse_target
from tasks.contract import StepFailed, Upstream
from tasks.plans import validate
from tests.agents.superagent.conftest import context_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _installation(settings, built_in, monkeypatch, tmp_path):
    settings.LOCAL_ROOTS = [tmp_path]
    settings.WORKSPACE_CACHE_DIR = tmp_path / "cache"
    monkeypatch.setattr(subject, "_registry", lambda: built_in)
    monkeypatch.setattr(subject, "_baseline", lambda project: "")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "app.py").write_text("import os\n" * 10)
    (folder / "main.hs").write_text("main = return ()\n")
    with (folder / "dump.bin").open("wb") as file:
        file.truncate(60 * 1024 * 1024)
    return folder


def plan(engine, goal: str, path: Path):
    context = context_of(engine, "plan")
    output = SuperAgent().plan(
        PlanInput(goal=goal, target=parse_target({"kind": "path", "path": str(path)})), context
    )
    return output, context


def test_planning_stores_a_snapshot_and_adds_steps_with_reasons(engine, shop):
    output, context = plan(engine, "inspect this repository", shop)
    assert output.snapshot is not None
    assert engine.names["snapshot.tar"] == output.snapshot.digest
    keys = [step.key for step in context.plan]
    assert keys[:4] == [
        "inspector.lint", "inspector.security_scan", "inspector.secret_scan", "inspector.complexity",
    ]  # fmt: skip
    assert keys[-1] == "super.report"
    validate(context.plan, stored_keys=["super.plan"])
    assert output.chosen[0].reason == "10 lines of Python; the goal asks for an inspection of the whole"
    assert [left.what for left in output.uncovered] == ["1 line of Haskell"]
    assert [skipped.path for skipped in output.snapshot.skipped] == ["dump.bin"]
    assert [kind for kind, _ in engine.events] == ["snapshot", "profile", "planned"]
    assert [os.listdir(engine.scratch / name) for name in os.listdir(engine.scratch)] == [[]]


def test_a_goal_that_nobody_serves_is_answered_without_touching_the_target(engine, tmp_path):
    output, context = plan(engine, "book a flight to Rome", tmp_path / "nowhere")
    assert output.answer is not None
    assert output.answer.startswith("Nobody here can do this: 'book a flight to rome'.")
    assert [step.key for step in context.plan] == ["super.report"]
    assert engine.artifacts == {}


def test_a_goal_that_does_not_fit_the_repository_says_why(engine, tmp_path):
    (tmp_path / "go").mkdir()
    (tmp_path / "go" / "main.go").write_text("package main\n")
    output, context = plan(engine, "find bugs", tmp_path / "go")
    assert output.answer is not None
    assert "the repository has no Python" in output.answer
    assert [step.key for step in context.plan] == ["super.report"]


def test_a_bad_target_fails_with_the_workspace_s_words(engine, tmp_path):
    with pytest.raises(StepFailed, match="there is nothing at") as caught:
        plan(engine, "find bugs", tmp_path / "nowhere")
    assert (caught.value.retriable, caught.value.kind) == (False, "PathMissing")


def ended(key: str, state: str = "succeeded", **more) -> Upstream:
    agent, _, operation = key.partition(".")
    values = {
        "output": None,
        "error": None,
        "started_at": NOON,
        "ended_at": NOON + timedelta(seconds=2),
        **more,
    }
    return Upstream(key=key, agent=agent, operation=operation, state=state, **values)


def finding(severity: Severity, line: int, confidence: Confidence = Confidence.HIGH) -> FindingData:
    evidence = Evidence(kind="tool_trace", tool="ruff", tool_version="1", rule="F1", message="m")
    return FindingData(
        rule="F1", title="t", message="m", severity=severity, confidence=confidence, category="bug",
        path="app.py", line=line, end_line=line, evidence=(evidence,),
        fingerprint=fingerprint(rule="F1", path="app.py", scope="", line_text=str(line)),
    )  # fmt: skip


def report(engine, monkeypatch, output: PlanOutput, upstream, findings=()):
    monkeypatch.setattr(subject, "_findings", lambda run: (list(findings), 0))
    monkeypatch.setattr(subject, "_attempts", lambda run: {"inspector.lint": 2})
    monkeypatch.setattr(subject, "_compared", lambda request, plan: ([], {}))
    monkeypatch.setattr(subject, "_offered", lambda run: ())
    context = context_of(engine, "report", {step.key: step for step in upstream})
    return SuperAgent().report(ReportInput(plan=output), context), context


def test_what_is_read_first_is_told_by_severity_with_its_doubt(engine, shop, monkeypatch):
    output, _ = plan(engine, "find bugs", shop)
    small = [("inspector", finding(Severity.LOW, line)) for line in (11, 12)]
    doubtful = ("inspector", finding(Severity.HIGH, 5, Confidence.MEDIUM))
    guesses = [("inspector", finding(Severity.MEDIUM, line, Confidence.LOW)) for line in range(20, 40)]
    told, _ = report(
        engine, monkeypatch, output, [ended("inspector.lint", output={"tools": [], "summary": "s"})],
        [*guesses, *small, doubtful],
    )  # fmt: skip
    assert [(top.severity, top.confidence, top.line) for top in told.top[:2]] == [
        ("high", "medium", 5),
        ("medium", "low", 20),
    ]
    assert [(top.severity, top.confidence, top.line) for top in told.top[-2:]] == [
        ("low", "high", 11),
        ("low", "high", 12),
    ]
    assert len(told.top) == 10


def test_a_failed_step_does_not_lose_the_others_results(engine, shop, monkeypatch):
    output, _ = plan(engine, "find bugs and leaked secrets", shop)
    tool = {"tool": "ruff", "version": "1", "state": "partial", "failed_count": 1, "files_analysed": 1,
            "failed": [{"path": "x.py", "reason": "syntax error"}]}  # fmt: skip
    told, _ = report(
        engine, monkeypatch, output,
        [ended("inspector.lint", output={"tools": [tool], "summary": "s"}),
         ended("inspector.secret_scan", "dead", error={"kind": "failed", "message": "out of memory"})],
        [("inspector", finding(Severity.LOW, 3)), ("inspector", finding(Severity.HIGH, 2))],
    )  # fmt: skip
    assert told.findings == {"critical": 0, "high": 1, "medium": 0, "low": 1, "info": 0}
    assert [(top.severity, top.line) for top in told.top] == [("high", 2), ("low", 3)]
    assert [(item.what, item.why) for item in told.not_analysed] == [
        (
            "Find passwords, API keys and tokens that are in the repository",
            "its step ended as dead: out of memory",
        ),
        ("a part of what ruff looks for", "1 file could not be fully analysed: x.py: syntax error"),
        (
            "1 line of Haskell",
            "no chosen analysis knows this language; only those for any text read it (secret_scan)",
        ),
        ("dump.bin", "60.0 MB; files over 50.0 MB are left out"),
    ]
    assert "Without a result: inspector.secret_scan" in told.answer
    assert sorted(told.reports) == ["report.html", "report.json", "report.md", "report.sarif"]
    assert set(told.reports) <= set(engine.names)
    written = json.loads(engine.artifacts[engine.names["report.json"]])
    assert [step["attempts"] for step in written["plan"]] == [2, 0]


def test_files_that_no_tool_was_given_are_named_and_nothing_is_called_clean(engine, shop, monkeypatch):
    output, _ = plan(engine, "find bugs and leaked secrets", shop)
    lint = {
        "tool": "ruff",
        "version": "1",
        "state": "not_applicable",
        "skipped_by_reason": {"not UTF-8 text": 2},
    }
    scan = lint | {"tool": "detect-secrets", "skipped_by_reason": {"not UTF-8 text": 3, "binary": 1}}
    told, _ = report(
        engine, monkeypatch, output,
        [ended("inspector.lint", output={"tools": [lint], "summary": "s"}),
         ended("inspector.secret_scan", output={"tools": [scan], "summary": "s"})],
    )  # fmt: skip
    named = [(item.what, item.why) for item in told.not_analysed]
    assert [one for one in named if one[0].endswith(("file", "files"))] == [
        ("1 file", "binary"),
        ("3 files", "not UTF-8 text"),
    ]
    assert told.answer.startswith("Nothing could be analysed, so nothing is known. 2 of 2 planned")


def test_a_refused_goal_ends_with_a_report_that_gives_the_answer(engine, tmp_path, monkeypatch):
    output, _ = plan(engine, "translate this poem into French", tmp_path)
    told, context = report(engine, monkeypatch, output, [])
    assert told.answer == output.answer == context.summary
    assert told.top == ()
    assert b"translate this poem" in engine.artifacts[engine.names["report.md"]]


def test_the_outputs_stay_within_what_a_step_may_hand_back(engine, shop, monkeypatch):
    for number in range(300):
        (shop / f"{'ж' * 110}{number}").symlink_to("nowhere")
    output, _ = plan(engine, "find bugs and " + "ж" * 4000, shop)
    lint = ended("inspector.lint", "dead", error={"kind": "failed", "message": "ж" * 50_000})
    told, _ = report(engine, monkeypatch, output, [lint])
    for handed_back in (output, told):
        assert len(json.dumps(handed_back.model_dump(mode="json"))) < 256 * 1024
    assert told.not_analysed[-1].what.endswith(" more")


def test_a_reviewed_folder_is_judged_by_the_settings_of_its_base(engine, shop, tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    (base / "app.py").write_text("import os\n")
    (base / "wrench.toml").write_text("version = 1\n[gate]\nnew_security = 'low'\n")
    (shop / "wrench.toml").write_text("version = 1\n[gate]\nnew_security = 'off'\n")
    target, compared = (parse_target({"kind": "path", "path": str(one)}) for one in (shop, base))
    output = SuperAgent().plan(
        PlanInput(goal="review this change", target=target, base=compared), context_of(engine, "plan")
    )
    used = output.configured
    assert (used.settings.gate.new_security, used.source) == ("low", "of what the change is compared with")
