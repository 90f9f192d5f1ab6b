"""Processes of ours for tests, forked from one that has imported everything.

A web server, a worker, a relay imports for seconds before it does its first thing. A nursery does that once for each
environment; what is started there is a fork of it, with a session, arguments, environment and log of its own, that
runs `manage.py` or `python -m ...` from the first line on. Whatever has another environment, for which settings have
to be read anew, gets an interpreter of its own; so do tests of how things start.

    pytest ──argv, environ, log──> nursery ──fork──> the process, which leads a session
           <──pid, exit codes────
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import django
from celery import current_app
from django.urls import get_resolver

ROOT = Path(__file__).resolve().parent.parent
MOST = 3  # environments; each nursery keeps 150 MB
READ_LATER = (
    "PYTEST_",
    "WRENCHAI_",
    "WRENCH_WORKER_SESSION",
    "DJANGO_ALLOW_ASYNC_UNSAFE",
)  # by whom it starts
USED = (
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "kombu.transport.redis",
    "uvicorn.main",
    "wrenchai_project.celery",
)

Process = subprocess.Popen[bytes]
_nurseries: dict[frozenset[tuple[str, str]], Nursery] = {}


def start(argv: Sequence[str], *, environ: Mapping[str, str], log: Path | None = None) -> Process:
    """Start Python with these arguments in the checkout. Its output goes to the end of `log`, or where ours goes."""
    key = frozenset((name, value) for name, value in environ.items() if not name.startswith(READ_LATER))
    if key not in _nurseries and len(_nurseries) == MOST:
        return start_anew(argv, environ=environ, log=log)
    if key not in _nurseries or not _nurseries[key].lives:
        _nurseries[key] = Nursery(environ)
    return Forked(_nurseries[key], argv, environ, log)


def start_anew(argv: Sequence[str], *, environ: Mapping[str, str], log: Path | None = None) -> Process:
    """Start it by an interpreter of its own."""
    output = log.open("ab") if log else None
    try:
        return subprocess.Popen(
            [sys.executable, *argv],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output and subprocess.STDOUT,
            start_new_session=True,
        )
    finally:
        if output:
            output.close()


class Nursery:
    """The parent of what is started for one environment. It ends with us."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery"],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        atexit.register(self._end)

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def ask(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def _end(self) -> None:
        self._process.communicate()


class Forked(Process):
    """A process whose parent is the nursery, which tells us how it ended."""

    def __init__(
        self, nursery: Nursery, argv: Sequence[str], environ: Mapping[str, str], log: Path | None
    ) -> None:
        self._child_created = False
        self.args, self.returncode = list(argv), None  # type: ignore[assignment]
        self.stdin = self.stdout = self.stderr = None
        self._nursery = nursery
        if log:
            log.touch()  # it is there at once, as its reader expects
        self.pid = nursery.ask(argv=list(argv), environ=dict(environ), log=str(log) if log else None)

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._nursery.ask(ended=self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        pause = 0.001
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            time.sleep(pause := min(pause * 2, 0.05))
        return code


def main() -> None:
    """Import, then fork for each order. Returns in the fork, as what was ordered."""
    _import_all()
    gc.collect()
    gc.freeze()  # what is there is shared with the forks, and stays so
    for line in sys.stdin:
        order = json.loads(line)
        if "ended" in order:
            pid, status = os.waitpid(order["ended"], os.WNOHANG)
            _say(os.waitstatus_to_exitcode(status) if pid else None)
        elif pid := os.fork():
            _say(pid)
        else:
            return _become(order)
    os._exit(0)


def _say(answer: int | None) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _become(order: Mapping[str, Any]) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if order["log"]:
        log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(log, 2)
        os.close(log)
    os.dup2(2, 1)
    os.environ.clear()
    os.environ.update(order["environ"])
    first, *rest = order["argv"]
    sys.argv = rest if first == "-m" else order["argv"]
    gc.unfreeze()
    if first == "-m":
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(str(ROOT / first), run_name="__main__")


def _import_all() -> None:
    """Import what a web server and a worker do, and open nothing."""
    django.setup()
    for module in USED:
        import_module(module)
    current_app.loader.import_default_modules()
    assert get_resolver().url_patterns  # which are imported by asking


if __name__ == "__main__":
    main()
