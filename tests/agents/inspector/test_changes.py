"""What a change makes worse: a whole run with a base, and the rules of comparing."""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pydantic import ValidationError

from accounts.models import Project, Team
from agents import requests
from agents.findings import Evidence, Severity
from agents.inspector.operations.changes import ChangeInput, judged
from agents.models import Finding, RunQuality, TrackedFinding
from agents.reporting import NotAnalysed, ReportedFinding, Target
from agents.reporting.change import Change, as_pull_request, output_of_change
from agents.reporting.markdown import MAX_CHARACTERS
from agents.reporting.model import Compared
from agents.workspace import parse_target
from agents.workspace.comparing import Difference
from agents.workspace.errors import TargetInvalid
from tasks import artifacts, interruption, stint
from tasks.models import Artifact, Run, Step, WorkerSession
from tests.agents.found import tracked
from tests.agents.reporting.reports import report

QUEUES = ["agent.super", "agent.inspector", "agent.documentation"]
OLD = "import subprocess\n\n\ndef old(name):\n    subprocess.call(name, shell=True)\n"
KEPT = "import pickle\n\n\ndef kept(data):\n    return pickle.loads(data)\n"
NEW = "import hashlib\n\n\ndef new(data):\n    return eval(data)\n"


@pytest.fixture
def project(
    transactional_db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    settings.LOCAL_ROOTS = [tmp_path]
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


def plant(root: Path, files: dict[str, str]) -> dict[str, str]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return {"kind": "path", "path": str(root)}


def review(project: Project, head: dict[str, str], base: dict[str, str], goal: str) -> Run:
    wanted = requests.Request(goal=goal, target=parse_target(head), base=parse_target(base))
    run, _ = requests.submit(wanted, project_id=project.pk, owner_id=None)
    for _ in range(20):
        if all(stint.run_next(queue).endswith("nothing to do") for queue in QUEUES):
            break
    run.refresh_from_db()
    return run


def pull_request_of(run: Run) -> str:
    stored = Artifact.objects.get(step__run=run, name="pull_request.md")
    with artifacts.open_blob(stored.digest) as file:
        return file.read().decode()


def test_only_what_the_change_brings_in_is_found(project: Project, tmp_path: Path) -> None:
    base = plant(tmp_path / "base", {"a.py": OLD, "b.py": KEPT, "same.py": OLD})
    head = plant(
        tmp_path / "head", {"a.py": "\n", "moved/b.py": "# moved\n" + KEPT, "same.py": OLD, "c.py": NEW}
    )
    run = review(project, head, base, "what does this branch make worse for security?")
    step = Step.objects.get(run=run, operation="review_changes")
    assert run.state == "succeeded"
    assert step.input["operations"] == ["security_scan", "secret_scan", "complexity"]
    found = Finding.objects.filter(run=run)
    assert {(one.path, one.is_new) for one in found} == {("c.py", True)}
    assert {one["path"] for one in step.output["fixed"]} == {"a.py"}
    assert (step.output["files_changed"], step.output["files_renamed"]) == (3, 1)
    told = pull_request_of(run)
    assert "### New" in told
    assert "`c.py:5`" in told
    assert "b.py" not in told
    assert "same.py" not in told
    assert re.search(r"summary>Fixed: [1-9]", told)
    assert {row.path for row in TrackedFinding.objects.all()} == {"c.py"}


def test_review_of_everything_compares_dependencies_and_copies_and_heeds_the_settings(
    project: Project, tmp_path: Path
) -> None:
    body = "".join(f"    total = total + first * {n} - second\n" for n in range(30))
    copied = f"def one(first, second, total):\n{body}    return total\n"
    settings = 'version = 1\n[rules."bandit:*"]\nenabled = false\nreason = "another tool"\n'
    held = {"requirements.txt": "django\n", "one.py": copied, "two.py": copied, "wrench.toml": settings}
    base = plant(tmp_path / "base", held)
    head = plant(
        tmp_path / "head",
        {**held, "lib/requirements.txt": "flask\n", "three.py": copied.replace("one", "three")},
    )
    run = review(project, head, base, "review this change")
    steps = {one.operation: one for one in Step.objects.filter(run=run)}
    assert set(steps) == {"plan", "review_changes", "quality", "report"}
    found = {(one.rule, one.path, one.is_new) for one in Finding.objects.filter(run=run)}
    assert ("unpinned-dependency", "lib/requirements.txt", True) in found
    assert ("duplicated-code", "three.py", True) in found
    assert {path for _, path, _ in found} == {"lib/requirements.txt", "three.py"}
    assert steps["quality"].output["measures"]["new_code"]["lines"] == 32
    told = {one["what"]: one["why"] for one in steps["report"].output["not_analysed"]}
    assert "cannot be compared" in told["Report docstrings that are missing or no longer match the code"]
    assert f"Compared with {tmp_path / 'base'}." in steps["report"].output["answer"]
    gate = steps["report"].output["quality"]["gate"]
    assert {one["key"]: one["state"] for one in gate["conditions"]} == {
        "new_security": "passed", "new_secrets": "passed", "new_reliability": "passed",
        "new_duplication": "failed", "new_maintainability": "passed", "coverage": "passed",
    }  # fmt: skip
    assert "❌ **Gate failed**\n\n- Duplication on new code: 96" in pull_request_of(run)
    stored = RunQuality.objects.get(run=run.public_id)
    assert (stored.gate, stored.security, stored.is_default_branch) == ("failed", None, False)


def test_what_is_named_and_has_no_comparison_is_labelled(project: Project, tmp_path: Path) -> None:
    base = plant(tmp_path / "base", {"a.py": "def a() -> None:\n    pass\n"})
    head = plant(tmp_path / "head", {"a.py": "def a() -> None:\n    pass\n", "b.py": OLD})
    run = review(project, head, base, "review the docstrings of this change")
    assert "Report docstrings that are missing or no longer match the code: not compared" in pull_request_of(
        run
    )
    step = Step.objects.get(run=run, operation="docstring_report")
    told = Step.objects.get(run=run, operation="report").output["not_analysed"]
    assert {one["why"] for one in told if "the change alone" in one["what"]} == {
        "not compared with the base: of the whole head, old or new"
    }
    assert set(Step.objects.filter(run=run).values_list("operation", flat=True)) == {
        "plan", "report", step.operation,
    }  # fmt: skip


def test_review_without_a_base_is_answered(project: Project, tmp_path: Path) -> None:
    head = plant(tmp_path / "head", {"a.py": OLD})
    wanted = requests.Request(goal="Review this change", target=parse_target(head))
    run, _ = requests.submit(wanted, project_id=project.pk, owner_id=None)
    for _ in range(5):
        for queue in QUEUES:
            stint.run_next(queue)
    report = Step.objects.get(run=run, operation="report")
    assert "names nothing to compare it with. Give a base" in report.output["answer"]
    assert Step.objects.filter(run=run).count() == 2


def test_operations_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValidationError, match="'quality' cannot be compared; these can: lint, security_scan"):
        ChangeInput(snapshot="0" * 64, base="1" * 64, operations=["quality"])


def test_copy_is_new_and_file_that_failed_is_not_fixed() -> None:
    old = tracked("a", path="x.py")
    none = Difference(head=frozenset(), base=frozenset(), renamed={})
    copied = judged([old], [old, tracked("a", path="y.py")], none)
    assert ([one.path for one in copied.new], copied.fixed, copied.kept) == (["y.py"], (), 1)
    assert judged([old], [], none).fixed == (old,)
    assert judged([old], [], none, unseen=frozenset({"x.py"})).fixed == ()
    renamed = Difference(head=frozenset({"y.py"}), base=frozenset({"x.py"}), renamed={"y.py": "x.py"})
    assert judged([old], [], renamed, unseen=frozenset({"y.py"})).fixed == ()


def test_summary_is_bounded_and_nothing_in_it_acts() -> None:
    evil = "</details><script>alert(1)</script> @everyone [x](http://evil.example) | ``` \x1b[31m"
    evidence = Evidence(
        kind="tool_trace", tool=evil, tool_version="1", rule=evil, message=evil, snippet=evil * 50, command=evil
    )  # fmt: skip
    many = tuple(
        tracked(f"r{n}", path=f"p{n}/{evil}.py", is_new=True, title=evil[:100], message=evil * 20, owner="@org/all",
                severity=Severity.HIGH, evidence=(evidence,) * 5)
        for n in range(2_000)
    )  # fmt: skip
    change = Change(new=many, fixed=many, kept=3, files=1)
    output = output_of_change(change, tools=(), notes=(evil,) * 50)
    told = report(
        target=Target(description=evil, revision="a" * 40, web="https://github.com/o/r"),
        findings=tuple(ReportedFinding(agent="inspector", finding=one) for one in many),
        compared=Compared(base=evil, change=output, head_only=(evil,)),
        not_analysed=(NotAnalysed(what=evil, why=evil),) * 100,
    )
    assert told.compared is not None
    text = as_pull_request(told, told.compared).decode()
    assert len(json.dumps(output.model_dump(mode="json"))) < 256 * 1024
    assert len(text) <= MAX_CHARACTERS
    outside = re.sub(r"(`{3,})text\n.*?\n\1", "", text, flags=re.DOTALL)
    outside = re.sub(r"(`+) ?.*?\1", "", outside)
    assert "<script" not in outside.replace("\\<", "")
    assert not re.search(r"@(?=\w)", outside)
    assert text.count("<details>") == len(re.findall(r"^</details>$", text, re.MULTILINE))
    assert "\x1b" not in text


def test_base_is_a_ref_of_the_same_repository_or_a_target() -> None:
    git = parse_target({"kind": "git", "url": "https://git.example.org/shop.git", "ref": "feature"})
    assert requests.base_of("main", git) == git.model_copy(update={"ref": "main"})
    assert requests.base_of(None, git) is None
    for wrong in ("--upload-pack=x", 5, [], {"kind": "git"}, ""):
        with pytest.raises(TargetInvalid):
            requests.base_of(wrong, git)
    with pytest.raises(TargetInvalid, match="no git URL"):
        requests.base_of("main", parse_target({"kind": "path", "path": "/x"}))
