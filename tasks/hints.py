"""Live hints to sockets: "this run's events go up to `head` now", "something of this project has changed".

A lost hint of a run costs a reader at most 5 s, since events are read by their number. News of a project or a person
have no number: who hears one fetches again, and who may have missed some is told so.

    hint(run, head)                              for each commit that appended events: `changes.write`
    tell_project(project_id, "run.finished", run=...)    whoever follows the project
    tell_user(user_id, "role.changed")                   whoever this is about

To add a kind of news, call one of the last two where the thing is written, and describe it in `NEWS`.

A daemon thread sends them, so that no commit waits for Redis. Hints of one run that pile up become one, since only
the newest head matters; a group that nobody listens to costs a few bytes of a question that is asked for many at
once.

Owns: the thread. Refuses to know: events. Invariant: telling never waits and never fails.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Hashable, Iterable, Mapping
from typing import Any
from uuid import UUID

import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

from wrenchai_project import redis_client

log = structlog.get_logger(__name__)


NEWS: Mapping[str, str] = {
    "run.accepted": "a run was accepted",
    "run.scheduled": "a schedule submitted a run",
    "run.started": "a run has begun",
    "run.paused": "a run was paused",
    "run.resumed": "a paused run goes on",
    "run.cancel_requested": "somebody wants a run to stop",
    "run.priority_changed": "a run has another priority",
    "run.finished": "a run is over; `state` tells how",
    "approval.asked": "a step asks people; a person hears of it who may answer, or who owns the run",
    "approval.decided": "a question has its answer, or its time is over",
    "findings.judged": "findings were accepted, dismissed or reopened; `verdict` tells which",
    "invitation.changed": "somebody invites this person, or an invitation has its outcome",
    "role.changed": "what this person may do has changed",
    "member.changed": "a project has another member, or a member another role",
}
"""The kinds of news, with what each means."""

ASKED_GROUP = "asked"
"""Hears of every question: who may answer it is for the listener to find out."""


def run_group(public_id: UUID | str) -> str:
    """Name the channel-layer group that hears hints of a run."""
    return f"run.{public_id}"


def project_group(project_id: int) -> str:
    """Name the group that hears news of a project."""
    return f"project.{project_id}"


def user_group(user_id: int) -> str:
    """Name the group that hears news for a person."""
    return f"user.{user_id}"


def hint(public_id: str, head: int) -> None:
    """Tell sockets, after the commit, that the run's events go up to `head` now."""
    transaction.on_commit(lambda: _hints.tell(public_id, head), robust=True)


def tell_project(project_id: int, type: str, **data: str) -> None:
    """Tell who follows the project, after the commit, that something of it has changed. `type` is one of NEWS."""
    _tell(project_group(project_id), type, data)


def tell_user(user_id: int, type: str, **data: str) -> None:
    """Tell a person, after the commit, that something of theirs has changed. `type` is one of NEWS."""
    _tell(user_group(user_id), type, data)


def tell_deciders(type: str, **data: str) -> None:
    """Tell, after the commit, whoever may answer the question `approval`. `type` is one of NEWS."""
    _tell(ASKED_GROUP, type, data)


def _tell(group: str, type: str, data: dict[str, str]) -> None:
    if type not in NEWS:
        raise KeyError(f"{type!r} is no kind of news; describe it in tasks.hints.NEWS")
    message = {"type": "news", "group": group, "news": type, "data": data}
    transaction.on_commit(
        lambda: _hints.send((group, type, *sorted(data.items())), group, message), robust=True
    )


Message = dict[str, Any]


class LiveHints:
    """The thread of one process. Starts anew after a fork, and when it died."""

    FLUSH_SECONDS = 0.02
    PATIENCE_SECONDS = 3.0  # with one answer; a frozen Redis must not keep the thread for good
    MOST_ASKED = 500  # groups in one question
    MOST_WAITING = 20_000  # hints; while Redis hangs, the newest are dropped

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._waiting: dict[Hashable, tuple[str, Message]] = {}  # what for -> group, message
        self._news = threading.Event()
        self._thread: threading.Thread | None = None
        self._redis: Any = None

    def tell(self, public_id: str, head: int) -> None:
        """Send soon that a run's events go up to `head`."""
        with self._lock:
            self._look_after_thread()
            _, before = self._waiting.get(public_id, ("", {"head": 0}))
            message = {"type": "run.hint", "run": public_id, "head": max(head, before["head"])}
            self._put(public_id, run_group(public_id), message)

    def send(self, key: Hashable, group: str, message: Message) -> None:
        """Send this soon; what waits under the same key is replaced."""
        with self._lock:
            self._look_after_thread()
            self._put(key, group, message)

    def _put(self, key: Hashable, group: str, message: Message) -> None:
        if len(self._waiting) < self.MOST_WAITING or key in self._waiting:
            self._waiting[key] = (group, message)
        self._news.set()

    def _look_after_thread(self) -> None:
        if self._pid != os.getpid() or self._thread is None or not self._thread.is_alive():
            self._start_over()

    def _start_over(self) -> None:
        if self._thread is not None and self._pid == os.getpid():
            log.error("hints_thread_died", hints_lost=len(self._waiting))
        self._pid = os.getpid()
        self._waiting = {}
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
                    waiting, self._waiting = self._waiting, {}
                heard = self._listened_to({group for group, _ in waiting.values()})
                for group, message in waiting.values():
                    if group in heard:
                        loop.run_until_complete(self._send(group, message))
                time.sleep(self.FLUSH_SECONDS)
        finally:
            loop.close()

    def _listened_to(self, groups: Iterable[str]) -> set[str]:
        """Give those of the groups that a process somewhere listens to."""
        wanted, found = list(groups), set()
        try:
            for first in range(0, len(wanted), self.MOST_ASKED):
                asked = wanted[first : first + self.MOST_ASKED]
                channels = [f"{_PREFIX}__group__{group}" for group in asked]
                counts = dict(self._client().pubsub_numsub(*channels))
                found |= {
                    group
                    for group, channel in zip(asked, channels, strict=True)
                    if counts.get(channel.encode())
                }
        except (RedisError, OSError) as error:
            self._redis = None
            log.warning("hints_lost", count=len(wanted), reason=str(error))
            return set()
        return found

    def _client(self) -> Any:
        self._redis = self._redis or redis_client.client(
            settings.REDIS_URL, timeout_seconds=self.PATIENCE_SECONDS
        )
        return self._redis

    async def _send(self, group: str, message: Message) -> None:
        try:
            layer: Any = get_channel_layer()
            await asyncio.wait_for(layer.group_send(group, message), self.PATIENCE_SECONDS)
        except (RedisError, OSError) as error:
            log.warning("hints_lost", count=1, reason=str(error))


_LAYER: Any = settings.CHANNEL_LAYERS["default"]
_PREFIX = _LAYER["CONFIG"]["prefix"]
_hints = LiveHints()
