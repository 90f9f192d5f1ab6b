"""Contenders side by side: the same tasks, two worker processes each, one contender at a time, in turns.

A heat: everything of the contender before is gone; the queue is filled while no worker runs; the workers start; the
rate is that of the last nine tenths of the tasks, so that neither the start nor the end counts. Then, on the warm and
idle workers, tasks one by one: how long from handing one over to its first line, or for a chain to the first line of
its last link.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import psutil

from benchmarks import ground as grounds
from benchmarks import marks
from benchmarks.ground import ROOT, STATE, TEMPLATE, Ground
from wrenchai_project import services
from wrenchai_project.supervisor import ChildSpec, Supervisor

LAST_LINK = {"single": 0, "chain": 9}
SLOTS = 2  # worker processes, for every contender
WARM = 10  # tasks before latency is measured
LONGEST_DRAIN = 180.0  # seconds; a contender that takes longer is broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """How one contender is filled and started."""

    name: str
    program: str  # in benchmarks/contenders
    is_peer: bool  # runs in the peers' environment, with its own schema
    counts: dict[str, int]  # kind -> how many fill the queue
    workers: Callable[[], list[ChildSpec]]
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> str:
        return f"bench_{self.program}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """What one contender did in one round."""

    contender: str
    kind: str
    rate: float  # tasks (or chains) a second while draining
    cpu_ms: float  # of workers, PostgreSQL and Redis, per task (or chain)
    latencies: tuple[float, ...]  # ms from the broker's being told to the first line
    latencies_whole: tuple[float, ...]  # ms from the call of submit to the first line
    load: float


def contenders(*, share: float = 1.0) -> dict[str, Contender]:
    """Give all contenders by name, with this share of their tasks."""
    all_of_them = (
        Contender(
            name="celery",
            program="bare_celery",
            is_peer=False,
            counts={"single": 3000, "chain": 250},
            workers=lambda: [_bare_celery()],
        ),
        Contender(
            name="wrench",
            program="wrench",
            is_peer=False,
            counts={"single": 6000, "chain": 600},
            workers=_wrench,
        ),
        Contender(
            name="wrench-unfused",
            program="wrench",
            is_peer=False,
            counts={"single": 1500, "chain": 300},
            workers=_wrench,
            environ={"WRENCH_FUSE": "0"},
        ),
        Contender(
            name="wrench-bells",
            program="wrench",
            is_peer=False,
            counts={"single": 1500, "chain": 120},
            workers=_wrench,
            environ={"WRENCH_FUSE": "0", "WRENCH_MOST_IN_TURN": "1"},
        ),
        *_peers(),
    )
    return {
        one.name: replace(
            one, counts={kind: max(8, int(count * share)) for kind, count in one.counts.items()}
        )
        for one in all_of_them
    }


def _peers() -> Iterator[Contender]:
    """Other durable queues, one task at a time in a process and ten."""
    for suffix, inner in (("", 1), ("-10", 10)):
        for name in ("procrastinate", "dbos"):
            yield Contender(
                name=f"{name}{suffix}",
                program=f"{name}_peer",
                is_peer=True,
                counts={"single": 600, "chain": 60},
                workers=partial(_peer, f"{name}_peer"),
                environ={"BENCH_INNER": str(inner)},
            )


def heat(ground: Ground, contender: Contender, kind: str, *, paced: int, pause: float) -> Heat:
    """Let one contender drain a full queue, then do `paced` tasks one by one."""
    environment = _environment(ground, contender)
    for name in ("marks", "rings"):
        (STATE / name).unlink(missing_ok=True)
    _prepare(ground, contender, environment)
    count = contender.counts[kind]
    submit(ground, contender, environment, "fill", kind, f"0:{count}")
    with Supervisor(STATE, role="bench", environ=environment, cwd=ROOT, say=print) as crew:
        for spec in contender.workers():
            crew.start(spec)
        rate, cpu_ms = _drain(ground, crew, kind, count)
        first = count
        submit(ground, contender, environment, "pace", kind, f"{first}:{WARM + paced}", str(pause))
        wait(crew, kind, first + WARM + paced)
    begun, rung = marks.read(STATE / "marks"), marks.read(STATE / "rings")
    measured = range(first + WARM, first + WARM + paced)
    last = LAST_LINK[kind]
    return Heat(
        contender=contender.name,
        kind=kind,
        rate=rate,
        cpu_ms=cpu_ms,
        latencies=tuple(1e3 * (begun[n, last] - rung[n, 1]) for n in measured),
        latencies_whole=tuple(1e3 * (begun[n, last] - rung[n, 0]) for n in measured),
        load=os.getloadavg()[0],
    )


def commits(ground: Ground, *, clients: int, seconds: int) -> float:
    """Give how many one-row transactions pgbench commits a second: the physical limit."""
    ground.make("bench_commits")
    script = STATE / "commit.sql"
    script.write_text("INSERT INTO commits VALUES (1);\n")
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    url = ground.url("bench_commits")
    made = "import psycopg2,sys; c=psycopg2.connect(sys.argv[1]); c.cursor().execute('CREATE TABLE commits (n int)');"
    grounds.run([sys.executable, "-c", made + " c.commit()", url], os.environ)
    told = grounds.run(
        [
            grounds.pgbench(), "--no-vacuum", "--client", str(clients), "--jobs", str(min(clients, 2)),
            "--time", str(seconds), "--protocol", "prepared", "--file", str(script), url,
        ],
        environment,
    )  # fmt: skip
    line = next(line for line in told.splitlines() if line.startswith("tps"))
    return float(line.split("=")[1].split()[0])


def summary(values: list[float]) -> dict[str, float]:
    """Give median, least and most."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def percentile(values: list[float], share: float) -> float:
    """Give the value below which this share of all lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _environment(ground: Ground, contender: Contender) -> dict[str, str]:
    return ground.environment(contender.database, **contender.environ)


def _argv(ground: Ground, contender: Contender, *arguments: str) -> list[str]:
    python = str(ground.peers) if contender.is_peer else sys.executable
    return [python, str(ROOT / "benchmarks" / "contenders" / f"{contender.program}.py"), *arguments]


def _prepare(ground: Ground, contender: Contender, environment: dict[str, str]) -> None:
    if contender.program != "bare_celery":
        ground.make(contender.database, template="template0" if contender.is_peer else TEMPLATE)
    submit(ground, contender, environment, "prepare")


def submit(ground: Ground, contender: Contender, environment: dict[str, str], *arguments: str) -> None:
    grounds.run(_argv(ground, contender, *arguments), environment)


def _drain(ground: Ground, crew: Supervisor, kind: str, count: int) -> tuple[float, float]:
    """Wait until all is done. Gives the rate and the CPU time of the last nine tenths.

    A link counts as its share of a chain: some contenders do one chain after the other, some all first links first.
    """
    links = LAST_LINK[kind] + 1
    from_here = count * links // 10
    wait(crew, kind, count // 10)
    began, cpu_before = len(marks.read(STATE / "marks")), _cpu(ground)
    wait(crew, kind, count)
    cpu_after, times = _cpu(ground), sorted(marks.read(STATE / "marks").values())
    seconds = times[-1] - times[from_here]
    rate = (len(times) - from_here - 1) / links / seconds
    return rate, 1e3 * (cpu_after - cpu_before) * links / max(1, len(times) - began)


def wait(crew: Supervisor, kind: str, count: int) -> None:
    """Wait until so many tasks (or the links of so many chains) began."""
    end = time.monotonic() + LONGEST_DRAIN
    size = count * (LAST_LINK[kind] + 1) * marks.RECORD.size
    while not _has_size(STATE / "marks", size):  # reading them all would take a processor from the contender
        if (told := crew.crashed()) is not None:
            raise SystemExit(told)
        if time.monotonic() > end:
            raise SystemExit(f"not done after {LONGEST_DRAIN:.0f} s: {count} of {kind}")
        time.sleep(0.02)


def _has_size(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size >= size


def _cpu(ground: Ground) -> float:
    """Give the seconds of processor time of the contender's processes and of both servers so far."""
    seconds = 0.0
    for process in [*psutil.Process().children(recursive=True), *ground.server_processes()]:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue  # a child that was replaced: its parent counts it
        seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def _bare_celery() -> ChildSpec:
    argv = [
        sys.executable, "-m", "celery", "-A", "benchmarks.contenders.bare_celery", "--quiet", "worker",
        "-Q", "bare", "-n", "bare@%h", "-c", str(SLOTS), "--without-gossip", "--without-mingle", "-E",
        "--loglevel", "INFO",
    ]  # fmt: skip
    return ChildSpec(name="bare", argv=argv, stage=services.WORKER_STAGE)


def _wrench() -> list[ChildSpec]:
    return [*services.engine(), services.worker("bench", ["agent.bench"], slots=SLOTS)]


def _peer(program: str) -> list[ChildSpec]:
    python = STATE / "venv" / "bin" / "python"
    argv = [str(python), str(ROOT / "benchmarks" / "contenders" / f"{program}.py"), "work"]
    return [
        ChildSpec(name=f"{program}-{number}", argv=argv, stage=services.WORKER_STAGE)
        for number in range(SLOTS)
    ]


@contextmanager
def working(ground: Ground, contender: Contender) -> Iterator[tuple[Supervisor, dict[str, str]]]:
    """Bring a contender's workers up on a fresh database, for other measurements."""
    environment = _environment(ground, contender)
    (STATE / "marks").unlink(missing_ok=True)
    _prepare(ground, contender, environment)
    with Supervisor(STATE, role="bench", environ=environment, cwd=ROOT, say=print) as crew:
        for spec in contender.workers():
            crew.start(spec)
        yield crew, environment


def worker_processes() -> list[tuple[int, str]]:
    """Give the pids of the Celery worker that runs for us, each with its role: parent, child or heart."""
    found = []
    for process in psutil.Process().children():
        if "worker" in process.cmdline():
            found.append((process.pid, "parent"))
            for child in process.children():
                with suppress(psutil.NoSuchProcess):  # it has done its number of steps
                    role = "heart" if "tasks.heart" in child.cmdline() else "child"
                    found.append((child.pid, role))
    return found
