"""Measure what the pages draw: `.venv/bin/python benchmarks/pages.py [--steps 500] [--rounds 20]`.

Layout and template of a run's plan, in this process, without database and network: a group between two steps, a net
in which each step needs three earlier ones, and a chain. Prints milliseconds of processor time, so that
a busy machine tells the same: the median and the slowest.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # instead of this folder: `benchmarks` is a package

TARGET = 200  # ms for 500 steps

Edges = list[tuple[int, int]]


def shapes(steps: int) -> dict[str, Edges]:
    """Give the graphs by name, with steps numbered from 1."""
    dice = random.Random(7)
    last = steps
    return {
        "group": [(1, n) for n in range(2, last)] + [(n, last) for n in range(2, last)],
        "net": [(dice.randrange(max(1, n - 60), n), n) for n in range(2, last + 1) for _ in range(3)],
        "chain": [(n, n + 1) for n in range(1, last)],
    }


def drawer(steps: int, edges: Edges) -> Callable[[], int]:
    """Give what draws such a plan, each step by itself, and returns the size of the HTML."""
    from django.template.loader import render_to_string

    from frontend.rows import StepRow
    from frontend.run_graph import plan_graph
    from tasks.models import Run, Step

    at = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
    step_rows = [
        StepRow(
            step=Step(pk=n, key=f"inspector.part.{n}", agent="inspector", operation="scan", state="succeeded"),
            agent="Inspector", seconds=n / 7, since=None, done=0, total=0, message="", error="",
        )
        for n in range(1, steps + 1)
    ]  # fmt: skip
    lines = [(a, b, "succeeded") for a, b in edges]
    run = Run(created_at=at)

    def draw() -> int:
        graph = plan_graph(step_rows, lines, whole=True)
        return len(render_to_string("frontend/run_graph.html", {"graph": graph, "run": run}))

    return draw


def measured(draw: Callable[[], int], rounds: int) -> tuple[float, float, int]:
    """Give the median, the slowest, and the size."""
    times, size = [], draw()
    for _ in range(rounds):
        begin = time.process_time()
        draw()
        times.append(1_000 * (time.process_time() - begin))
    return statistics.median(times), max(times), size


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrenchai_project.settings")
    import django

    django.setup()
    print(f"{asked.steps} steps, target {TARGET} ms for 500; load {os.getloadavg()[0]:.1f}")
    for name, edges in shapes(asked.steps).items():
        median, slowest, size = measured(drawer(asked.steps, edges), asked.rounds)
        print(f"{name:8} {median:7.0f} ms median {slowest:7.0f} ms slowest {size / 1024:7.0f} KiB of HTML")


if __name__ == "__main__":
    main()
