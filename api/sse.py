"""Live updates for those who cannot use WebSocket: a run's events as server-sent events.

GET /api/v1/runs/<id>/stream        ?after=<seq>, or the header Last-Event-ID, which browsers send by themselves

    retry: 2000                     after so many ms a client that was cut off comes back

    id: 7
    data: {"op": "event", "topic": "run:<id>", "seq": 7, "type": "step.started", "at": ..., "data": {...}}

    : still here                    a comment, when nothing else came for HEARTBEAT_SECONDS

The data are the frames of `wrench.v1` (`api.stream`): `event`, `caught_up`, `reset`, and `end` with a code when
nothing more will come: 1000 the run is over, 1012 the server restarts, 4401, 4403 and 4408 as there. Who comes back
to a run that is over with its last number gets a 204, which tells an EventSource to stop.

    GET ──> Django, as any request: who, may they, limits, the first page ──> thread and connection are given back
              └──> `live`: the page goes out, then what the hub has, until the end

So nothing is held per client but a cursor. Served by what knows no ASGI, the answer ends with its first page, and the
client comes back for the next.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from api import sockets, topics
from api.bodies import StrictSerializer, valid
from api.describe import operation
from api.errors import MEDIA_TYPE, problem
from api.feeds import PAGE, event_frame, in_thread
from api.following import REMOVED, SLOW_SECONDS, Cursor, Follower
from api.frames import MAX_SEQ
from api.hub import hub
from api.lookup import find_run
from api.sockets import Identity
from tasks import events
from tasks.models import Run
from tasks.states import RunState

log = structlog.get_logger(__name__)

EVENT_STREAM = "text/event-stream"
PATH = re.compile(r"/api/v1/runs/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/stream\Z")
RETRY_MS = 2000
HEARTBEAT_SECONDS = 15.0
CLOSING_SECONDS = 5.0
LIVE = "wrench.live"  # in the scope of a request that `live` will go on with ...
CONTINUES = "Wrench-Continues"  # ... and the header by which the view says from which number on

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class StreamFilter(StrictSerializer):
    """From where on events are wanted. The header Last-Event-ID goes before it."""

    after = serializers.IntegerField(
        min_value=0, max_value=MAX_SEQ, default=0, help_text="`seq` of the last event that you have; 0: none"
    )


class EventStreamRenderer(BaseRenderer):
    """Lets a request that accepts event streams in; what goes wrong is a problem document all the same."""

    media_type = EVENT_STREAM
    format = "sse"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return JSONRenderer().render(data)


class RunStreamView(APIView):
    """Follow a run by server-sent events."""

    required_action = "run.view"
    renderer_classes = [EventStreamRenderer]

    @operation(
        "runs_stream",
        query=StreamFilter,
        returns=str,
        example='id: 1\ndata: {"op": "event", "seq": 1, "type": "run.accepted", "data": {}}\n\n',
        media_type=EVENT_STREAM,
        also={204: "The run is over and you have seen all of it; do not come back."},
    )
    def get(self, request: Request, run_id: UUID) -> HttpResponse:
        """Follow a run by server-sent events, after a number. It is the same cursor as the WebSocket's.

        The header Last-Event-ID, which browsers send when they come back, goes before `after`. The answer ends when
        the run is over and all was sent.
        """
        start = _start(request)
        run = find_run(request, self, run_id)
        if start >= run.last_seq and RunState(run.state).is_final:
            return HttpResponse(status=204, content_type=EVENT_STREAM)
        rows = events.since(run, min(start, run.last_seq), limit=PAGE)
        parts = [f"retry: {RETRY_MS}\n\n", *_page(run, start, rows)]
        response = HttpResponse("".join(parts), content_type=EVENT_STREAM)
        response["Cache-Control"] = "no-store"
        response["X-Accel-Buffering"] = "no"
        if getattr(request._request, "scope", {}).get(LIVE):
            response[CONTINUES] = str(rows[-1].seq if rows else _end_of(run, start))
        return response


def _start(request: Request) -> int:
    given = valid(StreamFilter(data=request.query_params.dict()))["after"]
    last = request.headers.get("Last-Event-ID", "")
    if not last:
        return int(given)
    if not last.isascii() or not last.isdecimal() or len(last) > 19 or int(last) > MAX_SEQ:
        raise serializers.ValidationError(
            {"Last-Event-ID": ["it is the id of an event: a whole number from 0"]}
        )
    return int(last)


def _page(run: Run, start: int, rows: list[events.StoredFact]) -> list[str]:
    """Write the first page out, as `following` would."""
    topic = f"run:{run.public_id}"
    parts = [_frame(event.text, event.seq) for event in (event_frame(topic, row) for row in rows)]
    reset = {"op": "reset", "topic": topic, "reason": REMOVED, "head": run.last_seq}
    if start > run.last_seq:
        reset["reason"] = "after lies beyond the head"
        return [_frame(json.dumps(reset), run.last_seq), *parts]
    if removed := events.removed_up_to(run, start, rows):
        return [_frame(json.dumps(reset), removed), *parts]
    return parts


def _end_of(run: Run, start: int) -> int:
    return (
        run.last_seq if events.removed_up_to(run, min(start, run.last_seq), []) else min(start, run.last_seq)
    )


def _frame(text: str, seq: int = 0) -> str:
    return f"id: {seq}\ndata: {text}\n\n" if seq else f"data: {text}\n\n"


async def live(scope: MutableMapping[str, Any], receive: Receive, send: Send, *, django: App) -> None:
    """Let Django answer as it answers any request, and go on with the stream if it was one."""
    gate = _Gate()
    await django({**scope, LIVE: True}, receive, gate.take)
    after = gate.continues()
    if after is None:
        await gate.pass_on(send)
        return
    try:
        identity = await in_thread(sockets.identify_request, scope)
        run_id = UUID(scope["path"].split("/")[-2])
        name = uuid.uuid4().hex
        if identity is None or not await in_thread(sockets.enter, identity.seat, name):
            await _refuse(send)
            return
    except (DatabaseError, InterfaceError) as error:
        log.warning("stream_waits_for_database", reason=str(error))
        await gate.pass_on(send)  # its first page; the client comes back for more
        return
    stream = EventStream(identity, name, send)
    try:
        async with asyncio.timeout(SLOW_SECONDS):  # who does not read is counted no more after a minute
            await gate.open(send)
        await stream.serve(receive, run_id, after)
    except TimeoutError:
        log.info("stream_not_read", run=str(run_id))
    finally:
        await stream.leave()


async def _refuse(send: Send) -> None:
    text = f"at most {settings.MAX_SOCKETS_PER_USER} live connections per user; close one first"
    body = json.dumps(problem(429, text, kind="too-many-sockets")).encode()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"retry-after", b"60")]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_CONTINUES = CONTINUES.lower().encode()


class _Gate:
    """Holds an answer back until it is known what to do with it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def take(self, message: Message) -> None:
        self.messages.append(message)

    def continues(self) -> int | None:
        """Tell after which number the stream goes on; None: it is no stream."""
        headers = self.messages[0]["headers"] if self.messages else []
        found = [value for name, value in headers if name.lower() == _CONTINUES]
        return int(found[0]) if found else None

    async def pass_on(self, send: Send) -> None:
        """Send the answer as it is, without what was meant for `live` only."""
        for message in self.messages:
            await send(_without(message, {_CONTINUES}))

    async def open(self, send: Send) -> None:
        """Send the beginning of an answer that goes on."""
        for message in self.messages:
            await send({**_without(message, {_CONTINUES, b"content-length"}), "more_body": True})


def _without(message: Message, names: set[bytes]) -> Message:
    if message["type"] != "http.response.start":
        return message
    kept = [(name, value) for name, value in message["headers"] if name.lower() not in names]
    return {**message, "headers": kept}


class EventStream(Follower):
    """One client that is sent events."""

    def __init__(self, identity: Identity, name: str, send: Send) -> None:
        super().__init__(identity, name)
        self._send_out = send
        self._done = asyncio.Event()
        self._sent_at = time.monotonic()
        self._may_be_over = True  # whether to ask for the run's state when all is sent

    async def serve(self, receive: Receive, run_id: UUID, after: int) -> None:
        """Send until the run is over, the client is gone, or it may see no more."""
        await hub().enter(self)
        gone = asyncio.ensure_future(_gone(receive))
        done = asyncio.ensure_future(self._done.wait())
        try:
            await self._begin(run_id, after)
            await asyncio.wait({gone, done}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            done.cancel()

    async def _begin(self, run_id: UUID, after: int) -> None:
        """Join first, then look: what comes between is hinted at. Rights may have gone since Django looked."""
        await hub().join_run(run_id)
        try:
            valid = await in_thread(sockets.still_valid, self.identity)
            found = await in_thread(topics.run_of, self.identity, run_id) if valid else None
        except (DatabaseError, InterfaceError):
            await self.end(1013, "the database does not answer; come back")
            return
        if found is None:
            await hub().forget_run(run_id)
            await self.end(4403 if valid else 4401, "you may no longer see this run")
            return
        topic = f"run:{run_id}"
        feed = hub().follow(found, self)
        self.cursors[topic] = Cursor(topic=topic, feed=feed, last=after, acked=after)
        if hub().is_over:
            self.restart()
        self.kick()

    async def write(self, text: str, seq: int = 0) -> None:
        """Send a frame."""
        self._may_be_over = self._may_be_over or '"type": "run.finished"' in text
        await self._put_out(_frame(text, seq))

    async def settled(self, cursor: Cursor) -> None:
        """End if the run has."""
        if self._may_be_over:
            self._may_be_over = False
            if await in_thread(_is_over, cursor.feed.run.pk):
                await self.end(1000, "the run is over")

    def look(self, now: float) -> None:
        """Say now and then that the connection lives, as proxies and clients want to know."""
        super().look(now)
        if not self.over and self.writing_since is None and now - self._sent_at > HEARTBEAT_SECONDS:
            hub().spawn(self._put_out(": still here\n\n"))

    async def end(self, code: int, reason: str) -> None:
        """Say why nothing more will come, and end the answer."""
        if self.over:
            return
        self.over = True
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._put_out(_frame(json.dumps({"op": "end", "code": code, "reason": reason})))
                await self._send_out({"type": "http.response.body", "body": b""})
        except (TimeoutError, OSError):
            log.info("stream_ended_unheard", code=code)
        self._done.set()

    async def _put_out(self, text: str) -> None:
        self._sent_at = time.monotonic()
        await self._send_out({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _is_over(run_pk: int) -> bool:
    state = Run.objects.values_list("state", flat=True).filter(pk=run_pk).first()
    return state is None or RunState(state).is_final
