"""What a second run of the Inspector costs: on an unchanged tree, and after ten files changed.

    .venv/bin/python -m benchmarks.inspector.incremental TREE [--edit appended|comment|body ...] [--json FILE]

TREE is the unpacked source of a real project of about 100,000 lines. Every analysing operation runs as a step
does: it unpacks the stored snapshot or finds it unpacked, surveys, analyses, normalises. Counted is the
processor time of this process and all its children. The first round begins with an empty cache of results; each
edit is made to the tree as it was, and finds the cache as the first round left it. The time of the clock beside
the slowest tool's processor time is that of the first round.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

CHANGED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One run of all operations. Seconds."""

    name: str
    cpu: float
    clock: float
    findings: int
    by_operation: dict[str, float]  # processor time
    slowest: dict[
        str, tuple[float, float]
    ]  # operation -> clock of its analyzers, clock of its slowest one alone


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tree", type=Path)
    parser.add_argument("--edit", choices=sorted(EDITS), nargs="+", default=["appended"])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrenchai_project.settings")
    with tempfile.TemporaryDirectory(prefix="incremental-") as folder:
        rounds = measure(asked.tree, Path(folder), asked.edit)
    first = rounds[0]
    for one in rounds:
        print(
            f"{one.name:<22} {one.cpu:8.2f} s of CPU ({one.cpu / first.cpu:6.1%})  {one.clock:7.2f} s  "
            f"{one.findings} findings  "
            + "  ".join(f"{name} {cpu:.2f}" for name, cpu in one.by_operation.items())
        )
    for name, (clock, slowest) in first.slowest.items():
        print(
            f"{name:<22} {clock:8.2f} s by the clock, its slowest analyzer {slowest:.2f} s: {clock / slowest:.2f}x"
        )
    if asked.json:
        asked.json.write_text(json.dumps([asdict(one) for one in rounds], indent=1))
    return 0


def measure(tree: Path, folder: Path, edits: Sequence[str]) -> list[Round]:
    """Run all operations on the tree, again, and after each edit, with the cache as the first run left it."""
    import django

    django.setup()
    from django.conf import settings

    settings.WORKSPACE_CACHE_DIR = folder / "workspaces"
    settings.ANALYSIS_CACHE_DIR = folder / "analyses"
    changing = folder / "tree"
    shutil.copytree(tree, changing, symlinks=True)
    rounds = [run("first", changing, folder), run("unchanged", changing, folder)]
    shutil.copytree(folder / "analyses", folder / "analyses of the first")
    for name in edits:
        shutil.rmtree(folder / "analyses")
        shutil.copytree(folder / "analyses of the first", folder / "analyses")
        shutil.rmtree(changing)
        shutil.copytree(tree, changing, symlinks=True)
        touch(changing, EDITS[name])
        rounds.append(run(f"{CHANGED} files, {name}", changing, folder))
    return rounds


def touch(tree: Path, edit: Edit) -> None:
    """Change files as people do: a few spread over the tree, of middling size."""
    found = sorted(tree.rglob("*.py"), key=lambda path: path.stat().st_size)
    middle = [path for path in found if path.stat().st_size > 2_000] or found
    step = max(1, len(middle) // CHANGED)
    for path in middle[::step][:CHANGED]:
        path.write_text(edit(path.read_text(encoding="utf-8")))


def appended(text: str) -> str:
    """A function more at the end."""
    return f"{text}\n\ndef added(value=[]):\n    return value\n"


def comment(text: str) -> str:
    """A comment before the statement of the module that is nearest to the middle."""
    lines = text.split("\n")
    body = ast.parse(text).body
    starts = [min([one.lineno, *_decorators(one)]) for one in body]
    at = min(starts, key=lambda line: abs(line - len(lines) // 2), default=1)
    return "\n".join([*lines[: at - 1], "# a comment", *lines[at - 1 :]])


def body(text: str) -> str:
    """A statement more before the last one of the function that is nearest to the middle."""
    lines = text.split("\n")
    found = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef)]
    lasts = [one.body[-1] for one in found if one.body[0].lineno > one.lineno]
    if not lasts:
        return comment(text)
    last = min(lasts, key=lambda one: abs(one.lineno - len(lines) // 2))
    at = min([last.lineno, *_decorators(last)])
    return "\n".join([*lines[: at - 1], f"{' ' * last.col_offset}changed = 1", *lines[at - 1 :]])


def _decorators(one: ast.stmt) -> list[int]:
    return [each.lineno for each in getattr(one, "decorator_list", ())]


Edit = Callable[[str], str]
EDITS: dict[str, Edit] = {"appended": appended, "comment": comment, "body": body}


def run(name: str, tree: Path, folder: Path) -> Round:
    """Store the tree and run each analysing operation on it."""
    from agents import workspace
    from agents.inspector.analyzers import ANALYZERS

    stored: dict[str, bytes] = {}

    def put(label: str, content: bytes | Path | BinaryIO, *, media_type: str) -> object:
        from tasks.contract import ArtifactRef

        data = content.read_bytes() if isinstance(content, Path) else content
        assert isinstance(data, bytes)
        digest = hashlib.sha256(data).hexdigest()
        stored[digest] = data
        return ArtifactRef(name=label, digest=digest, size=len(data), media_type=media_type)

    scratch = Path(tempfile.mkdtemp(dir=folder))
    cpu, clock = _cpu(), time.monotonic()
    snapshot = workspace.store(workspace.Tree(root=tree, description="a tree"), put, scratch=scratch)  # type: ignore[arg-type]  # what it gives is a reference
    by_operation = {"snapshot": _cpu() - cpu}
    findings, slowest = 0, {}
    for operation in ANALYZERS:
        before = _cpu()
        found, both = _operation(
            operation, snapshot.digest, lambda digest: io.BytesIO(stored[digest]), scratch
        )
        by_operation[operation] = _cpu() - before
        findings += found
        slowest[operation] = both
    return Round(
        name=name,
        cpu=_cpu() - cpu,
        clock=time.monotonic() - clock,
        findings=findings,
        by_operation=by_operation,
        slowest=slowest,
    )


def _operation(
    name: str, digest: str, open_artifact: Callable[[str], BinaryIO], scratch: Path
) -> tuple[int, tuple[float, float]]:
    from django.conf import settings

    from agents import workspace
    from agents.inspector.analysis import analyse
    from agents.inspector.analyzers import ANALYZERS
    from agents.inspector.shares import Shares
    from agents.inspector.steps import remembering

    started = time.monotonic()
    with workspace.checked_out(digest, open_artifact) as tree, remembering(1) as memory:
        shares = Shares(settings.ANALYSIS_CACHE_DIR / "cores")
        analysis = analyse(
            tree, ANALYZERS[name], scratch=scratch, tree_digest=digest, memory=memory, shares=shares
        )
    clock = time.monotonic() - started
    for run in analysis.tools:
        print(f"    {name}: {run.label} {run.state}, {run.files_analysed} files, {run.files_remembered} remembered, "
              f"{run.failed_count} failed, {run.findings} claims, {run.cpu_seconds:.2f} s of CPU, "
              f"{run.peak_rss_bytes >> 20} MB", file=sys.stderr)  # fmt: skip
    alone = max((run.cpu_seconds for run in analysis.tools), default=0.0)
    return len(analysis.findings), (clock, max(alone, 0.01))


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


if __name__ == "__main__":
    sys.exit(main())
