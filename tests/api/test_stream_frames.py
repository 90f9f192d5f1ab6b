"""The WebSocket: frames that are hostile, too many or too large, and clients that fall silent."""

from __future__ import annotations

import time

import pytest

from api import stream
from tests.api.cast import Cast, submit_run
from tests.api.websocket import (
    opened,
    run_async,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("planner", "closed_connections"),
]


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
    '{"op": "pause", "run": "00000000-0000-0000-0000-000000000000", "reason": "\\u0000"}',
    '{"op": "subscribe", "topic": "project:../../etc"}',
    '{"op": "subscribe", "topic": "user:1"}',
    '{"op": "subscribe", "topic": "user", "batch": 1}',
    '{"op": ["cancel"], "run": "x"}',
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
