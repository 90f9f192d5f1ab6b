"""What did not change is not analysed again, and nothing that is wrong with the cache changes an answer."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import agents
from agents.inspector.analysis import Analysis, analyse
from agents.inspector.analyzers import ANALYZERS
from agents.inspector.analyzers.base import Analyzer, Batch, Parsed
from agents.inspector.memory import Memory
from agents.inspector.results import Results, code_digest, digest_below, key_of
from agents.reporting.model import ToolState
from tests.agents.inspector.trees import plant

CODE = "import os\n\n\ndef f(x=[]):\n    eval(x)\n    return undefined\n"
PASSWORD = "Tr0ub4dor" + "&3-xkcd"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def results(folder: Path) -> Iterator[Results]:
    opened = Results(folder, 1 << 28)
    yield opened
    opened.close()


def run(
    tree: Path, operation: str, results: Results | None, *, realm: str = "1", digest: str = ""
) -> Analysis:
    with TemporaryDirectory() as scratch:
        memory = Memory(results, realm=realm)
        return analyse(tree, ANALYZERS[operation], scratch=Path(scratch), memory=memory, tree_digest=digest)


def remembered(analysis: Analysis) -> list[int]:
    return [one.files_remembered for one in analysis.tools]


@pytest.mark.parametrize("operation", ANALYZERS)
def test_second_run_starts_no_tool_and_says_the_same(
    tmp_path: Path, results: Results, operation: str
) -> None:
    tree = plant(
        tmp_path / "tree",
        {
            "a.py": CODE + f'password = "{PASSWORD}"\n',
            "b.py": "def f(:\n",
            "c.py": "def _dead():\n    return 1\n    print(1)\n",
            "d.sh": "#!/bin/sh\ncd $1\n",
            "Dockerfile": "FROM a:latest\n",
            "e.yml": "a: 1\na: 2\n",
        },
    )
    first = run(tree, operation, results)
    second = run(tree, operation, results)
    assert second.findings == first.findings
    assert remembered(first) == [0] * len(first.tools)
    for before, after in zip(first.tools, second.tools, strict=True):
        assert after.files_remembered == before.files_analysed + before.failed_count
        assert (after.state, after.failed, after.skipped_by_reason, after.languages) == (
            before.state,
            before.failed,
            before.skipped_by_reason,
            before.languages,
        )
        assert after.cpu_seconds == 0


DOCUMENTED = '''
import subprocess


class Pump:
    """A pump.

    Args:
        pressure: in bar
    """

    def __init__(self, power):
        self.power = power

    def start(self, {name}):
        """Start it.

        Parameters
        ----------
        speed : int
            in rounds
        """
        return subprocess.call("pump " + self.power, shell=True)


def stop(force):
    """Stop it.

    :param now: at once
    """
'''


@pytest.mark.parametrize("operation", ANALYZERS)
def test_run_after_a_change_says_what_a_first_run_says(
    tmp_path: Path, results: Results, operation: str
) -> None:
    modules = {f"pumps/p{number}.py": DOCUMENTED.format(name=f"speed{number}") for number in range(4)}
    tree = plant(
        tmp_path / "tree",
        {
            **modules,
            "a.py": CODE + f'password = "{PASSWORD}"\n',
            "b.py": "def f(:\n",
            "c.py": "from pumps import p1\n\n\ndef _dead():\n    return 1\n    print(1)\n",
            "d.sh": "#!/bin/sh\ncd $1\n",
            "e.yml": "a: 1\na: 2\n",
        },
    )
    run(tree, operation, results)
    for name in ("pumps/p0.py", "pumps/p1.py", "a.py", "b.py"):
        path = tree / name
        path.write_text(f"{path.read_text()}\n\ndef added(value=[]):\n    return _dead(value)\n")
    after, first = run(tree, operation, results), run(tree, operation, None)
    assert after.findings == first.findings
    assert [(one.state, one.failed) for one in after.tools] == [
        (one.state, one.failed) for one in first.tools
    ]


def test_only_what_changed_is_analysed_again(tmp_path: Path, results: Results) -> None:
    tree = plant(tmp_path / "tree", {f"m{number}.py": CODE for number in range(12)})
    run(tree, "lint", results)
    plant(tree, {"m3.py": "print(other)\n", "new.py": CODE})
    again = run(tree, "lint", results)
    assert remembered(again)[0] == 11
    assert again.findings == run(tree, "lint", None).findings


def test_dead_code_is_judged_anew_when_another_file_begins_to_use_it(
    tmp_path: Path, results: Results
) -> None:
    tree = plant(tmp_path / "tree", {"a.py": "def _f():\n    return 1\n", "b.py": "x = 1\n"})
    assert len(run(tree, "dead_code", results).findings) == 1
    plant(tree, {"b.py": "from a import _f\n_f()\n"})
    again = run(tree, "dead_code", results)
    assert (again.findings, remembered(again)) == ([], [1])


def test_same_content_under_another_path_is_analysed_for_its_path(tmp_path: Path, results: Results) -> None:
    tree = plant(tmp_path / "tree", {"a.py": "assert x\nimport os\n"})
    run(tree, "security_scan", results)
    plant(tree, {"tests/test_a.py": "assert x\nimport os\n"})
    again = run(tree, "security_scan", results)
    assert remembered(again) == [1, 1, 0]  # the third one judges the whole program
    assert [finding.path for finding in again.findings] == ["a.py"]


def test_another_project_learns_nothing(tmp_path: Path, results: Results) -> None:
    tree = plant(tmp_path / "tree", {"a.py": CODE})
    run(tree, "lint", results, realm="1", digest="ab" * 32)
    assert remembered(run(tree, "lint", results, realm="2", digest="ab" * 32))[0] == 0


class _Nervous(Analyzer):
    """Fails when a file says so, outside of what it analyses."""

    name = "nervous"
    package = "ruff"
    languages = frozenset({"python"})

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def command(self, batch: Batch) -> list[str]:
        return [sys.executable, "-I", "-c", f"import os, sys; sys.exit(os.path.exists({str(self._mark)!r}))"]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        return Parsed()


def test_failure_of_a_tool_is_not_remembered(tmp_path: Path, results: Results) -> None:
    tree = plant(tmp_path / "tree", {"a.py": CODE})
    mark = tmp_path / "fail"
    mark.touch()

    def state() -> tuple[ToolState, int]:
        memory = Memory(results, realm="1")
        done = analyse(tree, [_Nervous(mark)], scratch=tmp_path, memory=memory).tools[0]
        return done.state, done.files_remembered

    assert state() == (ToolState.FAILED, 0)
    mark.unlink()
    assert state() == (ToolState.OK, 0)
    mark.touch()
    assert state() == (ToolState.OK, 1)


class _Noting(Analyzer):
    """Counts its runs in its notes; breaks when the notes say so."""

    name = "noting"
    package = "ruff"
    languages = frozenset({"python"})
    whole_program = True
    keeps_notes = True
    program = (
        "import sys; noted, notes, bad = sys.argv[1:4]; known = open(noted).read() if noted else '';"
        " print(len(known)); open(notes, 'w').write(known + 'x') if notes else None; sys.exit(known == bad)"
    )

    def __init__(self, bad: str) -> None:
        self._bad = bad

    def command(self, batch: Batch) -> list[str]:
        return [
            sys.executable,
            "-I",
            "-c",
            self.program,
            str(batch.noted or ""),
            str(batch.notes or ""),
            self._bad,
        ]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        return Parsed(notes=[f"{answer.read_text().strip()} runs before"])


def test_tool_gets_its_notes_of_the_last_run_and_none_that_break_it(tmp_path: Path, results: Results) -> None:
    tree = plant(tmp_path / "tree", {"a.py": CODE})

    def told(realm: str, bad: str = "never") -> tuple[ToolState, str]:
        (tree / "a.py").write_text((tree / "a.py").read_text() + "\n")
        memory = Memory(results, realm=realm)
        done = analyse(tree, [_Noting(bad)], scratch=tmp_path, memory=memory).tools[0]
        return done.state, done.note

    assert [told("1"), told("1"), told("2"), told("1")] == [
        (ToolState.OK, f"{count} runs before") for count in (0, 1, 0, 2)
    ]
    assert told("1", bad="xxx") == (ToolState.OK, "0 runs before")
    assert told("1") == (ToolState.OK, "1 runs before")


def test_secrets_do_not_rest_in_the_cache(tmp_path: Path, results: Results, folder: Path) -> None:
    tree = plant(tmp_path / "tree", {"settings.py": f'password = "{PASSWORD}"\n'})
    for operation in ("secret_scan", "lint", "security_scan", "dead_code"):
        run(tree, operation, results)
    said = results.get(
        [row[0] for row in sqlite3.connect(folder / "results.sqlite").execute("SELECT key FROM said")]
    )
    assert len(said) >= 5
    assert [body for body in said.values() if PASSWORD.encode() in body] == []


def _rows(folder: Path) -> int:
    with sqlite3.connect(folder / "results.sqlite") as connection:
        return int(connection.execute("SELECT count(*) FROM said").fetchone()[0])


def test_what_is_kept_comes_back_compressed_before_or_not(results: Results) -> None:
    bodies = {key_of("noise"): os.urandom(100_000), key_of("text"): b"text " * 20_000, key_of("none"): b""}
    results.put(bodies)
    assert results.get(list(bodies)) == bodies


def test_swapped_torn_and_foreign_rows_are_not_believed(
    tmp_path: Path, results: Results, folder: Path
) -> None:
    tree = plant(tmp_path / "tree", {"a.py": CODE, "b.py": "x = 1\n"})
    expected = run(tree, "lint", results).findings
    with sqlite3.connect(folder / "results.sqlite") as connection:
        bodies = [row[0] for row in connection.execute("SELECT body FROM said ORDER BY key")]
        keys = [row[0] for row in connection.execute("SELECT key FROM said ORDER BY key")]
        for key, body in zip(keys, [*bodies[1:], bodies[0]], strict=True):
            connection.execute("UPDATE said SET body = ? WHERE key = ?", (body, key))
    assert run(tree, "lint", results).findings == expected
    with sqlite3.connect(folder / "results.sqlite") as connection:
        connection.execute("UPDATE said SET body = substr(body, 1, 40)")
    again = run(tree, "lint", results)
    assert (again.findings, remembered(again)[0]) == (expected, 0)


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 8000])
def test_file_that_is_no_database_is_thrown_away(
    tmp_path: Path, results: Results, folder: Path, damage: bytes
) -> None:
    tree = plant(tmp_path / "tree", {"a.py": CODE})
    expected = run(tree, "lint", results).findings
    results.close()
    for ending in ("-wal", "-shm"):
        (folder / f"results.sqlite{ending}").unlink(missing_ok=True)
    (folder / "results.sqlite").write_bytes(damage)
    assert run(tree, "lint", results).findings == expected
    assert run(tree, "lint", results).findings == expected
    assert remembered(run(tree, "lint", results))[0] == 1


def test_cache_that_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    tree = plant(tmp_path / "tree", {"a.py": CODE})
    results = Results(blocked, 1 << 20)
    assert run(tree, "lint", results).findings == run(tree, "lint", None).findings


def test_locked_cache_is_not_waited_for_long(tmp_path: Path, results: Results, folder: Path) -> None:
    tree = plant(tmp_path / "tree", {"a.py": CODE})
    run(tree, "lint", results)
    plant(tree, {"a.py": CODE + "#\n"})
    other = sqlite3.connect(folder / "results.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert run(tree, "lint", results).findings[0].rule == "F821"
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_size_is_bounded_and_what_was_used_last_stays(folder: Path) -> None:
    results = Results(folder, 400_000)
    for number in range(100):
        results.put({key_of("x", str(number)): os.urandom(20_000)})
    assert (folder / "results.sqlite").stat().st_size < 800_000
    assert 5 < _rows(folder) < 40
    assert results.get([key_of("x", "0")]) == {}
    assert len(results.get([key_of("x", "99")])) == 1
    results.close()


def test_many_processes_write_at_once(folder: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "from pathlib import Path\n"
        "from agents.inspector.results import Results, code_digest, digest_below, key_of\n"
        "r = Results(Path(sys.argv[1]), 1 << 28)\n"
        "for n in range(40): r.put({key_of(sys.argv[2], str(n)): f'{sys.argv[2]} {n}'.encode() * 100})\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(folder), name], stderr=subprocess.PIPE)
        for name in "abcd"
    ]
    assert [(one.communicate()[1], one.returncode) for one in writers] == [(b"", 0)] * 4
    results = Results(folder, 1 << 28)
    keys = {key_of(name, str(n)): f"{name} {n}".encode() * 100 for name in "abcd" for n in range(40)}
    assert results.get(list(keys)) == keys
    results.close()


def test_known_survey_is_used_for_the_whole_tree_only(tmp_path: Path, results: Results) -> None:
    tree = plant(tmp_path / "tree", {"a.py": CODE, "b.bin": b"\0", "c/d.py": CODE})
    first = run(tree, "lint", results, digest="cd" * 32)
    second = run(tree, "lint", results, digest="cd" * 32)
    assert (second.survey.files, second.survey.left_out, second.survey.counts) == (
        first.survey.files,
        first.survey.left_out,
        first.survey.counts,
    )
    with TemporaryDirectory() as scratch:
        part = analyse(
            tree,
            ANALYZERS["lint"],
            scratch=Path(scratch),
            paths=["c"],
            memory=Memory(results, realm="1"),
            tree_digest="cd" * 32,
        )
    assert [file.path for file in part.survey.files] == ["c/d.py"]


def test_what_any_release_of_the_agents_changes_makes_another_answer(tmp_path: Path) -> None:
    copied = tmp_path / "agents"
    shutil.copytree(Path(agents.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    assert digest_below(copied) == code_digest()
    for changed in ("conventions.py", "redaction.py", "inspector/survey.py"):
        before = digest_below(copied)
        with (copied / changed).open("a") as module:
            module.write("# another release\n")
        assert digest_below(copied) != before
