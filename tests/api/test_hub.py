"""The hub: one reading for all who follow a run, batches, coalescing, and who falls behind."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from django.db import transaction
from redis.exceptions import ConnectionError as RedisAway

from api import feeds, following, hub
from tasks import events
from tasks.changes import Change
from tasks.models import Run
from tests.api.cast import Cast, add_events, submit_run
from tests.api.websocket import Frame, Socket, in_database, opened, run_async

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("planner", "closed_connections"),
]


async def subscribed(people: Cast, run: Run, **how: Any) -> Socket:
    socket = await opened(people.bob)
    await socket.say(op="subscribe", topic=f"run:{run.public_id}", **how)
    return socket


def add_plain(run: Run, *facts: events.Fact) -> None:
    change = Change(run.pk)
    for fact in facts:
        change.tell(fact)
    with transaction.atomic():
        change.write()


def test_event_is_read_once_for_all_sockets(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    run = submit_run(people.project)
    reads: list[tuple[int, int]] = []
    real = feeds._page

    def counted(run: Run, after: int, limit: int) -> list[feeds.Frame]:
        reads.append((after, limit))
        return real(run, after, limit)

    monkeypatch.setattr(feeds, "_page", counted)

    async def scenario() -> None:
        sockets = [await subscribed(people, run, after=run.last_seq) for _ in range(8)]
        for socket in sockets:
            await socket.until("caught_up")
        assert reads == []
        head = await in_database(add_events, run, 1)
        for socket in sockets:
            assert [frame["seq"] for frame in await socket.events(1)] == [head]
        assert reads == [(head - 1, feeds.PAGE)]
        late = await subscribed(people, run, after=head - 1)  # the ring still has it
        assert [frame["seq"] for frame in await late.events(1)] == [head]
        assert len(reads) == 1
        for socket in (*sockets, late):
            await socket.leave()
        assert (hub.hub().feeds, hub.hub().rooms, hub.hub().listeners) == ({}, {}, set())

    run_async(scenario)


def test_who_falls_behind_the_ring_is_refilled_from_the_database(
    people: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "KEEP", 10)
    run = submit_run(people.project)

    async def scenario() -> None:
        slow = await subscribed(people, run, after=run.last_seq)
        await slow.until("caught_up")
        (listener,) = hub.hub().listeners
        assert isinstance(listener, following.Follower)
        free = asyncio.Event()
        real = listener.write

        async def stuck(text: str, seq: int = 0) -> None:
            await free.wait()
            await real(text, seq)

        monkeypatch.setattr(listener, "write", stuck)
        head = run.last_seq
        for _ in range(6):
            head = await in_database(add_events, run, 10)
        feed = next(iter(hub.hub().feeds.values()))
        while feed.end < head:
            await asyncio.sleep(0.01)
        assert (len(feed.ring), feed.floor) == (10, head - 10)
        free.set()
        seen = [frame["seq"] for frame in await slow.events(60)]
        assert seen == list(range(head - 59, head + 1))
        await slow.leave()

    run_async(scenario)


def test_reader_that_never_reads_is_closed(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "SLOW_SECONDS", 0.2)
    monkeypatch.setattr(hub, "LOOK_SECONDS", 0.05)
    run = submit_run(people.project)

    async def scenario() -> None:
        socket = await subscribed(people, run, after=run.last_seq)
        await socket.until("caught_up")
        (listener,) = hub.hub().listeners

        async def stuck(text: str, seq: int = 0) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(listener, "write", stuck)
        await in_database(add_events, run, 1)
        assert await socket.closed() == 4408

    run_async(scenario)


def test_batches_come_to_who_asked_for_them(people: Cast) -> None:
    run = submit_run(people.project)
    head = add_events(run, 250)

    async def scenario() -> None:
        socket = await subscribed(people, run, after=0, batch=True)
        heard = await socket.until("caught_up")
        batches = [frame["events"] for frame in heard if frame["op"] == "events"]
        assert [event["seq"] for batch in batches for event in batch] == list(range(1, head + 1))
        assert max(len(batch) for batch in batches) == following.BATCH
        assert all(event["op"] == "event" for batch in batches for event in batch)
        await in_database(add_events, run, 1)
        assert (await socket.hear())["op"] == "event"  # a single one needs no batch
        await socket.leave()

    run_async(scenario)


def gapless(frames: list[Frame], after: int) -> int:
    """Follow numbers that may be passed over with word of it. Returns the last."""
    for frame in frames:
        assert frame["seq"] == after + 1 + frame.get("skipped", 0)
        after = frame["seq"]
    return after


def test_chatty_events_coalesce_live_and_not_in_replay(people: Cast) -> None:
    run = submit_run(people.project)
    start = add_events(run, 20)

    async def scenario() -> None:
        socket = await subscribed(people, run, after=0, coalesce=True)
        replayed = [frame for frame in await socket.until("caught_up") if frame["op"] == "event"]
        assert [frame["seq"] for frame in replayed] == list(range(1, start + 1))
        head = await in_database(add_events, run, 20)
        plain = events.StepReady(key="other")
        begun = time.monotonic()
        await in_database(add_events, run, 20)
        await in_database(add_plain, run, plain)
        live = [await socket.hear()]
        while live[-1]["type"] != "step.ready":
            live.append(await socket.hear())
        assert time.monotonic() - begun < hub.POLL_SECONDS / 2
        assert gapless(live, start) == head + 21
        assert len(live) < 10
        assert live[-2]["data"]["done"] == 20  # the newest of them
        await socket.leave()

    run_async(scenario)


def test_who_did_not_ask_gets_every_event(people: Cast) -> None:
    run = submit_run(people.project)

    async def scenario() -> None:
        socket = await subscribed(people, run, after=run.last_seq)
        await socket.until("caught_up")
        head = await in_database(add_events, run, 30)
        live = await socket.events(30)
        assert [frame["seq"] for frame in live] == list(range(head - 29, head + 1))
        assert not any("skipped" in frame for frame in live)
        await socket.leave()

    run_async(scenario)


def test_without_redis_events_come_by_polling(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(hub, "PATIENCE_SECONDS", 0.1)
    run = submit_run(people.project)

    async def away(*_: Any) -> None:
        raise RedisAway("away")

    async def scenario() -> None:
        layer = hub.hub()._layer
        for name in ("new_channel", "group_add", "group_discard", "send"):
            monkeypatch.setattr(layer, name, away, raising=False)
        socket = await subscribed(people, run, after=run.last_seq)
        await socket.until("caught_up")
        head = await in_database(add_events, run, 2)
        assert [frame["seq"] for frame in await socket.events(2)] == [head - 1, head]
        await socket.leave()

    run_async(scenario)
