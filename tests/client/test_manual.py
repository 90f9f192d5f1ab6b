"""What stands in the manual is what the client takes; and it runs alone, without the server's code."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT
from wrenchai_client.__main__ import EXIT_CODES, main, parser

PAGE = (ROOT / "docs/how_to/use_the_client.md").read_text(encoding="utf-8")


def commands() -> dict[str, argparse.ArgumentParser]:
    (subparsers,) = (
        action for action in parser("wrenchai")._actions if isinstance(action, argparse._SubParsersAction)
    )
    return dict(subparsers.choices)


def rows(table: str) -> dict[str, str]:
    """First cell -> the others, of the table whose head begins so."""
    body = PAGE.split(f"| {table} |")[1].split("\n\n")[0]
    found = re.findall(r"^\| `?([\w]+)`? \| (.+) \|$", body, re.M)
    return dict(found)


def test_manual_has_each_command_with_its_options() -> None:
    told = rows("command")
    assert list(told) == sorted(told, key=list(told).index)
    assert set(told) == set(commands())
    everywhere = {"--help", "-h", "--url", "--json", "--plain-http"}
    for name, command in commands().items():
        taken = {option for action in command._actions for option in action.option_strings}
        missing = set(re.findall(r"--[a-z-]+", told[name])) - taken
        assert not missing, name
        assert not {option for option in taken - everywhere if option.startswith("--")} - set(
            re.findall(r"--[a-z-]+", PAGE)
        ), name


def test_manual_has_each_exit_code() -> None:
    told = {int(code): text.replace("`", "") for code, text in rows("exit code").items()}
    in_help = re.findall(r"^ +(\d+) +(.+)$", EXIT_CODES, re.M)
    assert told == {int(code): text for code, text in in_help}


def test_client_is_installed_alone(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "build", "--wheel", "--offline", "-o", tmp_path / "dist", ROOT], check=True)
    (wheel,) = (tmp_path / "dist").glob("wrenchai-*.whl")
    site = tmp_path / "site"
    subprocess.run(
        [uv, "pip", "install", "--offline", "--no-deps", "--python", sys.executable, "--target", site, wheel],
        check=True,
    )
    environ = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1", "WRENCHAI_CONFIG": str(tmp_path)}
    script = (
        "import sys, wrenchai_client.__main__ as m; m.parser('x'); print(m.__file__, 'django' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], env=environ, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert told.stdout.split() == [str(site / "wrenchai_client/__main__.py"), "False"]
    done = subprocess.run(
        [site / "bin" / "wrenchai", "runs"], env=environ, cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.startswith("wrenchai: which server?")) == (2, True)


def test_nothing_asked_shows_what_can_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert all(f"    {name} " in told.err for name in commands())
