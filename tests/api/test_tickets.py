"""Tickets for the WebSocket: one socket each, from no foreign page, and worth no more than the session behind them.

The application, the database and Redis are those of `test_stream`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import sessions
from accounts.models import EndedBecause, User
from api import following, sockets, tickets
from tests.api.cast import Cast, api, browser, token
from tests.api.websocket import (
    HOST,
    PATH,
    Socket,
    WebsocketCommunicator,
    cookie_of,
    in_database,
    run_async,
)
from tests.engine.test_publishing import frozen_redis, needs_embedded
from wrenchai_project.redis_client import client

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("closed_connections"),
]

TICKET_PATH = "/api/v1/stream/ticket"
OURS = (b"origin", b"http://localhost")


def ticket_of(speak: Callable[[User], Any], user: User) -> str:
    """Ask for a ticket as `speak(user)` does: `api` or `browser`."""
    answer = speak(user).post(TICKET_PATH)
    assert (answer.status_code, answer.json()["expires_in"]) == (201, 30)
    assert answer["Cache-Control"] == "no-store"
    return str(answer.json()["ticket"])


async def knock(ticket: str, *headers: tuple[bytes, bytes], more: tuple[str, ...] = ()) -> str | int:
    """Open a socket by ticket. Gives "welcome", "refused", or the code that it was closed with."""
    protocols = [sockets.PROTOCOL, f"ticket.{ticket}", *more]
    communicator = WebsocketCommunicator(PATH, headers=[HOST, *headers], subprotocols=protocols)
    connected, protocol = await communicator.connect()
    if not connected:
        return "refused"
    assert protocol == sockets.PROTOCOL
    output = await communicator.receive_output(10)
    if output["type"] == "websocket.close":
        return int(output["code"])
    await communicator.disconnect()
    return str(json.loads(output["text"])["op"])


@pytest.mark.parametrize("speak", [api, browser], ids=["token", "cookie"])
@pytest.mark.parametrize("headers", [[], [OURS]], ids=["no origin", "our origin"])
def test_ticket_opens_one_socket(
    people: Cast, speak: Callable[[User], Any], headers: list[tuple[bytes, bytes]]
) -> None:
    async def scenario() -> None:
        ticket = await in_database(ticket_of, speak, people.bob)
        assert await knock(ticket, *headers) == "welcome"
        assert await knock(ticket, *headers) == 4401

    run_async(scenario)


def test_ticket_that_many_send_at_once_opens_one_socket(people: Cast) -> None:
    async def scenario() -> None:
        ticket = await in_database(ticket_of, api, people.bob)
        told = await asyncio.gather(*(knock(ticket) for _ in range(6)))
        assert sorted(map(str, told)) == ["4401"] * 5 + ["welcome"]

    run_async(scenario)


@pytest.mark.parametrize(
    "origin", [b"https://evil.example", b"null", b"http://localhost:9999", b"http://localhost.evil.example"]
)
def test_ticket_from_a_foreign_page_is_refused_and_not_used_up(people: Cast, origin: bytes) -> None:
    """Whatever else it offers: the exemption of tokens is not to be had with a ticket."""

    async def scenario() -> None:
        ticket = await in_database(ticket_of, browser, people.bob)
        for more in ((), ("bearer.x",)):
            assert await knock(ticket, (b"origin", origin), more=more) == "refused"
        assert await knock(ticket, OURS) == "welcome"

    run_async(scenario)


def test_foreign_page_with_a_cookie_and_a_made_up_word_gets_nothing(people: Cast) -> None:
    evil = (b"origin", b"https://evil.example")
    headers = [HOST, evil, (b"cookie", cookie_of(people.bob))]

    async def scenario() -> None:
        for word, connects in (("ticket.x", False), ("bearer.x", True)):
            communicator = WebsocketCommunicator(PATH, headers=headers, subprotocols=["wrench.v1", word])
            connected, _ = await communicator.connect()
            assert connected is connects
            if connected:
                assert await Socket(communicator).closed() == 4401

    run_async(scenario)


@pytest.mark.parametrize("word", ["", "x", "a.b.c", "x" * 5000, "*", "\u00fc"])
def test_guessed_ticket_opens_nothing(people: Cast, word: str) -> None:
    async def scenario() -> None:
        assert await knock(word) == 4401

    run_async(scenario)


def test_ticket_lasts_thirty_seconds(people: Cast) -> None:
    async def scenario() -> None:
        began = time.monotonic()
        ticket = await in_database(ticket_of, api, people.bob)
        key, redis = tickets._key(ticket), tickets._redis()
        assert 29 - (time.monotonic() - began) <= redis.ttl(key) <= tickets.SECONDS == 30
        assert ticket.encode() not in (redis.get(key) or b"")
        redis.pexpire(key, 1)
        while redis.exists(key):
            await asyncio.sleep(0.001)
        assert await knock(ticket) == 4401

    run_async(scenario)


@pytest.mark.parametrize("how", ["session", "password", "inactive", "password by SQL"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_ticket_is_worth_no_more_than_its_session(
    people: Cast, how: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "RECHECK_SECONDS", 0.1)  # what is changed by SQL is told by nobody

    def end() -> None:
        if how == "session":
            sessions.end_all(people.bob.pk, EndedBecause.REVOKED)
        elif how == "password by SQL":
            User.objects.filter(pk=people.bob.pk).update(password="!")
        else:
            people.bob.is_active = how != "inactive"
            if how == "password":
                people.bob.set_password("quite another password")
            people.bob.save()

    async def scenario() -> None:
        ticket = await in_database(ticket_of, api, people.bob)
        if when == "before":
            await in_database(end)
            assert await knock(ticket) == 4401
            return
        communicator = WebsocketCommunicator(
            PATH, headers=[HOST], subprotocols=["wrench.v1", f"ticket.{ticket}"]
        )
        assert (await communicator.connect())[0]
        socket = Socket(communicator)
        assert (await socket.hear())["op"] == "welcome"
        await in_database(end)
        assert await socket.closed() == 4401

    run_async(scenario)


def test_socket_by_ticket_ends_with_the_token_that_asked_for_it(people: Cast) -> None:
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {token(people.bob, lasts=timedelta(seconds=3))}")

    async def scenario() -> None:
        ticket = await in_database(ticket_of, lambda _: program, people.bob)
        communicator = WebsocketCommunicator(
            PATH, headers=[HOST], subprotocols=["wrench.v1", f"ticket.{ticket}"]
        )
        assert (await communicator.connect())[0]
        assert await Socket(communicator).closed() == 4401

    run_async(scenario)


def test_ticket_is_not_for_strangers(people: Cast) -> None:
    assert APIClient().post(TICKET_PATH).status_code == 401
    forged = APIClient(enforce_csrf_checks=True)
    forged.force_login(people.bob)
    assert forged.post(TICKET_PATH).status_code == 403  # a foreign page has the cookie, not the form's token
    assert api(people.bob).get(TICKET_PATH).status_code == 405


@needs_embedded
def test_ticket_while_redis_is_frozen_is_told_as_such(people: Cast) -> None:
    program = api(people.bob)
    with frozen_redis():
        answer = program.post(TICKET_PATH)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["type"] == "urn:wrenchai:problem:redis-unreachable"


def test_socket_whose_ticket_cannot_be_looked_up_is_told_to_come_again(
    people: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = client("redis://127.0.0.1:1/0", timeout_seconds=1)
    monkeypatch.setattr(tickets, "_redis", lambda: nowhere)

    async def scenario() -> None:
        assert await knock("x") == 1013

    run_async(scenario)
