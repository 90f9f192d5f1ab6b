"""What a change makes worse: a whole run with a base, and the rules of comparing."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import Project, Team
from agents import requests
from agents.findings import Evidence, Severity
from agents.inspector.operations.changes import judged
from agents.models import Finding, TrackedFinding
from agents.reporting.change import Change, ChangeOutput, as_pull_request
from agents.reporting.markdown import MAX_CHARACTERS
from agents.workspace import parse_target
from agents.workspace.comparing import Difference
from agents.workspace.errors import TargetInvalid
from tasks import artifacts, interruption, stint
from tasks.models import Artifact, Run, Step, WorkerSession
from tests.agents.found import tracked

QUEUES = ["agent.super", "agent.inspector"]
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


def test_only_what_the_change_brings_in_is_found(project: Project, tmp_path: Path) -> None:
    base = plant(tmp_path / "base", {"a.py": OLD, "b.py": KEPT, "same.py": OLD})
    head = plant(
        tmp_path / "head", {"a.py": "\n", "moved/b.py": "# moved\n" + KEPT, "same.py": OLD, "c.py": NEW}
    )
    run = review(project, head, base, "what does this branch make worse for security?")
    step = Step.objects.get(run=run, agent="inspector")
    assert (run.state, step.operation) == ("succeeded", "review_changes")
    assert "security_scan" in step.input["operations"]
    found = Finding.objects.filter(run=run)
    assert {(one.path, one.is_new) for one in found} == {("c.py", True)}
    assert step.output["fixed_by_severity"] != {}
    assert (step.output["files_changed"], step.output["files_renamed"]) == (3, 1)
    stored = Artifact.objects.get(step=step, name="pull_request.md")
    with artifacts.open_blob(stored.digest) as file:
        told = file.read().decode()
    assert "### New" in told
    assert "`c.py:5`" in told
    assert "b.py" not in told
    assert "same.py" not in told
    assert re.search(r"summary>Fixed: [1-9]", told)
    assert {row.path for row in TrackedFinding.objects.all()} == {"c.py"}


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
        tracked(f"r{n}", path=f"p{n}/{evil}.py", title=evil[:100], message=evil * 20, owner="@org/all",
                severity=Severity.HIGH, evidence=(evidence,) * 5)
        for n in range(2_000)
    )  # fmt: skip
    change = Change(new=many, fixed=many, kept=3, files=1)
    text = as_pull_request(
        change, ChangeOutput.of(change, tools=(), notes=(evil,) * 50), run=uuid4()
    ).decode()
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
