"""A change reviewed from the command line and over REST, from a real git repository to the summary and exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone

from agents.models import Finding, RunQuality
from tasks import interruption, stint
from tasks.models import Run, Step, WorkerSession
from tests.agents.workspace.conftest import GitServer, git, https_server  # noqa: F401 - fixtures
from tests.api.cast import Cast, _days, _fresh_counts  # noqa: F401 - fixtures
from tests.client.conftest import Client, Done
from tests.e2e.conftest import ROOT, Web
from wrenchai_client.credentials import Credential

pytestmark = pytest.mark.django_db(transaction=True)

SignIn = Callable[[str], Credential]
QUEUES = ["agent.super", "agent.inspector", "agent.documentation"]
OLD = (
    "import subprocess\n\nfrom flask import request\n\n\ndef old():\n"
    "    subprocess.call(f'echo {request.args[0]}', shell=True)\n"
)
NEW = (
    "import subprocess\n\nfrom flask import request\n\n\ndef new():\n"
    "    subprocess.call(f'ls {request.args[0]}', shell=True)\n"
)
MENDED = "import subprocess\n\n\ndef old(name):\n    subprocess.call(['echo', name])\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits: `main`, and one on `feature` that mends a finding, brings one in and moves one."""
    folder = tmp_path / "repo"
    folder.mkdir()
    git("init", "-q", "-b", "main", folder=folder)
    (folder / "a.py").write_text(OLD)
    (folder / "kept.py").write_text(OLD.replace("old", "kept"))
    git("add", "-A", folder=folder)
    git("commit", "-qm", "Begin", folder=folder)
    git("checkout", "-qb", "feature", folder=folder)
    (folder / "a.py").write_text(MENDED)
    (folder / "b.py").write_text(NEW)
    (folder / "moved.py").write_text("# a line\n" + (folder / "kept.py").read_text())
    (folder / "kept.py").unlink()
    git("add", "-A", folder=folder)
    git("commit", "-qm", "Change", folder=folder)
    return folder


@pytest.fixture
def crew(transactional_db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is a worker of the agents."""
    settings.WORKSPACE_CACHE_DIR = tmp_path / "cache"
    settings.LOCAL_ROOTS = [tmp_path]
    interruption.install()
    now = timezone.now()
    session = WorkerSession.objects.create(
        hostname="test", pid=os.getpid(), queues=QUEUES, slots=1, started_at=now, heartbeat_at=now,
        lease_until=now + timedelta(hours=1),
    )  # fmt: skip
    monkeypatch.setenv(stint.SESSION_VARIABLE, str(session.pk))


def work_while(busy: Callable[[], bool]) -> None:
    """Do the agents' steps as long as somebody waits for them."""
    until = time.monotonic() + 200
    while busy() and time.monotonic() < until:
        if all(stint.run_next(queue).endswith("nothing to do") for queue in QUEUES):
            threading.Event().wait(0.1)  # the other process has not asked yet


def client_run(*order: str) -> Done:
    """Run the client in a process of its own, as a CI job would, while this one does the work."""
    argv = [sys.executable, "-m", "wrenchai_client", "run", *order, "--project", "shop"]
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as asking:
        try:
            work_while(lambda: asking.poll() is None)
            out, err = asking.communicate(timeout=60)
        finally:
            asking.kill()
    return Done(asking.returncode, out, err)


@pytest.mark.usefixtures("crew")
def test_client_reviews_a_branch_and_its_exit_code_is_the_gates(
    folk: Cast, sign_in: SignIn, repository: Path, tmp_path: Path, wrenchai: Client
) -> None:
    sign_in("bob")
    out = tmp_path / "out"
    order = (str(repository), "--base", "main", "--goal", "find security problems in this change")
    failed = client_run(*order, "--gate", "--json", "-o", str(out))
    assert (failed.code, "gate failed: New security findings: 1" in failed.err) == (1, True), failed.err
    told = failed.json
    assert told["summary"]["findings"]["critical"] == 1
    found = json.loads((out / "report.json").read_text())["findings"]
    assert {(one["path"], one["is_new"]) for one in found} == {("b.py", True)}
    text = (out / "pull_request.md").read_text()
    main = git("rev-parse", "main", folder=repository)[:12]
    assert f"compared with main ({main}). 3 files changed, 1 of them renamed" in text
    assert text.startswith("## WrenchAI: 1 new finding, 1 fixed\n\n❌ **Gate ")
    assert "`b.py:7` · `" in text
    assert "❌ breaks the gate" in text
    assert "<details><summary>Fixed: 1</summary>\n\n- 🟥 " in text
    assert "moved.py" not in text
    run = Run.objects.get()
    assert not RunQuality.objects.get(run=run.public_id).is_default_branch
    (repository / "b.py").write_text("def new(name):\n    return name\n")
    partly = client_run(*order, "--gate", "-o", str(out))
    assert (partly.code, "gate not computed: " in partly.err) == (1, True), (
        partly.err
    )  # security alone was asked for
    assert "nothing new found, 1 fixed" in (out / "pull_request.md").read_text()
    passed = client_run(str(repository), "--base", "main", "--gate", "-o", str(out))
    assert (passed.code, "gate passed: every condition on new code is kept" in passed.err) == (0, True), (
        passed.err
    )
    assert "✅ **Gate passed**" in (out / "pull_request.md").read_text()
    assert wrenchai("quality").code == 0
    first = wrenchai("quality", str(run.public_id), "--json")
    assert (first.code, first.json["gate"], first.json["details"]["ratings"]["security"]["rating"]) == (
        1,
        "failed",
        None,
    )
    told = wrenchai("quality", str(run.public_id))
    assert told.out.startswith("Gate failed: New security findings: 1, none so severe as high or worse")
    assert " b.py:7\n" in told.out
    assert wrenchai("quality", "--project", "alice/shop").code == 0
    assert wrenchai("quality", "--project", "shop").code == 0
    assert wrenchai("quality", "--project", "alice/none").code == 2


@pytest.mark.usefixtures("crew")
def test_rest_takes_a_base_of_its_own(
    web: Web,
    folk: Cast,
    sign_in: SignIn,
    repository: Path,
    tmp_path: Path,
) -> None:
    token = sign_in("bob").access
    base = tmp_path / "base"
    git("worktree", "add", "-q", str(base), "main", folder=repository)
    order = {
        "project": "shop",
        "goal": "find security problems",
        "target": {"kind": "path", "path": str(repository)},
        "base": {"kind": "path", "path": str(base)},
    }
    answer = httpx.post(f"{web.url}/api/v1/runs", json=order, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201, answer.text
    run = Run.objects.get(public_id=answer.json()["id"])
    work_while(lambda: not Step.objects.filter(run=run, key="super.report", state="succeeded").exists())
    assert {(one.path, one.is_new) for one in Finding.objects.filter(run=run)} == {("b.py", True)}


@pytest.mark.usefixtures("crew")
def test_branch_of_a_git_server_is_compared_with_the_default_branch_if_no_base_is_given(
    folk: Cast,
    sign_in: SignIn,
    repository: Path,
    https_server: GitServer,  # noqa: F811 - the fixture
    settings: Any,
    tmp_path: Path,
) -> None:
    sign_in("bob")
    settings.GIT_PRIVATE_HOSTS = ["localhost"]
    git("checkout", "-q", "main", folder=repository)  # what the server's HEAD names is its default branch
    url, out = f"https://localhost:{https_server.port}/repo/.git", tmp_path / "out"
    order = ("--goal", "find security problems in this change", "-o", str(out))
    reviewed = client_run(url, "--ref", "feature", *order)
    assert reviewed.code == 0, reviewed.err
    report = json.loads((out / "report.json").read_text())
    assert {(one["path"], one["is_new"]) for one in report["findings"]} == {("b.py", True)}
    assert report["target"]["revision"] == git("rev-parse", "feature", folder=repository)
    text = (out / "pull_request.md").read_text()
    assert text.startswith("## WrenchAI: 1 new finding, 1 fixed\n")
    assert "the default branch, as no base was given. 3 files changed, 1 of them renamed" in text
    assert not RunQuality.objects.filter(is_default_branch=True).exists()
    alone = client_run(url, "--ref", "main", "--goal", "review this change")
    assert "Nothing was looked at: the goal speaks of a change, and this run names nothing" in alone.out
    assert not Finding.objects.exclude(run__public_id=report["run_id"]).exists()
