"""What a nursery starts is a process like any other: it has what it was given, a session, and an end that is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests import nursery

TELLS = """
import json, os, sys
from django.apps import apps
print(json.dumps([sys.argv[1:], os.environ.get("WRENCHAI_WORD"), os.getsid(0) == os.getpid(), __name__, apps.ready]))
sys.exit(7)
"""
WAITS = "import time\ntime.sleep(60)\n"


@pytest.fixture(scope="module")
def parent() -> nursery.Nursery:
    return nursery.Nursery(os.environ)


def test_fork_runs_what_was_asked_and_tells_its_end(parent: nursery.Nursery, tmp_path: Path) -> None:
    script, log = tmp_path / "script.py", tmp_path / "log"
    script.write_text(TELLS)
    for word in ("one", "two"):
        environ = os.environ | {"WRENCHAI_WORD": word}
        assert nursery.Forked(parent, [str(script), word], environ, log).wait(30) == 7
    assert [json.loads(line) for line in log.read_text().splitlines()] == [
        [["one"], "one", True, "__main__", True],
        [["two"], "two", True, "__main__", True],
    ]


def test_fork_is_waited_for_and_ended_by_a_signal(parent: nursery.Nursery, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(WAITS)
    process = nursery.Forked(parent, [str(script)], os.environ, tmp_path / "log")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.1)
    assert process.poll() is None
    process.terminate()
    assert process.wait(30) == -signal.SIGTERM
