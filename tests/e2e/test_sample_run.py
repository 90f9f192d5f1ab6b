"""The main job, whole: `run` on the bundled sample with servers, workers and web of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from agents.reporting.json_report import SCHEMA_FILE

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(280)]


def run(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the verb in a state folder of its own, as if nothing else were on this machine."""
    dropped = {"DATABASE_URL", "REDIS_URL", "DEBUG", "LOG_LEVEL", "SECRET_KEY", "WRENCH_TEST_STATE_DIR"}
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "run", *arguments],
        env=environment | {"WRENCH_STATE_DIR": str(state)},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )


def left_over(state: Path) -> list[str]:
    """Command lines of processes that work for this state folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        try:
            mine = process.environ().get("WRENCH_STATE_DIR") == str(state)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if mine and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(" ".join(process.info["cmdline"] or []))
    return found


def test_sample_is_inspected_reported_and_scored(tmp_path: Path) -> None:
    state = tmp_path / "state"
    done = run(state, "--json", "--fail-on", "high")
    assert done.returncode == 1, done.stderr  # the sample has findings of severity high
    told = json.loads(done.stdout)
    folder = state / "reports" / "latest"
    assert {path.name for path in folder.iterdir()} == {
        *("report.html", "report.json", "report.md", "report.sarif"),
        *("bom.cdx.json", "docstrings.json", "docstrings.md"),  # what its steps wrote
    }
    report = json.loads((folder / "report.json").read_text())
    jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text())).validate(report)
    assert told["state"] == "succeeded"
    # Each defect that a bundled analyzer can see is found, and nothing else that a reader would not accept.
    defects = tomllib.loads((ROOT / "samples" / "shop" / "defects.toml").read_text())["defect"]
    assert set(told["score_card"]["found"]) >= {one["id"] for one in defects if one["analyzers"]}
    assert told["score_card"]["outside"] == 1  # requirements without exact versions: true, though not seeded
    assert all(finding["evidence"] for finding in report["findings"])
    for page in ("README.md", "docs/how_to/use_the_client.md"):
        assert_shown_as_it_is((ROOT / page).read_text(), report)
    (card,) = re.findall(
        r"^Score card: found (\d+) of (\d+) .*: (\d+)$", (ROOT / "README.md").read_text(), re.M
    )
    assert tuple(map(int, card)) == (
        len(told["score_card"]["found"]),
        len(defects),
        told["score_card"]["outside"],
    )
    assert left_over(state) == []


def assert_shown_as_it_is(page: str, report: dict[str, Any]) -> None:
    """Compare a run of the sample that a page shows with a real one: figures, places, words."""
    figures = r"(\d+ findings: [^.]+)\. (\d+ of \d+) planned analyses of \S+ succeeded\. (\d+ gaps) in what"
    assert set(re.findall(figures, page)) == set(re.findall(figures, report["answer"])) != set()
    real = {(one["severity"], one["rule"], f"{one['path']}:{one['line']}"): one for one in report["findings"]}
    listed = re.findall(
        r"^  (HIGH|MEDIUM|LOW) +(\S+:\d+)  (\S+)(?:  \(confidence \w+\))?\n +(.+)$", page, re.M
    )
    assert len(listed) >= 2
    for severity, place, rule, words in listed:
        assert real[severity.lower(), rule, place]["message"].startswith(words.removesuffix(" ..."))
    titles = {(*claim, one["title"]) for claim, one in real.items()}
    table = re.findall(r"^[0-9a-f]{8}-[0-9a-f-]{27}  (\w+) +open  (\S+) +(\S+) +(.+)$", page, re.M)
    assert set(table) <= titles


def test_goal_out_of_scope_is_answered_with_what_there_is(tmp_path: Path) -> None:
    state = tmp_path / "state"
    done = run(state, "--goal", "book me a flight to Lisbon")
    assert done.returncode == 0, done.stderr
    assert "Nobody here can do this" in done.stdout
    assert "find passwords, API keys and tokens" in done.stdout  # the answer tells what there is
    assert "Nothing was analysed, so nothing was found" in done.stdout  # which is no clean result
    assert "Score card" not in done.stdout
    assert left_over(state) == []
