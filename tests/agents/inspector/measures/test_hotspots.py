"""Hotspots from a real history, and words where there is none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from agents.inspector.measures.hotspots import Found, hotspots, measured
from agents.quality.config import Hotspots
from agents.quality.model import Hotspot
from tests.agents.workspace.conftest import git

COMPLEXITIES = {"a.py": [5, 3], "b.py": [1], "new.py": [2], "tests/t.py": [9]}


def test_score_is_commits_times_paths_of_product_code_that_changed() -> None:
    commits = {"b.py": 8, "a.py": 1, "gone.py": 50, "tests/t.py": 9, "still.py": 0}
    found = hotspots(commits, COMPLEXITIES, {"a.py", "b.py", "still.py"}, top=5)
    assert found == (
        Hotspot(path="a.py", commits=1, complexity=8, score=8),
        Hotspot(path="b.py", commits=8, complexity=1, score=8),
    )
    assert [one.path for one in hotspots(commits, COMPLEXITIES, {"a.py", "b.py"}, top=1)] == ["a.py"]


def found(request: dict[str, Any], scratch: Path, *, days: int = 90) -> Found:
    scratch.mkdir()
    return measured(
        request, COMPLEXITIES, COMPLEXITIES, Hotspots(days=days, top=2),
        revision="", scratch=scratch, now=timezone.now(), cancelled=lambda: False,
    )  # fmt: skip


def test_history_of_a_checkout_is_counted_in_the_project_s_window(tmp_path: Path, settings: Any) -> None:
    settings.LOCAL_ROOTS = [tmp_path]
    tree = tmp_path / "tree"
    tree.mkdir()
    git("init", "-q", "-b", "main", folder=tree)
    old = f"{timezone.now() - timedelta(days=200):%Y-%m-%dT%H:%M:%S+0000}"
    for number in range(3):
        (tree / "b.py").write_text(f"b = {number}\n")
        git("add", "-A", folder=tree)
        git("-c", "user.name=Ada", "commit", "-qm", f"{number}", folder=tree)
    (tree / "old.py").write_text("a = 1\n")
    git("add", "-A", folder=tree)
    git("commit", "-qm", "long ago", f"--date={old}", folder=tree)
    git("mv", "old.py", "a.py", folder=tree)
    git("commit", "-qm", "rename", folder=tree)
    request = {"target": {"kind": "path", "path": str(tree)}}
    told = found(request, tmp_path / "one")
    assert told.spots == (
        Hotspot(path="a.py", commits=2, complexity=8, score=16),
        Hotspot(path="b.py", commits=3, complexity=1, score=3),
    )
    assert told.why == "5 commits of 90 days"


def test_without_a_history_nothing_is_measured_and_the_reason_told(tmp_path: Path, settings: Any) -> None:
    settings.LOCAL_ROOTS = [tmp_path]
    (tmp_path / "bare").mkdir()
    archive = {"target": {"kind": "archive", "digest": "a" * 64, "name": "shop.tar.gz"}}
    told = found(archive, tmp_path / "one")
    assert (told.spots, told.why) == (None, "'shop.tar.gz' was uploaded, and an archive has no git history")
    told = found({"target": {"kind": "path", "path": str(tmp_path / "bare")}}, tmp_path / "two")
    assert told.spots is None
    assert "git" in told.why
    assert found({}, tmp_path / "three").spots is None
