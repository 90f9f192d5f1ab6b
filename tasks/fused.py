"""What Flower and its metrics hear of fused steps: those that a worker child does without a bell of their own.

A bell's events are sent by Celery: `task-sent` by who rings, the others by the worker's parent. A fused step has no
message, so the child sends the same events under a fresh id, through Celery's own dispatcher and in its buffer:
one message to Redis per step, which says how the step before ended and that this one began.

Owns: these events. Refuses to know: what a step is. Invariant: watching never holds up or breaks the work.
"""

from __future__ import annotations

import os
import time
import uuid
from typing import Any

import structlog
from celery import current_app
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from tasks import broker

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 3.0  # after a failure: nobody waits for a dead Redis step by step
BUFFERED = 100  # events; more than one step has, so that we say when they are sent

_hostname: str | None = None  # the worker's, if it sends task events
_quiet_until = 0.0
_dispatcher: Any = None
_dispatcher_pid = 0


def watch(hostname: str | None) -> None:
    """Send events in this worker's name, or none. Called in the parent before it forks."""
    global _hostname
    _hostname = hostname


class FusedEvents:
    """The `FusedSteps` of one bell: tells Celery's event stream."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self._id = ""
        self._began = 0.0

    def began(self) -> None:
        """Tell that a step was sent to this queue, received and started, all at once."""
        self._id, self._began = str(uuid.uuid4()), time.monotonic()
        task = {
            "uuid": self._id,
            "name": self.queue,
            "args": "()",
            "kwargs": "{}",
            "root_id": self._id,
            "parent_id": None,
            "retries": 0,
            "eta": None,
            "expires": None,
        }
        sent = task | {"queue": self.queue, "exchange": "", "routing_key": self.queue}
        started = {"uuid": self._id}
        _send([("task-sent", sent), ("task-received", task), ("task-started", started)], flush=True)

    def ended(self, line: str, *, is_last: bool) -> None:
        """Tell how it ended; together with the next step's start, unless it is the last one."""
        seconds = time.monotonic() - self._began
        fields = {"uuid": self._id, "result": repr(line), "runtime": seconds}
        _send([("task-succeeded", fields)], flush=is_last)

    def broke(self) -> None:
        """Tell that the child could not go on."""
        fields = {"uuid": self._id, "exception": "the database is away", "traceback": ""}
        _send([("task-failed", fields)], flush=True)


def _send(events: list[tuple[str, dict[str, Any]]], *, flush: bool) -> None:
    global _dispatcher, _quiet_until
    if _hostname is None or time.monotonic() < _quiet_until:
        return
    try:
        dispatcher = _open()
        for kind, fields in events:
            dispatcher.send(kind, **fields)
        if flush:
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
