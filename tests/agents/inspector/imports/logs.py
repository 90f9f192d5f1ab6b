"""SARIF logs for the tests: a small one of one's own making, and the tree that it speaks of."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from agents.inspector.imports.claims import Given, read_file
from agents.inspector.survey import survey
from tests.agents.inspector.trees import plant

CODE = """import os
import hashlib
import subprocess


def find(cursor, name):
    cursor.execute("SELECT * FROM t WHERE n = '%s'" % name)
    return hashlib.md5(name.encode()).hexdigest()


def run(command):
    subprocess.call(
        command,
        shell=True,
    )
    return eval(command)
"""
SHOP: dict[str, str | bytes] = {"src/a.py": CODE, "tests/test_a.py": "def test_a():\n    assert 1 == 1\n"}


def shop(tmp_path: Path) -> Path:
    return plant(tmp_path / "shop", SHOP)


def result(line: int | None = 7, *, uri: Any = "src/a.py", **changed: Any) -> dict[str, Any]:
    """A result on a line of a file."""
    region = {} if line is None else {"region": {"startLine": line}}
    place = {"physicalLocation": {"artifactLocation": {"uri": uri}, **region}}
    return {"ruleId": "R1", "message": {"text": "it is bad"}, "locations": [place], **changed}


def log(*results: Any, rules: Any = (), name: str = "Probe", **run: Any) -> dict[str, Any]:
    """A log of one run."""
    driver = {"name": name, "version": "1.2", "rules": list(rules)}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": list(results), **run}]}


def read(root: Path, content: Any) -> list[Given]:
    """Read a log, or bytes, against a tree."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_file(io.BytesIO(raw), root, {file.path: file for file in survey(root).files})


def one(root: Path, content: Any) -> Given:
    (given,) = read(root, content)
    return given


def ruff(root: Path, *rules: str) -> bytes:
    """What the real ruff says of a tree."""
    tool = Path(sys.executable).with_name("ruff")
    command = [tool, "check", "--isolated", "--exit-zero", "--no-cache", "--select", ",".join(rules)]
    told = subprocess.run([*command, "--output-format", "sarif", root], capture_output=True, check=True)
    return told.stdout
