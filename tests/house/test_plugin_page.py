"""The package of docs/how_to/add_an_agent.md, installed as a reader would have it, does a real step."""

from __future__ import annotations

import io
import os
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.utils import timezone

from accounts.models import Project, Team
from agents import catalog, registry, workspace
from agents.workspace import Limits
from agents.workspace.targets import PathTarget
from tasks import artifacts, contract, execution, interruption, runs, stint
from tasks.models import Queue, Step, WorkerSession
from tasks.plans import PlannedStep, plan_of
from tests.house.checkout import ROOT

PAGE = (ROOT / "docs" / "how_to" / "add_an_agent.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```\w+ file=(\S+)\n(.*?)^```$", PAGE, re.M | re.S))
EXAMPLE = re.findall(r"^```python test-of-the-package\n(.*?)^```$", PAGE, re.M | re.S)[0]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[registry.Registry]:
    """Put the page's files where an installer would, with the metadata that it makes of pyproject.toml."""
    site = tmp_path / "site"
    metadata = site / "wrench_license-1.0.dist-info"
    metadata.mkdir(parents=True)
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    (metadata / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
            for group, entries in project["entry-points"].items()
        )
    )
    (site / "wrench_license.py").write_text(FILES["wrench_license.py"])
    monkeypatch.syspath_prepend(site)
    yield registry.load()
    sys.modules.pop("wrench_license", None)


@pytest.fixture
def snapshot(tmp_path: Path) -> tuple[str, bytes]:
    """A stored tree with a licence: its digest and its bytes."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "LICENSE").write_text("MIT License\n\nCopyright ...\n")
    stored: list[bytes] = []

    def keep(
        name: str, content: bytes | Path | io.BufferedIOBase, *, media_type: str
    ) -> contract.ArtifactRef:
        ref = artifacts.put(name, content, media_type=media_type)
        with artifacts.open_blob(ref.digest) as blob:
            stored.append(blob.read())
        return ref

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    obtained = workspace.obtain(
        PathTarget(path=str(tree)), scratch=scratch, limits=Limits(), local_roots=[tmp_path], private_hosts=[],
        open_artifact=Mock(), cancelled=lambda: False,
    )  # fmt: skip
    made = workspace.store(obtained, keep, scratch=scratch, limits=Limits(), cancelled=lambda: False)
    return made.digest, stored[-1]


def test_example_of_the_page_runs(installed: registry.Registry, snapshot: tuple[str, bytes]) -> None:
    digest, content = snapshot
    engine = Mock(open_artifact=lambda wanted: io.BytesIO(content))
    exec(compile(EXAMPLE, "<example>", "exec"), {"SNAPSHOT": digest, "ENGINE": engine})


@pytest.mark.django_db(transaction=True)
def test_plugin_does_a_step(
    installed: registry.Registry, snapshot: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installed.broken == ()
    monkeypatch.setattr(contract, "_catalog", catalog.RegistryCatalog(installed))
    Queue.objects.create(name="agent.license", agent="license")
    team = Team.objects.create(name="Alice's team", slug="alice")
    project = Project.objects.create(team=team, name="Shop", slug="shop")
    digest, content = snapshot
    monkeypatch.setattr(execution.AttemptContext, "open_artifact", lambda self, wanted: io.BytesIO(content))
    step = PlannedStep(key="license", agent="license", operation="find", input={"snapshot": digest})
    run, _ = runs.submit(
        plan_of(step), project_id=project.pk, owner_id=None, goal="may we use it?", request={}
    )
    serve_here("agent.license", monkeypatch)

    assert stint.run_next("agent.license").endswith("attempt 1: succeeded")
    assert Step.objects.get(run=run).output == {"path": "LICENSE", "first_line": "MIT License"}
    run.refresh_from_db()
    assert run.state == "succeeded"


def serve_here(queue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process the child of a worker for the queue."""
    interruption.install()
    now = timezone.now()
    session = WorkerSession.objects.create(
        id=uuid.uuid4(), hostname="test", pid=os.getpid(), queues=[queue], slots=1, started_at=now,
        heartbeat_at=now, lease_until=now + timedelta(hours=1),
    )  # fmt: skip
    monkeypatch.setenv(stint.SESSION_VARIABLE, str(session.pk))
