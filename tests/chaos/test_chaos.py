"""The checker sees the damage when a part of the engine is taken out; and a round with all of it shows none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import private_servers
from tests.chaos import checker, scenarios
from tests.chaos.machine import Machine
from tests.chaos.timing import FAST
from tests.chaos.world import World

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

SEED, MINUTES = 7, 0.7


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    folder = private_servers.STATE / f"chaos-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with World(folder, FAST, Machine(is_left_alone=True), is_durable=False) as running:
        yield running
    shutil.rmtree(folder)


def test_nothing_is_found_with_all_on(world: World) -> None:
    seen = scenarios.play(world, ["outbox", "fencing", "heartbeat"])
    assert [str(one) for one in checker.violations(seen)] == []
    assert sorted(run.state for run in seen.runs) == ["succeeded"] * 3
    assert "stale" in {attempt.outcome for attempt in seen.attempts}


@pytest.mark.parametrize(
    ("off", "rule"), [("fencing", "C2"), ("outbox", "C1"), ("heartbeat", "C1")], ids=lambda value: value
)
def test_damage_is_found_with_a_part_off(world: World, off: str, rule: str) -> None:
    seen = scenarios.play(world, [off], off=off)
    assert rule in {violation.rule for violation in checker.violations(seen)}


def test_seed_leaves_no_violation(tmp_path: Path) -> None:
    """Any seed would do; this one is the same each time, so that a failure comes again."""
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.chaos",
            "--seed",
            str(SEED),
            "--minutes",
            str(MINUTES),
            "--json",
            report,
        ],
        cwd=private_servers.ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(report.read_text())
    assert told["violations"] == []
    assert len(told["recoveries"]) >= 3
    assert told["accepted"] > 0
