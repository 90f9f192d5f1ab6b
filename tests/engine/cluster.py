"""A real cluster for tests: Celery workers, relay and scheduler as processes on the test database.

Faster bounds than in production (heartbeat 1 s, lease 4 s), the same proportions. Every process leads a session
of its own, so that a test can kill or freeze it with all its children, and `__exit__` leaves none behind.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.db import connection

from tasks.models import Event, Run, Step, WorkerSession
from tests import nursery

ROOT = Path(__file__).resolve().parent.parent.parent
PLUGINS = ROOT / "tests" / "fixtures" / "plugins"
FAST = {"WRENCH_HEARTBEAT_SECONDS": "1", "WRENCH_LEASE_SECONDS": "4", "WRENCH_REHINT_SECONDS": "2"}


def database_url() -> str:
    p = connection.settings_dict
    return f"postgresql://{p['USER']}:{p['PASSWORD']}@{p['HOST']}:{p['PORT']}/{p['NAME']}"


def until(condition: Callable[[], Any], *, within: float, what: str) -> Any:
    """Wait for a condition. Raises AssertionError naming it when the time is over."""
    end = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {within} s: {what}")
        time.sleep(0.05)


class Cluster:
    """Processes of the engine, started one by one by a test."""

    def __init__(self, folder: Path, *, redis_url: str | None = None, **environment: str) -> None:
        self.folder = folder
        self.is_special = bool(redis_url or environment)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        own = {"WRENCH_ARTIFACTS_DIR": str(folder / "artifacts")}  # another database is another installation
        self.environment = (
            os.environ
            | FAST
            | {
                "DATABASE_URL": database_url(),
                "REDIS_URL": redis_url or settings.REDIS_URL,
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(PLUGINS)]),
                "LOG_LEVEL": "INFO",
            }
            | (own if "DATABASE_URL" in environment else {})
            | environment
        )

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *exc: object) -> None:
        for process in self.processes.values():
            kill_tree(process.pid)
            process.wait()

    def start(self, name: str, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        start = nursery.start_anew if environment or self.is_special else nursery.start
        process = start(command, environ=self.environment | environment, log=self.folder / f"{name}.log")
        self.processes[name] = process
        return process

    def relay(self, name: str = "relay") -> subprocess.Popen[bytes]:
        return self.start(name, "manage.py", "relay")

    def scheduler(self, name: str = "scheduler") -> subprocess.Popen[bytes]:
        return self.start(name, "manage.py", "scheduler")

    def worker(
        self, name: str = "worker", *, queues: str = "agent.probe", slots: int = 2, **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start a worker and wait until its session lives."""
        before = set(WorkerSession.objects.values_list("pk", flat=True))
        process = self.start(
            name,
            *("-m", "celery", "-A", "wrenchai_project", "worker", "-Q", queues, "-c", str(slots)),
            *("-n", f"{name}@test", "-E", "--without-gossip", "--without-mingle", "-l", "INFO"),
            **environment,
        )
        until(
            lambda: (
                set(WorkerSession.objects.values_list("pk", flat=True)) - before or self._fail_if_dead(name)
            ),
            within=60,
            what=f"{name} has a session",
        )
        return process

    def _fail_if_dead(self, name: str) -> bool:
        if self.processes[name].poll() is not None:
            raise AssertionError(f"{name} ended: {self.log(name)[-3000:]}")
        return False

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def wait_for(self, run: Run, *, within: float = 60) -> Run:
        """Wait for the end of a run."""

        def over() -> bool:
            run.refresh_from_db()
            return run.finished_at is not None

        try:
            until(over, within=within, what=f"run {run.goal!r} ends")
        except AssertionError as error:
            steps = list(Step.objects.filter(run=run).values_list("key", "state", "attempts_made", "error"))
            logs = "\n".join(f"--- {name}\n{self.log(name)[-1500:]}" for name in self.processes)
            raise AssertionError(f"{error}; steps {steps}\n{logs}") from None
        return run


def heart_of(worker: int) -> int:
    """Give the pid of the worker's heart, or 0 while there is none."""
    for process in psutil.Process(worker).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it ends while we look; a zombie has no command line
            if "tasks.heart" in process.cmdline():
                return process.pid
    return 0


def kill_tree(pid: int) -> None:
    """SIGKILL a process and all its descendants, frozen ones too."""
    try:
        family = [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs([p for p in family if p.pid != pid], timeout=5)


def assert_sound(*runs: Run) -> None:
    """The invariants that hold after any fault: gapless events, ended runs, no step left open."""
    for run in runs:
        seqs = list(Event.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
        run.refresh_from_db()
        assert seqs == list(range(1, run.last_seq + 1))
        assert run.finished_at is not None
        assert run.open_steps == 0
        assert not Step.objects.filter(run=run, ended_at=None).exists()


def effects(ledger: Path, *, kind: str = "end") -> list[str]:
    """The keys of the effects that the ledger saw, in its order."""
    if not ledger.exists():
        return []
    lines = [line.split() for line in ledger.read_text().splitlines()]
    return [line[1] for line in lines if line[0] == kind]


def goes_on(ledger: Path, *, since: int, more: int = 1) -> None:
    """Wait until the ledger has seen so many effects more than `since`."""
    until(
        lambda: len(effects(ledger)) >= since + more,
        within=40,
        what=f"the work goes on after {since} effects",
    )
