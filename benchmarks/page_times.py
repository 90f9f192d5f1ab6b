"""Measure how long pages take: `.venv/bin/python benchmarks/page_times.py [--runs 5000] [--findings 100000]`.

One project holds everything. A browser's session asks for each page in turns; told are the median and the 95th
percentile of the time to the last byte, over loopback, and the processor time of the web and of its servers for one
page: a busy machine tells these the same. PostgreSQL (with `fsync`) and Redis are of its own, below `.wrench/bench/`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # instead of this folder: `benchmarks` is a package

from benchmarks import ground as grounds
from benchmarks.api import served

DATABASE = "bench_pages"
TARGET = 300  # ms, the 95th percentile
Servers = Callable[[], list[psutil.Process]]
PAGES = {
    "home": "/",
    "all runs": "/runs",
    "new run": "/runs/new?project={project}",
    "project": "/projects/{project}",
    "runs of a project": "/projects/{project}/runs",
    "findings": "/projects/{project}/findings",
    "findings, one severity": "/projects/{project}/findings?severity=high&status=open",
    "findings, words": "/projects/{project}/findings?q=password",
    "a finding": "/findings/{finding}",
    "code": "/projects/{project}/code",
    "documentation": "/projects/{project}/documentation",
    "settings": "/projects/{project}/settings",
    "a run": "/runs/{run}",
    "parts of a run": "/runs/{run}/parts",
    "a step": "/runs/{run}/steps/inspector.security_scan",
    "teams": "/teams",
    "sessions": "/account/sessions",
}


def main() -> int:
    """Measure, and print one JSON object. Exits with 1 if a page is slower than the target."""
    options = _options()
    with (
        stocked(options.runs, options.findings, keep=options.keep) as (ground, environ, facts),
        served("wrenchai_project.asgi:application", environ) as (port, process),
    ):
        told = _measure(port, process, ground.server_processes, facts, options)
    print(json.dumps({"stored": facts["stored"], "load": os.getloadavg()[0], "pages": told}, indent=1))
    return int(any(row.get("p95 ms", 0) > TARGET for row in told.values()))


@contextlib.contextmanager
def stocked(
    runs: int, findings: int, *, keep: bool = False
) -> Iterator[tuple[grounds.Ground, dict[str, str], dict[str, str]]]:
    """Fill a database; drop it at the end unless kept. Gives the ground, a server's environment, what to ask for."""
    with grounds.prepared(with_peers=False) as ground:
        ground.make(DATABASE, template=grounds.TEMPLATE)
        shop = str(ROOT / "samples" / "shop")
        environ = ground.environment(DATABASE, LOG_LEVEL="ERROR", WRENCH_LOCAL_ROOTS=shop)
        grounds.run([sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"], environ)
        stock = [sys.executable, "-m", "benchmarks.doors.stock", str(runs), str(findings)]
        facts = json.loads(grounds.run(stock, environ).splitlines()[-1])
        yield ground, environ, facts
        if not keep:
            ground.drop(DATABASE)


def _measure(
    port: int, process: psutil.Process, servers: Servers, facts: dict[str, str], options: argparse.Namespace
) -> dict[str, Any]:
    chosen = {
        name: path.format(**facts)
        for name, path in PAGES.items()
        if not options.only or name in options.only.split(",")
    }
    took: dict[str, list[float]] = {name: [] for name in chosen}
    used: dict[str, list[float]] = {name: [] for name in chosen}
    below: dict[str, list[float]] = {name: [] for name in chosen}
    sizes: dict[str, int] = {}
    absent: dict[str, int] = {}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
        _sign_in(client, facts)
        for turn in range(options.rounds + 1):  # the first one warms up
            for name, path in chosen.items():
                if name in absent:
                    continue
                before, before_below = _processor([process]), _processor(servers())
                begun = time.perf_counter()
                answer = client.get(path)
                taken = (time.perf_counter() - begun) * 1000
                if answer.status_code != 200:
                    absent[name] = answer.status_code
                elif turn:
                    took[name].append(taken)
                    used[name].append((_processor([process]) - before) * 1000)
                    below[name].append((_processor(servers()) - before_below) * 1000)
                    sizes[name] = len(answer.content)
    told: dict[str, Any] = {name: {"status": status} for name, status in absent.items()}
    for name in chosen:
        if len(took[name]) > 1:
            told[name] = {
                "p50 ms": round(statistics.median(took[name])),
                "p95 ms": round(statistics.quantiles(took[name], n=20)[-1]),
                "web's processor ms": round(statistics.mean(used[name])),
                "servers' processor ms": round(statistics.mean(below[name])),
                "KiB": round(sizes[name] / 1024),
            }
    return told


def _processor(processes: list[psutil.Process]) -> float:
    """Seconds that these have used; one that has ended meanwhile counts nothing."""
    used = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            used += times.user + times.system
    return used


def _sign_in(client: httpx.Client, facts: dict[str, str]) -> None:
    page = client.get("/login/").text
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found, "the sign-in page has no token"
    sent = {"username": facts["name"], "password": facts["password"], "csrfmiddlewaretoken": found[1]}
    answer = client.post("/login/", data=sent)
    assert answer.status_code == 302, f"signing in answered {answer.status_code}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5_000)
    parser.add_argument("--findings", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", default="", help="names of pages, with commas")
    parser.add_argument("--keep", action="store_true", help="leave the database for a look at its plans")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
