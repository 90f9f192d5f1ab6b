"""What is of unknown origin where it could be dangerous: told for review, as information; its safe twin is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.inspector.analysis import analyse
from agents.inspector.analyzers import ANALYZERS
from tests.agents.inspector.taint.programs import analysed, to_review

DATABASE = "import psycopg2\ncursor = psycopg2.connect('').cursor()\n"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import os\ndef run(command):\n    os.system(command)\n", ["review-command app.py:3"]),
        ("import os\ndef run(size):\n    os.system(f'head -c {int(size)} log')\n", []),
        ("import os\nfrom elsewhere import what\nos.system(what())\n", ["review-command app.py:3"]),
        ("import os\nWHAT = 'ls'\nos.system(WHAT)\n", []),
        (
            "import subprocess\ndef run(program):\n    subprocess.run([program, '-v'])\n",
            ["review-command app.py:3"],
        ),
        ("import subprocess\ndef run(path):\n    subprocess.run(['cat', '--', path])\n", []),
        ("import subprocess, sys\ndef run():\n    subprocess.run([sys.executable, '-V'])\n", []),
        (
            "import subprocess\ndef run(script):\n    subprocess.run(['bash', '-c', script])\n",
            ["review-command app.py:3"],
        ),
        (f"{DATABASE}cursor.execute(f'SELECT * FROM {{table}}')\n", ["review-sql app.py:3"]),
        (f"{DATABASE}text = 'SELECT * FROM %s' % name\ncursor.execute(text)\n", ["review-sql app.py:4"]),
        (f"{DATABASE}cursor.execute('SELECT * FROM item WHERE name = %s', (name,))\n", []),
        (f"{DATABASE}def run(query):\n    cursor.execute(query)\n", []),  # what a wrapper is for
        ("import code\ndef run(text):\n    code.InteractiveConsole().push(text)\n", ["review-code app.py:3"]),
        ("import code\ncode.InteractiveConsole().push('1 + 1')\n", []),
        ("import importlib\ndef load(name):\n    importlib.import_module(name)\n", []),  # plugins
        (
            "import jsonpickle\ndef read(text):\n    return jsonpickle.decode(text)\n",
            ["review-deserialisation app.py:3"],
        ),
        ("import jsonpickle\njsonpickle.decode('{}')\n", []),
        (
            "from jinja2 import Template\ndef page(text):\n    return Template(text)\n",
            ["review-template app.py:3"],
        ),
    ],
)
def test_a_value_of_unknown_origin_is_told_and_what_was_seen_is_not(
    tmp_path: Path, program: str, expected: list[str]
) -> None:
    assert to_review(tmp_path, {"app.py": program}) == expected


def test_what_callers_in_the_tree_pass_is_known(tmp_path: Path) -> None:
    helper = "import os\ndef run(command):\n    os.system(command)\n"
    assert to_review(tmp_path, {"app.py": helper}) == ["review-command app.py:3"]
    assert to_review(tmp_path, {"app.py": helper + "run('ls')\n"}) == []
    helper = "import os\ndef run(**options):\n    os.system(options['name'])\nrun(name='ls')\n"
    assert to_review(tmp_path, {"app.py": helper}) == []


def test_a_function_that_reads_input_itself_is_followed_so_nothing_is_for_review(tmp_path: Path) -> None:
    program = (
        "import os\nfrom flask import Flask, request\nfrom elsewhere import what\napp = Flask(__name__)\n"
        "@app.route('/')\ndef view():\n    name = request.args['n']\n    os.system(what())\n    return 'done'\n"
    )
    assert to_review(tmp_path, {"app.py": program}) == []


def test_a_proof_speaks_instead(tmp_path: Path) -> None:
    program = "import os, sys\nos.system('ls ' + sys.argv[1])\n"
    assert to_review(tmp_path, {"app.py": program}) == ["taint-command app.py:2"]


def test_nobody_reviews_tests(tmp_path: Path) -> None:
    program = "import os\ndef run(command):\n    os.system(command)\n"
    assert to_review(tmp_path, {"tests/test_it.py": program}) == []


def test_it_is_information_of_low_confidence_in_words(tmp_path: Path) -> None:
    program = "import jsonpickle\ndef read(text):\n    return jsonpickle.decode(text)\n"
    (told,) = analysed(tmp_path, {"app.py": program})["findings"]
    assert (told["severity"], told["confidence"]) == ("info", "low")
    assert told["title"] == "To be reviewed: object deserialised from what is not known"
    assert told["message"] == "A value of unknown origin reaches jsonpickle.decode(): see who can choose it."
    assert told["hops"] == []


def test_where_a_pattern_speaks_of_the_same_call_it_is_one_finding_under_the_patterns_name(
    tmp_path: Path,
) -> None:
    (tmp_path / "app.py").write_text("import os\n\n\ndef run(command):\n    os.system(command)\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (one,) = analyse(tmp_path, ANALYZERS["security_scan"], scratch=scratch).findings
    assert (one.rule, one.severity.value) == ("S605", "medium")
    assert [evidence.tool for evidence in one.evidence] == ["ruff", "bandit", "taint"]
