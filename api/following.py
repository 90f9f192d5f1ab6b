"""Following: how far somebody has come with each run, and the sending of what comes next.

    kick ──> flush: per cursor, frames after `last` from the ring, or a page from PostgreSQL ──> write ──> last = seq
                 └── until nobody has more; between two flushes there is no task and nothing is held

Shared by the WebSocket and the server-sent events. Owns cursors and waiting news. Refuses to know how frames are
written: `write` does, and waits for a client that reads slowly. Invariant: per run each number is written once and in
order, or passed over with word of it: by a `reset` (removed events), or by `skipped` (chatty ones that a newer one
replaces, for who asked for that).
"""

from __future__ import annotations

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError

from api import sockets, topics
from api.feeds import PAGE, Feed, Frame, in_thread
from api.hub import hub
from api.sockets import Identity
from tasks import shared_events

log = structlog.get_logger(__name__)

MAX_NEWS = 100  # that wait for a slow reader; more become one reset
SLOW_SECONDS = 60.0
RECHECK_SECONDS = 30.0  # may this person still see this? role_lost makes it at once
COALESCE_SECONDS = 0.25
BATCH = 100  # events in a frame, for who asked for that ...
BATCH_CHARACTERS = 64 * 1024  # ... or so much text
REMOVED = "older events were removed"
OVER = (4403, "the link shows nothing any more")
MISSED = "news may have been lost; fetch again"

_AWAY = (DatabaseError, InterfaceError)


@dataclass(slots=True, kw_only=True, eq=False)
class Cursor:
    """How far somebody has come with a run. `acked`: what the client has told; `fast_at`: when chatty events went."""

    topic: str
    feed: Feed
    last: int
    acked: int
    batch: bool = False
    coalesce: bool = False
    caught_up: bool = False
    fast_at: float = 0.0


class Follower(ABC):
    """Somebody who follows runs. A listener of the hub."""

    def __init__(self, identity: Identity, socket_id: str) -> None:
        self.identity = identity
        self.socket_id = socket_id
        self.over = False
        self.cursors: dict[str, Cursor] = {}
        self.projects: dict[str, int] = {}
        self.checked_at = time.monotonic()
        self.stuck_since: float | None = None
        self.writing_since: float | None = None
        self._news: deque[str] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._again = False
        self._resets: dict[str, str] = {}

    # --- what those must say who follow -----------------------------------------------------------------------

    @abstractmethod
    async def write(self, text: str, seq: int = 0) -> None:
        """Write a frame (with events up to `seq`). Waits for a slow reader. Raises OSError when it is gone."""

    @abstractmethod
    async def end(self, code: int, reason: str) -> None:
        """Say why it ends, and end. Does nothing when it is over."""

    def room(self) -> int:
        """How many events may be sent before the client has acknowledged some."""
        return PAGE

    async def settled(self, cursor: Cursor) -> None:  # noqa: B027 - most need not know
        """All of a run that there is has been sent."""

    # --- the hub's listener -----------------------------------------------------------------------------------

    def kick(self) -> None:
        """There may be something to send."""
        if self.over:
            return
        self._again = True
        if self._writer is None:
            self._writer = asyncio.create_task(self._flush())
            self._writer.add_done_callback(self._written)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writer = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("stream_writer_died", error=repr(error))
            hub().spawn(self.end(1011, "a fault of ours; come back"))
        elif self._again:
            self.kick()

    def tell_news(self, topic: str, text: str) -> None:
        """Send this news of a topic; too many that wait become a reset."""
        if self._news is None:
            self._news = deque()
        if len(self._news) < MAX_NEWS:
            self._news.append(text)
            self.kick()
        else:
            self.news_lost(topic)

    def news_lost(self, topic: str) -> None:
        """Send a reset of a topic."""
        self._resets[topic] = json.dumps({"op": "reset", "topic": topic, "reason": MISSED, "head": 0})
        self.kick()

    def look(self, now: float) -> None:
        """End what has no future; ask now and then whether all is still allowed."""
        expires = self.identity.expires_at
        if self.over:
            return
        if expires is not None and time.time() >= expires:
            hub().spawn(self.end(*((4401, "the token has expired") if self.identity.share is None else OVER)))
        elif self.writing_since is not None and now - self.writing_since > SLOW_SECONDS:
            hub().spawn(self.end(4408, f"nothing was read for {SLOW_SECONDS:.0f} s; resume by cursor"))
        elif now - self.checked_at > RECHECK_SECONDS:
            self.checked_at = now
            hub().recheck(self)

    async def recheck(self) -> None:
        """Look again whether this person may be here and see this."""
        self.checked_at = time.monotonic()
        run_ids = [cursor.feed.run.public_id for cursor in self.cursors.values()]
        try:
            code = await in_thread(
                _verdict, self.identity, self.socket_id, run_ids, set(self.projects.values())
            )
        except _AWAY as error:
            log.warning("stream_not_rechecked", reason=str(error))
            return
        if code == 4401:
            await self.end(*((4401, "signed out") if self.identity.share is None else OVER))
        elif code == 4403:
            await self.end(4403, "you may no longer see what this follows")

    def restart(self) -> None:
        """The process ends: say so, and go."""
        hub().spawn(self.end(1012, "the server restarts; come back and resume by cursor"))

    async def leave(self) -> None:
        """Leave nothing behind."""
        self.over = True
        if self._writer is not None:
            self._writer.cancel()
        await hub().leave(self)
        await in_thread(sockets.leave, self.identity.seat, self.socket_id)

    # --- sending ----------------------------------------------------------------------------------------------

    async def _flush(self) -> None:
        """Send what there is to everybody's cursor; return when there is no more."""
        while self._again and not self.over:
            self._again = False
            try:
                await self._send_news()
                for cursor in tuple(self.cursors.values()):
                    if await self._advance(cursor):
                        self._again = True
            except _AWAY as error:
                log.warning("stream_waits_for_database", reason=str(error))
                self._again = True
                await asyncio.sleep(1)
            except OSError:  # the client is gone; the reader of its frames learns it, too
                self.over = True

    async def _send_news(self) -> None:
        while self._news:
            await self._put(self._news.popleft())
        while self._resets:
            await self._put(self._resets.pop(next(iter(self._resets))))

    async def _advance(self, cursor: Cursor) -> bool:
        """Send the next frames of a run. Returns whether there may be more at once."""
        feed = cursor.feed
        if cursor.caught_up and feed.end <= cursor.last:
            await self.settled(cursor)
            return False
        room = self.room()
        if room <= 0:
            self.stuck_since = self.stuck_since or time.monotonic()
            cursor.caught_up = False
            return False
        self.stuck_since = None
        limit = min(PAGE, room)
        frames = feed.after(cursor.last, limit)
        is_replay = frames is None or not cursor.caught_up
        if frames is None:
            frames = await feed.read(cursor.last, limit)
            if not frames:
                await self._skip_removed(cursor)
                return True
        if frames and cursor.coalesce and not is_replay:
            if self._waits(cursor, frames):
                return False
            await self._send(cursor, list(_newest(frames)))
        else:
            await self._send(cursor, [(frame, 0) for frame in frames])
        if frames or self.cursors.get(cursor.topic) is not cursor:
            return True
        await self._catch_up(cursor)
        return False

    async def _catch_up(self, cursor: Cursor) -> None:
        if not cursor.caught_up and cursor.feed.head <= cursor.last:
            cursor.caught_up = True
            await self._say("caught_up", topic=cursor.topic, seq=cursor.last)
            await self.settled(cursor)

    def _waits(self, cursor: Cursor, frames: Sequence[Frame]) -> bool:
        """Only chatty events, and some went a moment ago: look again when the moment is over."""
        if not all(frame.chatty for frame in frames):
            return False
        wait = cursor.fast_at + COALESCE_SECONDS - time.monotonic()
        if wait <= 0:
            cursor.fast_at = time.monotonic()
            return False
        asyncio.get_running_loop().call_later(wait, self.kick)
        return True

    async def _send(self, cursor: Cursor, frames: Sequence[tuple[Frame, int]]) -> None:
        batch: list[str] = []
        size = 0
        for frame, skipped in frames:
            if self.over or self.cursors.get(cursor.topic) is not cursor:
                return
            if frame.seq != cursor.last + 1 + skipped:  # numbers have no holes, so old events were removed
                await self._put_batch(cursor, batch)
                await self._say("reset", topic=cursor.topic, reason=REMOVED, head=cursor.feed.head)
                cursor.acked = frame.seq - 1
            cursor.last = frame.seq
            look = self.identity.share
            text = frame.text if look is None else _shared(frame.text, with_logs=look.with_logs)
            text = text if not skipped else f'{text[:-1]}, "skipped": {skipped}}}'
            if not cursor.batch:
                await self._put(text, frame.seq)
                continue
            batch.append(text)
            size += len(text)
            if len(batch) >= BATCH or size >= BATCH_CHARACTERS:
                await self._put_batch(cursor, batch)
                size = 0
        await self._put_batch(cursor, batch)

    async def _put_batch(self, cursor: Cursor, batch: list[str]) -> None:
        texts, batch[:] = list(batch), []
        if len(texts) == 1:
            await self._put(texts[0], cursor.last)
        elif texts:
            topic = json.dumps(cursor.topic)
            text = f'{{"op": "events", "topic": {topic}, "events": [{", ".join(texts)}]}}'
            await self._put(text, cursor.last)

    async def _skip_removed(self, cursor: Cursor) -> None:
        """Nothing comes after `last`, though the run has counted more: it was removed."""
        counted = await cursor.feed.counted()
        if counted <= cursor.last:  # the run itself is gone
            cursor.last = cursor.acked = max(cursor.last, cursor.feed.floor)
        elif not await cursor.feed.read(cursor.last, 1):
            cursor.last = cursor.acked = counted
            await self._say("reset", topic=cursor.topic, reason=REMOVED, head=counted)

    async def _say(self, op: str, **body: Any) -> None:
        await self._put(json.dumps({"op": op, **body}))

    async def _put(self, text: str, seq: int = 0) -> None:
        if self.over:
            return
        self.writing_since = time.monotonic()
        await self.write(text, seq)
        self.writing_since = None


@lru_cache(maxsize=256)  # everybody with a link to a run is told the same, at nearly the same time
def _shared(text: str, *, with_logs: bool) -> str:
    """Write an event for whoever has but a link: without what they are not told."""
    event = json.loads(text)
    event["data"] = shared_events.told(event["type"], event["data"], with_logs=with_logs)
    return json.dumps(event)


def _newest(frames: Sequence[Frame]) -> Iterator[tuple[Frame, int]]:
    """Give frames without the chatty ones that a later one replaces, each with how many were left out before it."""
    last = {frame.chatty: frame.seq for frame in frames if frame.chatty}
    skipped = 0
    for frame in frames:
        if frame.chatty and last[frame.chatty] != frame.seq:
            skipped += 1
        else:
            yield frame, skipped
            skipped = 0


def _verdict(identity: Identity, socket_id: str, run_ids: list[UUID], project_ids: set[int]) -> int:
    """Give the code with which to end; 0: all is well, and the connection counts on."""
    if not sockets.still_valid(identity):
        return 4401
    sockets.enter(identity.seat, socket_id)
    return 4403 if topics.are_lost(identity, run_ids, project_ids) else 0
