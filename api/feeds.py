"""One run's events in this process: read from PostgreSQL once, written out once, kept in a ring for all who follow.

Owns: the ring, the frames, and the threads in which live connections ask the database. Refuses to know who follows,
and how it is told. Invariant: a ring has every number above its `floor`; whoever follows it from there has no gap.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ParamSpec, Protocol, TypeVar

import structlog
from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError

from api import shapes, sockets
from api.sockets import Identity
from tasks import events
from tasks.models import Run

log = structlog.get_logger(__name__)

PAGE = 500  # events read from PostgreSQL at once
KEEP = 1000  # frames of a run in its ring ...
KEEP_BYTES = 4 * 2**20  # ... or so much text

POOL = ThreadPoolExecutor(max_workers=4, thread_name_prefix="stream")  # bounds the database connections, too
ORDERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="stream-orders")  # may wait for locks

_AWAY = (DatabaseError, InterfaceError)
_CHATTY = frozenset(fact.kind for fact in events.KINDS if fact.is_chatty)
_P = ParamSpec("_P")
_T = TypeVar("_T")


class Frame:
    """An event, written out. `chatty` names what a later frame with the same name says as well; empty: nothing."""

    __slots__ = ("chatty", "seq", "text")

    def __init__(self, seq: int, text: str, chatty: str) -> None:
        self.seq, self.text, self.chatty = seq, text, chatty


class Listener(Protocol):
    """Somebody who follows."""

    identity: Identity

    def kick(self) -> None:
        """There may be something to send."""

    def tell_news(self, topic: str, text: str) -> None:
        """Send this news of a topic, or a reset of the topic if too many wait."""

    def news_lost(self, topic: str) -> None:
        """Send a reset of a topic: its news may have been lost."""

    def look(self, now: float) -> None:
        """The clock has moved on. `now` is of the monotonic clock."""

    async def recheck(self) -> None:
        """Ask again whether this person may be here and follow this."""

    def restart(self) -> None:
        """The process ends: say so, and go."""


@dataclass(slots=True, kw_only=True, eq=False)
class Feed:
    """One run in this process. `head` is what was promised, `end` what was read, above `floor` the ring has all."""

    run: Run
    head: int
    end: int
    floor: int
    ring: deque[Frame] = field(default_factory=deque)
    size: int = 0
    listeners: set[Listener] = field(default_factory=set)
    pulling: asyncio.Task[None] | None = None
    reading: dict[tuple[int, int], asyncio.Future[list[Frame]]] = field(default_factory=dict)

    def promise(self, head: int) -> None:
        """There are events up to `head`."""
        if head > self.head:
            self.head = head
        if self.head > self.end and (self.pulling is None or self.pulling.done()):
            self.pulling = asyncio.create_task(self._pull())

    def after(self, seq: int, limit: int) -> list[Frame] | None:
        """Give frames after a number from the ring; None if the ring does not go back so far."""
        if seq < self.floor:
            return None
        if not self.ring or seq >= self.end:
            return []
        first = max(0, len(self.ring) - (self.end - seq))
        while first < len(self.ring) and self.ring[first].seq <= seq:
            first += 1
        return [self.ring[at] for at in range(first, min(first + limit, len(self.ring)))]

    async def read(self, seq: int, limit: int) -> list[Frame]:
        """Give frames after a number from PostgreSQL. Listeners that want the same at once share the reading."""
        wanted = (seq, limit)
        found = self.reading.get(wanted)
        if found is None:
            found = asyncio.ensure_future(in_thread(_page, self.run, seq, limit))
            self.reading[wanted] = found
            found.add_done_callback(lambda _: self.reading.pop(wanted, None))
        return await asyncio.shield(found)

    async def counted(self) -> int:
        """Ask PostgreSQL how many events the run has had."""
        return (await in_thread(sockets.heads, [self.run.pk])).get(self.run.pk, 0)

    async def _pull(self) -> None:
        """Read what was promised, once for all."""
        while self.head > self.end:
            try:
                await self._pull_page()
            except _AWAY as error:
                log.warning("stream_waits_for_database", reason=str(error))
                await asyncio.sleep(1)

    async def _pull_page(self) -> None:
        page = await in_thread(_page, self.run, self.end, PAGE)
        if page:
            self._add(page)
        else:
            await self._skip_removed()
        for listener in tuple(self.listeners):
            listener.kick()

    async def _skip_removed(self) -> None:
        """More was promised than is there: by a hint that was wrong, or retention has removed it.

        The run's own count decides, read before looking again: what it counts is there, or was removed.
        """
        counted = await self.counted()
        if counted <= self.end:
            self.head = self.end
        elif not await in_thread(_page, self.run, self.end, 1):
            self.ring.clear()
            self.size = 0
            self.end = self.floor = counted
            self.head = max(self.head, counted)

    def _add(self, page: Sequence[Frame]) -> None:
        self.ring.extend(page)
        self.size += sum(len(frame.text) for frame in page)
        self.end = page[-1].seq
        self.head = max(self.head, self.end)
        while len(self.ring) > 1 and (len(self.ring) > KEEP or self.size > KEEP_BYTES):
            gone = self.ring.popleft()
            self.size -= len(gone.text)
            self.floor = gone.seq


def event_frame(topic: str, row: events.StoredFact) -> Frame:
    """Write an event out."""
    text = json.dumps({"op": "event", "topic": topic, **shapes.event(row)})
    chatty = f"{row.kind} {row.data.get('key', '')}" if row.kind in _CHATTY else ""
    return Frame(row.seq, text, chatty)


async def in_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Ask the database, or Redis, in one of the stream's threads."""
    result: _T = await database_sync_to_async(function, thread_sensitive=False, executor=POOL)(
        *args, **kwargs
    )
    return result


async def in_order_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Follow an order in a thread that may wait without holding the readers up."""
    result: _T = await database_sync_to_async(function, thread_sensitive=False, executor=ORDERS)(
        *args, **kwargs
    )
    return result


def _page(run: Run, after: int, limit: int) -> list[Frame]:
    topic = f"run:{run.public_id}"
    return [event_frame(topic, row) for row in events.since(run, after, limit=limit)]
