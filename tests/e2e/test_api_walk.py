"""The walk of docs/how_to/use_the_api.md, executed as it stands: by bash and curl, on a real server and real work."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import ApiKey, AuditRecord
from tasks import artifacts, interruption, stint
from tasks.models import Artifact, Run, WorkerSession
from tests.api.cast import PASSWORD, Cast, make_cast
from tests.e2e.conftest import ROOT, Web

PAGE = ROOT / "docs" / "how_to" / "use_the_api.md"
QUEUES = ["agent.super", "agent.inspector", "agent.documentation"]
WALK = re.compile(r"^```sh test\n(.*?)^```$", re.M | re.S)
SECONDS = 120


@pytest.fixture
def folk(web: Web) -> Cast:
    return make_cast()


@pytest.fixture
def workers(transactional_db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be the worker of the agents that the walk needs."""
    settings.WORKSPACE_CACHE_DIR = tmp_path / "cache"
    interruption.install()
    interruption.forget()
    now = timezone.now()
    session = WorkerSession.objects.create(
        hostname="test", pid=os.getpid(), queues=QUEUES, slots=1, started_at=now, heartbeat_at=now,
        lease_until=now + timedelta(hours=1),
    )  # fmt: skip
    monkeypatch.setenv(stint.SESSION_VARIABLE, str(session.pk))


def walk(web: Web, folder: Path) -> str:
    """Execute all blocks in one shell, and do the steps that they lead to. Gives what was printed."""
    script = "set -euo pipefail\n" + "\n".join(WALK.findall(PAGE.read_text(encoding="utf-8")))
    (folder / "password.txt").write_text(PASSWORD, encoding="utf-8")
    given = {
        "WRENCH": web.url,
        "NAME": "alice",
        "PASSWORD_FILE": str(folder / "password.txt"),
        "PROJECT": "alice/shop",
        "FOLDER": str(ROOT / "samples" / "shop"),
        "NO_PROXY": "*",
    }
    with (folder / "said").open("w+", encoding="utf-8") as said:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env={**os.environ, **given},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        end = timezone.now() + timedelta(seconds=SECONDS)
        while shell.poll() is None and timezone.now() < end:
            for queue in QUEUES:
                stint.run_next(queue)
        shell.kill()
        said.seek(0)
        told = said.read()
    assert shell.wait() == 0, told
    return told


@pytest.mark.skipif(
    shutil.which("curl") is None and "CI" not in os.environ, reason="the walk is made with curl; install it"
)
def test_walk_of_the_page_leads_from_signing_in_to_a_rerun(
    web: Web, folk: Cast, workers: None, tmp_path: Path
) -> None:
    told = walk(web, tmp_path)
    run = Run.objects.get(parent=None)
    rerun = Run.objects.get(parent=run)
    assert (run.state, run.owner, run.idempotency_key) == ("succeeded", folk.alice, "nightly-2026-11-29")
    assert rerun.project == folk.project
    lines = told.splitlines()
    assert lines[0] == "alice"
    assert lines[1].startswith("The target must be fetched to know what fits it")
    events = [line.split() for line in lines if re.match(r"\d+ (run|step|agent)\.", line)]
    assert [int(event[0]) for event in events] == list(range(1, run.last_seq + 1))
    assert "The run has succeeded" in lines
    assert "true" in lines, "the log is over"
    assert any(re.match(r"\S+Z inspector\.security_scan#1 info: ", line) for line in lines)
    assert "find security problems" in lines
    assert str(run.public_id) in lines, "the root of the rerun"
    assert "state: 'done' is none of accepted" in lines[-1]
    assert json.loads((tmp_path / "report.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith("#")
    first = Artifact.objects.filter(run=run).order_by("name")[0]
    with artifacts.open_blob(first.digest) as blob:
        assert (tmp_path / "part").read_bytes() == blob.read()
    acts = AuditRecord.objects.filter(act="report.exported").values_list("actor", "way")
    assert set(acts) == {("alice", f"key:{ApiKey.objects.get().public_id}")}
