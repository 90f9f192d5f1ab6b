"""The benchmark runs: its quickest section, end to end, on servers of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.checkout import ROOT, run
from wrenchai_project import servers


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder for the benchmark's servers, whose data may lie elsewhere."""
    folder = tmp_path / "bench"
    yield folder
    servers.stop(folder)
    shutil.rmtree(servers.data_home(folder), ignore_errors=True)


@pytest.mark.timeout(240)
def test_quick_profile_tells_what_a_step_costs(state: Path, tmp_path: Path) -> None:
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL"} and not name.startswith("WRENCH_")
    } | {"WRENCH_BENCH_STATE_DIR": str(state)}
    figures = tmp_path / "figures.json"
    arguments = ["--quick", "--only", "profile", "--json", figures]
    done = run([sys.executable, ROOT / "benchmarks" / "engine.py", *arguments], environ=environ)
    assert done.returncode == 0, done.stderr
    told = json.loads(figures.read_text())["profile"]
    assert set(told) == {"single", "chain", "chain by bells"}
    # a guard against a statement more per step that nobody meant: see benchmarks/RESULTS.md
    assert told["single"]["step"]["round_trips"] < 11.5
    assert told["chain"]["step"]["round_trips"] < 8.5
