"""Trees that are odd or mean to harm: the result is clear, nothing crashes, nothing of theirs is obeyed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.inspector.analyzers import ANALYZERS
from agents.inspector.steps import output_of
from agents.inspector.survey import LINK, MINIFIED, NOT_TEXT, NOT_UTF8, TOO_LARGE, VENDORED, survey
from agents.reporting.model import ToolState
from tests.agents.inspector.trees import inspect, places, plant

OPERATIONS = tuple(ANALYZERS)
GOOD = {".py": "x = 1\n", ".sh": "#!/bin/sh\ntrue\n", ".dockerfile": "FROM alpine:3.20\n", ".yml": "a: 1\n"}
# One file of each kind that the operation's tools read, so that each of them has one.
ENDINGS = dict.fromkeys(OPERATIONS, (".py",)) | {"infrastructure": (".sh", ".dockerfile", ".yml")}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_empty_directory_is_not_applicable(tmp_path: Path, operation: str) -> None:
    analysis = inspect(tmp_path, operation)
    assert {run.state for run in analysis.tools} == {ToolState.NOT_APPLICABLE}
    assert output_of(analysis).summary == "nothing here that these tools can analyse"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_file_that_is_no_utf8_is_left_out_and_counted(tmp_path: Path, operation: str) -> None:
    bad = "x = 'caf\xe9'\n".encode("latin-1")
    plant(tmp_path, {f"latin{ending}": bad for ending in ENDINGS[operation]})
    plant(tmp_path, {f"good{ending}": GOOD[ending] for ending in ENDINGS[operation]})
    for run in inspect(tmp_path, operation).tools:
        assert (run.state, run.files_analysed, run.skipped_by_reason) == (ToolState.OK, 1, {NOT_UTF8: 1})


@pytest.mark.parametrize("operation", OPERATIONS)
def test_file_of_300_mb_is_left_out_and_counted(tmp_path: Path, operation: str) -> None:
    plant(tmp_path, {f"good{ending}": GOOD[ending] for ending in ENDINGS[operation]})
    for ending in ENDINGS[operation]:
        with (tmp_path / f"huge{ending}").open("wb") as file:
            file.truncate(300 << 20)
    for run in inspect(tmp_path, operation).tools:
        assert (run.state, run.files_analysed, run.skipped_by_reason) == (ToolState.OK, 1, {TOO_LARGE: 1})


@pytest.mark.parametrize("operation", OPERATIONS)
def test_symlink_loops_and_ways_out_are_not_followed(tmp_path: Path, operation: str) -> None:
    outside = plant(tmp_path / "outside", {"secret.py": "exec(input())\n"})
    tree = plant(tmp_path / "tree", {"a/good.py": "x = 1\n"})
    (tree / "a" / "loop").symlink_to(tree)
    (tree / "self.py").symlink_to("self.py")
    (tree / "out.py").symlink_to(outside / "secret.py")
    (tree / "passwd").symlink_to("/etc/passwd")
    analysis = inspect(tree, operation)
    assert analysis.findings == []
    assert analysis.survey.counts == {LINK: 4}
    assert [file.path for file in analysis.survey.files] == ["a/good.py"]


ODD_NAMES = (
    "-rf.py",
    "--select=ALL.py",
    "new\nline.py",
    "quo'te\".py",
    "a b;$(touch x).py",
    "<script>alert(1)</script>.py",
    "@argfile.py",
    "ünïcödé.py",
    "[x].py",
    "\x1b[31mred.py",
    "#.py",
    "%2e%2e.py",
)


def test_odd_file_names_are_analysed_by_every_tool(tmp_path: Path) -> None:
    code = "def f(x=[]):\n    exec(x)\n" + "    if x: pass\n" * 20
    plant(tmp_path, {f"src/{name}" if "/" not in name else name: code for name in ODD_NAMES})
    plant(tmp_path, {name: code for name in ODD_NAMES if "/" not in name})
    count = len(list(tmp_path.rglob("*.py")))
    for operation, rule in (("lint", "B006"), ("security_scan", "S102"), ("complexity", "high-complexity")):
        analysis = inspect(tmp_path, operation)
        assert {(run.state, run.files_analysed) for run in analysis.tools} == {(ToolState.OK, count)}
        assert len([finding for finding in analysis.findings if finding.rule == rule]) == count
        # ruff, bandit, and the engine, which asks for a review of the same call
        assert {len(finding.evidence) for finding in analysis.findings if finding.rule == "S102"} <= {3}
    assert inspect(tmp_path, "secret_scan").tools[0].files_analysed == count
    assert not (tmp_path / "x").exists()


def test_configuration_of_the_project_has_no_influence(tmp_path: Path) -> None:
    code = "import subprocess\n\n\ndef f(x=[]):\n    subprocess.call(x, shell=True)\n    return undefined\n"
    plain = plant(tmp_path / "plain", {"src/a.py": code})
    mean = plant(
        tmp_path / "mean",
        {
            "src/a.py": code,
            "ruff.toml": 'exclude = ["**"]\n[lint]\nselect = []\n',
            "pyproject.toml": '[tool.ruff]\nexclude = ["**"]\n[tool.bandit]\nskips = ["B602"]\n',
            ".bandit": "[bandit]\nskips = B602\nexclude = /src\n",
            "src/.bandit": "[bandit]\nskips = B602\n",
            "setup.cfg": "[bandit]\nskips = B602\n",
            "tox.ini": "[bandit]\nskips = B602\n",
            ".gitignore": "*\n",
            ".ignore": "*\n",
            ".secrets.baseline": "{}",
            "whitelizer.txt": "f\n",
        },
    )
    for operation in OPERATIONS:
        assert places(inspect(mean, operation).findings) == places(inspect(plain, operation).findings)


def test_modules_of_the_project_are_never_imported(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    bomb = f"open({str(mark)!r}, 'w').write(__name__)\n"
    names = (
        "json",
        "bandit",
        "lizard",
        "detect_secrets",
        "ruff",
        "sitecustomize",
        "usercustomize",
        "re",
        "yaml",
        "vulture",
        "yamllint",
        "complexipy",
        "pathspec",
        "griffe",
        "grimp",
        "pydoclint",
        "docstring_parser",
    )
    tree = plant(tmp_path / "tree", {f"{name}.py": bomb for name in names})
    plant(tree, {"Dockerfile": "FROM a:1\n", "a.sh": "#!/bin/sh\ntrue\n", "a.yml": "a: 1\n"})
    plant(tree, {f"{name}/__init__.py": bomb for name in names})
    for operation in OPERATIONS:
        assert {run.state for run in inspect(tree, operation).tools} == {ToolState.OK}
    assert not mark.exists()


def test_deeply_nested_code_does_no_harm(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "brackets.py": "x = " + "(" * 5000 + "1" + ")" * 5000 + "\n",
            "minus.py": "x = " + "-" * 20_000 + "1\n",
            "dots.py": "x = a" + ".b" * 4000 + "\n",
            "good.py": "eval(input())\n",
        },
    )
    analysis = inspect(tmp_path, "security_scan")
    assert "S307 good.py:1" in places(analysis.findings)


def test_survey_names_its_reasons(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "a.py": "x = 1\n",
            "image.png": b"\x89PNG\0\0",
            "app.min.js": "var a=1;\n",
            "bundle.js": "x" * 20_000,
            "node_modules/left/pad.js": "1\n",
            "venv2/pyvenv.cfg": "home = /usr\n",
            "venv2/lib/a.py": "1\n",
        },
    )
    os.mkfifo(tmp_path / "pipe")
    found = survey(tmp_path)
    assert [file.path for file in found.files] == ["a.py"]
    assert found.counts == {NOT_TEXT: 1, MINIFIED: 2, VENDORED: 3, "no regular file": 1}


def test_survey_leaves_out_scripts_that_were_copied_from_libraries(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "site/static/js/jquery-3.6.1.js": "var a = 1;\n",
            "site/js/show.js": ";/*! showdown v 2.1.0 - 21-04-2022 */\nvar a = 1;\n",
            "site/static/js/lib/diff.js": "/**\n * Copyright 2006 Others\n */\nvar a = 1;\n",
            "site/static/js/lib/own.js": "var a = 1;\n",
            "site/static/js/page.js": "/* Copyright 2026 Us */\nvar a = 1;\n",
            "site/js/step-2.js": "/*! keep this */\nvar a = 1;\n",
        },
    )
    found = survey(tmp_path)
    assert [file.path for file in found.files] == [
        "site/js/step-2.js",
        "site/static/js/lib/own.js",
        "site/static/js/page.js",
    ]
    assert found.counts == {VENDORED: 3}
