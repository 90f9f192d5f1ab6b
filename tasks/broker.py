"""This process's own line to Redis: by it bells are put and counted.

One connection is kept open per process, never shared with a child: what a fork inherits is forgotten, not closed,
because the socket is the parent's. Threads take turns.

Owns: the connection, its patience, and what happens when it breaks. Refuses to know: what a bell is for, and the
outbox. Invariant: no call lasts much longer than PATIENCE_SECONDS, whatever Redis does, frozen or cut off; after a
failure the next call opens a new connection.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from celery import current_app
from kombu.exceptions import (  # type: ignore[attr-defined]  # the stubs are of kombu 5.5, before batches
    BatchPublishError,
    OperationalError,
)
from redis.exceptions import RedisError

from tasks.errors import BrokerUnreachable

PATIENCE_SECONDS = 2.0  # for one answer; who publishes has a person or a worker's slot waiting
BATCH_COMMANDS = 1000  # in one round trip; a bell is two commands: the message, and the event for Flower
UNREACHABLE = (OperationalError, BatchPublishError, RedisError, OSError)
"""What the layers below raise when Redis does not answer, or answers that it cannot (full, read-only, loading)."""


def connect() -> Any:
    """Give a new, still closed connection for publishing, with our patience instead of a consumer's."""
    options = {
        "socket_timeout": PATIENCE_SECONDS,
        "socket_connect_timeout": PATIENCE_SECONDS,
        "max_retries": 0,  # the outbox is the retry
    }
    return current_app.connection_for_write(transport_options=options)


def publish(bells: Sequence[tuple[str, int]]) -> None:
    """Put a bell into each queue, with its priority, all in one round trip.

    Raises BrokerUnreachable; then it is unknown which of them Redis took, so all are to be rung again.
    """
    if not bells:
        return
    with _line(f"Redis did not take the bell of {bells[0][0]!r}") as line, line.batch(BATCH_COMMANDS):
        for queue, priority in bells:
            current_app.send_task(queue, queue=queue, priority=priority, retry=False, producer=line)


def take(queue: str, priorities: Sequence[int]) -> list[str]:
    """Take a waiting bell for each of these priorities. Returns the ids of those that were there.

    Raises BrokerUnreachable; then some may have been taken.
    """
    with _line(f"Redis does not give back bells of {queue!r}") as line:
        channel = line.channel
        with channel.conn_or_acquire() as client, client.pipeline(transaction=False) as pipe:
            for priority in priorities:
                pipe.rpop(channel._q_for_pri(queue, channel.priority(priority)))
            taken = [json.loads(message) for message in pipe.execute() if message]
    return [message["headers"]["id"] for message in taken]


def waiting(queue: str) -> int:
    """Count the bells that wait in a queue. Raises BrokerUnreachable."""
    with _line(f"Redis does not say how many bells wait in {queue!r}") as line:
        return int(line.channel._size(queue))


def stop_serving(worker: str, queues: Sequence[str]) -> None:
    """Tell a worker, by its Celery name, to take no more bells of these queues. Raises BrokerUnreachable."""
    fault = f"Redis did not take the order for {worker!r}"
    with _line(fault) as line:
        for queue in queues:
            current_app.control.cancel_consumer(queue, destination=[worker], connection=line.connection)


class _Line:
    """The process's producer, opened when it is first wanted and again after each failure."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._turn = threading.Lock()
        self._producer: Any = None
        self._failed_at = 0.0

    @contextmanager
    def use(self, fault: str) -> Iterator[Any]:
        came_at = time.monotonic()
        with self._turn:
            if self._failed_at > came_at:  # somebody waited for Redis in vain while we waited for our turn
                raise BrokerUnreachable(f"{fault}: it did not answer the one before")
            try:
                yield self._open()
            except UNREACHABLE as error:
                self._failed_at = time.monotonic()
                self._hang_up()
                raise BrokerUnreachable(f"{fault}: {error.__cause__ or error}") from error

    def _open(self) -> Any:
        if self._producer is None:
            self._producer = current_app.amqp.Producer(connect(), auto_declare=False)
        return self._producer

    def _hang_up(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.connection.collect(socket_timeout=0.1)


_current: _Line | None = None


def _line(fault: str) -> Any:
    global _current
    line = _current
    if line is None or line.pid != os.getpid():
        line = _current = _Line()
    return line.use(fault)
