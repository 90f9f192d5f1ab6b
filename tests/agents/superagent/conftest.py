"""Agents for the planner's tests, and a step's context in memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import pytest

from agents.base import OperationContext
from agents.registry import Registry, load
from tasks.contract import ArtifactRef, LogLevel, StepRequest, Upstream
from tasks.errors import ArtifactMissing


@dataclass
class MemoryEngine:
    """A `StepContext` that keeps everything."""

    scratch: Path
    artifacts: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    told: list[tuple[int, int, str]] = field(default_factory=list)

    def progress(self, done: int, total: int, message: str = "") -> None:
        self.told.append((done, total, message))

    def log(self, text: str, *, level: LogLevel = "info") -> None:
        """Keep nothing."""

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        self.events.append((kind, data))

    def cancelled(self) -> bool:
        return False

    def put_artifact(self, name: str, content: bytes | Path | BinaryIO, *, media_type: str) -> ArtifactRef:
        if isinstance(content, Path):
            content = content.read_bytes()
        data = content if isinstance(content, bytes) else content.read()
        digest = hashlib.sha256(data).hexdigest()
        self.artifacts[digest] = data
        self.names[name] = digest
        return ArtifactRef(name=name, digest=digest, size=len(data), media_type=media_type)

    def open_artifact(self, digest: str) -> BinaryIO:
        if digest not in self.artifacts:
            raise ArtifactMissing(digest)
        return io.BytesIO(self.artifacts[digest])


@pytest.fixture
def engine(tmp_path: Path) -> MemoryEngine:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return MemoryEngine(scratch=scratch)


def context_of(
    engine: MemoryEngine, operation: str, upstream: Mapping[str, Upstream] | None = None
) -> OperationContext:
    request = StepRequest(
        run_id=UUID(int=7), project_id=1, step_id=1, step_key=f"super.{operation}", attempt=1, agent="super",
        operation=operation, input={}, run_goal="", run_request={}, upstream=upstream or {},
    )  # fmt: skip
    return OperationContext(request=request, engine=engine)


@pytest.fixture(scope="session")
def built_in() -> Registry:
    """The registry of the built-in agents, without plugins of this host."""
    return load(plugins=False)
