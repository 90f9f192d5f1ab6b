"""The WebSocket: who may open one, who may hear a run, and for how long."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings

from accounts.models import Membership
from api import following, sockets
from tests.api.cast import Cast, submit_run, token
from tests.api.websocket import (
    HOST,
    PATH,
    Socket,
    WebsocketCommunicator,
    cookie_of,
    in_database,
    opened,
    run_async,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("planner", "closed_connections"),
]


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
    monkeypatch.setattr(following, "RECHECK_SECONDS", 0.1)
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
    short = token(people.bob, lasts=timedelta(seconds=2))

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
    headers = [(b"host", host), (b"origin", origin), (b"cookie", cookie_of(people.bob))]

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
        held = [await opened(people.bob) for _ in range(settings.MAX_SOCKETS_PER_USER)]
        extra = await opened(people.bob, welcome=False)
        assert await extra.closed() == 4429
        await held.pop().leave()
        held.append(await opened(people.bob))
        for socket in held:
            await socket.leave()

    run_async(scenario)


def test_other_path_is_refused(people: Cast) -> None:
    async def scenario() -> None:
        communicator = WebsocketCommunicator("/nope", headers=[HOST], subprotocols=["wrench.v1"])
        assert (await communicator.connect())[0] is False

    run_async(scenario)
