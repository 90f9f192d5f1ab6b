"""The WebSocket: every event once and in order, whatever is lost.

Real PostgreSQL, real Redis, the real ASGI application.
"""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import pytest

from api import hub, stream
from tasks.models import Event
from tests.api.cast import Cast, add_events, submit_run
from tests.api.websocket import (
    in_database,
    opened,
    run_async,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("planner", "closed_connections"),
]


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
        assert time.monotonic() - begun < hub.POLL_SECONDS / 2  # by a hint, not by asking now and then
        assert [frame["seq"] for frame in live] == [last - 2, last - 1, last]
        assert set(live[0]) == {"op", "topic", "seq", "type", "at", "data"}
        assert live[0]["type"] == "step.progress"
        await socket.leave()

    run_async(scenario)


def test_lost_hints_cost_time_but_no_event(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(hub.Hub, "run_hint", _ignore)
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
    monkeypatch.setattr(stream, "UNACKED_SECONDS", 0.5)
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


def _ignore(self: hub.Hub, run_id: UUID, head: int) -> None:
    """A hint that got lost."""
