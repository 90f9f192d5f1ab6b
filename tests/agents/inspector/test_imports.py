"""What other tools found, as the engine meets it: one finding with all tools as evidence, tracked tool by tool."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Project
from agents import requests
from agents.findings_store import findings_of_run
from agents.models import TrackedFinding
from agents.workspace import parse_target
from agents.workspace.targets import SarifFile
from tasks import artifacts, stint
from tasks.models import Artifact, Run, Step
from tests.agents.inspector.imports.logs import log, result, ruff, shop
from tests.agents.inspector.trees import plant
from tests.agents.superagent.test_run import QUEUES
from tests.agents.superagent.test_run import project as _project

BANDIT = (Path(__file__).parent / "imports" / "bandit-1.9.4.sarif").read_bytes()


project = _project


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    made = shop(tmp_path)
    settings.LOCAL_ROOTS = [tmp_path]
    return made


def run_of(project: Project, root: Path, goal: str, *logs: Any, base: Path | None = None) -> Run:
    given = []
    for number, one in enumerate(logs):
        content = io.BytesIO(one if isinstance(one, bytes) else json.dumps(one).encode())
        name = f"{number}.sarif"
        ref = artifacts.put_upload(name, content, project_id=project.pk, owner_id=None, most_bytes=10**8)
        given.append(SarifFile(digest=ref.digest, name=name))
    target = parse_target({"kind": "path", "path": str(root)})
    older = parse_target({"kind": "path", "path": str(base)}) if base else None
    wanted = requests.Request(goal=goal, target=target, sarif=tuple(given), base=older)
    run, _ = requests.submit(wanted, project_id=project.pk, owner_id=None)
    for _ in range(20):
        if all(stint.run_next(queue).endswith("nothing to do") for queue in QUEUES):
            break
    run.refresh_from_db()
    return run


def told(run: Run) -> dict[str, list[str]]:
    """Finding -> the tools that are its evidence."""
    return {
        f"{one.rule} {one.path}:{one.line}": [evidence.tool for evidence in one.evidence]
        for _, one in findings_of_run(run.public_id)
    }


def statuses(project: Project) -> dict[str, str]:
    rows = TrackedFinding.objects.filter(project=project).with_status()
    return {row.rule: row.status_now for row in rows}


def test_goal_that_needs_no_analysis_takes_over_what_was_found(project: Project, root: Path) -> None:
    run = run_of(project, root, "take over the results of other tools", BANDIT)
    assert dict(Step.objects.filter(run=run).values_list("key", "state")) == {
        "super.plan": "succeeded",
        "inspector.import_sarif": "succeeded",
        "super.report": "succeeded",
    }
    assert told(run) == {
        "S602 src/a.py:12": ["bandit"],
        "S307 src/a.py:16": ["bandit"],
        "S608 src/a.py:7": ["bandit"],
        "S324 src/a.py:8": ["bandit"],
        "B404 src/a.py:3": ["bandit"],
    }


def test_results_that_nobody_sees_stand_under_what_was_not_analysed(project: Project, root: Path) -> None:
    suppressed = result(suppressions=[{"kind": "inSource"}])
    no_place = {"ruleId": "R1", "message": {"text": "it is bad"}}
    outside, beyond = result(uri="gone/b.py"), result(10_000)
    logs = [
        log(result(), suppressed, result(kind="pass"), outside, outside, beyond, no_place, "no object"),
        log(outside),
    ]
    run = run_of(project, root, "take over the results of other tools", *logs)
    expected = [
        {"what": f"{count} of Probe", "why": f"not used: {why}"}
        for count, why in (
            ("1 result", "not in SARIF's form"),
            ("3 results", "on a file that is not in this tree, or is left out"),
            ("1 result", "on a line beyond the end of its file"),
            ("1 result", "without a file"),
        )
    ]
    output = Step.objects.get(run=run, key="super.report").output
    assert [one for one in output["not_analysed"] if "of Probe" in one["what"]] == expected

    def stored(name: str) -> str:
        with artifacts.open_blob(Artifact.objects.get(step__run=run, name=name).digest) as file:
            return file.read().decode()

    told = json.loads(stored("report.json"))["not_analysed"]
    assert [one for one in told if "of Probe" in one["what"]] == expected
    for name in ("report.md", "report.html"):
        assert "3 results of Probe" in stored(name)
        assert "suppressed in the report" not in stored(name).partition("3 results of Probe")[2]


def test_what_we_find_too_is_one_finding_with_all_tools(project: Project, root: Path) -> None:
    sql = {"id": "py.sqli", "properties": {"tags": ["security", "CWE-89: SQL"], "security-severity": "9.1"}}
    path = {"id": "py.path", "properties": {"tags": ["CWE-22"]}}
    semgrep = log(
        result(8, ruleId="py.sqli"), result(16, ruleId="py.path"), rules=[sql, path], name="Semgrep OSS"
    )
    run = run_of(project, root, "find security problems", ruff(root, "S"), semgrep)
    found = told(run)
    # one line below, in the same function
    assert sorted(found["S608 src/a.py:7"]) == ["Semgrep OSS", "bandit", "ruff", "taint"]
    assert found["S307 src/a.py:16"] == ["ruff", "bandit", "taint"]
    assert found["semgrep-oss/py.path src/a.py:16"] == ["Semgrep OSS"]  # another weakness on that line
    severities = {one.rule: one.severity.value for _, one in findings_of_run(run.public_id)}
    assert severities["S608"] == "critical"  # the worst that a tool says
    assert len(found) == len({*found}) == TrackedFinding.objects.count()
    with artifacts.open_blob(Artifact.objects.get(step__run=run, name="report.json").digest) as file:
        report = json.load(file)
    imported = [tool for tool in report["tools"] if tool["purpose"] == "imported"]
    assert [(tool["tool"], tool["state"], tool["findings"]) for tool in imported] == [
        ("ruff", "ok", 4),
        ("Semgrep OSS", "ok", 2),
    ]


def test_our_own_report_changes_nothing(project: Project, root: Path) -> None:
    first = run_of(project, root, "find security problems")
    with artifacts.open_blob(Artifact.objects.get(step__run=first, name="report.sarif").digest) as file:
        ours = file.read()
    again = run_of(project, root, "find security problems", ours)
    assert each(again) == each(first)
    alone = run_of(project, root, "take over the results of other tools", ours)
    assert each(alone) == each(first)
    assert {one: each.severity for one, each in by_place(alone).items()} == {
        one: each.severity for one, each in by_place(first).items()
    }
    assert TrackedFinding.objects.count() == len(told(first))


def each(run: Run) -> dict[str, list[str]]:
    return {name: sorted(tools) for name, tools in told(run).items()}


def by_place(run: Run) -> dict[str, Any]:
    return {f"{one.rule} {one.path}:{one.line}": one for _, one in findings_of_run(run.public_id)}


def test_only_a_tool_that_is_given_again_mends_what_it_no_longer_says(project: Project, root: Path) -> None:
    goal = "take over the results of other tools"
    run_of(
        project,
        root,
        goal,
        log(result(ruleId="A"), result(8, ruleId="B")),
        log(result(ruleId="C"), name="Other"),
    )
    assert statuses(project) == {"probe/A": "open", "probe/B": "open", "other/C": "open"}
    run_of(project, root, goal, log(result(ruleId="A")))
    assert statuses(project) == {"probe/A": "open", "probe/B": "fixed", "other/C": "open"}
    failed = log(invocations=[{"executionSuccessful": False}])
    run_of(project, root, goal, failed)
    assert statuses(project) == {"probe/A": "open", "probe/B": "fixed", "other/C": "open"}
    run_of(project, root, goal, log(), log(name="Other"))
    assert statuses(project) == {"probe/A": "fixed", "probe/B": "fixed", "other/C": "fixed"}


def test_with_a_base_only_results_on_new_lines_are_taken_over(
    project: Project, root: Path, tmp_path: Path
) -> None:
    lines = (root / "src/a.py").read_text().split("\n")
    plant(
        tmp_path / "base", {"src/a.py": "\n".join([*lines[:2], "    " + lines[5], *lines[3:7], *lines[8:]])}
    )
    found = log(result(7, ruleId="old"), result(8, ruleId="new"), result(2, ruleId="old-too"))
    run = run_of(project, root, "take over the results of other tools", found, base=tmp_path / "base")
    imported = [one for _, one in findings_of_run(run.public_id) if one.rule.startswith("probe/")]
    assert [(one.rule, one.is_new) for one in imported] == [("probe/new", True)]


def test_a_file_that_is_no_sarif_is_told_and_costs_only_itself(project: Project, root: Path) -> None:
    goal = "take over the results of other tools"
    run = run_of(project, root, goal, log(result()), b"{}")
    assert list(told(run)) == ["probe/R1 src/a.py:7"]
    output = Step.objects.get(run=run, key="inspector.import_sarif").output
    assert output is not None
    tools = output["tools"]
    assert [(tool["tool"], tool["state"]) for tool in tools] == [("Probe", "ok"), ("1.sarif", "failed")]
    assert tools[1]["note"] == "1.sarif: it has no version; what is read is SARIF 2.1.0"
    none = run_of(project, root, goal, b"PK", b"[]")
    step = Step.objects.get(run=none, key="inspector.import_sarif")
    assert (step.state, step.attempts.count()) == ("dead", 1)
    assert step.error is not None
    assert "0.sarif: it is no JSON object" in step.error["message"]


def test_a_secret_is_not_shown(project: Project, root: Path) -> None:
    (root / "src/key.py").write_text('PASSWORD = "hunter2-hunter2"\n')
    leak = log(result(1, uri="src/key.py", ruleId="generic"), name="gitleaks")
    run = run_of(project, root, "take over the results of other tools", leak)
    (one,) = (finding for _, finding in findings_of_run(run.public_id))
    assert (one.category, "hunter2" in one.model_dump_json()) == ("secret", False)
