"""Analyzers at once: the longest first, within the share, and none is left when the step is over."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.inspector.analysis import _pieces, analyse
from agents.inspector.analyzers.base import Analyzer, Batch, Parsed
from agents.inspector.shares import Shares, cores
from agents.inspector.side_by_side import Job, side_by_side
from agents.inspector.survey import SourceFile
from tasks.contract import StepCancelled
from tests.agents.inspector.trees import plant


class _Script(Analyzer):
    """Runs a few lines of Python."""

    package = "ruff"
    languages = frozenset({"python"})
    timeout_seconds = 30

    def __init__(self, name: str, code: str, *, weight: float = 1.0) -> None:
        self.name = name  # type: ignore[misc]  # one class, several tools
        self.seconds_per_megabyte = weight
        self._code = code

    def command(self, batch: Batch) -> list[str]:
        return [sys.executable, "-I", "-c", self._code]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        return Parsed()


def _file(name: str, size: int = 10) -> SourceFile:
    return SourceFile(path=name, size=size, lines=1, language="python")


def _jobs(*analyzers: _Script) -> list[Job]:
    return [Job(analyzer=one, files=(_file("a.py"),), weight=one.seconds_per_megabyte) for one in analyzers]


def _at_once(log: Path, most: int) -> str:
    """A script that notes its begin and end. Between them it waits until so many have begun, and a moment more."""
    return (
        "import os, time\n"
        f"fd = os.open({str(log)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
        "os.write(fd, b'+')\n"
        f"while open({str(log)!r}).read().count('+') < {most}: time.sleep(0.01)\n"
        "time.sleep(0.4); os.write(fd, b'-')\n"
    )


def _most(log: Path) -> int:
    running = most = 0
    for sign in log.read_text():
        running += 1 if sign == "+" else -1
        most = max(most, running)
    return most


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_run_at_once_than_allowed(tmp_path: Path, most: int) -> None:
    log = tmp_path / "log"
    jobs = _jobs(*(_Script(f"s{n}", _at_once(log, most)) for n in range(5)))
    done = list(side_by_side(jobs, tree=tmp_path, scratch=tmp_path, shares=Shares(None, most=most)))
    assert (len(done), _most(log)) == (5, most)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]


def test_longest_is_started_first(tmp_path: Path) -> None:
    jobs = _jobs(*(_Script(name, "", weight=weight) for name, weight in (("b", 2), ("c", 1), ("a", 3))))
    done = side_by_side(jobs, tree=tmp_path, scratch=tmp_path, shares=Shares(None, most=1))
    assert [one.job.analyzer.name for one in done] == ["a", "b", "c"]


def test_steps_of_one_host_share_its_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.inspector.shares.cores", lambda: 3)
    one, two = Shares(tmp_path / "cores", most=8), Shares(tmp_path / "cores", most=8)
    assert [one.allow(0), one.allow(1), two.allow(0), two.allow(1)] == [True, True, True, True]
    assert (one.allow(2), two.allow(2)) == (False, False)  # two tokens beside the two that need none
    one.release(1)
    assert two.allow(2)
    two.release(0)
    assert one.allow(1)
    one.release(0)


def test_token_of_a_dead_step_is_free(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, '.')\nfrom pathlib import Path\nfrom agents.inspector import shares\n"
        "shares.cores = lambda: 2\n"
        "one = shares.Shares(Path(sys.argv[1]), most=4)\nassert one.allow(1)\nimport os; os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    assert (tmp_path / "core-0").exists()
    if cores() > 1:
        assert Shares(tmp_path, most=4).allow(1)


def _alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def _wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until, "the condition did not come true in time"
        time.sleep(0.02)


def test_cancelling_ends_all_that_run_at_once(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = f"import os, time\nopen({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n')\ntime.sleep(60)\n"
    tree = plant(tmp_path / "tree", {"a.py": "x = 1\n"})

    def cancelled() -> bool:
        return pids.exists() and len(pids.read_text().split()) == 3

    started = time.monotonic()
    with pytest.raises(StepCancelled):
        analyse(
            tree,
            [_Script(name, code) for name in "abc"],
            scratch=tmp_path,
            shares=Shares(None, most=3),
            cancelled=cancelled,
        )
    assert time.monotonic() - started < 10
    assert _alive([int(pid) for pid in pids.read_text().split()]) == []


def test_all_die_with_their_worker(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    worker = (
        "import sys, os; sys.path.insert(0, '.')\n"
        "from pathlib import Path\n"
        "from tests.agents.inspector.test_side_by_side import _Script, _jobs, Shares, side_by_side\n"
        "pids, scratch = sys.argv[1:]\n"
        "code = f'import os, time\\nopen({pids!r}, \"a\").write(str(os.getpid()) + chr(10))\\ntime.sleep(60)\\n'\n"
        "list(side_by_side(_jobs(_Script('a', code), _Script('b', code)), tree=Path(scratch), scratch=Path(scratch),"
        " shares=Shares(None, most=2)))\n"
    )
    started = subprocess.Popen([sys.executable, "-c", worker, str(pids), str(tmp_path)])
    _wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    os.kill(started.pid, 9)
    started.wait()
    found = [int(pid) for pid in pids.read_text().split()]
    _wait_until(lambda: _alive(found) == [])


def test_pieces_are_equally_large_and_lose_no_file() -> None:
    files = [
        _file(f"{number}.py", size) for number, size in enumerate([900, 10, 500, 400, 10, 600, 300, 200])
    ]
    pieces = _pieces(files, 3)
    assert sorted(file.path for piece in pieces for file in piece) == [file.path for file in files]
    sizes = [sum(file.size for file in piece) for piece in pieces]
    assert max(sizes) - min(sizes) < 500
