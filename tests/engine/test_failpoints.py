"""Failpoints: nothing without the setting, a death at the named place with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasks import failpoints
from tests.house.checkout import ROOT

PASS = """
import django
django.setup()
from tasks.failpoints import failpoint
failpoint("before_commit")
print("alive", flush=True)
failpoint("after_claim")
print("still alive", flush=True)
"""


def passes(setting: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {
        "WRENCH_FAILPOINTS": setting,
        "DJANGO_SETTINGS_MODULE": "wrenchai_project.settings",
    }
    return subprocess.run(
        [sys.executable, "-c", PASS],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_nothing_happens_without_the_setting() -> None:
    assert passes("").stdout == "alive\nstill alive\n"


def test_named_place_is_the_end() -> None:
    done = passes("after_claim:kill:1,before_commit:kill:0")
    assert (done.stdout, done.returncode) == ("alive\n", -signal.SIGKILL)


def test_file_is_read_at_each_passage_and_the_end_is_told(tmp_path: Path) -> None:
    file = tmp_path / "armed"
    assert passes(f"@{file}").returncode == 0
    file.write_text("before_commit:kill")
    assert passes(f"@{file}").returncode == -signal.SIGKILL
    name, pid, at = (tmp_path / "armed.fired").read_text().split()
    assert (name, pid.isdigit(), float(at) > 0) == ("before_commit", True, True)


@pytest.mark.parametrize(
    "setting", ["nowhere:kill:1", "after_claim:explode:1", "after_claim:kill:2", "after_claim:kill:often"]
)
def test_unknown_failpoint_is_told(setting: str) -> None:
    with pytest.raises(failpoints.FailpointsInvalid, match=setting):
        failpoints.parse(setting)


def test_all_names_are_placed_once_or_more() -> None:
    folders = (ROOT / "tasks", ROOT / "monitoring")
    code = "".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))
    assert {name for name in failpoints.NAMES if f'failpoint("{name}")' in code} == failpoints.NAMES
