"""What a Celery worker needs to serve the engine: its session, its heart, and well-behaved children.

parent   starts the heart before it takes bells, ticks once a second from its own main loop, restarts a dead
         heart, tells it when the shutdown begins. Opens no database connection.
child    leads a session of its own (so that it can be killed with all it started), dies with its parent,
         installs the interruption signals.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import uuid
from dataclasses import asdict, replace
from typing import Any

import structlog
from celery import bootsteps
from celery.exceptions import WorkerShutdown
from celery.signals import worker_process_init, worker_shutting_down
from django.conf import settings
from django.db import connection
from psycopg2.extensions import make_dsn

from tasks import fused, heart, interruption
from tasks.execution import SESSION_VARIABLE
from wrenchai_project.env import SettingsRefused, refuse_faults

log = structlog.get_logger(__name__)

TICK_SECONDS = 1.0
READY_SECONDS = 60.0  # PostgreSQL may still be starting
PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent dies; Linux only

_beating: HeartStep | None = None


class HeartStep(bootsteps.StartStopStep):
    """Runs the heart for as long as the worker lives."""

    requires = ("celery.worker.components:Hub", "celery.worker.components:Pool")

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        global _beating
        _beating = self
        try:
            refuse_faults()
        except SettingsRefused as refused:
            raise SystemExit(str(refused)) from None
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: heart.Orders | None = None
        self._stopping = False
        os.environ[SESSION_VARIABLE] = str(uuid.uuid4())  # before the pool forks: the children inherit it
        fused.watch(worker.hostname if worker.task_events else None)
        super().__init__(worker, **kwargs)

    def start(self, worker: Any) -> None:
        """Start the heart and wait until the session is stored. Raises WorkerShutdown if it never is."""
        if "prefork" not in type(worker.pool).__module__:
            raise WorkerShutdown(
                "this engine interrupts attempts by signals: start the worker with --pool prefork"
            )
        self._orders = self._describe(worker)
        self._spawn()
        if not self._wait_until_ready():
            log.error(
                "database_unreachable",
                waited_seconds=READY_SECONDS,
                hint="check DATABASE_URL; see the log above",
            )
            raise WorkerShutdown(1)
        worker.hub.call_repeatedly(TICK_SECONDS, self._tick)

    def stop(self, worker: Any) -> None:
        """Let the heart see the end of its parent by itself; it ends the session then."""

    def begin_shutdown(self) -> None:
        """Tell the heart that no new bells are taken and that the leases go back after a grace."""
        self._stopping = True
        self._write(heart.STOPPING)

    def _describe(self, worker: Any) -> heart.Orders:
        return heart.Orders(
            dsn=_dsn(),
            session=os.environ[SESSION_VARIABLE],
            hostname=worker.hostname,
            pid=os.getpid(),
            queues=sorted(worker.app.amqp.queues.consume_from),
            slots=worker.concurrency,
            heartbeat_seconds=settings.HEARTBEAT_SECONDS,
            lease_seconds=settings.LEASE_SECONDS,
            cancel_grace_seconds=settings.CANCEL_GRACE_SECONDS,
            shutdown_grace_seconds=settings.SHUTDOWN_GRACE_SECONDS,
        )

    def _spawn(self) -> None:
        assert self._orders is not None
        environment = os.environ | {"WRENCH_HEART_ORDERS": json.dumps(asdict(self._orders))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tasks.heart"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=settings.BASE_DIR,
            env=environment,
            start_new_session=True,  # a Ctrl-C in the terminal must not reach it
        )
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)

    def _wait_until_ready(self) -> bool:
        assert self._process is not None
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], READY_SECONDS)
        return bool(ready) and self._process.stdout.readline() == heart.READY_LINE

    def _tick(self) -> None:
        assert self._process is not None
        if self._process.poll() is not None:
            log.error("heart_died", status=self._process.returncode)
            assert self._orders is not None
            self._orders = replace(self._orders, resumes=True)
            self._spawn()
            if self._stopping:
                self._write(heart.STOPPING)
        self._write(b".")

    def _write(self, byte: bytes) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            os.write(self._process.stdin.fileno(), byte)
        except (BlockingIOError, BrokenPipeError):
            return  # full: it will read; broken: the next tick finds it dead and starts another


@worker_shutting_down.connect
def _tell_heart(**kwargs: Any) -> None:
    if _beating is not None:
        _beating.begin_shutdown()


@worker_process_init.connect
def _prepare_child(**kwargs: Any) -> None:
    """Make a fresh child killable as a whole, mortal with its parent, and interruptible."""
    parent = os.getppid()
    if os.getsid(0) != os.getpid():
        os.setsid()
    _die_with_parent(parent)
    interruption.install()


def _die_with_parent(parent: int) -> None:
    if sys.platform != "linux":
        return  # elsewhere the heart alone sees to it
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # the parent died before the call


def _dsn() -> str:
    parameters = connection.get_connection_params()
    wanted = {"dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"}
    return str(make_dsn(**{key: value for key, value in parameters.items() if key in wanted and value}))
