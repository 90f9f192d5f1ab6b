"""Measure the API: `.venv/bin/python benchmarks/api.py [--only reads,submit,checks] [--rounds 5] [--seconds 3]`.

What is measured and beside what: benchmarks/README.md, "The API". A PostgreSQL with `fsync` and a Redis of its own
lie below `.wrench/bench/`. Sockets have a program of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # instead of this folder: `benchmarks` is a package

from benchmarks import ground as grounds
from benchmarks.ground import Ground
from benchmarks.load import drive, request
from wrenchai_project.servers import processes

DATABASE = "bench_api"
RUNS = 1_000
CONNECTIONS = 4
SUBMITS = 300
SECTIONS = ("reads", "submit", "checks")
SERVERS = {
    "wrenchai": ("wrenchai_project.settings", "wrenchai_project.asgi:application", "token"),
    "bare": ("benchmarks.doors.settings", "benchmarks.doors.lasting:application", "bare-token"),
    "bare-new-connections": (
        "benchmarks.doors.settings",
        "django.core.asgi:get_asgi_application",
        "bare-token",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A server that answers."""

    port: int
    process: psutil.Process
    token: str

    def processor_seconds(self) -> float:
        """Give what the server has used so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


def main() -> int:
    """Do the sections and print each figure when it is there; with --json, keep them."""
    options = _options()
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(SECTIONS):
        raise SystemExit(f"there is no section {sorted(unknown)}; there are {', '.join(SECTIONS)}")
    results: dict[str, Any] = {"machine": grounds.machine()}
    print(json.dumps(results, indent=1), flush=True)
    if {"reads", "submit"} & set(wanted):
        with grounds.prepared(with_peers=False) as ground, _doors(ground) as (doors, facts):
            if "reads" in wanted:
                results["reads"] = reads(doors, facts, rounds=options.rounds, seconds=options.seconds)
            if "submit" in wanted:
                results["submit"] = submits(doors["wrenchai"], facts)
    if "checks" in wanted:
        script = [sys.executable, str(ROOT / "benchmarks" / "limits.py"), "--rounds", "2000"]
        results["checks"] = grounds.run(script, os.environ)
        print(results["checks"])
    results["machine"]["load average at the end"] = " ".join(f"{load:.2f}" for load in os.getloadavg())
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 0


def reads(doors: dict[str, Door], facts: dict[str, str], *, rounds: int, seconds: float) -> dict[str, Any]:
    """Read the same from both in turns. Returns medians per read and server, and the median of the rounds' ratios."""
    paths = {
        "50 of 1,000 runs": "/api/v1/runs?limit=50",
        "a run with its steps": f"/api/v1/runs/{facts['run']}",
        "events of a run": f"/api/v1/runs/{facts['run']}/events?after=0",
    }
    told = {}
    for title, path in paths.items():
        figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in doors}
        for turn in range(rounds + 1):  # the first one warms up
            for name, door in sorted(doors.items(), reverse=bool(turn % 2)):
                figures[name].append(_block(door, path, seconds if turn else 1.0))
        told[title] = {name: _medians(rows[1:]) for name, rows in figures.items()}
        rounds_of_both = zip(figures["wrenchai"][1:], figures["bare"][1:], strict=True)
        ratios = [ours[0] / bare[0] for ours, bare in rounds_of_both]
        told[title]["ratio of throughput"] = round(statistics.median(ratios), 2)
        print(json.dumps({title: told[title]}, indent=1), flush=True)
    return told


def _block(door: Door, path: str, seconds: float) -> tuple[float, float, float]:
    before = door.processor_seconds()
    done = drive(
        door.port, [request("GET", path, token=door.token)], connections=CONNECTIONS, seconds=seconds
    )
    used = (door.processor_seconds() - before) / len(done.took)
    return done.per_second, used * 1000, statistics.median(done.took) * 1000


def _medians(rows: list[tuple[float, float, float]]) -> dict[str, float]:
    rate, used, took = (round(statistics.median(column), 2) for column in zip(*rows, strict=True))
    return {"per second": rate, "processor ms": used, "p50 ms": took}


def submits(door: Door, facts: dict[str, str]) -> dict[str, float]:
    """Submit runs one after the other. Returns percentiles in ms."""
    target = {"kind": "git", "url": "https://git.example.org/a.git"}
    body = json.dumps({"goal": "Look", "target": target, "project": facts["project"]}).encode()
    orders = [
        request(
            "POST",
            "/api/v1/runs",
            token=door.token,
            body=body,
            more={"Idempotency-Key": f"k{n}-{time.time_ns()}"},
        )
        for n in range(SUBMITS + 20)
    ]
    drive(door.port, orders[:20], connections=1, status=201)
    done = drive(door.port, orders[20:], connections=1, status=201)
    cuts = statistics.quantiles([one * 1000 for one in done.took], n=100)
    told = {"p50 ms": round(cuts[49], 1), "p95 ms": round(cuts[94], 1), "p99 ms": round(cuts[98], 1)}
    print(json.dumps({f"{SUBMITS} submits": told}), flush=True)
    return told


@contextlib.contextmanager
def _doors(ground: Ground) -> Iterator[tuple[dict[str, Door], dict[str, str]]]:
    """Fill a database and start both servers on it."""
    ground.make(DATABASE, template=grounds.TEMPLATE)
    script = [sys.executable, "-m", "benchmarks.doors.fill"]
    quiet = ground.environment(DATABASE, LOG_LEVEL="ERROR")
    facts = json.loads(grounds.run([*script, "fill", str(RUNS)], quiet))
    with contextlib.ExitStack() as held:
        doors = {}
        for name, (settings, application, token) in SERVERS.items():
            environ = {**quiet, "DJANGO_SETTINGS_MODULE": settings}
            given = grounds.run([*script, token], environ).strip()
            port, process = held.enter_context(served(application, environ))
            doors[name] = Door(port=port, process=process, token=given)
        yield doors, facts
    ground.drop(DATABASE)


@contextlib.contextmanager
def served(application: str, environ: dict[str, str]) -> Iterator[tuple[int, psutil.Process]]:
    """Start a web on a free port of loopback; give the port and the process. It ends with the block."""
    port = processes.free_port()
    argv = [sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(port)]
    argv += ["--no-access-log", "--log-level", "warning", "--no-proxy-headers"]
    argv += ["--factory"] if application.endswith("get_asgi_application") else []
    with subprocess.Popen(argv, cwd=ROOT, env=environ) as server:
        try:
            _wait(port, server)
            yield port, psutil.Process(server.pid)
        finally:
            server.terminate()


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return when the server takes connections. Raises SystemExit if it does not."""
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit("a server does not answer")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"some of {', '.join(SECTIONS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each block")
    parser.add_argument("--json", metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
