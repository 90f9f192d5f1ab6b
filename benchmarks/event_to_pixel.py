"""Measure how soon a page shows what happened: `.venv/bin/python benchmarks/event_to_pixel.py [--json FILE]`.

    events   from the time of an event's row to the painted change of the page that shows it, on a run that goes on
    pages    first and largest contentful paint of every page, and its JavaScript as it is transferred (compressed)

A Chromium looks at what `./wrench serve` would serve: web, relay, scheduler and a worker, on a PostgreSQL (with
`fsync`) and Redis of their own, with the rows of page_times.py. All clocks are the machine's. Targets: 250 ms and
300 ms for the 95th percentile, 60 KiB for the JavaScript of a page. `--only events` or `--only pages`.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # instead of this folder: `benchmarks` is a package

from benchmarks import ground as grounds
from benchmarks import paints
from benchmarks.page_times import stocked
from wrenchai_project import services
from wrenchai_project.servers import processes
from wrenchai_project.supervisor import Supervisor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = "/usr/bin/chromium"
PROBE = (ROOT / "benchmarks" / "doors" / "pixels.js").read_text(encoding="utf-8")
TARGET = 250  # ms from the event to the painted change, the 95th percentile
SECTIONS = ("events", "pages")
CHAINS, LINKS = 2, 10  # the plan of a measured run: as many steps at once as there are slots
LINES, PAUSE = 3, 0.3  # of each step: a line and word of its progress, and a pause
SPOKEN = 240  # lines of the step whose own page is looked at
WORD = "a long enough goal for a page"

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where pages come from, and whose processor time it takes."""

    url: str
    web: psutil.Process
    facts: dict[str, str]


def main() -> int:
    """Measure what is wanted and print a table, or JSON. Exits with 1 if a target is missed."""
    options = _options()
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(SECTIONS):
        raise SystemExit(f"there is no section {sorted(unknown)}; there are {', '.join(SECTIONS)}")
    figures: Figures = {"machine": grounds.machine()}
    few = "pages" not in wanted
    with (
        stocked(2 if few else options.runs, 100 if few else options.findings) as (ground, environ, facts),
        _served(environ, facts) as stand,
        _browser() as browser,
    ):
        figures["stored"] = facts["stored"]
        if "events" in wanted:
            figures["events"] = _of_events(stand, browser, environ, ground, options.runs_watched)
        if "pages" in wanted:
            figures["pages"] = paints.measured(browser, stand.url, facts, rounds=options.rounds)
    figures["load at the end"] = round(os.getloadavg()[0], 2)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))
    missed = figures.get("events", {}).get("event to pixel, ms", {}).get("p95", 0) > TARGET
    return int(missed or paints.is_missed(figures.get("pages", {})))


@contextlib.contextmanager
def _served(environ: dict[str, str], facts: dict[str, str]) -> Iterator[Stand]:
    """Start the processes as `./wrench serve` does, with a worker for the measured runs."""
    port = processes.free_port()
    worker = services.worker("bench", ["agent.bench"], slots=CHAINS)
    worker = dataclasses.replace(worker, environ={"LOG_LEVEL": "INFO"})  # it is ready when its log says so
    children = [services.web(port), *services.engine(), worker]
    with Supervisor(grounds.STATE, role="bench", environ=environ, cwd=ROOT, say=print) as supervisor:
        for child in children:
            supervisor.start(child)
        supervisor.wait_ready(seconds=120)
        web = next(one for one in psutil.Process().children(recursive=True) if "uvicorn" in one.cmdline())
        yield Stand(url=f"http://127.0.0.1:{port}", web=web, facts=facts)


@contextlib.contextmanager
def _browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's loop lives in this thread
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


# --- events ------------------------------------------------------------------------------------------------------


def _of_events(
    stand: Stand, browser: Browser, environ: dict[str, str], ground: grounds.Ground, count: int
) -> Figures:
    """Watch runs of two chains on their page, and a step that talks on its own."""
    os.environ.update(environ)
    sys.path.append(str(ROOT / "benchmarks" / "plugins"))
    import django

    django.setup()
    context = paints.signed_in(browser, stand.url, stand.facts, PROBE)
    delays = Delays()
    used = _processor(stand, ground)
    for _ in range(count):
        run = _submitted(_chains())
        _watched(context, f"{stand.url}/runs/{run.public_id}", run, delays.of_run)
    watched = delays.events
    told = {
        name: round((now - used[name]) * 1000 / watched, 1) for name, now in _processor(stand, ground).items()
    }
    run = _submitted([[("talker", SPOKEN, 0.07)]])
    _watched(context, f"{stand.url}/runs/{run.public_id}/steps/talker", run, delays.of_step)
    context.close()
    return {
        "events": watched,
        **delays.told(),
        "processor ms for an event": told,
        "load": round(os.getloadavg()[0], 2),
    }


def _chains() -> list[list[tuple[str, int, float]]]:
    return [[(f"chain{c}.{n}", LINES, PAUSE) for n in range(LINKS)] for c in range(CHAINS)]


def _submitted(chains: Sequence[Sequence[tuple[str, int, float]]]) -> Any:
    """Store a run that does not begin yet."""
    from accounts.models import Project, User
    from tasks import runs
    from tasks.plans import After, Plan, PlannedStep

    steps = []
    for chain in chains:
        for n, (key, lines, pause) in enumerate(chain):
            after = (After(key=chain[n - 1][0]),) if n else ()
            given = {"lines": lines, "pause_seconds": pause}
            steps.append(PlannedStep(key=key, agent="bench", operation="talk", input=given, after=after))
    project = Project.objects.get(slug="shop", team__slug="bench")
    owner = User.objects.get(username="bench").pk
    run, _ = runs.submit(
        Plan(tuple(steps)), project_id=project.pk, owner_id=owner, goal=WORD, request={"goal": WORD}
    )
    return runs.pause(run.public_id, by="bench")


def _watched(context: BrowserContext, url: str, run: Any, note: Any) -> None:
    """Open a page, let the run go on when the page is live, and note what it saw when it is complete."""
    from tasks import runs

    page: Page = context.new_page()
    page.goto(url)
    page.locator("#live.live-live").wait_for(timeout=30_000)
    runs.resume(run.public_id, by="bench")
    page.locator("#live.live-done").wait_for(timeout=180_000)
    note(run, page.evaluate("window.probe"), _fetched(page))
    page.close()


def _fetched(page: Page) -> list[float]:
    """How long each fetch of the parts took, in ms."""
    fetches = "performance.getEntriesByType('resource').filter(one => one.name.includes('/parts'))"
    found: list[float] = page.evaluate(f"{fetches}.map(one => one.duration)")
    return found


def _processor(stand: Stand, ground: grounds.Ground) -> dict[str, float]:
    """Processor seconds so far of the web, of the servers below it, and of the browser."""
    browsers = [one for one in psutil.Process().children(recursive=True) if "chromium" in one.name()]
    groups = {"web": [stand.web], "PostgreSQL and Redis": ground.server_processes(), "browser": browsers}
    return {name: sum(map(_seconds, group)) for name, group in groups.items()}


def _seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


class Delays:
    """Milliseconds between an event and what it led to, by what that is."""

    def __init__(self) -> None:
        self.events = 0
        self.shown: dict[str, list[float]] = {}  # painted on the page: what a person waits for
        self.parts: dict[str, list[float]] = {}  # of the way there, and of what comes later

    def of_run(self, run: Any, probe: Figures, fetched: list[float]) -> None:
        """Note the delays of a run's page."""
        events = _events(run)
        self.events += len(events)
        frames = {one["seq"]: one["at"] for one in probe["frames"]}
        lines = {one["seq"]: one for one in probe["seen"] if one["what"] == "line"}
        for seq, (at, kind, key, _) in events.items():
            if seq not in frames:
                continue  # before the page was open
            group = kind if kind in {"step.started", "step.succeeded", "step.logged"} else "other events"
            self._add(self.parts, "event to socket", frames[seq] - at)
            if seq in lines:
                self._add(self.shown, f"{group}: line of the log", lines[seq]["paint"] - at)
                self._add(self.parts, "socket to document", lines[seq]["dom"] - frames[seq])
                self._add(self.parts, "document to paint", lines[seq]["paint"] - lines[seq]["dom"])
            for what, place in (("node", "node of the plan"), ("row", "row of the table")):
                state = {"step.started": "running", "step.succeeded": "succeeded"}.get(kind)
                if state and (painted := _first(probe["seen"], at, what=what, key=key, state=state)):
                    self._add(self.shown, f"{group}: {place}", painted - at)
        ends = [at for at, kind, _, _ in events.values() if kind == "step.succeeded"]
        for done, at in enumerate(sorted(ends), start=1):
            drawn = [
                one["paint"] for one in probe["seen"] if one["what"] == "progress" and one["done"] >= done
            ]
            if drawn:
                self._add(self.parts, "event to parts drawn anew (timeline, progress)", min(drawn) - at)
        self.parts.setdefault("fetch of the parts", []).extend(fetched)

    def of_step(self, run: Any, probe: Figures, fetched: list[float]) -> None:
        """Note the delays of a step's own log: of the last line of each chunk that was told of."""
        painted: dict[int, float] = {}
        for one in probe["seen"]:
            if one["what"] == "said":
                painted[int(one["spot"].split(".")[1])] = one["paint"]
        for at, kind, _, data in _events(run).values():
            if kind == "step.logged" and data["chunk"] in painted:
                self.events += 1
                self._add(self.shown, "step.logged: lines on the step's page", painted[data["chunk"]] - at)

    def told(self) -> Figures:
        """Give the figures, all that is painted together first."""
        everything = [delay for delays in self.shown.values() for delay in delays]
        return {
            "event to pixel, ms": paints.figures_of(everything),
            "by what is painted, ms": {
                name: paints.figures_of(delays) for name, delays in sorted(self.shown.items())
            },
            "on the way, ms": {name: paints.figures_of(delays) for name, delays in self.parts.items()},
        }

    def _add(self, where: dict[str, list[float]], name: str, delay: float) -> None:
        where.setdefault(name, []).append(delay)


def _events(run: Any) -> dict[int, tuple[float, str, str, dict[str, Any]]]:
    """The events of a run by number: when (ms), kind, step, data."""
    from tasks.models import Event

    rows = Event.objects.filter(run_day=run.created_day, run=run).order_by("seq")
    return {row.seq: (row.at.timestamp() * 1000, row.kind, row.data.get("key", ""), row.data) for row in rows}


def _first(seen: list[Figures], after: float, **wanted: str) -> float:
    """When this was painted first; 0 if it never was. A step that has gone on meanwhile was not shown in between."""
    fitting = (one for one in seen if all(one.get(name) == value for name, value in wanted.items()))
    return float(next((one["paint"] for one in fitting if one["dom"] >= after), 0))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"some of {', '.join(SECTIONS)}")
    parser.add_argument("--runs-watched", type=int, default=3, help="each with 20 steps and some 200 events")
    parser.add_argument("--runs", type=int, default=5_000, help="stored")
    parser.add_argument("--findings", type=int, default=100_000, help="stored")
    parser.add_argument("--rounds", type=int, default=20, help="of each page and cache")
    parser.add_argument("--json", metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
