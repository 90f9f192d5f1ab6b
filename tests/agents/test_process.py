"""Foreign commands: limits hold, nothing outlives its worker, nothing leaks in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agents import process, warden
from agents.process import NETWORK_OPEN, Limits, Outcome, run
from tasks.contract import StepCancelled

PYTHON = sys.executable


def _run(code: str, tmp_path: Path, *, timeout_seconds: float = 20, limits: Limits | None = None) -> Outcome:
    return run(
        [PYTHON, "-I", "-c", code],
        cwd=tmp_path,
        scratch=tmp_path,
        timeout_seconds=timeout_seconds,
        limits=limits or Limits(),
    )


def _wait_until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the condition did not come true in time"
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _read_pids(path: Path, count: int) -> list[int]:
    _wait_until(lambda: path.exists() and len(path.read_text().split()) >= count)
    return [int(word) for word in path.read_text().split()]


def test_run_tells_exit_code_output_and_use(tmp_path: Path) -> None:
    outcome = _run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)", tmp_path)
    assert (outcome.exit_code, outcome.stdout.read_text(), outcome.stderr_tail) == (3, "out\n", "err\n")
    assert outcome.cpu_seconds > 0
    assert outcome.peak_rss_bytes > 1 << 20
    assert outcome.trouble(frozenset({0, 3})) == ""
    assert outcome.trouble() == "ended with exit code 3: err"


def test_run_passes_no_variable_of_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRENCH_SECRET", "s3cret")
    outcome = _run("import os; print(sorted(os.environ))", tmp_path)
    assert outcome.stdout.read_text() == (
        "['HOME', 'LANG', 'LC_ALL', 'PATH', 'PYTHONDONTWRITEBYTECODE', 'TMPDIR']\n"
    )


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs count as ours."""
    folder = tmp_path / "ours"
    folder.mkdir()
    shutil.copy(warden.__file__, folder)
    monkeypatch.setattr(process, "_HERE", str(folder))
    monkeypatch.setattr(warden, "_OURS", f"{folder}/")
    return folder


SEEN = """
import builtins, os, sys
MARK = "mine"
def depth():
    try:
        return 1 + depth()
    except RecursionError:
        return 1
print(__name__, __file__, sys.argv, sys.path, sys.prefix, sys.flags.isolated, sys.flags.ignore_environment)
print(sys.version, os.getcwd(), depth(), sys.modules["__main__"].MARK, hasattr(builtins, "exit"), sys.stdin.read())
"""


@pytest.mark.parametrize("flags", [["-I"], ["-I", "-S"]])
def test_program_of_ours_sees_what_it_would_see_alone(ours: Path, tmp_path: Path, flags: list[str]) -> None:
    program = ours / "seen.py"
    program.write_text(SEEN)
    command = [PYTHON, *flags, str(program), "one", "-two"]
    alone = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    outcome = run(command, cwd=tmp_path, scratch=tmp_path, timeout_seconds=20)
    assert outcome.trouble() == ""
    assert outcome.stdout.read_bytes() == alone.stdout


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        ("import sys; sys.stdout.write('told'); sys.exit()", ""),
        ("import sys; sys.exit(3)", "ended with exit code 3: it said nothing"),
        ("import sys; sys.exit('no such thing')", "ended with exit code 1: no such thing"),
        ("import atexit, sys; atexit.register(sys.stderr.write, 'bye'); sys.exit(4)", "ended with exit code 4: bye"),
        ("import os; os.kill(os.getpid(), 6)", "ended with signal 6: it said nothing"),
        ("x = bytearray(1 << 40)", "ran out of the memory it may use"),
        ("import time; time.sleep(60)", "did not finish within 2 s"),
    ],
    ids=["end", "code", "words", "at exit", "signal", "memory", "time"],
)  # fmt: skip
def test_end_of_a_program_of_ours_is_told(ours: Path, tmp_path: Path, code: str, trouble: str) -> None:
    program = ours / "ends.py"
    program.write_text(code)
    patience = 1.5 if "sleep" in code else 20
    command = [PYTHON, "-I", str(program)]
    assert run(command, cwd=tmp_path, scratch=tmp_path, timeout_seconds=patience).trouble() == trouble


MEDDLES = """
import os
for number in range(3, 64):
    try:
        os.write(number, b"exit_code=0")
    except OSError:
        continue
os._exit(5)
"""


@pytest.mark.parametrize("flags", [["-I"], ["-I", "-E"]], ids=["ours", "foreign"])
def test_command_has_no_hand_on_the_report(ours: Path, tmp_path: Path, flags: list[str]) -> None:
    program = ours / "meddles.py"
    program.write_text(MEDDLES)
    command = [PYTHON, *flags, str(program)]
    assert run(command, cwd=tmp_path, scratch=tmp_path, timeout_seconds=20).exit_code == 5


def test_fault_in_a_program_of_ours_is_told_with_its_place(ours: Path, tmp_path: Path) -> None:
    program = ours / "fails.py"
    program.write_text("def work():\n    raise ValueError('odd')\nwork()\n")
    outcome = run([PYTHON, "-I", str(program)], cwd=tmp_path, scratch=tmp_path, timeout_seconds=20)
    assert outcome.exit_code == 1
    assert outcome.stderr_tail.endswith("ValueError: odd\n")
    assert f'File "{program}", line 2, in work' in outcome.stderr_tail


def test_program_of_ours_that_is_gone_cannot_be_started(ours: Path, tmp_path: Path) -> None:
    command = [PYTHON, "-I", str(ours / "gone.py")]
    outcome = run(command, cwd=tmp_path, scratch=tmp_path, timeout_seconds=20)
    assert outcome.trouble() == f"could not be started: {PYTHON}: No such file or directory"


def test_run_of_a_missing_command_says_so(tmp_path: Path) -> None:
    outcome = run(["no-such-command"], cwd=tmp_path, scratch=tmp_path, timeout_seconds=10)
    assert outcome.exit_code is None
    assert outcome.trouble() == "could not be started: no-such-command: No such file or directory"


def test_run_stops_a_sleeper_at_its_deadline_with_its_grandchildren(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    for seconds in (2, 8, 32):
        pids.write_text("")
        started = time.monotonic()
        outcome = _run(_family(pids), tmp_path, timeout_seconds=seconds)
        assert outcome.timed_out
        assert time.monotonic() - started < seconds + 4.5
        assert outcome.trouble() == f"did not finish within {seconds} s"
        if len(pids.read_text().split()) == 3:
            break  # on a busy machine they may not all have begun by then
    assert not [pid for pid in _read_pids(pids, 3) if _is_alive(pid)]


def test_run_kills_a_command_that_ignores_sigterm(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    started = time.monotonic()
    assert _run(code, tmp_path, timeout_seconds=0.5).timed_out
    assert time.monotonic() - started < 6


def test_run_kills_daemons_that_a_finished_command_leaves_behind(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    outcome = _run(_family(pids, stay=False), tmp_path)
    assert outcome.exit_code == 0
    assert not [pid for pid in _read_pids(pids, 3)[1:] if _is_alive(pid)]


def test_run_stops_a_memory_eater(tmp_path: Path) -> None:
    outcome = _run("x = bytearray(1 << 30); print('had it')", tmp_path, limits=Limits(memory_bytes=256 << 20))
    assert outcome.killed_by_memory
    assert outcome.trouble() == "ran out of the memory it may use"


def test_run_caps_a_flood_of_output(tmp_path: Path) -> None:
    code = "import os\nwhile True: os.write(1, b'x' * 65536)"
    outcome = _run(code, tmp_path, limits=Limits(file_bytes=1 << 20))
    assert outcome.output_truncated
    assert outcome.stdout.stat().st_size == 1 << 20
    assert outcome.trouble() == "wrote more output than it may"


def test_run_leaves_no_network_or_says_so(tmp_path: Path) -> None:
    code = "print(sorted(l.split(':')[0].strip() for l in open('/proc/net/dev').readlines()[2:]))"
    outcome = _run(code, tmp_path)
    if outcome.notes != (NETWORK_OPEN,):
        assert outcome.stdout.read_text() == "['lo']\n"


def test_run_stops_when_the_result_is_not_wanted(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(StepCancelled):
        run(
            [PYTHON, "-I", "-c", _family(pids)],
            cwd=tmp_path,
            scratch=tmp_path,
            timeout_seconds=60,
            cancelled=lambda: pids.exists() and len(pids.read_text().split()) >= 3,
        )
    assert not [pid for pid in _read_pids(pids, 3) if _is_alive(pid)]


def test_run_stops_at_an_exception_from_a_signal_handler(tmp_path: Path) -> None:
    class SoftTimeLimit(Exception):
        pass

    def ring(_number: int, _frame: object) -> None:
        raise SoftTimeLimit

    pids = tmp_path / "pids"
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 1.5)
    try:
        with pytest.raises(SoftTimeLimit):
            _run(_family(pids), tmp_path, timeout_seconds=60)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not [pid for pid in _read_pids(pids, 3) if _is_alive(pid)]


def test_command_and_grandchildren_die_with_a_killed_worker(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    worker = subprocess.Popen(
        [
            PYTHON,
            "-c",
            "import sys; from pathlib import Path; from agents.process import run\n"
            "run([sys.executable, '-I', '-c', sys.argv[1]], cwd=Path(sys.argv[2]),"
            " scratch=Path(sys.argv[2]), timeout_seconds=60)",
            _family(pids),
            str(tmp_path),
        ],
        cwd=Path(__file__).parents[2],
    )
    family = _read_pids(pids, 3)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    _wait_until(lambda: not [pid for pid in family if _is_alive(pid)])


def _family(pids: Path, *, stay: bool = True) -> str:
    """Code of a command with a child in its group and a grandchild in a session of its own."""
    return f"""
import os, subprocess, sys, time
def note():
    with open({str(pids)!r}, "a") as file:
        file.write(f"{{os.getpid()}} ")
note()
if os.fork() == 0:
    note()
    if os.fork() == 0:
        os.setsid()
        note()
    time.sleep(60)
while len(open({str(pids)!r}).read().split()) < 3:
    time.sleep(0.01)
if {stay}:
    time.sleep(60)
"""
