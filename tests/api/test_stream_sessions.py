"""The WebSocket: it ends with the session, or the key, of who opened it."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from accounts import keys, sessions, tokens
from accounts.models import EndedBecause, Membership
from accounts.roles import Role
from api import following, sockets
from tests.api.cast import Cast, submit_run, token
from tests.api.websocket import (
    HOST,
    PATH,
    Socket,
    WebsocketCommunicator,
    in_database,
    opened,
    opened_with,
    run_async,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("planner", "closed_connections"),
]


@pytest.mark.parametrize("how", ["session", "everywhere", "password", "deleted"])
def test_end_of_the_session_closes_at_once(people: Cast, how: str) -> None:
    """Sooner than the socket would look again by itself, and only the sockets of that session or person."""

    async def scenario() -> None:
        raw = await in_database(token, people.bob)
        socket = await opened_with(raw)
        others = await opened(people.alice)
        begun = time.monotonic()
        if how == "session":
            await in_database(tokens.withdraw, raw)
        elif how == "everywhere":
            await in_database(sessions.end_all, people.bob.pk, EndedBecause.REVOKED)
        elif how == "deleted":
            await in_database(people.bob.delete)
        else:
            people.bob.set_password("quite another password")
            await in_database(people.bob.save)
        assert await socket.closed() == 4401
        assert time.monotonic() - begun < following.RECHECK_SECONDS / 3
        await others.say(op="ping")
        assert (await others.hear())["op"] == "pong"
        await others.leave()

    run_async(scenario)


def test_end_of_one_session_leaves_the_persons_others_open(people: Cast) -> None:
    async def scenario() -> None:
        raw = await in_database(token, people.bob)
        socket, other = await opened_with(raw), await opened(people.bob)
        await in_database(tokens.withdraw, raw)
        assert await socket.closed() == 4401
        await other.say(op="ping")
        assert (await other.hear())["op"] == "pong"
        await other.leave()

    run_async(scenario)


def test_browsers_socket_ends_with_its_sign_out(people: Cast) -> None:
    client = Client()
    client.force_login(people.bob)
    cookie = (
        f"{django_settings.SESSION_COOKIE_NAME}={client.cookies[django_settings.SESSION_COOKIE_NAME].value}"
    )
    headers = [HOST, (b"origin", b"http://localhost"), (b"cookie", cookie.encode())]

    async def scenario() -> None:
        communicator = WebsocketCommunicator(PATH, headers=headers, subprotocols=["wrench.v1"])
        assert (await communicator.connect())[0]
        socket = Socket(communicator)
        assert (await socket.hear())["op"] == "welcome"
        await in_database(client.post, "/logout/")
        assert await socket.closed() == 4401

    run_async(scenario)


def test_session_that_ends_while_the_socket_opens_is_noticed(
    people: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After it was let in, and before it could hear of ends."""
    real = sockets.enter

    def end_meanwhile(user_id: int, socket_id: str) -> bool:
        sessions.end_all(user_id, EndedBecause.REVOKED)
        return real(user_id, socket_id)

    monkeypatch.setattr(sockets, "enter", end_meanwhile)

    async def scenario() -> None:
        assert await (await opened(people.bob, welcome=False)).closed() == 4401

    run_async(scenario)


def test_api_key_opens_a_socket_within_its_bounds_until_it_is_revoked(people: Cast) -> None:
    run, foreign = submit_run(people.project), submit_run(people.other)
    Membership.objects.create(user=people.bob, team=people.other.team, role=Role.VIEWER)
    now = timezone.now()
    minted = keys.create(
        people.bob,
        "watcher",
        scopes=["run.view"],
        projects=[people.project],
        expires_at=now + timedelta(days=1),
        now=now,
    )

    async def opened_by_key() -> Socket:
        protocols = [sockets.PROTOCOL, f"bearer.{minted.text}"]
        communicator = WebsocketCommunicator(PATH, headers=[HOST], subprotocols=protocols)
        assert await communicator.connect() == (True, sockets.PROTOCOL)
        return Socket(communicator)

    async def scenario() -> None:
        other = await opened_by_key()
        await other.say(op="subscribe", topic=f"run:{foreign.public_id}", after=0)
        assert await other.closed() == 4404
        socket = await opened_by_key()
        await socket.say(op="subscribe", topic=f"run:{run.public_id}", after=0)
        await socket.until("caught_up")
        await in_database(lambda: keys.revoke(minted.row, now=now))
        assert await socket.closed() == 4401

    run_async(scenario)
