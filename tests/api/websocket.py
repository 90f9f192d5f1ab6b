"""A client of the live stream: the real ASGI application without a network, and a socket with patience.

Nothing sleeps for a result: frames are waited for.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.db import connections
from django.test import Client
from jsonschema import Draft202012Validator

from accounts.models import User
from api import asyncapi, feeds, said, sockets
from tests.api.cast import Cast, make_cast, token
from wrenchai_project.asgi import _django as django
from wrenchai_project.asgi import application

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


def promised(frame: Frame, shapes: Sequence[Any]) -> Frame:
    """Hold a frame against docs/reference/asyncapi.yaml: it is one of these, with no field that is not told there."""
    fitting = []
    for shape in shapes:
        told = _schemas()[shape.__name__]
        if told["properties"]["op"]["const"] == frame.get("op") and frame.keys() <= told["properties"].keys():
            _validator(shape.__name__).validate(frame)
            fitting.append(shape)
    assert len(fitting) == 1, frame
    return frame


@cache
def _schemas() -> dict[str, Any]:
    return asyncapi.document()["components"]["schemas"]


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": _schemas()}}
    return Draft202012Validator(schema)


class Socket:
    """A client of the protocol, with patience in seconds."""

    def __init__(self, communicator: WebsocketCommunicator) -> None:
        self.inner = communicator

    async def say(self, **frame: Any) -> None:
        await self.inner.send_to(text_data=json.dumps(frame))

    async def hear(self, patience: float = 10) -> Frame:
        return promised(json.loads(await self.inner.receive_from(timeout=patience)), said.SERVER)

    async def closed(self, patience: float = 10) -> int:
        """Wait for the end and give its code; other frames are passed over."""
        while True:
            output = await self.inner.receive_output(timeout=patience)
            if output["type"] == "websocket.close":
                return int(output["code"])

    async def closed_within(self, seconds: float) -> int | None:
        """Give the code if the end comes within so long."""
        if await self.inner.receive_nothing(seconds):
            return None
        output = await self.inner.receive_output(timeout=1)
        return int(output["code"]) if output["type"] == "websocket.close" else None

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


@pytest.fixture
def closed_connections() -> Iterator[None]:
    """Close the database connections of the stream's threads and of ours, so that the database can be dropped."""
    yield
    for pool, size in ((feeds.POOL, 4), (feeds.ORDERS, 2), (WRITER, 1)):
        together = threading.Barrier(size)

        def close(together: threading.Barrier = together) -> None:
            together.wait(10)
            connections.close_all()

        for done in [pool.submit(close) for _ in range(size)]:
            done.result()
    _close_in_web_threads()


def _close_in_web_threads() -> None:
    """The threads that answer requests keep their connections."""
    threads, workers = django._threads, list[Executor]()
    for _ in range(settings.WEB_THREADS):
        threads.lend(workers.append)
    for worker in workers:
        worker.submit(connections.close_all).result()
        threads.take_back(worker)


def run_async(scenario: Callable[[], Coroutine[Any, Any, None]], *, seconds: float = 60) -> None:
    asyncio.run(asyncio.wait_for(scenario(), seconds))


def in_database(function: Callable[..., Any], *args: Any) -> Awaitable[Any]:
    return sync_to_async(function, thread_sensitive=False, executor=WRITER)(*args)


def cookie_of(user: User) -> bytes:
    """Sign in as a browser does. Returns its cookie."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}".encode()


async def opened(user: User, *, welcome: bool = True) -> Socket:
    return await opened_with(await in_database(token, user), welcome=welcome)


async def opened_with(raw: str, *, welcome: bool = True) -> Socket:
    protocols = [sockets.PROTOCOL, f"bearer.{raw}"]
    communicator = WebsocketCommunicator(PATH, headers=[HOST], subprotocols=protocols)
    connected, protocol = await communicator.connect()
    assert (connected, protocol) == (True, sockets.PROTOCOL)
    socket = Socket(communicator)
    if welcome:
        assert (await socket.hear())["op"] == "welcome"
    return socket
