"""Small programs for the engine's tests, and a shorter way to analyse them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from agents.inspector.taint.analysis import as_data, in_large_thread
from agents.inspector.taint.engine import Engine

FLASK = "from flask import Flask, request\nimport os\napp = Flask(__name__)\n"


def analysed(root: Path, files: dict[str, str], **bounds: int) -> dict[str, Any]:
    """Write the files and analyse them."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    programs = [name for name in files if name.endswith(".py")]
    pages = [name for name in files if not name.endswith(".py")]
    return as_data(in_large_thread(Engine(root, programs, templates=pages, **bounds)))


def found(root: Path, files: dict[str, str]) -> list[str]:
    """The findings in short, `rule path:line`; a file that was not analysed fails the test."""
    told = analysed(root, files)
    assert told["not_analysed"] == []
    return [f"{one['rule']} {one['path']}:{one['line']}" for one in _claimed(told)]


def to_review(root: Path, files: dict[str, str]) -> list[str]:
    """What is for review, and what is claimed, in the same form."""
    told = analysed(root, files)
    assert told["not_analysed"] == []
    return [f"{one['rule']} {one['path']}:{one['line']}" for one in told["findings"]]


def _claimed(told: dict[str, Any]) -> list[dict[str, Any]]:
    """What is claimed to be wrong; what is for review only, since its origin is not known, is another question."""
    return [one for one in told["findings"] if not one["rule"].startswith("review-")]


def in_view(root: Path, body: str, head: str = "") -> list[str]:
    """The rules found in the body of a Flask view whose `p` is a query parameter, with `line + 1` of the body."""
    text = FLASK + dedent(head) + '@app.route("/")\ndef view():\n    p = request.args["p"]\n'
    start = text.count("\n")
    text += "".join(f"    {line}\n" for line in dedent(body).strip().splitlines()) + '    return "done"\n'
    told = analysed(root, {"app.py": text})
    assert told["not_analysed"] == []
    return [f"{one['rule']} {one['line'] - start}" for one in _claimed(told)]


def told_of(root: Path, program: str) -> list[dict[str, Any]]:
    """The findings of one file; if it was not analysed, the test fails."""
    told = analysed(root, {"app.py": program})
    assert told["not_analysed"] == []
    return _claimed(told)
