"""The hub: what all live connections of one process share, so that an event is read and written out once.

    Redis hint ──> Hub ──> Feed.pull: page after `end` ──> written out once ──> ring ──┬──> Listener (cursor)
                    ^            (one read for all)         (the newest KEEP frames)   ├──> Listener
                    └── every POLL_SECONDS: heads of all runs, in one question         └──> ...

A listener (a WebSocket, or a stream of server-sent events) has no buffer of its own, only a cursor into the ring of
each run that it follows. Who falls behind what the ring keeps, or begins further back, reads pages from PostgreSQL
until the ring has the next number: that is the refill, and it is the same path as replay. So a client that stands
still costs a cursor, however much happens.

Owns: one loop's channel in the channel layer, the rings, and the clock by which all are looked at. Refuses to know
protocols. Invariant: a ring has every number above its `floor`; whoever follows it from there has no gap.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from api import sockets, topics
from api.feeds import Feed, Listener, in_thread
from tasks.hints import ASKED_GROUP, project_group, run_group, user_group

log = structlog.get_logger(__name__)

POLL_SECONDS = 5.0
LOOK_SECONDS = (
    0.5  # between looks at all listeners, and between echoes: a lost link to Redis takes longer to mend
)
PATIENCE_SECONDS = 2.0  # with Redis, for an echo
RECHECKS_AT_ONCE = 4

_AWAY = (DatabaseError, InterfaceError)


class Hub:
    """What the listeners of one event loop share."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.feeds: dict[UUID, Feed] = {}
        self.rooms: dict[str, dict[Listener, set[str]]] = {}  # group -> who hears it, under which topics
        self.is_over = False
        self._layer: Any = get_channel_layer()
        self._channel = ""
        self._opened = asyncio.Event()
        self._joined: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._rechecks = asyncio.Semaphore(RECHECKS_AT_ONCE)
        self._loose: set[asyncio.Task[None]] = set()
        self._sent = self._heard = 0
        self._is_deaf = False
        self._link: list[object] = []

    # --- who is here ------------------------------------------------------------------------------------------

    async def enter(self, listener: Listener) -> None:
        """Let somebody be told what is taken from them, and be looked at by the clock."""
        self.listeners.add(listener)
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(task) for task in (self._listen(), self._watch(), self._poll())
            ]
        with contextlib.suppress(TimeoutError):  # without Redis: polling goes on
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._opened.wait()
        await self._open_room(user_group(listener.identity.user_id), listener, None)

    async def leave(self, listener: Listener) -> None:
        """Forget somebody, and all that they follow."""
        self.listeners.discard(listener)
        for feed in [feed for feed in self.feeds.values() if listener in feed.listeners]:
            await self.unfollow(feed, listener)
        for group in [group for group, room in self.rooms.items() if listener in room]:
            await self._leave_room(group, listener)
        if not self.listeners:
            tasks, self._tasks = self._tasks, []
            self._channel, self._joined = "", set()
            self._opened = asyncio.Event()
            for task in tasks:
                task.cancel()

    def spawn(self, task: Any) -> None:
        """Do something aside, and keep it from being forgotten meanwhile."""
        made = asyncio.ensure_future(task)
        self._loose.add(made)
        made.add_done_callback(self._loose.discard)

    def restart(self) -> None:
        """Tell everybody that this process ends."""
        self.is_over = True
        for listener in tuple(self.listeners):
            listener.restart()

    # --- runs -------------------------------------------------------------------------------------------------

    async def join_run(self, run_id: UUID) -> None:
        """Begin to hear hints of a run, before its head is read: what comes between the two is hinted at."""
        await self._join(run_group(run_id))

    def follow(self, followed: topics.Followed, listener: Listener) -> Feed:
        """Add somebody to a run's feed, after `join_run`."""
        feed = self.feeds.get(followed.run.public_id)
        if feed is None:
            head = followed.head
            feed = Feed(run=followed.run, head=head, end=head, floor=head)
            self.feeds[followed.run.public_id] = feed
        feed.listeners.add(listener)
        feed.promise(followed.head)
        return feed

    async def unfollow(self, feed: Feed, listener: Listener) -> None:
        """Take somebody from a run's feed; the last one closes it."""
        feed.listeners.discard(listener)
        if not feed.listeners and self.feeds.get(feed.run.public_id) is feed:
            del self.feeds[feed.run.public_id]
            if feed.pulling is not None:
                feed.pulling.cancel()
            await self._part(run_group(feed.run.public_id))

    async def forget_run(self, run_id: UUID) -> None:
        """Hear no more of a run that nobody follows after all."""
        if run_id not in self.feeds:
            await self._part(run_group(run_id))

    # --- news -------------------------------------------------------------------------------------------------

    async def hear_project(self, project_id: int, topic: str, listener: Listener) -> None:
        """Send somebody the news of a project, as `topic`."""
        await self._open_room(project_group(project_id), listener, topic)

    async def hear_own(self, topic: str, listener: Listener) -> None:
        """Send somebody what concerns them, as `topic`."""
        await self._open_room(user_group(listener.identity.user_id), listener, topic)
        await self._open_room(ASKED_GROUP, listener, topic)

    async def deafen(self, topic: str, listener: Listener) -> None:
        """Send somebody no more news of a topic."""
        for group in [group for group, room in self.rooms.items() if topic in room.get(listener, ())]:
            self.rooms[group][listener].discard(topic)
            if group != user_group(listener.identity.user_id) and not self.rooms[group][listener]:
                await self._leave_room(group, listener)

    async def _open_room(self, group: str, listener: Listener, topic: str | None) -> None:
        topics_here = self.rooms.setdefault(group, {}).setdefault(listener, set())
        if topic is not None:
            topics_here.add(topic)
        await self._join(group)

    async def _leave_room(self, group: str, listener: Listener) -> None:
        room = self.rooms.get(group, {})
        room.pop(listener, None)
        if not room and self.rooms.pop(group, None) is not None:
            await self._part(group)

    # --- what comes from Redis --------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Hear what the channel layer has for this process."""
        while not _is_cancelled():
            if not self._channel:
                await self._open_channel()
            message = await self._layer.receive(self._channel)
            try:
                await self._hear(message)
            except (KeyError, TypeError) as error:
                log.warning("hint_not_understood", reason=str(error))
            except _AWAY as error:
                log.warning("stream_waits_for_database", reason=str(error))

    async def _open_channel(self) -> None:
        while not self._channel and not _is_cancelled():
            try:
                self._channel = await self._layer.new_channel()
            except (RedisError, OSError) as error:
                log.warning("stream_without_hints", reason=str(error))  # polling goes on
                await asyncio.sleep(1)
        self._opened.set()
        self._sent = self._heard = 0
        self._link = []
        self._has_reconnected()  # remembers the connection as it is now
        await self._join_all()

    async def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "run.hint":
                self.run_hint(UUID(message["run"]), int(message["head"]))
            case "news" if message["group"] == ASKED_GROUP:
                self.spawn(self._ask_around(message))
            case "news":
                self._spread(self.rooms.get(message["group"], {}), message)
            case "role.lost":
                await self._look_at_person(int(message["user"]))
            case "echo":
                self._echo(int(message["number"]))

    def run_hint(self, run_id: UUID, head: int) -> None:
        """A run's events go up to `head`."""
        feed = self.feeds.get(run_id)
        if feed is not None:
            feed.promise(head)

    def _spread(self, room: dict[Listener, set[str]], message: dict[str, Any]) -> None:
        texts: dict[str, str] = {}
        for listener, names in tuple(room.items()):
            for topic in names:
                if topic not in texts:
                    texts[topic] = news_frame(topic, message)
                listener.tell_news(topic, texts[topic])

    async def _ask_around(self, message: dict[str, Any]) -> None:
        """A question was asked: find out whom of those who listen it concerns."""
        room = {one: names for one, names in self.rooms.get(ASKED_GROUP, {}).items() if names}
        people = {one.identity.user_id for one in room}
        try:
            found = await in_thread(topics.concerned, message["data"]["approval"], people)
        except _AWAY as error:
            log.warning("stream_waits_for_database", reason=str(error))
            return
        self._spread({one: names for one, names in room.items() if one.identity.user_id in found}, message)

    async def _look_at_person(self, user_id: int) -> None:
        for listener in tuple(self.rooms.get(user_group(user_id), {})):
            self.recheck(listener)

    def recheck(self, listener: Listener) -> None:
        """Look at a listener's rights soon."""
        self.spawn(self._recheck(listener))

    async def _recheck(self, listener: Listener) -> None:
        async with self._rechecks:
            if listener in self.listeners:
                await listener.recheck()

    def _echo(self, number: int) -> None:
        """What this process sent itself has come back. A number that did not tells that news may have been lost."""
        lost, self._heard = number != self._heard + 1 or self._is_deaf, number
        self._is_deaf = False
        if lost:
            for room in self.rooms.values():
                for listener, names in tuple(room.items()):
                    for topic in names:
                        listener.news_lost(topic)

    # --- the clock --------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Let all listeners look at the clock, and listen whether Redis still brings what is sent."""
        while not _is_cancelled():
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            for listener in tuple(self.listeners):
                listener.look(now)
            if self._channel:
                await self._send_echo()

    def _has_reconnected(self) -> bool:
        """Tell whether the connection that hears is another one than before: what was sent between is lost.

        redis-py subscribes anew by itself and tells nobody; so it is seen by the connection's own objects.
        """
        before = self._link
        shards = getattr(self._layer._get_layer(), "_shards", ())
        pubsubs = [getattr(shard, "_pubsub", None) for shard in shards]
        self._link = [getattr(getattr(one, "connection", None), "_writer", None) for one in pubsubs]
        return bool(before) and any(
            old is not new for old, new in zip(before, self._link, strict=False) if old is not None
        )

    async def _send_echo(self) -> None:
        self._is_deaf = self._is_deaf or self._has_reconnected()
        message = {"type": "echo", "number": self._sent + 1}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._layer.send(self._channel, message)
            self._sent += 1
        except (RedisError, OSError) as error:
            if not self._is_deaf:
                log.warning("stream_without_hints", reason=str(error))
            self._is_deaf = True

    async def _poll(self) -> None:
        """Ask PostgreSQL itself how far the runs are: hints may be lost. Join again what could not be joined."""
        while not _is_cancelled():
            await asyncio.sleep(POLL_SECONDS)
            feeds = list(self.feeds.values())
            try:
                known = await in_thread(sockets.heads, [feed.run.pk for feed in feeds]) if feeds else {}
            except _AWAY as error:
                log.warning("stream_waits_for_database", reason=str(error))
                continue
            for feed in feeds:
                feed.promise(known.get(feed.run.pk, 0))
            await self._join_all()

    async def _join_all(self) -> None:
        for group in {*self.rooms, *(run_group(run_id) for run_id in tuple(self.feeds))} - self._joined:
            await self._join(group)

    async def _join(self, group: str) -> None:
        if not self._channel or group in self._joined:
            return
        try:
            await self._layer.group_add(group, self._channel)
            self._joined.add(group)
        except (RedisError, OSError) as error:
            log.warning("stream_without_hints", group=group, reason=str(error))  # polling goes on

    async def _part(self, group: str) -> None:
        self._joined.discard(group)
        if self._channel:
            with contextlib.suppress(RedisError, OSError):
                await self._layer.group_discard(group, self._channel)


def hub() -> Hub:
    """Give the hub of the running loop."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None:
        found = _hubs[loop] = Hub()
    return found


def restart_all() -> None:
    """Tell the listeners of all loops that the process ends. For a signal handler."""
    for loop, one in list(_hubs.items()):
        if loop.is_closed():
            continue
        loop.call_soon_threadsafe(one.restart)


def _is_cancelled() -> bool:
    """Tell whether this task was told to end: what it waited for may have made another error of that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def news_frame(topic: str, message: dict[str, Any]) -> str:
    """Write news out."""
    return json.dumps({"op": "news", "topic": topic, "type": message["news"], "data": message["data"]})


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()
