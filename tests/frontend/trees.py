"""A run that looked at a tree: its snapshot is stored as planning stores it, its findings as the engine does."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from accounts.models import Project
from agents import workspace
from agents.findings import FindingData
from tasks import artifacts, runs
from tasks.contract import StepResult
from tasks.models import Run, Step
from tests.agents.found import begin, looked

COMMIT = "9f3c1a7be0d2449f8e6c55a1b7d3c2e4f5061728"


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def looked_at(
    project: Project, root: Path, *findings: FindingData, unseen: tuple[str, ...] = (), **more: Any
) -> Run:
    """A run that has looked at this tree and has found these."""
    with TemporaryDirectory() as scratch:
        tree = workspace.Tree(root=root, description="shop", revision=COMMIT)
        snapshot = workspace.store(
            tree,
            lambda name, content, media_type: artifacts.put(name, content, media_type=media_type),
            scratch=Path(scratch),
        )
    run, lease = begin(project)
    Step.objects.filter(run=run).update(agent="super", operation="plan")
    output = {"snapshot": snapshot.model_dump(mode="json"), "web": "https://github.com/acme/shop", **more}
    runs.settle(lease, StepResult(output=output, records=looked(*findings, unseen=unseen).records))
    run.refresh_from_db()
    return run
