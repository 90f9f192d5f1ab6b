"""The benchmark runs: its quickest section, end to end, on servers of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.house.checkout import ROOT, run


@pytest.mark.timeout(240)
def test_quick_profile_tells_what_a_step_costs(tmp_path: Path) -> None:
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL"} and not name.startswith("WRENCH_")
    } | {"WRENCH_BENCH_STATE_DIR": str(tmp_path / "bench")}
    figures = tmp_path / "figures.json"
    arguments = ["--quick", "--only", "profile", "--json", figures]
    done = run([sys.executable, ROOT / "benchmarks" / "engine.py", *arguments], environ=environ)
    assert done.returncode == 0, done.stderr
    told = json.loads(figures.read_text())["profile"]
    assert set(told) == {"single", "chain", "chain unfused"}
    # a guard against a statement more per step that nobody meant: see benchmarks/RESULTS.md
    assert told["single"]["step"]["round_trips"] < 11.5
    assert told["chain"]["step"]["round_trips"] < 8.5
