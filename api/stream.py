"""Live updates: the WebSocket protocol `wrench.v1` at /api/v1/stream.

    client  subscribe{topic,after,id?}  unsubscribe{topic}  ack{topic,seq}  ping
    server  welcome{heartbeat,limits}   subscribed{topic,id,from,head}   event{topic,seq,type,at,data}
            caught_up{topic,seq}   reset{topic,reason,head}   error{code,message,topic?,id?}   pong

Each frame is a JSON object whose `op` is one of these words; an event's `type` is its kind, as "step.started".

A subscription joins the run's group first, then reads `seq > after` from PostgreSQL in pages, then goes live. Redis
only hints that there is more; every event comes from PostgreSQL by its number, so a hint that is lost costs
POLL_SECONDS and never an event. Nothing is buffered but one page:

    hint ──> wake ──> pump: page after `last` ──> send ──> last += n        (room = MAX_UNACKED - unacked)
                        ^                            |
                        └── every POLL_SECONDS       └── no room: wait for an ack; SLOW_SECONDS long: close 4408

Invariant: per topic the client sees each `seq` once and in order, or a `reset` that tells it to load anew.
Close codes: 4401 signed out or expired, 4403 no longer allowed, 4404 no such topic, 4408 too slow or silent,
4429 too many sockets or messages, 1009 frame too large, 1012 restart (sent by the server program), 1013 try
again soon.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import structlog
from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from accounts.limits import addresses
from accounts.limits.engine import LimitReached, Verdict
from accounts.signals import role_lost
from api import frames, messages, sockets
from api.frames import Ack, FrameRefused, Ping, Subscribe, Unsubscribe
from api.shapes import EventShape
from api.tickets import TicketsAway
from tasks.hints import run_group
from tasks.models import Run

log = structlog.get_logger(__name__)

PAGE = 500  # events read from PostgreSQL at once
MAX_UNACKED = 1000  # events sent and not acknowledged, over all topics of a socket
MAX_TOPICS = 50
POLL_SECONDS = 5.0
HEARTBEAT_SECONDS = 20  # a client pings so often ...
SILENT_SECONDS = 60.0  # ... and after three missed ones it is gone
SLOW_SECONDS = 60.0
RECHECK_SECONDS = 30.0  # may this person still see this? role_lost makes it at once
FRAMES_PER_SECOND = 500.0  # a client may acknowledge each event
FRAMES_BURST = 1000.0
GRACE_SECONDS = 2.0  # a client over its limit is warned; who goes on after so long is closed
FORGIVE_SECONDS = 60.0

POOL = ThreadPoolExecutor(max_workers=4, thread_name_prefix="stream")  # bounds the database connections, too

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class Subscription:
    """How far a socket has come with a topic. `head` is what the hints promise."""

    topic: str
    run: Run
    last: int
    acked: int
    head: int
    caught_up: bool = False


class Stream(AsyncWebsocketConsumer):
    """One socket."""

    async def connect(self) -> None:
        """Let in whoever may be let in; refuse with a code that tells why."""
        self.subscriptions: dict[str, Subscription] = {}
        self.identity: sockets.Identity | None = None
        self.tasks: list[asyncio.Task[None]] = []
        self.wake = asyncio.Event()
        self.over = False
        self.heard_at = self.checked_at = time.monotonic()
        self.stuck_since: float | None = None
        self.frames_left, self.frames_at = FRAMES_BURST, time.monotonic()
        self.warned_at: float | None = None
        self.refused_until = 0.0
        if sockets.PROTOCOL not in self.scope["subprotocols"] or not sockets.origin_is_ours(self.scope):
            await self.close()  # refuses the handshake itself: HTTP 403
            return
        await self.accept(subprotocol=sockets.PROTOCOL)
        try:
            identity = await _in_thread(sockets.identify, self.scope)
        except TicketsAway as error:
            await self._end(1013, str(error.detail))
            return
        opening = await _in_thread(
            messages.opening,
            identity.user_id if identity else None,
            address=addresses.of_scope(self.scope),
            path=self.scope["path"],
        )
        if not opening.allowed:
            await self._end(4429, str(LimitReached(opening)))
            return
        if identity is None:
            await self._end(4401, "sign in first")
            return
        if not await _in_thread(sockets.enter, identity.user_id, self.channel_name):
            await self._end(4429, f"at most {sockets.MAX_SOCKETS} sockets per user")
            return
        self.identity = identity
        self.meter = await _in_thread(messages.meter, identity.user_id, socket=self.channel_name)
        await self._join(_user_group(identity.user_id))
        if not await _in_thread(sockets.still_valid, identity):  # ended before the group could tell of it
            await self._end(4401, "signed out")
            return
        await self._tell("welcome", protocol=sockets.PROTOCOL, heartbeat=HEARTBEAT_SECONDS, limits=_LIMITS)
        self.tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._watch())]

    async def disconnect(self, code: int) -> None:
        """Leave nothing behind."""
        self.over = True
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.identity is not None:
            groups = [_user_group(self.identity.user_id)]
            groups += [run_group(sub.run.public_id) for sub in self.subscriptions.values()]
            for group in groups:
                await self._part(group)
            await _in_thread(sockets.leave, self.identity.user_id, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Follow one frame of the client."""
        if self.over or self.identity is None:
            return
        self.heard_at = time.monotonic()
        await self._take_turn()
        if not await self._is_within_limits():
            return
        if len(text_data or bytes_data or b"") > frames.MAX_BYTES:
            await self._end(1009, f"a frame has at most {frames.MAX_BYTES} bytes")
            return
        try:
            if text_data is None:
                raise FrameRefused("bad_frame", "frames are text, not binary")
            await self._follow(frames.read(text_data))
        except FrameRefused as error:
            named = {"topic": error.topic, "id": error.id}
            given = {key: value for key, value in named.items() if value}
            await self._tell("error", code=error.code, message=str(error), **given)
            if error.code == "unknown_topic":
                await self._end(4404, "no such topic")

    async def run_hint(self, message: dict[str, Any]) -> None:
        """There may be more of a run. Sent by tasks.outbox through the channel layer."""
        sub = self.subscriptions.get(f"run:{message['run']}")
        if sub is not None and message["head"] > sub.head:
            sub.head = message["head"]
            self.wake.set()

    async def role_lost(self, message: dict[str, Any]) -> None:
        """Something was taken from this person. Sent by `listen_for_lost_roles` through the channel layer."""
        self.checked_at = 0.0
        await self._recheck()

    async def _follow(self, frame: frames.Frame) -> None:
        match frame:
            case Ping():
                await self._tell("pong")
            case Subscribe():
                await self._subscribe(frame)
            case Unsubscribe():
                sub = self.subscriptions.pop(frame.topic, None)
                if sub is not None:
                    await self._part(run_group(sub.run.public_id))
            case Ack():
                sub = self.subscriptions.get(frame.topic)
                if sub is not None:
                    sub.acked = max(sub.acked, min(frame.seq, sub.last))
                    self.wake.set()

    async def _subscribe(self, frame: Subscribe) -> None:
        """Join the group first, then look: an event between the two is hinted at, not lost."""
        assert self.identity is not None
        if frame.topic not in self.subscriptions and len(self.subscriptions) >= MAX_TOPICS:
            message = f"at most {MAX_TOPICS} topics per socket; unsubscribe from one first"
            raise FrameRefused("too_many_topics", message, topic=frame.topic, id=frame.id)
        await self._join(run_group(frame.run_id))
        try:
            found = await _in_thread(sockets.follow, self.identity, frame.run_id)
        except (DatabaseError, InterfaceError) as error:
            message = "the database does not answer; subscribe again soon"
            raise FrameRefused("unavailable", message, topic=frame.topic, id=frame.id) from error
        if found is None:
            message = "there is no such run that you may see"
            raise FrameRefused("unknown_topic", message, topic=frame.topic, id=frame.id)
        start = min(frame.after, found.head)
        self.subscriptions.pop(frame.topic, None)  # subscribing again starts again
        told = {"topic": frame.topic, "from": start, "head": found.head}
        await self._tell("subscribed", **told, **({"id": frame.id} if frame.id else {}))
        if frame.after > found.head:
            await self._tell("reset", topic=frame.topic, reason="after lies beyond the head", head=found.head)
        self.subscriptions[frame.topic] = Subscription(
            topic=frame.topic, run=found.run, last=start, acked=start, head=found.head
        )
        self.wake.set()

    async def _pump(self) -> None:
        """Send what there is, topic by topic, until the socket is over."""
        while not self.over:
            self.wake.clear()
            try:
                more = False
                for sub in list(self.subscriptions.values()):
                    more = await self._push(sub) or more
                if not more and not await self._woken():
                    await self._poll()
            except (DatabaseError, InterfaceError) as error:
                log.warning("stream_waits_for_database", reason=str(error))
                await asyncio.sleep(1)
            except OSError:  # the client is gone; disconnect() follows
                return

    async def _push(self, sub: Subscription) -> bool:
        """Send one page of a topic. Returns whether there is more to send at once."""
        if sub.caught_up and sub.head <= sub.last:
            return False
        room = MAX_UNACKED - self._unacked()
        if room <= 0:
            self.stuck_since = self.stuck_since or time.monotonic()
            sub.caught_up = False
            return False
        self.stuck_since = None
        limit = min(PAGE, room)
        page = await _in_thread(sockets.page, sub.run, sub.last, limit)
        for event in page:
            if self.over or self.subscriptions.get(sub.topic) is not sub:
                return False
            await self._send_event(sub, event)
        if len(page) == limit:
            return True
        if not page and sub.last < sub.head:
            await self._skip_removed(sub)
        sub.head = min(sub.head, sub.last)  # a hint that promised more than is there would be asked for ever
        if not sub.caught_up:
            sub.caught_up = True
            await self._tell("caught_up", topic=sub.topic, seq=sub.last)
        return False

    async def _send_event(self, sub: Subscription, event: EventShape) -> None:
        if event["seq"] != sub.last + 1:  # numbers have no holes, so old events were removed
            await self._tell("reset", topic=sub.topic, reason="older events were removed", head=sub.head)
            sub.acked = event["seq"] - 1
        sub.last = event["seq"]
        sub.head = max(sub.head, sub.last)
        await self._tell("event", topic=sub.topic, **event)

    async def _skip_removed(self, sub: Subscription) -> None:
        """Nothing comes after `last`, though more was promised: by a hint that was wrong, or it was removed.

        The run's own count decides, read before looking again: what it counts is there, or was removed.
        """
        counted = (await _in_thread(sockets.heads, [sub.run.pk])).get(sub.run.pk, 0)
        if counted > sub.last and not await _in_thread(sockets.page, sub.run, sub.last, 1):
            sub.last = sub.acked = counted
            await self._tell("reset", topic=sub.topic, reason="older events were removed", head=counted)

    async def _woken(self) -> bool:
        """Wait for a reason to look. False: POLL_SECONDS went by without one."""
        try:
            await asyncio.wait_for(self.wake.wait(), POLL_SECONDS)
        except TimeoutError:
            return False
        return True

    async def _poll(self) -> None:
        """Ask PostgreSQL itself how far the runs are: hints may be lost."""
        if not self.subscriptions:
            return
        known = await _in_thread(sockets.heads, [sub.run.pk for sub in self.subscriptions.values()])
        for sub in self.subscriptions.values():
            sub.head = max(sub.head, known.get(sub.run.pk, 0))

    async def _watch(self) -> None:
        """End the socket when its time has come."""
        assert self.identity is not None
        while not self.over:
            await asyncio.sleep(1)
            now = time.monotonic()
            if self.identity.expires_at is not None and time.time() >= self.identity.expires_at:
                await self._end(4401, "the token has expired")
            elif now - self.heard_at > SILENT_SECONDS:
                await self._end(4408, f"nothing heard for {SILENT_SECONDS:.0f} s; send a ping now and then")
            elif self.stuck_since is not None and now - self.stuck_since > SLOW_SECONDS:
                await self._end(4408, f"{MAX_UNACKED} events are not acknowledged")
            elif now - self.checked_at > RECHECK_SECONDS:
                await self._recheck()

    async def _recheck(self) -> None:
        """Look again whether this person may be here and see this."""
        assert self.identity is not None
        self.checked_at = time.monotonic()
        try:
            valid = await _in_thread(sockets.still_valid, self.identity)
            run_ids = [sub.run.public_id for sub in self.subscriptions.values()]
            gone = await _in_thread(sockets.lost, self.identity, run_ids)
        except (DatabaseError, InterfaceError) as error:
            log.warning("stream_not_rechecked", reason=str(error))
            return
        await _in_thread(sockets.enter, self.identity.user_id, self.channel_name)
        if not valid:
            await self._end(4401, "signed out")
        elif gone:
            await self._end(4403, "you may no longer see this run")

    def _unacked(self) -> int:
        return sum(sub.last - sub.acked for sub in self.subscriptions.values())

    async def _take_turn(self) -> None:
        """Let a client that talks too fast wait: it is read more slowly, and what it sends is not lost."""
        now = time.monotonic()
        filled = self.frames_left + (now - self.frames_at) * FRAMES_PER_SECOND
        self.frames_left = min(FRAMES_BURST, filled) - 1
        self.frames_at = now
        if self.frames_left < 0:
            await asyncio.sleep(-self.frames_left / FRAMES_PER_SECOND)

    async def _is_within_limits(self) -> bool:
        """Charge a frame. One too many is dropped: the client is warned, and closed if it goes on."""
        if self.meter.spend():
            return True
        if time.monotonic() < self.refused_until:
            return await self._too_many(None)
        verdict = await _in_thread(self.meter.draw)
        return verdict.allowed or await self._too_many(verdict)

    async def _too_many(self, verdict: Verdict | None) -> bool:
        now = time.monotonic()
        if verdict is not None:
            self.refused_until = now + verdict.retry_after
        if verdict is not None and (self.warned_at is None or now - self.warned_at > FORGIVE_SECONDS):
            self.warned_at = now
            reached = LimitReached(verdict)
            await self._tell(
                "error", code="too_many_messages", message=str(reached), retry_after=reached.retry_after
            )
        elif self.warned_at is not None and now - self.warned_at > GRACE_SECONDS:
            await self._end(4429, "too many messages, after a warning")
        return False

    async def _tell(self, op: str, **body: Any) -> None:
        if not self.over:
            await self.send(text_data=json.dumps({"op": op, **body}))

    async def _end(self, code: int, reason: str) -> None:
        if not self.over:
            self.over = True
            self.wake.set()
            await self.close(code=code, reason=reason)

    async def _join(self, group: str) -> None:
        try:
            await self.channel_layer.group_add(group, self.channel_name)
        except (RedisError, OSError) as error:
            log.warning("stream_without_hints", group=group, reason=str(error))  # polling goes on

    async def _part(self, group: str) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self.channel_layer.group_discard(group, self.channel_name)


def listen_for_lost_roles() -> None:
    """Let the sockets of a person be looked at again when accounts says that something was taken away."""
    role_lost.connect(_tell_sockets, dispatch_uid="api.stream")


def _tell_sockets(sender: object, user_id: int, **_kwargs: object) -> None:
    layer = get_channel_layer()
    assert layer is not None, "settings.CHANNEL_LAYERS has a default"
    try:
        async_to_sync(layer.group_send)(_user_group(user_id), {"type": "role.lost"})
    except (RedisError, OSError) as error:
        log.warning("sockets_not_told", user=user_id, reason=str(error))  # they look again by themselves


def _user_group(user_id: int) -> str:
    return f"user.{user_id}"


async def _in_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    result: _T = await database_sync_to_async(function, thread_sensitive=False, executor=POOL)(
        *args, **kwargs
    )
    return result


_LIMITS = {
    "topics": MAX_TOPICS,
    "unacked": MAX_UNACKED,
    "frame_bytes": frames.MAX_BYTES,
    "sockets": sockets.MAX_SOCKETS,
}
