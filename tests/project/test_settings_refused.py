"""Settings that cannot be used: one sentence, exit code 2, no traceback, no secret, nothing started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def manage(state: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py with a state of its own."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env={**os.environ, "WRENCH_STATE_DIR": str(state), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("verb", [["run"], ["serve"], ["worker", "inspector"]])
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DATABASE_URL", "postgresql://u:hidden@127.0.0.1:port/x", "its host or port cannot be read"),
        ("DATABASE_URL", "postgresql://u:hid[den@h/x", "its host or port cannot be read"),
        ("REDIS_URL", "redis://:hidden@127.0.0.1:zz/0", "its host or port cannot be read"),
        ("DEBUG", "maybe", "'maybe' is neither yes nor no; use 1 or 0"),
    ],
)
def test_start_is_refused(tmp_path: Path, verb: list[str], name: str, value: str, told: str) -> None:
    done = manage(tmp_path / "state", *verb, **{name: value})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{name}: {told}" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hid" not in done.stderr.replace("is not shown", "")
    assert not (tmp_path / "state").exists()


def test_doctor_names_it(tmp_path: Path) -> None:
    done = manage(tmp_path / "state", "doctor", DEBUG="maybe")
    assert done.returncode == 1
    assert "fail  Settings    DEBUG: 'maybe' is neither yes nor no; use 1 or 0" in done.stdout


def test_interrupt_while_importing_gives_no_traceback(tmp_path: Path) -> None:
    code = (
        "import runpy, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.startswith('wrenchai_project.management'): raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "sys.argv = ['manage.py', 'run']\n"
        "runpy.run_path('manage.py', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, "\nwrench: interrupted\n")


def test_launcher_does_not_ask_for_the_secret_that_it_generates(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in {"SECRET_KEY", "DEBUG"}}
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "doctor"],
        env={**environ, "WRENCH_STATE_DIR": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "ok    Settings    each can be used" in done.stdout
