"""What a Celery worker needs to serve the engine: its session, its heart, and well-behaved children.

parent   starts the heart before it takes bells, ticks once a second from its own main loop (also while it waits
         for Redis), replaces a dead or frozen heart (pulse.py), tells it when the shutdown begins. Opens no
         database connection.
child    leads a session of its own (so that it can be killed with all it started), dies with its parent,
         installs the interruption signals.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import uuid
from typing import Any, ClassVar

import structlog
from celery import bootsteps
from celery.exceptions import WorkerShutdown
from celery.signals import worker_process_init, worker_shutting_down
from celery.worker.consumer import Consumer
from celery.worker.consumer.heart import Heart as CeleryHeartbeats
from celery.worker.heartbeat import Heart as CeleryHeart
from celery.worker.state import maybe_shutdown
from django.conf import settings
from django.db import connection
from psycopg2.extensions import make_dsn

from history import origins
from tasks import fused, heart, interruption
from tasks.pulse import Pulse
from tasks.stint import SESSION_VARIABLE
from wrenchai_project.env import SettingsRefused, refuse_faults

log = structlog.get_logger(__name__)

TICK_SECONDS = 1.0
RECONNECT_SECONDS = 5  # so long after Redis is back at most
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
        self._pulse: Pulse | None = None
        os.environ[SESSION_VARIABLE] = str(uuid.uuid4())  # before the pool forks: the children inherit it
        fused.watch(worker.hostname if worker.task_events else None)
        super().__init__(worker, **kwargs)

    def start(self, worker: Any) -> None:
        """Start the heart and wait until the session is stored. Raises WorkerShutdown if it never is."""
        if "prefork" not in type(worker.pool).__module__:
            raise WorkerShutdown(
                "this engine interrupts attempts by signals: start the worker with --pool prefork"
            )
        self._pulse = Pulse(self._describe(worker))
        if not self._pulse.wait_until_ready(settings.START_PATIENCE_SECONDS):
            log.error(
                "database_unreachable",
                waited_seconds=settings.START_PATIENCE_SECONDS,
                hint="check DATABASE_URL; see the log above",
            )
            raise WorkerShutdown(1)
        worker.hub.call_repeatedly(self._tick_seconds(), self.tick)

    def stop(self, worker: Any) -> None:
        """Let the heart see the end of its parent by itself; it ends the session then."""

    def begin_shutdown(self) -> None:
        """Tell the heart that no new bells are taken and that the leases go back after a grace."""
        if self._pulse is not None:
            self._pulse.begin_shutdown()

    def tick(self) -> None:
        """Show that the main loop goes on; see that the heart does."""
        if self._pulse is not None:
            self._pulse.tick()

    def _tick_seconds(self) -> float:
        return min(TICK_SECONDS, settings.LEASE_SECONDS / 10)

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


class SteadyHeartbeats(CeleryHeartbeats):
    """Celery's heartbeat events for Flower, which never hold up the main loop.

    Celery's own are sent again and again until Redis takes them, and kept while it does not, to be sent one by one,
    each with the whole patience: behind a frozen Redis the main loop would stand still.
    """

    def start(self, c: Any) -> None:
        """Send from now on. A failure is a lost connection, dealt with by the consumer."""
        c.event_dispatcher.buffer_while_offline = False
        c.heart = _OnceHeart(c.timer, c.event_dispatcher, self.heartbeat_interval)  # type: ignore[attr-defined]  # stubs
        c.heart.start()


class _OnceHeart(CeleryHeart):
    def _send(self, event: str, retry: bool = False) -> Any:
        return super()._send(event, retry=False)  # type: ignore[misc]  # the stubs leave it out


class SteadyConsumer(Consumer):
    """Celery's consumer, for outages of Redis of any length.

    Celery's own sleeps up to 30 s between two tries, and nothing else goes on in the parent meanwhile: the heart
    would take it for frozen and end attempts that have nothing to do with Redis.
    """

    class Blueprint(Consumer.Blueprint):  # type: ignore[valid-type, misc]  # a class, though the stubs have a variable
        """Celery's steps, with our heartbeats in the place of its own."""

        default_steps: ClassVar[list[str]] = [
            "tasks.worker:SteadyHeartbeats" if step == "celery.worker.consumer.heart:Heart" else step
            for step in Consumer.Blueprint.default_steps
        ]

    def ensure_connected(self, conn: Any) -> Any:
        """Try until Redis answers, ticking in between, or until the worker is told to stop."""

        def tell(error: Exception, interval: float) -> None:
            log.warning("broker_away", broker=conn.as_uri(), reason=str(error), next_try_seconds=interval)

        connected = conn.ensure_connection(
            tell,
            None,
            interval_start=1,
            interval_step=1,
            interval_max=RECONNECT_SECONDS,
            callback=_meanwhile,
        )
        self.first_connection_attempt = False
        return connected


def _meanwhile() -> None:
    maybe_shutdown()
    if _beating is not None:
        _beating.tick()


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
    origins.name_process("worker")


def _die_with_parent(parent: int) -> None:
    if sys.platform != "linux":
        return  # elsewhere the heart alone sees to it
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # the parent died before the call


def _dsn() -> str:
    parameters = connection.get_connection_params()
    wanted = {"dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"}
    wanted |= {
        "target_session_attrs",
        "tcp_user_timeout",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
    }
    return str(make_dsn(**{key: value for key, value in parameters.items() if key in wanted and value}))
