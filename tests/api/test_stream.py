"""The WebSocket: every event once and in order, whatever is lost; and who may hear it.

Real PostgreSQL, real Redis, the real ASGI application. Nothing sleeps for a result: frames are waited for.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import Membership, User
from api import sockets, stream
from tasks.models import Event
from tests.api.cast import Cast, add_events, make_cast, submit_run
from wrenchai_project.asgi import application

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("planner")]

PATH = "/api/v1/stream"
HOST = (b"host", b"localhost")
WRITER = ThreadPoolExecutor(max_workers=1)

Frame = dict[str, Any]


class WebsocketCommunicator(ApplicationCommunicator):
    """An ASGI WebSocket without a network. Channels has one, which cannot be imported without Daphne."""

    def __init__(self, path: str, *, headers: list[tuple[bytes, bytes]], subprotocols: list[str]) -> None:
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "headers": headers,
            "subprotocols": subprotocols,
        }
        super().__init__(application, scope)

    async def connect(self) -> tuple[bool, str | None]:
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(10)
        return answer["type"] == "websocket.accept", answer.get("subprotocol")

    async def send_to(self, *, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send_input({"type": "websocket.receive", "text": text_data, "bytes": bytes_data})

    async def receive_from(self, timeout: float) -> str:
        answer = await self.receive_output(timeout)
        assert answer["type"] == "websocket.send", answer
        return str(answer["text"])

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(10)


class Socket:
    """A client of the protocol, with patience in seconds."""

    def __init__(self, communicator: WebsocketCommunicator) -> None:
        self.inner = communicator

    async def say(self, **frame: Any) -> None:
        await self.inner.send_to(text_data=json.dumps(frame))

    async def hear(self, patience: float = 10) -> Frame:
        return json.loads(await self.inner.receive_from(timeout=patience))

    async def closed(self, patience: float = 10) -> int:
        """Wait for the end and give its code; other frames are passed over."""
        while True:
            output = await self.inner.receive_output(timeout=patience)
            if output["type"] == "websocket.close":
                return int(output["code"])

    async def until(self, op: str) -> list[Frame]:
        """Collect frames up to and with the first `op`."""
        heard = [await self.hear()]
        while heard[-1]["op"] != op:
            heard.append(await self.hear())
        return heard

    async def events(self, count: int) -> list[Frame]:
        found: list[Frame] = []
        while len(found) < count:
            frame = await self.hear()
            if frame["op"] == "event":
                found.append(frame)
                await self.say(op="ack", topic=frame["topic"], seq=frame["seq"])
        return found

    async def leave(self) -> None:
        await self.inner.disconnect()


@pytest.fixture
def people() -> Cast:
    return make_cast()


@pytest.fixture(autouse=True)
def _close_connections() -> Iterator[None]:
    """Close the database connections of the stream's threads and of ours, so that the database can be dropped."""
    yield
    for pool, size in ((stream.POOL, 4), (WRITER, 1)):
        together = threading.Barrier(size)

        def close(together: threading.Barrier = together) -> None:
            together.wait(10)
            connections.close_all()

        for done in [pool.submit(close) for _ in range(size)]:
            done.result()


def run_async(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 60))


def in_database(function: Callable[..., Any], *args: Any) -> Awaitable[Any]:
    return sync_to_async(function, thread_sensitive=False, executor=WRITER)(*args)


def token(user: User) -> str:
    return str(AccessToken.for_user(user))


async def opened(user: User, *, welcome: bool = True) -> Socket:
    protocols = [sockets.PROTOCOL, f"bearer.{token(user)}"]
    communicator = WebsocketCommunicator(PATH, headers=[HOST], subprotocols=protocols)
    connected, protocol = await communicator.connect()
    assert (connected, protocol) == (True, sockets.PROTOCOL)
    socket = Socket(communicator)
    if welcome:
        assert (await socket.hear())["op"] == "welcome"
    return socket


def test_replays_from_a_number_then_goes_live(people: Cast) -> None:
    run = submit_run(people.project)
    head = add_events(run, 7)
    topic = f"run:{run.public_id}"

    async def scenario() -> None:
        socket = await opened(people.vera)
        await socket.say(op="subscribe", topic=topic, after=2, id="x")
        heard = await socket.until("caught_up")
        assert heard[0] == {"op": "subscribed", "topic": topic, "from": 2, "head": head, "id": "x"}
        assert [frame["seq"] for frame in heard[1:-1]] == list(range(3, head + 1))
        assert heard[-1] == {"op": "caught_up", "topic": topic, "seq": head}
        last = await in_database(add_events, run, 3)
        begun = time.monotonic()
        live = await socket.events(3)
        assert time.monotonic() - begun < stream.POLL_SECONDS / 2  # by a hint, not by asking now and then
        assert [frame["seq"] for frame in live] == [last - 2, last - 1, last]
        assert set(live[0]) == {"op", "topic", "seq", "type", "at", "data"}
        assert live[0]["type"] == "step.progress"
        await socket.leave()

    run_async(scenario)


def test_lost_hints_cost_time_but_no_event(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(stream.Stream, "run_hint", _ignore)
    run = submit_run(people.project)

    async def scenario() -> None:
        socket = await opened(people.bob)
        await socket.say(op="subscribe", topic=f"run:{run.public_id}", after=0)
        before = await socket.until("caught_up")
        last = await in_database(add_events, run, 1200)  # more than one page
        seen = [f["seq"] for f in before if f["op"] == "event"] + [
            f["seq"] for f in await socket.events(1200)
        ]
        assert seen == list(range(1, last + 1))
        await socket.leave()

    run_async(scenario)


def test_many_writers_and_reconnects_leave_no_gap(people: Cast) -> None:
    run = submit_run(people.project)
    topic, total = f"run:{run.public_id}", 300

    async def scenario() -> None:
        async def write() -> None:
            for _ in range(total // 10):
                await in_database(add_events, run, 10)

        writing = asyncio.create_task(write())
        seen: list[int] = []
        while len(seen) < run.last_seq + total:
            socket = await opened(people.bob)
            await socket.say(op="subscribe", topic=topic, after=len(seen))
            seen += [f["seq"] for f in await socket.events(min(40, run.last_seq + total - len(seen)))]
            await socket.leave()
        await writing
        assert seen == list(range(1, run.last_seq + total + 1))

    run_async(scenario)


def test_unacknowledged_events_stop_the_flow_and_an_ack_starts_it(
    people: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MAX_UNACKED", 20)
    run = submit_run(people.project)
    head = add_events(run, 50)
    topic = f"run:{run.public_id}"

    async def scenario() -> None:
        socket = await opened(people.bob)
        await socket.say(op="subscribe", topic=topic, after=0)
        assert (await socket.hear())["op"] == "subscribed"
        first = [(await socket.hear())["seq"] for _ in range(20)]
        assert await socket.inner.receive_nothing(timeout=0.3)
        await socket.say(op="ack", topic=topic, seq=20)
        second = [(await socket.hear())["seq"] for _ in range(20)]
        assert first + second == list(range(1, 41))
        await socket.say(op="ack", topic=topic, seq=10**9)  # more than was sent counts as all that was sent
        rest = await socket.until("caught_up")
        assert rest[-1]["seq"] == head
        await socket.leave()

    run_async(scenario)


def test_slow_reader_is_closed(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_UNACKED", 5)
    monkeypatch.setattr(stream, "SLOW_SECONDS", 0.5)
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.1)
    run = submit_run(people.project)
    add_events(run, 30)

    async def scenario() -> None:
        socket = await opened(people.bob)
        await socket.say(op="subscribe", topic=f"run:{run.public_id}", after=0)
        assert await socket.closed() == 4408

    run_async(scenario)


def test_number_beyond_the_head_is_reset(people: Cast) -> None:
    run = submit_run(people.project)

    async def scenario() -> None:
        socket = await opened(people.bob)
        await socket.say(op="subscribe", topic=f"run:{run.public_id}", after=999)
        heard = await socket.until("caught_up")
        assert [frame["op"] for frame in heard] == ["subscribed", "reset", "caught_up"]
        assert heard[1]["head"] == run.last_seq
        await socket.leave()

    run_async(scenario)


def test_removed_events_are_told_by_a_reset(people: Cast) -> None:
    run = submit_run(people.project)
    head = add_events(run, 5)
    Event.objects.filter(run=run, seq__lte=3).delete()

    async def scenario() -> None:
        socket = await opened(people.bob)
        await socket.say(op="subscribe", topic=f"run:{run.public_id}", after=0)
        heard = await socket.until("caught_up")
        assert [frame["op"] for frame in heard[:3]] == ["subscribed", "reset", "event"]
        assert [f["seq"] for f in heard if f["op"] == "event"] == list(range(4, head + 1))
        await socket.leave()

    run_async(scenario)


def test_that_all_events_were_removed_is_told_by_a_reset(people: Cast) -> None:
    """And the socket is caught up with the head, not with the number that it began at."""
    run = submit_run(people.project)
    head = add_events(run, 5)
    Event.objects.filter(run=run).delete()

    async def scenario() -> None:
        socket = await opened(people.bob)
        await socket.say(op="subscribe", topic=f"run:{run.public_id}", after=2)
        heard = await socket.until("caught_up")
        assert [frame["op"] for frame in heard] == ["subscribed", "reset", "caught_up"]
        assert (heard[1]["reason"], heard[1]["head"]) == ("older events were removed", head)
        assert heard[2]["seq"] == head
        await in_database(add_events, run, 1)
        assert [frame["seq"] for frame in await socket.events(1)] == [head + 1]
        await socket.leave()

    run_async(scenario)


def test_unsubscribed_topic_is_silent(people: Cast) -> None:
    run = submit_run(people.project)
    topic = f"run:{run.public_id}"

    async def scenario() -> None:
        socket = await opened(people.bob)
        await socket.say(op="subscribe", topic=topic, after=0)
        await socket.until("caught_up")
        await socket.say(op="unsubscribe", topic=topic)
        await socket.say(op="ping")
        assert (await socket.hear())["op"] == "pong"
        await in_database(add_events, run, 2)
        assert await socket.inner.receive_nothing(timeout=0.3)
        await socket.leave()

    run_async(scenario)


@pytest.mark.parametrize("which", ["foreign", "missing", "nonsense"])
def test_run_of_another_project_is_unknown(people: Cast, which: str) -> None:
    run = submit_run(people.project)
    topic = {"foreign": f"run:{run.public_id}", "missing": f"run:{uuid4()}", "nonsense": "user:1"}[which]

    async def scenario() -> None:
        socket = await opened(people.charlie)
        await socket.say(op="subscribe", topic=topic, after=0)
        told = await socket.hear()
        assert (told["op"], told["code"], told["topic"]) == ("error", "unknown_topic", topic)
        assert await socket.closed() == 4404

    run_async(scenario)


def test_lost_role_closes_at_once(people: Cast) -> None:
    run = submit_run(people.project)

    async def scenario() -> None:
        socket = await opened(people.vera)
        await socket.say(op="subscribe", topic=f"run:{run.public_id}", after=0)
        await socket.until("caught_up")
        await in_database(lambda: Membership.objects.get(user=people.vera).delete())
        assert await socket.closed() == 4403

    run_async(scenario)


def test_role_lost_without_a_signal_is_noticed(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.1)
    run = submit_run(people.project)

    async def scenario() -> None:
        socket = await opened(people.vera)
        await socket.say(op="subscribe", topic=f"run:{run.public_id}", after=0)
        await socket.until("caught_up")
        await in_database(lambda: Membership.objects.filter(user=people.vera).update(team=people.other.team))
        assert await socket.closed() == 4403

    run_async(scenario)


def test_inactive_user_is_signed_out(people: Cast) -> None:
    async def scenario() -> None:
        socket = await opened(people.bob)
        people.bob.is_active = False
        await in_database(people.bob.save)
        assert await socket.closed() == 4401

    run_async(scenario)


def test_expired_token_closes(people: Cast) -> None:
    short = AccessToken.for_user(people.bob)
    short.set_exp(lifetime=timedelta(seconds=2))

    async def scenario() -> None:
        protocols = [sockets.PROTOCOL, f"bearer.{short}"]
        communicator = WebsocketCommunicator(PATH, headers=[HOST], subprotocols=protocols)
        assert (await communicator.connect())[0]
        assert await Socket(communicator).closed() == 4401

    run_async(scenario)


@pytest.mark.parametrize(
    "protocols", [["wrench.v1", "bearer.x"], ["wrench.v1", "bearer."], ["wrench.v1", "bearer.a.b.c"]]
)
def test_bad_token_is_told_by_code(people: Cast, protocols: list[str]) -> None:
    async def scenario() -> None:
        communicator = WebsocketCommunicator(PATH, headers=[HOST], subprotocols=protocols)
        assert await communicator.connect() == (True, "wrench.v1")
        assert await Socket(communicator).closed() == 4401

    run_async(scenario)


def _session(user: User) -> bytes:
    client = Client()
    client.force_login(user)
    name = django_settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}".encode()


@pytest.mark.parametrize(
    ("origin", "host", "welcome"),
    [
        (b"http://localhost", b"localhost", True),
        (b"http://localhost:8000", b"localhost:8000", True),
        (b"https://evil.example", b"localhost", False),
        (b"http://localhost:9999", b"localhost:8000", False),
        (b"http://localhost.evil.example", b"localhost", False),
        (b"null", b"localhost", False),
        (b"", b"localhost", False),
        (b"http://evil.example", b"evil.example", False),
    ],
)
def test_browser_needs_the_cookie_and_our_origin(
    people: Cast, origin: bytes, host: bytes, welcome: bool
) -> None:
    headers = [(b"host", host), (b"origin", origin), (b"cookie", _session(people.bob))]

    async def scenario() -> None:
        communicator = WebsocketCommunicator(PATH, headers=headers, subprotocols=["wrench.v1"])
        connected, _ = await communicator.connect()
        assert connected is welcome
        if welcome:
            socket = Socket(communicator)
            assert (await socket.hear())["op"] == "welcome"
            await socket.leave()

    run_async(scenario)


def test_browser_without_a_session_is_told_to_sign_in(people: Cast) -> None:
    headers = [HOST, (b"origin", b"http://localhost"), (b"cookie", b"sessionid=nonsense")]

    async def scenario() -> None:
        communicator = WebsocketCommunicator(PATH, headers=headers, subprotocols=["wrench.v1"])
        assert (await communicator.connect())[0]
        assert await Socket(communicator).closed() == 4401

    run_async(scenario)


@pytest.mark.parametrize("protocols", [[], ["chat"], ["bearer.x"]])
def test_other_protocols_are_refused(people: Cast, protocols: list[str]) -> None:
    async def scenario() -> None:
        communicator = WebsocketCommunicator(PATH, headers=[HOST], subprotocols=protocols)
        assert (await communicator.connect())[0] is False

    run_async(scenario)


def test_eleventh_socket_is_one_too_many(people: Cast) -> None:
    async def scenario() -> None:
        held = [await opened(people.bob) for _ in range(sockets.MAX_SOCKETS)]
        extra = await opened(people.bob, welcome=False)
        assert await extra.closed() == 4429
        await held.pop().leave()
        held.append(await opened(people.bob))
        for socket in held:
            await socket.leave()

    run_async(scenario)


def test_topics_of_a_socket_are_bounded(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_TOPICS", 2)
    topics = [f"run:{submit_run(people.project).public_id}" for _ in range(3)]

    async def scenario() -> None:
        socket = await opened(people.bob)
        for topic in topics[:2]:
            await socket.say(op="subscribe", topic=topic, after=0)
            await socket.until("caught_up")
        await socket.say(op="subscribe", topic=topics[2], after=0)
        assert (await socket.hear())["code"] == "too_many_topics"
        await socket.leave()

    run_async(scenario)


HOSTILE = [
    "",
    "x",
    "[]",
    "null",
    "1e309",
    "[" * 50_000,
    '{"op": 5}',
    '{"op": "explode"}',
    '{"op": "subscribe"}',
    '{"op": "subscribe", "topic": 5, "after": 0}',
    '{"op": "ack", "topic": "run:x", "seq": "1"}',
    '{"op": "ack", "topic": "run:x", "seq": -1}',
    '{"op": "ack", "topic": "run:x", "seq": 99999999999999999999}',
    '{"op": "ack", "topic": "run:x", "seq": true}',
    '{"op": "ping\\u0000"}',
    '{"op": "subscribe", "topic": "\\ud800", "after": 0}',
    '{"op": "unsubscribe", "topic": {"a": 1}}',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_frame_gets_an_error_and_nothing_breaks(people: Cast, text: str) -> None:
    async def scenario() -> None:
        socket = await opened(people.bob)
        await socket.inner.send_to(text_data=text)
        told = await socket.hear()
        assert told["op"] == "error"
        assert told["code"] in {"bad_frame", "unknown_op", "unknown_topic"}
        if told["code"] != "unknown_topic":
            await socket.say(op="ping")
            assert (await socket.hear())["op"] == "pong"
        await socket.leave()

    run_async(scenario)


def test_binary_frame_is_refused_and_a_large_one_ends_it(people: Cast) -> None:
    async def scenario() -> None:
        socket = await opened(people.bob)
        await socket.inner.send_to(bytes_data=b"\x00\x01")
        assert (await socket.hear())["code"] == "bad_frame"
        await socket.inner.send_to(text_data='{"op": "ping", "x": "' + "y" * 70_000 + '"}')
        assert await socket.closed() == 1009

    run_async(scenario)


def test_flood_of_frames_is_slowed_down_and_all_answered(
    people: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "FRAMES_BURST", 10.0)
    monkeypatch.setattr(stream, "FRAMES_PER_SECOND", 100.0)

    async def scenario() -> None:
        socket = await opened(people.bob)
        begun = time.monotonic()
        for _ in range(60):
            await socket.say(op="ping")
        assert [(await socket.hear())["op"] for _ in range(60)] == ["pong"] * 60
        assert time.monotonic() - begun >= 0.3
        await socket.leave()

    run_async(scenario)


def test_silent_client_is_ended(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SILENT_SECONDS", 0.5)

    async def scenario() -> None:
        assert await (await opened(people.bob)).closed() == 4408

    run_async(scenario)


def test_other_path_is_refused(people: Cast) -> None:
    async def scenario() -> None:
        communicator = WebsocketCommunicator("/nope", headers=[HOST], subprotocols=["wrench.v1"])
        assert (await communicator.connect())[0] is False

    run_async(scenario)


async def _ignore(self: stream.Stream, message: Frame) -> None:
    """A hint that got lost."""
