"""Live hints to sockets: "this run's events go up to `head` now". A lost hint costs a reader at most 5 s.

A daemon thread sends them, so that no commit waits for Redis. Hints of one run that pile up become one, since only
the newest head matters; a run that nobody listens to costs a few bytes of a question that is asked for many at once.

Owns: the thread. Refuses to know: events. Invariant: telling never waits and never fails.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

from wrenchai_project import redis_client

log = structlog.get_logger(__name__)


def run_group(public_id: UUID | str) -> str:
    """Name the channel-layer group that hears hints of a run."""
    return f"run.{public_id}"


def hint(public_id: str, head: int) -> None:
    """Tell sockets, after the commit, that the run's events go up to `head` now."""
    transaction.on_commit(lambda: _hints.tell(public_id, head), robust=True)


class LiveHints:
    """The thread of one process. Starts anew after a fork, and when it died."""

    FLUSH_SECONDS = 0.02
    PATIENCE_SECONDS = 3.0  # with one answer; a frozen Redis must not keep the thread for good
    MOST_ASKED = 500  # runs in one question

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._heads: dict[str, int] = {}
        self._news = threading.Event()
        self._thread: threading.Thread | None = None
        self._redis: Any = None

    def tell(self, public_id: str, head: int) -> None:
        """Send this soon."""
        with self._lock:
            if self._pid != os.getpid() or self._thread is None or not self._thread.is_alive():
                self._start_over()
            self._heads[public_id] = max(head, self._heads.get(public_id, 0))
            self._news.set()

    def _start_over(self) -> None:
        if self._thread is not None and self._pid == os.getpid():
            log.error("hints_thread_died", hints_lost=len(self._heads))
        self._pid = os.getpid()
        self._heads = {}
        self._news = threading.Event()
        self._redis = None  # what a fork inherits is its parent's
        self._thread = threading.Thread(target=self._flush_forever, name="live-hints", daemon=True)
        self._thread.start()

    def _flush_forever(self) -> None:
        loop = asyncio.new_event_loop()
        try:
            while True:
                self._news.wait()
                self._news.clear()
                with self._lock:
                    heads, self._heads = self._heads, {}
                for public_id in self._listened_to(heads):
                    loop.run_until_complete(self._send(public_id, heads[public_id]))
                time.sleep(self.FLUSH_SECONDS)
        finally:
            loop.close()

    def _listened_to(self, public_ids: Iterable[str]) -> list[str]:
        """Give those of the runs that a socket somewhere has subscribed to."""
        wanted, found = list(public_ids), []
        try:
            for first in range(0, len(wanted), self.MOST_ASKED):
                asked = wanted[first : first + self.MOST_ASKED]
                channels = [f"{_PREFIX}__group__{run_group(public_id)}" for public_id in asked]
                counts = dict(self._client().pubsub_numsub(*channels))
                found += [
                    public_id
                    for public_id, channel in zip(asked, channels, strict=True)
                    if counts.get(channel.encode())
                ]
        except (RedisError, OSError) as error:
            self._redis = None
            log.warning("hints_lost", count=len(wanted), reason=str(error))
            return []
        return found

    def _client(self) -> Any:
        self._redis = self._redis or redis_client.client(
            settings.REDIS_URL, timeout_seconds=self.PATIENCE_SECONDS
        )
        return self._redis

    async def _send(self, public_id: str, head: int) -> None:
        try:
            message = {"type": "run.hint", "run": public_id, "head": head}
            layer: Any = get_channel_layer()
            sent = layer.group_send(run_group(public_id), message)
            await asyncio.wait_for(sent, self.PATIENCE_SECONDS)
        except (RedisError, OSError) as error:
            log.warning("hints_lost", count=1, reason=str(error))


_LAYER: Any = settings.CHANNEL_LAYERS["default"]
_PREFIX = _LAYER["CONFIG"]["prefix"]
_hints = LiveHints()
