"""Measure the engine: `.venv/bin/python benchmarks/engine.py`.

What is measured, against whom and how: benchmarks/README.md. The figures of the last whole run: benchmarks/RESULTS.md
(`--write` renders it).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # instead of this folder: `benchmarks` is a package

from benchmarks import ground as grounds
from benchmarks import race, report
from benchmarks.ground import Ground

SECTIONS = ("chain", "single", "commits", "memory", "profile", "plan", "claim", "since")
INSIDE = ("profile", "plan", "claim", "since")
PEERS = ("procrastinate", "dbos")
PEERS_AT_TEN = ("procrastinate-10", "dbos-10")
RACERS = {
    "chain": ("celery", "wrench", "wrench-unfused", "wrench-bells", *PEERS, *PEERS_AT_TEN),
    "single": ("celery", "wrench", *PEERS, *PEERS_AT_TEN),
}
PACED = {"chain": (30, 0.3), "single": (200, 0.05)}  # so many tasks one by one, so many seconds apart
CHILD_STEPS = 200  # before a child's memory is read: after so many bells it would be replaced


def main() -> int:
    """Do the sections that are asked for, one after the other, and tell each figure when it is there."""
    options = _options()
    wanted = options.only.split(",") if options.only else list(SECTIONS)
    if unknown := set(wanted) - set(SECTIONS):
        raise SystemExit(f"there is no section {sorted(unknown)}; there are {', '.join(SECTIONS)}")
    racers = set(options.contenders.split(",")) if options.contenders else {*RACERS["chain"]}
    results: dict[str, Any] = {"machine": grounds.machine(), "share": options.share, "rounds": options.rounds}
    with_peers = bool({*PEERS, *PEERS_AT_TEN} & racers) and bool({"chain", "single"} & set(wanted))
    with grounds.prepared(with_peers=with_peers) as ground:
        results["postgres"] = ground.settings()
        _say(results)
        results |= _races(ground, wanted, racers, options)
        _keep(results, options)
        for section in wanted:
            if section in INSIDE:
                results[section] = _inside(ground, section, small=options.quick)
            elif section == "memory":
                results[section] = _memory(ground, steps=20 if options.quick else CHILD_STEPS)
            else:
                continue
            _say({section: results[section]})
            _keep(results, options)
    results["machine"]["load average at the end"] = " ".join(f"{load:.2f}" for load in os.getloadavg())
    print("\n".join(report.verdicts(results)))
    _keep(results, options)
    if options.write:
        (grounds.HERE / "RESULTS.md").write_text(report.render(results))
    return 0


def _races(
    ground: Ground, wanted: list[str], racers: set[str], options: argparse.Namespace
) -> dict[str, Any]:
    """Let all contenders run in turns: A B C, A B C, ... so that a busy minute hits each of them."""
    field = race.contenders(share=options.share)
    heats: list[race.Heat] = []
    limits: dict[int, list[float]] = {}
    for number in range(options.rounds):
        for kind in ("chain", "single"):
            for name in (name for name in RACERS[kind] if name in racers and kind in wanted):
                paced, pause = PACED[kind]
                heat = race.heat(
                    ground, field[name], kind, paced=max(5, int(paced * options.share)), pause=pause
                )
                heats.append(heat)
                _tell(number, heat)
        if "commits" in wanted:
            for clients in (1, race.SLOTS, 8):
                found = race.commits(ground, clients=clients, seconds=1 if options.quick else 3)
                limits.setdefault(clients, []).append(found)
    told: dict[str, Any] = {}
    for kind in ("chain", "single"):
        if kind in wanted:
            told[kind] = _told([heat for heat in heats if heat.kind == kind])
    if limits:
        told["commits"] = {str(clients): race.summary(found) for clients, found in limits.items()}
    return told


def _told(heats: list[race.Heat]) -> dict[str, Any]:
    """Give each contender's figures, and in which ratio they stand to bare Celery's of the same round."""
    told: dict[str, Any] = {}
    bare = [heat.rate for heat in heats if heat.contender == "celery"]
    for name in dict.fromkeys(heat.contender for heat in heats):
        own = [heat for heat in heats if heat.contender == name]
        told[name] = {
            "rate": race.summary([heat.rate for heat in own]),
            "cpu_ms": race.summary([heat.cpu_ms for heat in own]),
            "p50": race.summary([statistics.median(heat.latencies) for heat in own]),
            "p99": race.summary([race.percentile(list(heat.latencies), 0.99) for heat in own]),
            "p50_whole": race.summary([statistics.median(heat.latencies_whole) for heat in own]),
            "load": race.summary([heat.load for heat in own]),
        }
        if bare:
            ratios = [heat.rate / other for heat, other in zip(own, bare, strict=True)]
            told[name]["of_celery"] = race.summary(ratios)
    return told


def _tell(number: int, heat: race.Heat) -> None:
    print(
        f"round {number + 1} {heat.kind:<6} {heat.contender:<14} {heat.rate:8.1f}/s {heat.cpu_ms:8.2f} ms CPU,"
        f" p50 {statistics.median(heat.latencies):7.1f} ms"
        f" ({statistics.median(heat.latencies_whole):.1f} with the submission), load {heat.load:.1f}",
        flush=True,
    )


def _inside(ground: Ground, section: str, *, small: bool) -> Any:
    """Measure inside a process of the product, on a database of its own."""
    ground.make("bench_inside", template=grounds.TEMPLATE)
    argv = [sys.executable, "-m", "benchmarks.inside", section, *(["small"] if small else [])]
    try:
        return json.loads(grounds.run(argv, ground.environment("bench_inside"), seconds=3600))
    finally:
        ground.drop("bench_inside")


def _memory(ground: Ground, *, steps: int) -> dict[str, Any]:
    """Give the memory of worker children after many steps, counted so that shared pages are shared out (PSS)."""
    contender = race.contenders()["wrench"]
    with race.working(ground, contender) as (crew, environment):
        race.submit(ground, contender, environment, "fill", "single", f"0:{steps * race.SLOTS - 20}")
        race.wait(crew, "single", steps * race.SLOTS - 20)
        found = {}
        for pid, role in race.worker_processes():
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            sizes = {
                line.split(":")[0]: int(line.split()[1]) / 1024
                for line in rollup.splitlines()
                if line.startswith(("Pss:", "Rss:", "Private_Dirty:"))
            }
            found[f"{role} {len(found) + 1}"] = {name: round(size, 1) for name, size in sizes.items()}
    return {"steps": steps, "MiB": found}


def _keep(results: dict[str, Any], options: argparse.Namespace) -> None:
    """Write what is measured so far: what fails later must not cost the hours before."""
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1) + "\n")


def _say(figures: dict[str, Any]) -> None:
    print(json.dumps(figures, indent=1), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help=f"some of {','.join(SECTIONS)}")
    parser.add_argument("--contenders", help=f"some of {','.join(RACERS['chain'])}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the tasks, such as 0.2 on a busy machine"
    )
    parser.add_argument("--quick", action="store_true", help="a smoke test: one round, few tasks")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--write", action="store_true", help="render benchmarks/RESULTS.md")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.share = 1, 0.03
    return options


if __name__ == "__main__":
    sys.exit(main())
