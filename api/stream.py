"""Live updates: the WebSocket protocol `wrench.v1` at /api/v1/stream.

    client  subscribe{topic,after,batch?,coalesce?,id?}  unsubscribe{topic}  ack{topic,seq}  ping  pong
            cancel|pause|resume|message{run,...,id?}     approve|reject{approval,...,id?}
    server  welcome{heartbeat,limits}   subscribed{topic,id?,from,head}  caught_up{topic,seq}
            event{topic,seq,type,at,data,skipped?}       events{topic,events}
            news{topic,type,data}       reset{topic,reason,head}
            ack{id?,command,status,result}               error{code,message,topic?,id?,command?,problem?}  ping  pong

Each frame is a JSON object whose `op` is one of these words; an event's `type` is its kind, as "step.started".

Topics: `run:<id>` has events with a `seq`, replayed from `after` on and gapless. `project:<slug>` and `user` have
news without a number, which say that something has changed: fetch it again, as after a `reset`, which says that news
may have been lost. Events come from the hub (`api.hub`), which reads each once for the whole process; this module
speaks the protocol with one client. At most MAX_UNACKED events wait for the client's ack.

Invariant: per run the client sees each `seq` once and in order, or a `reset` that tells it to load anew.
Close codes: 4401 signed out or expired, 4403 no longer allowed, 4404 no such topic, 4408 too slow or silent,
4429 too many sockets or messages, 1009 frame too large, 1012 restart, 1013 try again soon.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from accounts.limits import addresses
from accounts.limits.engine import LimitReached, Verdict
from accounts.signals import role_lost
from api import frames, messages, orders, sockets, topics
from api.feeds import in_order_thread, in_thread
from api.following import Cursor, Follower
from api.frames import Ack, FrameRefused, Order, Ping, Pong, Subscribe, Unsubscribe
from api.hub import hub
from api.sockets import Identity
from api.tickets import TicketsAway
from tasks.hints import user_group

log = structlog.get_logger(__name__)

MAX_UNACKED = 1000  # events sent and not acknowledged, over all topics of a socket
MAX_TOPICS = 50
HEARTBEAT_SECONDS = 20  # a client pings so often ...
ASK_SECONDS = 30.0  # ... who does not is asked ...
SILENT_SECONDS = 60.0  # ... and after three missed ones it is gone
UNACKED_SECONDS = 60.0
FRAMES_PER_SECOND = 500.0  # a client may acknowledge each event
FRAMES_BURST = 1000.0
GRACE_SECONDS = 2.0  # a client over its limit is warned; who goes on after so long is closed
FORGIVE_SECONDS = 60.0
CLOSING_SECONDS = 5.0  # for the close frame to get through to a client that does not read

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one WebSocket. An ASGI application."""
    await receive()
    if sockets.PROTOCOL not in scope["subprotocols"] or not sockets.origin_is_ours(scope):
        await send({"type": "websocket.close"})  # refuses the handshake itself: HTTP 403
        return
    await send({"type": "websocket.accept", "subprotocol": sockets.PROTOCOL})
    door = Door(scope, send)
    socket = await door.open()
    if socket is None:
        return
    try:
        await socket.serve(receive)
    finally:
        await socket.leave()


class Door:
    """The opening of a socket: lets in whoever may be let in, refuses with a code that tells why."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope, self.send = scope, send

    async def open(self) -> Socket | None:
        """Give the socket of who was let in."""
        try:
            identity = await in_thread(sockets.identify, self.scope)
            opening = await in_thread(
                messages.opening,
                identity.charged if identity else None,
                address=addresses.of_scope(self.scope),
                path=self.scope["path"],
            )
        except TicketsAway as error:
            await self._refuse(1013, str(error.detail))
            return None
        except (DatabaseError, InterfaceError) as error:
            log.warning("stream_waits_for_database", reason=str(error))
            await self._refuse(1013, "the database does not answer; try again soon")
            return None
        if not opening.allowed:
            await self._refuse(4429, str(LimitReached(opening)))
            return None
        if identity is None:
            await self._refuse(4401, "sign in first")
            return None
        name = uuid.uuid4().hex
        if not await in_thread(sockets.enter, identity.seat, name):
            await self._refuse(
                4429, f"at most {settings.MAX_SOCKETS_PER_USER} sockets per user, or per shared link"
            )
            return None
        return await self._welcome(identity, name)

    async def _welcome(self, identity: Identity, name: str) -> Socket | None:
        meter = await in_thread(messages.meter, identity.charged, socket=name)
        socket = Socket(identity, name, meter, self.scope, self.send)
        await hub().enter(socket)
        try:
            is_valid = await in_thread(sockets.still_valid, identity)
        except (DatabaseError, InterfaceError):
            await socket.end(1013, "the database does not answer; try again soon")
            return socket
        if not is_valid:  # ended before the hub could tell of it
            await socket.end(4401, "signed out")
        elif hub().is_over:
            socket.restart()
        else:
            await socket.tell(
                "welcome", protocol=sockets.PROTOCOL, heartbeat=HEARTBEAT_SECONDS, limits=_limits()
            )
        return socket

    async def _refuse(self, code: int, reason: str) -> None:
        await self.send({"type": "websocket.close", "code": code, "reason": reason})


class Socket(Follower):
    """One client of the protocol."""

    def __init__(
        self, identity: Identity, name: str, meter: messages.Meter, scope: Mapping[str, Any], send: Send
    ) -> None:
        super().__init__(identity, name)
        self.meter, self.scope, self._send_out = meter, scope, send
        self.heard_at = self.frames_at = time.monotonic()
        self.frames_left = FRAMES_BURST
        self.asked_at = 0.0
        self.warned_at: float | None = None
        self.refused_until = 0.0
        self._main = asyncio.current_task()

    async def serve(self, receive: Receive) -> None:
        """Follow the client's frames until it is gone."""
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                await self.hear(message.get("text"), message.get("bytes"))
        except asyncio.CancelledError:
            if not self.over:  # else it is ours: the close frame did not get through
                raise

    async def hear(self, text: str | None, data: bytes | None) -> None:
        """Follow one frame of the client."""
        if self.over:
            return
        self.heard_at = time.monotonic()
        await self._take_turn()
        if not await self._is_within_limits():
            return
        if len(text or data or b"") > frames.MAX_BYTES:
            await self.end(1009, f"a frame has at most {frames.MAX_BYTES} bytes")
            return
        try:
            if text is None:
                raise FrameRefused("bad_frame", "frames are text, not binary")
            await self._follow(frames.read(text))
        except FrameRefused as error:
            named = {"topic": error.topic, "id": error.id}
            given = {key: value for key, value in named.items() if value}
            await self.tell("error", code=error.code, message=str(error), **given)
            if error.code == "unknown_topic":
                await self.end(4404, "no such topic")

    async def _follow(self, frame: frames.Frame) -> None:
        match frame:
            case Ping():
                await self.tell("pong")
            case Pong():
                pass
            case Subscribe():
                await self._subscribe(frame)
            case Unsubscribe():
                await self._unsubscribe(frame.topic)
            case Ack():
                cursor = self.cursors.get(frame.topic)
                if cursor is not None:
                    cursor.acked = max(cursor.acked, min(frame.seq, cursor.last))
                    if self.stuck_since is not None:
                        self.kick()
            case Order():
                await self._obey(frame)

    async def _subscribe(self, frame: Subscribe) -> None:
        known = frame.topic in self.cursors or frame.topic in self.projects
        if not known and len(self.cursors) + len(self.projects) >= MAX_TOPICS:
            message = f"at most {MAX_TOPICS} topics per socket; unsubscribe from one first"
            raise FrameRefused("too_many_topics", message, topic=frame.topic, id=frame.id)
        try:
            if frame.run_id is not None:
                await self._subscribe_run(frame, frame.run_id)
            else:
                await self._subscribe_news(frame)
        except (DatabaseError, InterfaceError) as error:
            message = "the database does not answer; subscribe again soon"
            raise FrameRefused("unavailable", message, topic=frame.topic, id=frame.id) from error

    async def _subscribe_run(self, frame: Subscribe, run_id: uuid.UUID) -> None:
        """Join first, then look: an event between the two is hinted at, not lost."""
        await hub().join_run(run_id)
        found = await in_thread(topics.run_of, self.identity, run_id)
        if found is None:
            await hub().forget_run(run_id)
            message = "there is no such run that you may see"
            raise FrameRefused("unknown_topic", message, topic=frame.topic, id=frame.id)
        start = min(frame.after, found.head)
        self.cursors.pop(frame.topic, None)  # subscribing again starts again
        feed = hub().follow(found, self)
        await self._subscribed(frame, start, found.head)
        if frame.after > found.head:
            await self.tell("reset", topic=frame.topic, reason="after lies beyond the head", head=found.head)
        self.cursors[frame.topic] = Cursor(
            topic=frame.topic,
            feed=feed,
            last=start,
            acked=start,
            batch=frame.batch,
            coalesce=frame.coalesce,
        )
        self.kick()

    async def _subscribe_news(self, frame: Subscribe) -> None:
        if frame.project:
            project_id = await in_thread(topics.project_of, self.identity, frame.project)
            if project_id is None:
                message = "there is no such project that you may see, or several; say team/slug"
                raise FrameRefused("unknown_topic", message, topic=frame.topic, id=frame.id)
            if self.projects.get(frame.topic, project_id) != project_id:  # it names another project by now
                await hub().deafen(frame.topic, self)
            self.projects[frame.topic] = project_id
            await hub().hear_project(project_id, frame.topic, self)
        else:
            if not await in_thread(topics.may_hear_own, self.identity):
                message = "this key is bound to projects, or has no scope run.view: follow a project or a run"
                raise FrameRefused("unknown_topic", message, topic=frame.topic, id=frame.id)
            self.projects[frame.topic] = topics.OWN
            await hub().hear_own(frame.topic, self)
        await self._subscribed(frame, 0, 0)

    async def _subscribed(self, frame: Subscribe, start: int, head: int) -> None:
        named = {"id": frame.id} if frame.id else {}
        await self.tell("subscribed", topic=frame.topic, **{"from": start}, head=head, **named)

    async def _unsubscribe(self, topic: str) -> None:
        cursor = self.cursors.pop(topic, None)
        if cursor is not None:
            await hub().unfollow(cursor.feed, self)
        if self.projects.pop(topic, None) is not None:
            await hub().deafen(topic, self)

    async def _obey(self, order: Order) -> None:
        try:
            answer = await in_order_thread(orders.follow, order, self.identity, self.scope)
        except (DatabaseError, InterfaceError) as error:
            raise FrameRefused(
                "unavailable", "the database does not answer; try again soon", id=order.id
            ) from error
        told = orders.frame(order, answer)
        await self.tell(**told)
        if answer.status == 401:
            await self.end(4401, "signed out")

    # --- the follower's part ----------------------------------------------------------------------------------

    async def write(self, text: str, seq: int = 0) -> None:
        """Send a frame that is written out already."""
        await self._send_out({"type": "websocket.send", "text": text})

    async def tell(self, op: str, **body: Any) -> None:
        """Send a frame."""
        if not self.over:
            with contextlib.suppress(OSError):  # gone: the next message that is received says so
                await self.write(json.dumps({"op": op, **body}))

    def room(self) -> int:
        """How many more events may wait for an ack."""
        return MAX_UNACKED - sum(cursor.last - cursor.acked for cursor in self.cursors.values())

    def look(self, now: float) -> None:
        """End who is silent or never acknowledges; ask who was not heard of."""
        super().look(now)
        if self.over:
            return
        if now - self.heard_at > SILENT_SECONDS:
            reason = f"nothing heard for {SILENT_SECONDS:.0f} s; send a ping now and then"
            hub().spawn(self.end(4408, reason))
        elif self.stuck_since is not None and now - self.stuck_since > UNACKED_SECONDS:
            hub().spawn(self.end(4408, f"{MAX_UNACKED} events are not acknowledged"))
        elif (
            now - self.heard_at > ASK_SECONDS and now - self.asked_at > ASK_SECONDS and not self.writing_since
        ):
            self.asked_at = now
            hub().spawn(self.tell("ping"))

    async def end(self, code: int, reason: str) -> None:
        """Close with a code that tells why."""
        if self.over:
            return
        self.over = True
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._send_out({"type": "websocket.close", "code": code, "reason": reason})
        except (TimeoutError, OSError, RuntimeError):  # it does not read, or is gone
            if self._main is not None:
                self._main.cancel()

    # --- how much a client may say ----------------------------------------------------------------------------

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
        verdict = await in_thread(self.meter.draw)
        return verdict.allowed or await self._too_many(verdict)

    async def _too_many(self, verdict: Verdict | None) -> bool:
        now = time.monotonic()
        if verdict is not None:
            self.refused_until = now + verdict.retry_after
        if verdict is not None and (self.warned_at is None or now - self.warned_at > FORGIVE_SECONDS):
            self.warned_at = now
            reached = LimitReached(verdict)
            await self.tell(
                "error", code="too_many_messages", message=str(reached), retry_after=reached.retry_after
            )
        elif self.warned_at is not None and now - self.warned_at > GRACE_SECONDS:
            await self.end(4429, "too many messages, after a warning")
        return False


def listen_for_lost_roles() -> None:
    """Let the sockets of a person be looked at again when accounts says that something was taken away."""
    role_lost.connect(_tell_sockets, dispatch_uid="api.stream")


def _tell_sockets(sender: object, user_id: int, **_kwargs: object) -> None:
    layer = get_channel_layer()
    assert layer is not None, "settings.CHANNEL_LAYERS has a default"
    try:
        async_to_sync(layer.group_send)(user_group(user_id), {"type": "role.lost", "user": user_id})
    except (RedisError, OSError) as error:
        log.warning("sockets_not_told", user=user_id, reason=str(error))  # they look again by themselves


def _limits() -> dict[str, int]:
    return {
        "topics": MAX_TOPICS,
        "unacked": MAX_UNACKED,
        "frame_bytes": frames.MAX_BYTES,
        "sockets": settings.MAX_SOCKETS_PER_USER,
    }
