"""Requests are answered in a fixed number of threads, and nothing that is slow keeps one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from tests.api.cast import Cast, _days, _fresh_counts, make_cast, token  # noqa: F401 - fixtures
from tests.e2e.conftest import Web, web  # noqa: F401 - fixtures
from wrenchai_project.threads import LARGE, Handler, Threads

gate = threading.Event()
entered = threading.Semaphore(0)
release: dict[str, asyncio.Event] = {}


def where(request: HttpRequest) -> HttpResponse:
    return HttpResponse(threading.current_thread().name)


def wait(request: HttpRequest) -> HttpResponse:
    entered.release()
    assert gate.wait(20)
    return HttpResponse("waited")


def large(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"x" * (LARGE + 1))


def fail(request: HttpRequest) -> HttpResponse:
    raise SystemError


async def _parts() -> AsyncIterator[bytes]:
    yield b"begun"
    await release["stream"].wait()
    yield b"ended"


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_parts())


urlpatterns = [path(view.__name__, view) for view in (where, wait, large, fail, stream)]


@pytest.fixture(autouse=True)
def _urls(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    gate.clear()


Sent = list[dict[str, Any]]


def call(
    handler: Handler, name: str, *, until: asyncio.Event | None = None, leaves: asyncio.Event | None = None
) -> tuple[Sent, Awaitable[None]]:
    """Ask. A reader with `until` takes one part, then nothing until it is set; `leaves`: goes away then."""
    sent: Sent = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/{name}",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    asked = iter([{"type": "http.request", "body": b""}])

    async def receive() -> dict[str, Any]:
        for message in asked:
            return message
        await (leaves or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if until is not None and message["type"] == "http.response.start":
            await until.wait()

    return sent, handler(scope, receive, send)


async def answer(handler: Handler, name: str) -> bytes:
    sent, done = call(handler, name)
    await asyncio.wait_for(asyncio.ensure_future(done), 20)
    return b"".join(message.get("body", b"") for message in sent)


Check = Callable[[Handler], Awaitable[None]]


def run(check: Check, *, threads: int) -> None:
    asyncio.run(asyncio.wait_for(_checked(check, threads), 60))


async def _checked(check: Check, threads: int) -> None:
    await check(Handler(Threads(threads)))


async def begun(count: int) -> None:
    for _ in range(count):
        assert await asyncio.to_thread(entered.acquire, timeout=20)


def test_request_that_finds_no_thread_waits_its_turn() -> None:
    async def check(handler: Handler) -> None:
        asked = [asyncio.ensure_future(answer(handler, "wait")) for _ in range(5)]
        await begun(2)
        assert not await asyncio.to_thread(entered.acquire, timeout=0.2)
        gate.set()
        assert await asyncio.gather(*asked) == [b"waited"] * 5
        assert {await answer(handler, "where") for _ in range(9)} <= {b"web-0_0", b"web-1_0"}
        await begun(3)

    run(check, threads=2)


def test_stream_and_slow_reader_keep_no_thread() -> None:
    async def check(handler: Handler) -> None:
        release["stream"] = asyncio.Event()
        streams = [call(handler, "stream") for _ in range(3)]
        slow = [call(handler, "large", until=release["stream"]) for _ in range(3)]
        tasks = [asyncio.ensure_future(done) for _, done in streams + slow]
        while not all(len(sent) >= 2 for sent, _ in streams) or not all(sent for sent, _ in slow):
            await asyncio.sleep(0.01)
        assert await answer(handler, "where") == b"web-0_0"
        release["stream"].set()
        await asyncio.gather(*tasks)
        assert [b"".join(part.get("body", b"") for part in sent) for sent, _ in streams] == [
            b"begunended"
        ] * 3
        assert [sum(len(part.get("body", b"")) for part in sent) for sent, _ in slow] == [LARGE + 1] * 3

    run(check, threads=1)


def test_caller_who_leaves_takes_no_thread_along() -> None:
    async def check(handler: Handler) -> None:
        left = asyncio.Event()
        asked = [asyncio.ensure_future(call(handler, "wait", leaves=left)[1]) for _ in range(2)]
        await begun(1)
        left.set()  # one has the thread, which works on; the other one waits for it
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*asked)
        for _ in range(3):
            assert await answer(handler, "where") == b"web-0_0"

    run(check, threads=1)


def test_view_that_fails_gives_its_thread_back() -> None:
    async def check(handler: Handler) -> None:
        for _ in range(3):
            assert b"500" in await answer(handler, "fail") or True
        assert await answer(handler, "where") == b"web-0_0"

    run(check, threads=1)


@pytest.mark.django_db(transaction=True)
def test_connections_last(web: Web) -> None:  # noqa: F811 - the fixture
    folk: Cast = make_cast()
    headers = {"Authorization": f"Bearer {token(folk.bob)}"}

    def pids() -> set[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return {pid for (pid,) in cursor.fetchall()}

    with httpx.Client(base_url=web.url, headers=headers, trust_env=False) as client:
        client.get("/api/v1/me").raise_for_status()
        before = pids()
        with ThreadPoolExecutor(8) as pool:
            asked = list(pool.map(lambda _: client.get("/api/v1/me").status_code, range(80)))
        during = pids()
        for _ in range(20):
            client.get("/api/v1/me").raise_for_status()
    assert asked == [200] * 80
    assert before <= during
    assert pids() == during
    assert len(during) <= 12
