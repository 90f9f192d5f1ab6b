"""The Documentation agent's operations, called as the engine calls them, with a context in memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import pytest
from pydantic import BaseModel

from agents import workspace
from agents.base import OperationContext
from agents.documentation.agent import Documentation
from agents.findings import FindingData
from agents.patches import FixData
from tasks.contract import ArtifactRef, LogLevel, StepRequest
from tests.agents.databases.conftest import empty_live, live  # noqa: F401 - fixtures
from tests.agents.inspector.trees import plant
from tests.agents.superagent.test_run import project  # noqa: F401 - a fixture

SHOP = Path(__file__).parents[3] / "samples" / "shop"


@dataclass
class Engine:
    """A StepContext that keeps everything in memory."""

    scratch: Path
    stored: dict[str, bytes] = field(default_factory=dict)
    named: dict[str, bytes] = field(default_factory=dict)

    def progress(self, done: int, total: int, message: str = "") -> None:
        assert 0 <= done <= total

    def log(self, text: str, *, level: LogLevel = "info") -> None:
        """Keep nothing."""

    def cancelled(self) -> bool:
        return False

    def put_artifact(self, name: str, content: bytes | Path | BinaryIO, *, media_type: str) -> ArtifactRef:
        read = content.read_bytes() if isinstance(content, Path) else content
        data = read if isinstance(read, bytes) else read.read()
        digest = hashlib.sha256(data).hexdigest()
        self.stored[digest] = self.named[name] = data
        return ArtifactRef(name=name, digest=digest, size=len(data), media_type=media_type)

    def open_artifact(self, digest: str) -> BinaryIO:
        return io.BytesIO(self.stored[digest])


@dataclass(frozen=True)
class Done:
    """What an operation left behind."""

    output: BaseModel
    findings: list[FindingData]
    artifacts: dict[str, bytes]
    summary: str
    fixes: list[FixData] = field(default_factory=list)

    @property
    def places(self) -> list[str]:
        return [f"{finding.rule} {finding.path}:{finding.line}" for finding in self.findings]


Work = Callable[..., Done]


@pytest.fixture
def work(tmp_path: Path, settings: Any) -> Work:
    """Run an operation over a tree: a folder, or files to plant."""
    settings.WORKSPACE_CACHE_DIR = tmp_path / "cache"
    (tmp_path / "scratch").mkdir()

    def run(
        name: str, tree: Path | dict[str, str | bytes], *, request: dict[str, Any] | None = None, **more: Any
    ) -> Done:
        engine = Engine(scratch=tmp_path / "scratch")
        root = plant(tmp_path / "tree", tree) if isinstance(tree, dict) else tree
        stored = workspace.store(
            workspace.Tree(root=root, description="a tree"), engine.put_artifact, scratch=engine.scratch
        )
        if isinstance(base := more.get("base"), Path):
            other = workspace.Tree(root=base, description="its base")
            more["base"] = workspace.store(other, engine.put_artifact, scratch=engine.scratch).digest
        engine.named.clear()
        order = StepRequest(
            run_id=UUID(int=5), project_id=1, step_id=1, step_key=name, attempt=1, agent="documentation",
            operation=name, input={}, run_goal="", run_request=request or {},
        )  # fmt: skip
        context = OperationContext(request=order, engine=engine)  # type: ignore[arg-type]  # no journal here
        operation = Documentation.operations()[name]
        output = operation.method(Documentation(), operation.input(snapshot=stored.digest, **more), context)
        assert type(output).model_validate_json(output.model_dump_json()) == output
        assert list(engine.scratch.iterdir()) == []
        return Done(output, context.findings, dict(engine.named), context.summary, context.fixes)

    return run
