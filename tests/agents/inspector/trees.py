"""Trees for the Inspector's tests, and a shorter way to analyse them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from agents.findings import FindingData
from agents.inspector.analysis import Analysis, analyse
from agents.inspector.analyzers import ANALYZERS


def plant(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write the files below root."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def inspect(root: Path, operation: str, *, paths: Sequence[str] = ()) -> Analysis:
    """Run one operation's real tools over a tree."""
    with TemporaryDirectory() as scratch:
        return analyse(root, ANALYZERS[operation], scratch=Path(scratch), paths=paths)


def places(findings: Sequence[FindingData]) -> list[str]:
    """The findings in short: `rule path:line`."""
    return [f"{finding.rule} {finding.path}:{finding.line}" for finding in findings]
