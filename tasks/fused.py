"""What Flower and its metrics hear of fused steps: those that a worker child does without a bell of their own.

A bell's events are sent by Celery: `task-sent` by who rings, the others by the worker's parent. A fused step has no
message of its own, so the child sends the same events, through Celery's own dispatcher and in its buffer: under the
id of a bell that it took over, or a fresh one. One message to Redis says what a turn did.

Owns: these events. Refuses to know: what a step is. Invariant: watching never holds up or breaks the work.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from celery import current_app
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from tasks import broker
from tasks.contract import Fence

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 3.0  # after a failure: nobody waits for a dead Redis step by step
BUFFERED = 1000  # events; more than a turn has, so that we say when they are sent

_hostname: str | None = None  # the worker's, if it sends task events
_quiet_until = 0.0
_dispatcher: Any = None
_dispatcher_pid = 0


def watch(hostname: str | None) -> None:
    """Send events in this worker's name, or none. Called in the parent before it forks."""
    global _hostname
    _hostname = hostname


class FusedEvents:
    """The `FusedSteps` of one bell: tells Celery's event stream. Two threads may tell at once."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self._bells: deque[str] = deque()
        self._steps: dict[Fence, _Step] = {}
        self._noted: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()

    def take_over(self, bells: Sequence[str]) -> None:
        """Let the next steps go by the ids of these bells, which were sent already."""
        self._bells.extend(bells)

    def began(self, fence: Fence) -> None:
        """Tell that a step was sent to this queue, unless a bell was, and received and started, all at once."""
        bell = self._bells.popleft() if self._bells else ""
        step = self._steps[fence] = _Step(bell or str(uuid.uuid4()), time.monotonic())
        task = {
            "uuid": step.id,
            "name": self.queue,
            "args": "()",
            "kwargs": "{}",
            "root_id": step.id,
            "parent_id": None,
            "retries": 0,
            "eta": None,
            "expires": None,
        }
        if not bell:
            self._note("task-sent", task | {"queue": self.queue, "exchange": "", "routing_key": self.queue})
        self._note("task-received", task)
        self._note("task-started", {"uuid": step.id})

    def over(self, fence: Fence) -> None:
        """Stop its clock."""
        step = self._steps[fence]
        step.seconds = time.monotonic() - step.began_at

    def ended(self, fence: Fence, told: str) -> None:
        """Tell how it ended."""
        step = self._steps.pop(fence)
        self._note("task-succeeded", {"uuid": step.id, "result": repr(told), "runtime": step.seconds})

    def broke(self) -> None:
        """Tell that the child could not go on with any of those begun."""
        for step in self._steps.values():
            fields = {"uuid": step.id, "exception": "the database is away", "traceback": ""}
            self._note("task-failed", fields)
        self._steps.clear()
        self.flush()

    def flush(self) -> None:
        """Send what is noted, in one message."""
        with self._lock:
            noted, self._noted = self._noted, []
            if noted:
                _send(noted)

    def _note(self, kind: str, fields: dict[str, Any]) -> None:
        if _hostname is not None:
            with self._lock:
                self._noted.append((kind, fields))


@dataclass(slots=True)
class _Step:
    id: str
    began_at: float
    seconds: float = 0.0


def _send(events: list[tuple[str, dict[str, Any]]]) -> None:
    global _dispatcher, _quiet_until
    if time.monotonic() < _quiet_until:
        return
    try:
        dispatcher = _open()
        for kind, fields in events:
            dispatcher.send(kind, **fields)
        dispatcher.flush()
    except (OperationalError, RedisError, OSError) as error:
        log.warning("events_lost", count=len(events), reason=str(error))
        _dispatcher, _quiet_until = None, time.monotonic() + PAUSE_SECONDS


def _open() -> Any:
    """Give this process's dispatcher, made anew after a fork or a failure."""
    global _dispatcher, _dispatcher_pid
    if _dispatcher is None or _dispatcher_pid != os.getpid():
        _dispatcher = current_app.events.Dispatcher(
            broker.connect(),
            hostname=_hostname,
            buffer_while_offline=False,
            buffer_group={"task"},
            buffer_limit=BUFFERED,
        )
        _dispatcher_pid = os.getpid()
    return _dispatcher
