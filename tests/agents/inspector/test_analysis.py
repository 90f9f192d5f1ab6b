"""Real tools on real trees: what they find, how it is merged, and that coverage tells the truth."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agents.findings import Confidence, Severity
from agents.inspector.agent import Inspector
from agents.inspector.analysis import analyse
from agents.inspector.analyzers import ANALYZERS
from agents.inspector.analyzers.base import Analyzer, Batch, Parsed
from agents.inspector.analyzers.ruff import Ruff
from agents.inspector.steps import output_of
from agents.inspector.survey import SourceFile
from agents.reporting.model import FileProblem, ToolState
from tasks.contract import StepCancelled, StepFailed
from tests.agents.inspector.trees import inspect, places, plant

SHOP = Path(__file__).parents[3] / "samples" / "shop"


def test_lint_finds_mistakes_worst_first(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "import os\n\n\ndef f(x=[]):\n    return undefined\n"})
    analysis = inspect(tmp_path, "lint")
    assert places(analysis.findings) == ["F821 a.py:5", "B006 a.py:4", "F401 a.py:1"]
    first = analysis.findings[0]
    assert (first.severity, first.scope, first.category) == (Severity.HIGH, "f", "bug")
    assert first.evidence[0].snippet == "    return undefined"
    assert first.evidence[0].command == "ruff check --isolated --select F821 -- a.py"


def test_security_scan_merges_what_two_tools_say_of_one_place(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "a.py": "import subprocess\n\n\ndef find(db, name):\n"
            "    db.execute(\"SELECT * FROM t WHERE name = '%s'\" % name)\n"
            "    subprocess.call(\n        f'ls {name}',\n        shell=True,\n    )\n"
        },
    )
    found = inspect(tmp_path, "security_scan").findings
    assert sorted(places(found)) == ["S602 a.py:6", "S608 a.py:5"]
    assert {tuple((one.tool, one.rule) for one in finding.evidence) for finding in found} == {
        (("ruff", "S602"), ("bandit", "B602"), ("taint", "review-command")),
        (("ruff", "S608"), ("bandit", "B608"), ("taint", "review-sql")),
    }
    assert {finding.cwe for finding in found} == {(78,), (89,)}


def test_security_scan_keeps_two_places_of_one_rule_apart(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "a = eval(input())\na = eval(input())\n"})
    found = inspect(tmp_path, "security_scan").findings
    assert places(found) == ["S307 a.py:1", "S307 a.py:2"]
    assert found[0].fingerprint != found[1].fingerprint


def test_security_scan_says_nothing_of_asserts_in_tests(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "tests/test_a.py": "import random\nPASSWORD = 'correct-horse'\n\n\ndef test_a():\n"
            "    assert random.random() < 1\n    eval(input())\n",
        },
    )
    found = inspect(tmp_path, "security_scan").findings
    assert places(found) == ["S307 tests/test_a.py:7"]
    assert found[0].in_test_code
    assert inspect(tmp_path, "secret_scan").findings == []


def test_security_scan_looks_below_folders_whose_name_begins_with_git(tmp_path: Path) -> None:
    plant(tmp_path, {".github/scripts/a.py": "import ftplib\nexec(input())\n"})
    found = inspect(tmp_path, "security_scan").findings
    assert [one.tool for one in found[0].evidence] == ["taint", "ruff", "bandit"]


def test_complexity_measures_several_languages(tmp_path: Path) -> None:
    python = "def f(x):\n" + "".join(f"    if x == {n}:\n        return {n}\n" for n in range(20))
    javascript = (
        "function g(x) {\n" + "".join(f"  if (x == {n}) {{ return {n}; }}\n" for n in range(35)) + "}\n"
    )
    plant(tmp_path, {"a.py": python, "b.js": javascript, "c.go": "package c\nfunc h() int { return 1 }\n"})
    analysis = inspect(tmp_path, "complexity")
    assert places(analysis.findings) == ["high-complexity b.js:1", "high-complexity a.py:1"]
    assert [finding.severity for finding in analysis.findings] == [Severity.MEDIUM, Severity.LOW]
    assert analysis.tools[0].files_analysed == 3


def test_fingerprints_survive_lines_inserted_above(tmp_path: Path) -> None:
    code = "def f(x=[]):\n    return undefined\n"
    before = {finding.fingerprint for finding in inspect(plant(tmp_path, {"a.py": code}), "lint").findings}
    after = {
        finding.fingerprint
        for finding in inspect(plant(tmp_path, {"a.py": f"{'# more' + chr(10)}" * 7 + code}), "lint").findings
    }
    assert before == after


def test_paths_limit_the_analysis(tmp_path: Path) -> None:
    plant(tmp_path, {"a/one.py": "x = eval(y)\n", "b/two.py": "y = eval(z)\n", "ab.py": "z = eval(x)\n"})
    analysis = inspect(tmp_path, "security_scan", paths=["a"])
    assert places(analysis.findings) == ["S307 a/one.py:1"]
    assert analysis.tools[0].files_analysed == 1


def test_file_with_a_syntax_error_makes_the_run_partial(tmp_path: Path) -> None:
    plant(tmp_path, {"good.py": "x = 1\n", "bad.py": "def f(:\n"})
    analysis = inspect(tmp_path, "security_scan")
    assert [(run.state, run.files_analysed, run.failed_count) for run in analysis.tools] == [
        (ToolState.PARTIAL, 1, 1),
        (ToolState.PARTIAL, 1, 1),
        (ToolState.PARTIAL, 1, 1),
    ]
    assert analysis.tools[0].failed[0].path == "bad.py"
    assert analysis.tools[1].failed[0].reason.startswith("no valid Python 3.")
    assert output_of(analysis).summary == (
        "no finding in 1 file; incomplete: ruff (security rules) could not fully analyse 1 file, "
        "bandit could not fully analyse 1 file, taint could not fully analyse 1 file"
    )


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python can read the newer syntax")
def test_newer_python_is_named_by_bandit_and_read_by_ruff(tmp_path: Path) -> None:
    plant(tmp_path, {"new.py": 'type Pair[T] = tuple[T, T]\nx = f"{\'a\' + f"{1}"}"\n'})
    ruff, bandit, _ = inspect(tmp_path, "security_scan").tools
    assert (ruff.state, bandit.state) == (ToolState.OK, ToolState.FAILED)
    assert "which bandit runs on" in bandit.failed[0].reason


def test_comments_that_silence_a_tool_are_obeyed_and_told(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "a.py": "eval(x)  # nosec  # noqa: S307\nexec(x)  # nosec B102\n",
            "b.py": "# ruff: noqa\nexec(x)\n",
        },
    )
    analysis = inspect(tmp_path, "security_scan")
    assert [
        (place, one.severity) for place, one in zip(places(analysis.findings), analysis.findings, strict=True)
    ] == [
        ("S102 b.py:2", Severity.LOW),
        ("S102 a.py:2", Severity.INFO),  # somebody looked at it
    ]
    assert [run.note for run in analysis.tools] == [
        "comments in the source silence it 2 times (noqa)",
        "comments in the source silence it 2 times (nosec)",
        "",
    ]


class _Broken(Ruff):
    """A tool that ends badly in a way that a test chooses."""

    name = "broken"

    def __init__(self, code: str) -> None:
        self._code = code

    def command(self, batch: Batch) -> list[str]:
        return [sys.executable, "-I", "-c", self._code]


class _Missing(Ruff):
    name = "missing"
    package = "no-such-distribution"


@pytest.mark.parametrize(
    ("analyzer", "reason"),
    [
        (_Broken("raise SystemExit('the disk is on fire')"), "broken ruff's JSON is not what we know"),
        (
            _Broken("import sys; print('who, me?', file=sys.stderr); sys.exit(9)"),
            "broken ended with exit code 9: who, me?",
        ),
        (_Broken("print('no json')"), "broken ruff's JSON is not what we know"),
        (_Broken("import os; os.abort()"), "broken ended with signal 6: it said nothing"),
        (_Broken("x = bytearray(1 << 40)"), "broken ran out of the memory it may use"),
        (_Missing(), "the tool is not installed"),
    ],
)
def test_tool_that_breaks_is_failed_and_says_why(tmp_path: Path, analyzer: Analyzer, reason: str) -> None:
    tree = plant(tmp_path / "tree", {"a.py": "x = 1\n"})
    (tmp_path / "scratch").mkdir()
    analysis = analyse(tree, [analyzer], scratch=tmp_path / "scratch")
    assert analysis.tools[0].state is ToolState.FAILED
    assert analysis.tools[0].failed[0].path == "a.py"
    assert analysis.tools[0].failed[0].reason.startswith(reason)
    with pytest.raises(StepFailed, match="no tool could do its work"):
        output_of(analysis)


def test_one_broken_tool_of_two_leaves_the_others_findings(tmp_path: Path) -> None:
    tree = plant(tmp_path / "tree", {"a.py": "print(undefined)\n"})
    (tmp_path / "scratch").mkdir()
    analysis = analyse(tree, [_Broken("print('no')"), *ANALYZERS["lint"]], scratch=tmp_path / "scratch")
    assert places(analysis.findings) == ["F821 a.py:1"]
    assert (
        output_of(analysis).summary
        == "1 finding (1 high) in 1 file; incomplete: broken (correctness rules) failed"
    )


class _Silent(Analyzer):
    """Answers, but says of every file that it failed to read it."""

    name = "silent"
    package = "ruff"
    batch_files = 2

    def wants(self, file: SourceFile) -> bool:
        return file.path != "d.py"

    def command(self, batch: Batch) -> list[str]:
        return [
            sys.executable,
            "-I",
            "-c",
            "import sys; sys.exit('c.py' in sys.argv[1])",
            str(batch.arguments),
        ]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        return Parsed()


def test_only_the_files_of_a_broken_batch_count_as_failed(tmp_path: Path) -> None:
    tree = plant(tmp_path / "tree", dict.fromkeys(("a.py", "b.py", "c.py", "d.py"), "x\n"))
    (tmp_path / "scratch").mkdir()
    run = analyse(tree, [_Silent()], scratch=tmp_path / "scratch").tools[0]
    assert (run.state, run.files_analysed) == (ToolState.PARTIAL, 2)
    assert run.failed == (FileProblem(path="c.py", reason="silent ended with exit code 1: it said nothing"),)


def test_cancelled_analysis_stops(tmp_path: Path) -> None:
    tree = plant(tmp_path / "tree", {"a.py": "x = 1\n"})
    with pytest.raises(StepCancelled):
        analyse(tree, ANALYZERS["lint"], scratch=tmp_path, cancelled=lambda: True)


def test_every_operation_has_analyzers_examples_and_a_manual() -> None:
    operations = Inspector.operations()
    assert set(ANALYZERS) <= set(operations)
    for name in ANALYZERS:
        described = operations[name]
        assert 4 <= len(described.examples) <= 8
        assert (described.needs, described.gives) == (frozenset({"snapshot"}), frozenset({"findings"}))
        assert len(described.description) > 200


@pytest.mark.skipif(not SHOP.exists(), reason="the sample shop is not in this checkout")
def test_sample_shop_is_fully_analysed_and_shows_its_seeded_faults() -> None:
    expected = {
        "lint": "B006 orders/cart.py",
        "security_scan": "S608 catalog/search.py",
        "secret_scan": "secret-keyword orders/payments.py",
        "complexity": "high-complexity orders/promotions.py",
    }
    for operation, wanted in expected.items():
        analysis = inspect(SHOP, operation)
        assert {run.state for run in analysis.tools} == {ToolState.OK}
        assert wanted in {place.rpartition(":")[0] for place in places(analysis.findings)}
        assert {finding.confidence for finding in analysis.findings} <= set(Confidence)
