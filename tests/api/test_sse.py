"""Server-sent events: the same events by the same cursor as the WebSocket, for those who have only HTTP.

The real ASGI application, PostgreSQL and Redis.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings

from accounts import tokens
from accounts.models import Membership, User
from api import following, hub, said, sse
from api.feeds import PAGE
from tasks import runs
from tasks.models import Event
from tests.api.cast import Cast, add_events, api, probe, submit_run, submit_steps, token, work_off
from tests.api.websocket import HOST, cookie_of, in_database, promised, run_async
from wrenchai_project.asgi import application

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("closed_connections"),
]


class Reader:
    """A client of an event stream."""

    def __init__(self, inner: ApplicationCommunicator, status: int, headers: dict[str, str]) -> None:
        self.inner, self.status, self.headers = inner, status, headers
        self.text = ""
        self.is_over = False

    async def block(self) -> str:
        """Give what comes up to the next empty line."""
        while "\n\n" not in self.text and not self.is_over:
            message = await self.inner.receive_output(timeout=10)
            self.text += message.get("body", b"").decode()
            self.is_over = not message.get("more_body", False)
        block, _, self.text = self.text.partition("\n\n")
        return block

    async def frame(self) -> dict[str, Any]:
        """Give the next frame; its id, too, if it has one."""
        while not (block := await self.block()).startswith(("id:", "data:")):
            assert block, "the stream is over"
        lines = dict(line.split(": ", 1) for line in block.split("\n"))
        return {
            **promised(json.loads(lines["data"]), said.BY_SSE),
            **({"id": int(lines["id"])} if "id" in lines else {}),
        }

    async def frames(self, until: str) -> list[dict[str, Any]]:
        found = [await self.frame()]
        while found[-1]["op"] != until:
            found.append(await self.frame())
        return found

    async def body(self) -> Any:
        whole = ""
        while not self.is_over:
            whole += await self.block()
        return json.loads(whole)

    async def leave(self) -> None:
        await self.inner.send_input({"type": "http.disconnect"})
        await self.inner.wait(10)


def stream_scope(run_id: Any, headers: list[tuple[bytes, bytes]], *, query: str = "") -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": f"/api/v1/runs/{run_id}/stream",
        "query_string": query.encode(),
        "headers": [HOST, *headers],
        "client": ("127.0.0.1", 5000),
        "server": ("localhost", 80),
        "scheme": "http",
        "http_version": "1.1",
    }


async def reading(run_id: Any, raw: str = "", *, query: str = "", **headers: str) -> Reader:
    given = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    if raw:
        given.append((b"authorization", f"Bearer {raw}".encode()))
    communicator = ApplicationCommunicator(application, stream_scope(run_id, given, query=query))
    await communicator.send_input({"type": "http.request", "body": b""})
    start = await communicator.receive_output(timeout=10)
    told = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Reader(communicator, start["status"], told)


async def reading_as(user: User, run_id: Any, **given: str) -> Reader:
    return await reading(run_id, await in_database(token, user), **given)


@pytest.mark.usefixtures("planner")
def test_replays_after_a_number_then_goes_live(people: Cast) -> None:
    run = submit_run(people.project)
    head = add_events(run, 7)

    async def scenario() -> None:
        reader = await reading_as(people.vera, run.public_id, query="after=2")
        assert reader.status == 200
        assert reader.headers["content-type"] == "text/event-stream"
        assert reader.headers["cache-control"] == "no-store"
        assert "content-length" not in reader.headers
        assert sse.CONTINUES.lower() not in reader.headers
        assert await reader.block() == "retry: 2000"
        heard = await reader.frames("caught_up")
        assert [one["id"] for one in heard[:-1]] == [one["seq"] for one in heard[:-1]]
        assert [one["seq"] for one in heard[:-1]] == list(range(3, head + 1))
        last = await in_database(add_events, run, 3)
        live = [await reader.frame() for _ in range(3)]
        assert [one["seq"] for one in live] == [last - 2, last - 1, last]
        assert set(live[0]) == {"id", "op", "topic", "seq", "type", "at", "data"}
        await reader.leave()
        assert not hub.hub().listeners
        assert not hub.hub().feeds

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_last_event_id_goes_before_the_query_and_long_runs_come_whole(people: Cast) -> None:
    run = submit_run(people.project)
    head = add_events(run, 2 * PAGE + 10)

    async def scenario() -> None:
        reader = await reading_as(people.bob, run.public_id, query="after=1", last_event_id="4")
        heard = await reader.frames("caught_up")
        assert [one["seq"] for one in heard[:-1]] == list(range(5, head + 1))
        await reader.leave()

    run_async(scenario)


@pytest.mark.usefixtures("worker")
def test_ends_with_the_run_and_tells_who_comes_back(people: Cast) -> None:
    run = submit_steps(people.project, probe("a"))

    async def scenario() -> None:
        reader = await reading_as(people.bob, run.public_id)
        await reader.frames("caught_up")
        await in_database(work_off)
        heard = await reader.frames("end")
        assert heard[-2]["type"] == "run.finished"
        assert heard[-1] == {"op": "end", "code": 1000, "reason": "the run is over"}
        assert await reader.block() == ""
        assert reader.is_over
        again = await reading_as(people.bob, run.public_id, last_event_id=str(heard[-2]["seq"]))
        assert again.status == 204
        whole = await reading_as(people.bob, run.public_id)
        assert [one["op"] for one in (await whole.frames("end"))[-2:]] == ["caught_up", "end"]

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_removed_events_and_numbers_beyond_the_head_are_told_by_a_reset(people: Cast) -> None:
    run = submit_run(people.project)
    head = add_events(run, 5)
    Event.objects.filter(run=run, seq__lte=3).delete()

    async def scenario() -> None:
        reader = await reading_as(people.bob, run.public_id)
        heard = await reader.frames("caught_up")
        assert (heard[0]["op"], heard[0]["reason"], heard[0]["id"]) == ("reset", following.REMOVED, 3)
        assert [one["seq"] for one in heard[1:]] == [*range(4, head + 1), head]
        await reader.leave()
        beyond = await reading_as(people.bob, run.public_id, query="after=999")
        heard = await beyond.frames("caught_up")
        assert [(one["op"], one.get("id")) for one in heard] == [("reset", head), ("caught_up", None)]
        await beyond.leave()

    run_async(scenario)


@pytest.mark.usefixtures("planner")
@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 200), ("vera", 200), ("charlie", 404), (None, 401)]
)
def test_who_may_read_the_run_may_follow_it(people: Cast, who: str | None, status: int) -> None:
    run = submit_run(people.project)

    async def scenario() -> None:
        raw = await in_database(token, getattr(people, who)) if who else ""
        reader = await reading(run.public_id, raw, accept="text/event-stream")
        assert reader.status == status
        if status != 200:
            assert reader.headers["content-type"] == "application/problem+json"
            assert (await reader.body())["status"] == status
        await reader.leave()

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_browser_follows_by_its_cookie_until_it_signs_out(people: Cast) -> None:
    run = submit_run(people.project)
    cookie = cookie_of(people.bob).decode()

    async def scenario() -> None:
        reader = await reading(run.public_id, cookie=cookie)
        await reader.frames("caught_up")
        await in_database(lambda: User.objects.get(pk=people.bob.pk).delete())
        assert (await reader.frame())["code"] == 4401

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_lost_role_and_ended_session_end_the_stream_at_once(people: Cast) -> None:
    run = submit_run(people.project)

    async def scenario() -> None:
        raw = await in_database(token, people.bob)
        vera, bob = await reading_as(people.vera, run.public_id), await reading(run.public_id, raw)
        for one in (vera, bob):
            await one.frames("caught_up")
        await in_database(lambda: Membership.objects.get(user=people.vera).delete())
        assert (await vera.frame())["code"] == 4403
        await in_database(tokens.withdraw, raw)
        assert (await bob.frame())["code"] == 4401

    run_async(scenario)


@pytest.mark.usefixtures("planner")
@pytest.mark.parametrize("given", ["x", "-1", "1e309", "9" * 30, "0" * 5_000])
def test_number_that_is_none_is_a_problem(people: Cast, given: str) -> None:
    run = submit_run(people.project)
    client = api(people.bob)
    path = f"/api/v1/runs/{run.public_id}/stream"
    by_query = client.get(path, {"after": given})
    by_header = client.get(path, headers={"Last-Event-ID": given.encode().decode("latin-1")})
    assert (by_query.status_code, by_header.status_code) == (400, 400)
    assert by_query.json()["errors"][0]["field"] == "after"
    assert by_header.json()["errors"][0]["field"] == "Last-Event-ID"


@pytest.mark.usefixtures("planner")
def test_server_without_asgi_gives_a_page_and_lets_the_client_come_back(people: Cast) -> None:
    run = submit_run(people.project)
    head = add_events(run, 3)
    answer = api(people.bob).get(f"/api/v1/runs/{run.public_id}/stream", {"after": 1})
    assert answer.status_code == 200
    assert sse.CONTINUES not in answer.headers
    blocks = answer.content.decode().split("\n\n")
    assert [block.split("\n")[0] for block in blocks] == [
        "retry: 2000",
        *(f"id: {seq}" for seq in range(2, head + 1)),
        "",
    ]


@pytest.mark.usefixtures("planner")
def test_streams_count_as_sockets_of_the_person(people: Cast) -> None:
    settings.MAX_SOCKETS_PER_USER, most = 2, settings.MAX_SOCKETS_PER_USER
    run = submit_run(people.project)

    async def scenario() -> None:
        held = [await reading_as(people.bob, run.public_id) for _ in range(2)]
        refused = await reading_as(people.bob, run.public_id)
        assert refused.status == 429
        assert (await refused.body())["type"] == "urn:wrenchai:problem:too-many-sockets"
        await held.pop().leave()
        held.append(await reading_as(people.bob, run.public_id))
        assert held[-1].status == 200
        for one in held:
            await one.leave()

    try:
        run_async(scenario)
    finally:
        settings.MAX_SOCKETS_PER_USER = most


@pytest.mark.usefixtures("planner")
def test_quiet_stream_has_a_heartbeat_and_a_restart_is_told(
    people: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(hub, "LOOK_SECONDS", 0.05)
    run = submit_run(people.project)

    async def scenario() -> None:
        reader = await reading_as(people.bob, run.public_id)
        await reader.frames("caught_up")
        assert await reader.block() == ": still here"
        hub.restart_all()
        assert (await reader.frame())["code"] == 1012

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_streams_hold_no_thread(people: Cast) -> None:
    """Twenty streams at once leave the server's threads to others: a request among them is answered."""
    run = submit_run(people.project)
    count = settings.WEB_THREADS + 5

    async def scenario() -> None:
        raws = [await in_database(token, people.bob) for _ in range(count)]
        readers = list(await asyncio.gather(*(reading(run.public_id, raw) for raw in raws)))
        for reader in readers:
            await reader.frames("caught_up")
        await in_database(lambda: runs.cancel(run.public_id, by="bob", reason=""))
        for reader in readers:
            assert (await reader.frames("end"))[-1]["code"] == 1000

    before, settings.MAX_SOCKETS_PER_USER = settings.MAX_SOCKETS_PER_USER, count
    try:
        run_async(scenario)
    finally:
        settings.MAX_SOCKETS_PER_USER = before


@pytest.mark.usefixtures("planner")
def test_client_that_never_reads_its_first_page_is_dropped(
    people: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each would hold its page for as long as it likes, and be counted for a minute only."""
    monkeypatch.setattr(sse, "SLOW_SECONDS", 0.1)
    run = submit_run(people.project)

    async def never(_message: Any) -> None:
        await asyncio.Event().wait()

    async def scenario() -> None:
        raw = await in_database(token, people.bob)
        scope = stream_scope(run.public_id, [(b"authorization", f"Bearer {raw}".encode())])
        received = iter([{"type": "http.request", "body": b""}])

        async def receive() -> Any:
            return next(received, None) or await asyncio.Event().wait()

        async with asyncio.timeout(20):
            await application(scope, receive, never)
        assert hub.hub().listeners == set()

    run_async(scenario)
