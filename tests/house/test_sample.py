"""The bundled sample is an honest yardstick.

Its manifest lists 20 defects and says which bundled analyzer reports which. Both sides of that claim are
checked by running the analyzers over a copy of the shop without the manifest.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.inspector.analysis import analyse
from agents.inspector.analyzers import ANALYZERS as ANALYZERS_OF
from tests.agents.documentation import faults as documented

SHOP = Path(__file__).resolve().parents[2] / "samples" / "shop"
DEFECTS: list[dict[str, Any]] = tomllib.loads((SHOP / "defects.toml").read_text(encoding="utf-8"))["defect"]

AGENTS = {"inspector", "journey", "dba", "test_engineer", "documentation"}
ANALYZERS = {
    "ruff",
    "bandit",
    "detect-secrets",
    "lizard",
    "griffe",
    "pydoclint",
    "wrench-docs",
    "vulture",
    "taint",
}
OPERATIONS = ("dead_code", "security_scan")  # for the tools whose facts we judge ourselves
LEAST_UNREPORTED = 7
RUFF_RULES = "F,B,S,E9,PL,C90,DJ,UP,SIM,RUF"
# Style of tests and of generated migrations, no claim about a fault: asserts, numbers, plain lists in Meta.
NO_FAULT = {"S101", "B101", "PLR2004", "RUF012"}
HINTS = (
    "vuln", "bug", "unsafe", "insecure", "defect", "fixme", "todo", "hack", "injection", "seeded",
)  # fmt: skip
GENERATED = {"__pycache__", ".pytest_cache", ".ruff_cache"}

Report = tuple[str, str, int]  # analyzer, file relative to the shop, line

entry = pytest.mark.parametrize("defect", DEFECTS, ids=[defect["id"] for defect in DEFECTS])


def shop_files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and not GENERATED & set(path.parts) and path.name != "defects.toml":
            yield path


def output(root: Path, *argv: str) -> str:
    """Run an analyzer of this interpreter's environment in `root`; a non-zero exit means that it found something."""
    tool = Path(sys.executable).parent / argv[0]
    done = subprocess.run(
        [tool, *argv[1:]], cwd=root, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.stdout, done.stderr
    return done.stdout


def ruff(root: Path) -> Iterator[Report]:
    argv = ("check", "--isolated", "--no-cache", "--select", RUFF_RULES, "--output-format", "json", ".")
    for found in json.loads(output(root, "ruff", *argv)):
        if found["code"] not in NO_FAULT:
            name = Path(found["filename"]).resolve().relative_to(root).as_posix()
            yield "ruff", name, found["location"]["row"]


def bandit(root: Path) -> Iterator[Report]:
    for found in json.loads(output(root, "bandit", "-q", "-r", ".", "-f", "json"))["results"]:
        if found["test_id"] not in NO_FAULT:
            yield "bandit", Path(found["filename"]).as_posix(), found["line_number"]


def detect_secrets(root: Path) -> Iterator[Report]:
    results = json.loads(output(root, "detect-secrets", "scan", "--all-files", "."))["results"]
    for name, secrets in results.items():
        for secret in secrets:
            yield "detect-secrets", Path(name).as_posix(), secret["line_number"]


def lizard(root: Path) -> Iterator[Report]:
    for name, line in re.findall(r"^(.+?):(\d+): warning:", output(root, "lizard", "-w", "."), re.MULTILINE):
        yield "lizard", Path(name).as_posix(), int(line)


def documentation(root: Path, scratch: Path) -> Iterator[Report]:
    """What the Documentation agent's tools say: they have no command that looks at a tree without its settings."""
    for finding in documented.faults(root, scratch=scratch):
        for evidence in finding.evidence:
            yield evidence.tool, finding.path, finding.line


def inspector(root: Path, scratch: Path) -> Iterator[Report]:
    """What the tools say that are judged by our own reading of their facts."""
    for name in OPERATIONS:
        for finding in analyse(root, ANALYZERS_OF[name], scratch=scratch).findings:
            for evidence in finding.evidence:
                yield evidence.tool, finding.path, finding.line


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> set[Report]:
    """What the bundled analyzers report on a copy of the shop that lacks the manifest."""
    root = tmp_path_factory.mktemp("sample").resolve() / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns("defects.toml", *GENERATED))
    scratch = tmp_path_factory.mktemp("scratch")
    classic = {*ruff(root), *bandit(root), *detect_secrets(root), *lizard(root)}
    return {*classic, *documentation(root, scratch), *inspector(root, scratch)}


def region(defect: dict[str, Any]) -> range:
    return range(defect["line"], defect.get("end_line", defect["line"]) + 1)


def reporting(defect: dict[str, Any], reports: set[Report]) -> set[str]:
    """The analyzers with a report on the lines of the defect."""
    return {tool for tool, name, line in reports if name == defect["file"] and line in region(defect)}


def test_manifest_has_20_entries_with_ids_of_their_own() -> None:
    assert len(DEFECTS) == 20
    assert len({defect["id"] for defect in DEFECTS}) == 20


@entry
def test_entry_points_at_lines_that_exist(defect: dict[str, Any]) -> None:
    lines = (SHOP / defect["file"]).read_text(encoding="utf-8").splitlines()
    assert 1 <= region(defect).start < region(defect).stop <= len(lines) + 1
    assert lines[defect["line"] - 1].strip()


@entry
def test_entry_uses_known_words(defect: dict[str, Any]) -> None:
    assert set(defect) - {"end_line", "cwe"} == {"id", "file", "line", "kind", "agent", "analyzers", "what"}
    assert defect["agent"] in AGENTS
    assert set(defect["analyzers"]) <= ANALYZERS
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", defect["kind"])
    assert defect["what"].endswith(".")


def test_enough_entries_are_reported_by_no_bundled_analyzer() -> None:
    assert sum(defect["analyzers"] == [] for defect in DEFECTS) >= LEAST_UNREPORTED


@entry
def test_analyzers_report_what_the_manifest_says_and_no_more(
    defect: dict[str, Any], reports: set[Report]
) -> None:
    assert reporting(defect, reports) == set(defect["analyzers"])


def test_analyzers_report_nothing_outside_the_manifest(reports: set[Report]) -> None:
    listed = {(defect["file"], line) for defect in DEFECTS for line in region(defect)}
    assert {report for report in reports if report[1:] not in listed} == set()


def test_no_word_or_name_in_the_shop_hints_at_a_defect() -> None:
    hits = [
        (path.relative_to(SHOP).as_posix(), word)
        for path in shop_files(SHOP)
        for word in re.findall(
            r"[a-z]+", f"{path.relative_to(SHOP)} {path.read_text(encoding='utf-8')}".lower()
        )
        if word.startswith(HINTS)
    ]
    assert hits == []


def test_shop_does_not_read_its_manifest() -> None:
    assert [path for path in shop_files(SHOP) if "defects" in path.read_text(encoding="utf-8")] == []
