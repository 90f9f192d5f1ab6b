"""Children, real ones: ready, crashed, ended in order, and no process left whatever happened to us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from wrenchai_project import supervisor
from wrenchai_project.services import ROOT
from wrenchai_project.supervisor import ChildFailed, ChildSpec, Supervisor

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""
FAMILY = """
import os, subprocess, sys, time
inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
outer = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(inner.pid, outer.pid, flush=True)
time.sleep(60)
"""
SLEEPER = "print('up', flush=True); import time; time.sleep(60)"
SUPERVISOR = """
import os, sys, time
from pathlib import Path
from wrenchai_project.supervisor import ChildSpec, Supervisor
state = Path(sys.argv[1])
with Supervisor(state, role="serve", environ=os.environ, cwd=state, say=print) as ours:
    ours.start(ChildSpec(name="child", argv=[sys.executable, "-c", sys.argv[2]], stage=1, ready=lambda log: b"up" in log.read_bytes()))
    ours.wait_ready(seconds=20)
    ours.publish(url="http://x")
    print("up", flush=True)
    time.sleep(60)
"""  # noqa: E501 - a program of few lines


def spec(name: str, code: str, *, stage: int = 1, said: bytes = b"") -> ChildSpec:
    return ChildSpec(
        name=name, argv=[sys.executable, "-c", code], stage=stage, ready=lambda log: said in log.read_bytes()
    )


def make(state: Path, said: list[str] | None = None) -> Supervisor:
    say: Callable[[str], None] = (said if said is not None else []).append
    state.mkdir(exist_ok=True)
    return Supervisor(state, role="serve", environ=os.environ, cwd=state, say=say)


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def child_pids(state: Path) -> dict[str, int]:
    return {child["name"]: child["pid"] for one in supervisor.recorded(state) for child in one["children"]}


def test_ready_child_runs_until_stop(tmp_path: Path) -> None:
    with make(tmp_path) as ours:
        ours.start(spec("one", SLEEPER, said=b"up"))
        ours.wait_ready(seconds=20)
        pid = child_pids(tmp_path)["one"]
        assert is_running(pid)
    assert not is_running(pid)
    assert supervisor.recorded(tmp_path) == []


def test_child_that_ends_while_starting_shows_its_log(tmp_path: Path) -> None:
    with make(tmp_path) as ours:
        ours.start(spec("web", "import sys; sys.exit('no such port')", said=b"never"))
        with pytest.raises(ChildFailed, match=r"(?s)web ended with exit code 1 while starting.*no such port"):
            ours.wait_ready(seconds=20)


def test_child_that_is_never_ready_is_told(tmp_path: Path) -> None:
    with make(tmp_path) as ours:
        ours.start(spec("web", SLEEPER, said=b"never"))
        with pytest.raises(ChildFailed, match="web was not ready within 0 s"):
            ours.wait_ready(seconds=0.2)


def test_missing_program_is_told(tmp_path: Path) -> None:
    with make(tmp_path) as ours, pytest.raises(ChildFailed, match="cannot start web: /nope"):
        ours.start(ChildSpec(name="web", argv=["/nope"], stage=1))


def test_crashed_child_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    with make(tmp_path, said) as ours:
        ours.start(spec("one", SLEEPER, said=b"up"))
        ours.wait_ready(seconds=20)
        first = child_pids(tmp_path)["one"]
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: ours.tend() or child_pids(tmp_path)["one"] != first)
        assert said == ["one ended with signal SIGKILL; starting it again in 0.5 s"]
        assert is_running(child_pids(tmp_path)["one"])


def test_children_end_by_stage(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n    open('order', 'a').write('{}'); time.sleep(0.1); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(60)"
    )
    with make(tmp_path) as ours:
        for name, stage in (("c", 3), ("a", 1), ("b", 2)):
            ours.start(spec(name, code.format(name), stage=stage, said=b"up"))
        ours.wait_ready(seconds=20)
    assert (tmp_path / "order").read_text() == "abc"


def test_stubborn_child_and_its_family_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 0.3)
    with make(tmp_path) as ours:
        ours.start(spec("stubborn", STUBBORN, said=b"up"))
        ours.start(spec("family", FAMILY, said=b" "))
        ours.wait_ready(seconds=20)
        pids = list(child_pids(tmp_path).values())
        pids += [int(word) for word in (tmp_path / "logs" / "family.log").read_text().split()]
        assert [is_running(pid) for pid in pids] == [True] * 4
    wait_until(lambda: not any(is_running(pid) for pid in pids))


def started(state: Path, code: str) -> subprocess.Popen[str]:
    state.mkdir(exist_ok=True)
    argv = [sys.executable, "-c", SUPERVISOR, str(state), code]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
def test_children_of_a_killed_supervisor_die_with_it(tmp_path: Path) -> None:
    with started(tmp_path, SLEEPER) as process:
        pid = child_pids(tmp_path)["child"]
        process.kill()
    wait_until(lambda: not is_running(pid))
    assert supervisor.alive(tmp_path) == []
    assert supervisor.bury(tmp_path) == []
    assert supervisor.recorded(tmp_path) == []


def test_what_a_killed_supervisor_left_is_buried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 0.3)
    with started(tmp_path, STUBBORN) as process:
        pid = child_pids(tmp_path)["child"]
        process.kill()
    assert is_running(pid)
    assert supervisor.bury(tmp_path) == ["child"]
    assert not is_running(pid)


def test_stop_from_another_process_ends_all(tmp_path: Path) -> None:
    with started(tmp_path, SLEEPER):
        pid = child_pids(tmp_path)["child"]
        assert supervisor.alive(tmp_path)[0]["facts"] == {"url": "http://x"}
        assert supervisor.stop_supervisors(tmp_path)[0] == "serve"
    wait_until(lambda: not is_running(pid))
    assert supervisor.recorded(tmp_path) == []


def test_reused_number_is_not_taken_for_a_supervisor(tmp_path: Path) -> None:
    record = {"pid": os.getpid(), "created": 1.0, "role": "serve", "facts": {}, "children": []}
    supervisor.state.write_json(tmp_path / "processes.json", {"supervisors": [record]})
    assert supervisor.alive(tmp_path) == []
    assert supervisor.stop_supervisors(tmp_path) == []
