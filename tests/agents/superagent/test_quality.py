"""The gate over whole runs on the real engine: a baseline, a change that breaks it, and redoing mends nothing."""

from __future__ import annotations

import json

from agents.models import RunQuality
from tasks import artifacts
from tasks.models import Artifact
from tests.agents.superagent.test_run import project, report_of, run_of  # noqa: F401 - a fixture

GOAL = "inspect this repository"
CLEAN = '"""A sum."""\n\n\ndef total(values: list[int]) -> int:\n    """Add up."""\n    return sum(values)\n'
UNSAFE = (
    "import subprocess\n\nfrom flask import request\n\n\ndef start() -> None:\n"
    "    subprocess.call(f'run {request.args[0]}', shell=True)\n"
)


def state_of(run) -> str:
    return RunQuality.objects.get(run=run.public_id).gate


def test_a_change_that_breaks_the_gate_goes_on_breaking_it_until_it_is_mended(project, settings, tmp_path):  # noqa: F811 - the fixture
    tree = tmp_path / "tree"
    tree.mkdir()
    settings.LOCAL_ROOTS = [tree]
    (tree / "total.py").write_text(CLEAN)
    first = run_of(project, GOAL, tree)
    told = report_of(first)["quality"]
    assert (state_of(first), told["measures"]["product"]["code"]) == ("baseline", 2)
    assert {name: one["rating"] for name, one in told["ratings"].items()} == dict.fromkeys(
        ("security", "reliability", "maintainability"), "A"
    )
    (tree / "start.py").write_text(UNSAFE)
    for _ in range(2):
        broken = report_of(run_of(project, GOAL, tree))["quality"]["gate"]
        assert broken["state"] == "failed"
        (security,) = [one for one in broken["conditions"] if one["key"] == "new_security"]
        assert {one["path"] for one in security["breaches"]} == {"start.py"}
        assert broken["baseline_run"] == str(first.public_id)
    (tree / "start.py").unlink()
    last = run_of(project, GOAL, tree)
    assert state_of(last) == "passed"
    stored = Artifact.objects.get(step__run=last, name="report.json")
    with artifacts.open_blob(stored.digest) as file:
        assert json.load(file)["quality"]["gate"]["state"] == "passed"


def test_a_project_s_settings_are_applied_and_faulty_ones_are_said(project, settings, tmp_path):  # noqa: F811 - the fixture
    tree = tmp_path / "tree"
    tree.mkdir()
    settings.LOCAL_ROOTS = [tree]
    (tree / "start.py").write_text(UNSAFE)
    (tree / "wrench.toml").write_text("version = 1\n[paths]\nexclude = ['start.py']\n")
    (tree / "total.py").write_text(CLEAN)
    used = report_of(run_of(project, GOAL, tree))
    assert {one["path"] for one in used["top"]} == {"total.py"}
    assert used["quality"]["settings"]["source"] == "of the folder"
    (tree / "wrench.toml").write_text("version = 1\n[paths]\nexcludes = ['start.py']\n")
    told = report_of(run_of(project, GOAL, tree))
    assert {one["path"] for one in told["top"]} == {"total.py", "start.py"}
    fault = "line 3: paths.excludes: there is no such setting; did you mean 'exclude'?"
    assert f"wrench.toml of the folder was not used, the defaults were: {fault}" in told["answer"]
    assert told["quality"]["settings"]["faults"] == [fault]


def test_a_tree_without_python_has_a_gate_that_says_what_it_could_not_ask(project, settings, tmp_path):  # noqa: F811 - the fixture
    tree = tmp_path / "tree"
    tree.mkdir()
    settings.LOCAL_ROOTS = [tree]
    (tree / "sum.js").write_text("export function sum(a, b) {\n  return a + b;\n}\n")
    first = report_of(run_of(project, GOAL, tree))["quality"]
    assert (first["gate"]["state"], first["ratings"]["security"]["rating"]) == ("baseline", None)
    assert "the repository has no Python" in first["ratings"]["security"]["why"]
    (tree / "key.js").write_text('export const key = "AKIAQYLPMN5HFIQR7XYA";\n')
    second = report_of(run_of(project, GOAL, tree))["quality"]["gate"]
    states = {one["key"]: one["state"] for one in second["conditions"]}
    assert (second["state"], states["new_secrets"], states["new_security"], states["new_reliability"]) == (
        "failed", "failed", "not_applicable", "not_applicable",
    )  # fmt: skip
    (tree / "key.js").unlink()
    assert report_of(run_of(project, GOAL, tree))["quality"]["gate"]["state"] == "passed"


def test_findings_that_only_moved_are_not_new_in_the_gate(project, settings, tmp_path):  # noqa: F811 - the fixture
    tree = tmp_path / "tree"
    tree.mkdir()
    settings.LOCAL_ROOTS = [tree]
    (tree / "start.py").write_text(UNSAFE)
    (tree / "total.py").write_text(CLEAN)
    assert report_of(run_of(project, GOAL, tree))["quality"]["gate"]["state"] == "baseline"
    (tree / "start.py").rename(tree / "begin.py")
    moved = report_of(run_of(project, GOAL, tree))
    assert {one["path"] for one in moved["top"] if one["severity"] == "critical"} == {"begin.py"}
    assert (moved["quality"]["gate"]["state"], moved["quality"]["gate"]["conditions"][0]["figure"]) == (
        "passed",
        0,
    )
    (tree / "begin.py").write_text("# a line above\n\n" + UNSAFE.replace("'run {", "'run  {"))
    edited = report_of(run_of(project, GOAL, tree))["quality"]["gate"]
    assert (edited["state"], edited["conditions"][0]["figure"]) == ("passed", 0)
