"""The page of docs/how_to/add_a_page.md, put into a copy of the product as a reader would, keeps its promises."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.cluster import database_url
from tests.house.checkout import ROOT

PAGE = (ROOT / "docs" / "how_to" / "add_a_page.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```\w+ file=(\S+)\n(.*?)^```$", PAGE, re.M | re.S))
TESTS = (
    "tests/frontend/test_files.py",
    "tests/frontend/test_project_pages.py",
    "tests/e2e/test_empty_pages.py",
)
LEFT = shutil.ignore_patterns(
    ".venv", ".git", ".wrench", "__pycache__", ".*_cache", "screenshots", "benchmarks"
)
OURS = ("PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST", "PYTHONPATH")


@pytest.fixture
def product(tmp_path: Path) -> Path:
    copy = tmp_path / "product"
    shutil.copytree(ROOT, copy, ignore=LEFT)
    for name, text in FILES.items():
        (copy / name).write_text(text, encoding="utf-8")
    registry = copy / "frontend" / "project_pages.py"
    listed = registry.read_text(encoding="utf-8")
    listed = listed.replace("from frontend import ", "from frontend import files, ", 1)
    listed = listed.replace("MODULES = (\n    overview,\n", "MODULES = (\n    overview,\n    files,\n", 1)
    registry.write_text(listed, encoding="utf-8")
    return copy


@pytest.mark.timeout(600)
def test_page_of_the_how_to_keeps_what_pages_promise(product: Path, django_db_setup: None) -> None:
    """In a pytest of its own, on this one's database if it has one: to make another takes longer than all else."""
    environ = {name: value for name, value in os.environ.items() if name not in OURS}
    environ["DATABASE_URL"] = database()
    argv = [sys.executable, "-m", "pytest", "-q", "--reuse-db", "-p", "no:cacheprovider"]
    argv += ["-k", "files or without_data", *TESTS]
    done = subprocess.run(argv, cwd=product, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed[1]) > 2 * len(TESTS)


def database() -> str:
    """The address whose database of tests is ours; beside others of xdist, one that none of them has."""
    place, _, name = database_url().rpartition("/")
    return f"{place}/{re.sub(r'_gw[0-9]+$', '', name.removeprefix('test_'))}"
