"""Sockets under rules: how often they are opened, and how much is said in them, each and together."""

from __future__ import annotations

import time

import pytest

from accounts.limits import shared
from accounts.limits.book import book
from accounts.models import RateRule
from api import messages, stream
from tests.accounts.limits.conftest import add_rule
from tests.api.cast import Cast
from tests.api.websocket import Socket, opened, run_async

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("closed_connections"),
]


@pytest.fixture(autouse=True)
def _no_rules(transactional_db: None) -> None:
    RateRule.objects.all().delete()
    book.forget()


async def pings(socket: Socket, count: int) -> list[str]:
    """Send so many, and collect what is answered until a last one is answered or the socket is refused."""
    for _ in range(count):
        await socket.say(op="ping")
    return [(await socket.hear())["op"] for _ in range(count)]


def test_socket_over_its_limit_is_warned_then_closed(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "GRACE_SECONDS", 0.05)
    add_rule("chatter", "socket", "6/m", 5)

    async def scenario() -> None:
        socket = await opened(people.bob)
        assert await pings(socket, 6) == ["pong"] * 5 + ["error"]
        began = time.monotonic()
        code = None
        while code is None:
            assert time.monotonic() - began < 5
            await socket.say(op="ping")
            code = await socket.closed_within(0.05)
        assert code == 4429
        fresh = await opened(people.bob)  # another socket has a bucket of its own
        assert await pings(fresh, 1) == ["pong"]
        await fresh.leave()

    run_async(scenario)
    assert shared.counts()["chatter:refused"] >= 1


def test_warning_says_which_limit_and_when(people: Cast) -> None:
    add_rule("chatter", "socket", "6/m", 1)

    async def scenario() -> None:
        socket = await opened(people.bob)
        assert await pings(socket, 1) == ["pong"]
        await socket.say(op="ping")
        told = await socket.hear()
        assert told == {
            "op": "error",
            "code": "too_many_messages",
            "message": "the limit 'chatter' allows 6/m and 1 at once; try again in 10 s",
            "retry_after": 10,
        }
        await socket.leave()

    run_async(scenario)


def test_sockets_of_a_user_share_one_bucket(people: Cast) -> None:
    add_rule("person", "socket_user", "1/h", 2 * messages.LOT)

    async def scenario() -> None:
        first, second = await opened(people.bob), await opened(people.bob)
        assert await pings(first, messages.LOT) == ["pong"] * messages.LOT
        assert await pings(second, messages.LOT) == ["pong"] * messages.LOT
        assert await pings(first, 1) == ["error"]
        other = await opened(people.alice)
        assert await pings(other, 3) == ["pong"] * 3
        for socket in (first, second, other):
            await socket.leave()

    run_async(scenario)


def test_dry_run_lets_every_message_through_and_counts_them(people: Cast) -> None:
    add_rule("dry", "socket", "1/d", 2, dry_run=True)

    async def scenario() -> None:
        socket = await opened(people.bob)
        assert await pings(socket, 5) == ["pong"] * 5
        await socket.leave()

    run_async(scenario)
    assert shared.counts() == {"dry:over": 3}


def test_opening_is_charged_like_a_request(people: Cast) -> None:
    add_rule("openings", "user", "1/d", 1, route="WS /api/v1/stream")

    async def scenario() -> None:
        socket = await opened(people.bob)
        refused = await opened(people.bob, welcome=False)
        assert await refused.closed() == 4429
        other = await opened(people.alice)
        for one in (socket, other):
            await one.leave()

    run_async(scenario)


def test_messages_go_on_without_redis(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    add_rule("chatter", "socket", "1/d", 20)
    monkeypatch.setattr(shared, "_run", _away)

    async def scenario() -> None:
        socket = await opened(people.bob)
        assert await pings(socket, 21) == ["pong"] * 20 + ["error"]
        await socket.leave()

    run_async(scenario)


def _away(*_: object) -> list[int]:
    raise shared.RedisError("away")
