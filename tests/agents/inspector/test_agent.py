"""The Inspector as the engine meets it: a stored snapshot in, findings and coverage out."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import pytest
from pydantic import ValidationError

from agents import workspace
from agents.base import OperationContext
from agents.inspector.agent import Inspector
from agents.inspector.steps import AnalysisInput
from agents.reporting import AnalysisOutput, ToolState
from tasks.contract import ArtifactRef, LogLevel, StepCancelled, StepRequest
from tasks.plans import JsonObject
from tests.agents.inspector.trees import places, plant


@dataclass
class Engine:
    """A StepContext that keeps everything in memory."""

    scratch: Path
    stored: dict[str, bytes] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    steps: list[tuple[int, int, str]] = field(default_factory=list)
    is_cancelled: bool = False

    def progress(self, done: int, total: int, message: str = "") -> None:
        self.steps.append((done, total, message))

    def log(self, text: str, *, level: LogLevel = "info") -> None:
        self.told.append(text)

    def emit(self, kind: str, data: JsonObject) -> None:
        raise AssertionError("the Inspector emits nothing of its own")

    def cancelled(self) -> bool:
        return self.is_cancelled

    def put_artifact(self, name: str, content: bytes | Path | BinaryIO, *, media_type: str) -> ArtifactRef:
        read = content.read_bytes() if isinstance(content, Path) else content
        data = read if isinstance(read, bytes) else read.read()
        digest = hashlib.sha256(data).hexdigest()
        self.stored[digest] = data
        return ArtifactRef(name=name, digest=digest, size=len(data), media_type=media_type)

    def open_artifact(self, digest: str) -> BinaryIO:
        return io.BytesIO(self.stored[digest])


@pytest.fixture
def engine(tmp_path: Path, settings: Any) -> Engine:
    settings.WORKSPACE_CACHE_DIR = tmp_path / "cache"
    (tmp_path / "scratch").mkdir()
    return Engine(scratch=tmp_path / "scratch")


def _context(engine: Engine, operation: str) -> OperationContext:
    request = StepRequest(
        run_id=uuid4(),
        project_id=1,
        step_id=1,
        step_key=operation,
        attempt=1,
        agent="inspector",
        operation=operation,
        input={},
        run_goal="find problems",
        run_request={},
    )
    return OperationContext(request=request, engine=engine)


def _snapshot(engine: Engine, tmp_path: Path, files: dict[str, str | bytes]) -> AnalysisInput:
    tree = workspace.Tree(root=plant(tmp_path / "tree", files), description="a tree")
    stored = workspace.store(tree, engine.put_artifact, scratch=engine.scratch)
    return AnalysisInput(snapshot=stored.digest)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("lint", ["F821 a.py:2"]),
        ("security_scan", ["S307 a.py:1"]),
        ("secret_scan", []),
        ("complexity", []),
    ],
)
def test_operation_reads_the_snapshot_and_hands_back_findings(
    engine: Engine, tmp_path: Path, operation: str, expected: list[str]
) -> None:
    input = _snapshot(engine, tmp_path, {"a.py": "x = eval(input())\nprint(undefined)\n"})
    context = _context(engine, operation)
    output = getattr(Inspector(), operation)(input, context)
    assert places(context.findings) == expected
    assert {run.state for run in output.tools} == {ToolState.OK}
    assert context.summary == output.summary
    assert AnalysisOutput.model_validate_json(output.model_dump_json()) == output
    assert engine.steps[-1][0] == engine.steps[-1][1] > 0
    assert engine.told[0] == "1 text files, 0 left out"
    assert list(engine.scratch.iterdir()) == []


def test_cancelled_operation_raises(engine: Engine, tmp_path: Path) -> None:
    input = _snapshot(engine, tmp_path, {"a.py": "x = 1\n"})
    engine.is_cancelled = True
    with pytest.raises(StepCancelled):
        Inspector().lint(input, _context(engine, "lint"))


@pytest.mark.parametrize("bad", [{"snapshot": "../../etc"}, {"snapshot": "ab" * 32, "paths": "src"}, {}])
def test_bad_input_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnalysisInput.model_validate(bad)
