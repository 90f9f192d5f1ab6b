"""bandit with less to start says what its own command says, and runs nobody else's checks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.inspector.analyzers import bandit

SAMPLE = Path(__file__).parents[3] / "samples" / "shop"
DRIVER = Path(bandit.__file__).parent / "drivers" / "bandit_driver.py"
COMMANDS = {"driver": [str(DRIVER)], "command": ["-m", "bandit"]}


def told(command: str, *paths: Path, environ: dict[str, str]) -> dict[str, Any]:
    argv = [*COMMANDS[command], "--format", "json", "--quiet", "--", *map(str, paths)]
    done = subprocess.run([sys.executable, *argv], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}


def test_driver_says_what_the_command_says(home: dict[str, str]) -> None:
    files = sorted(SAMPLE.rglob("*.py"))
    by_driver, by_command = (told(name, *files, environ=home) for name in COMMANDS)
    assert by_driver["results"]
    assert {**by_driver, "generated_at": ""} == {**by_command, "generated_at": ""}


def test_check_of_another_package_is_not_run(tmp_path: Path, home: dict[str, str]) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "stranger.py").write_text(f"open({str(mark)!r}, 'a').close()\ndef check(context): pass\n")
    about = tmp_path / "stranger-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[bandit.plugins]\nstranger = stranger:check\n")
    found = home | {"PYTHONPATH": str(tmp_path)}
    told("driver", SAMPLE / "catalog" / "search.py", environ=found)
    assert not mark.exists()
    told("command", SAMPLE / "catalog" / "search.py", environ=found)
    assert mark.exists()
