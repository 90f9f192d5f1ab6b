"""The stream for whoever has but a shared link: their one run, told without people, until the link is over."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import Membership
from agents import run_links
from api import following, sockets
from tasks import events, runs
from tasks.changes import Change
from tasks.models import Run, RunShare
from tasks.sharing import Terms
from tests.api.cast import Cast, submit_run
from tests.api.websocket import HOST, PATH, Frame, Socket, WebsocketCommunicator, in_database, run_async

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("planner", "closed_connections"),
]

OURS = (b"origin", b"http://localhost")
EVIL = (b"origin", b"https://evil.example")


def share(run: Run, by: Any, *, with_logs: bool = False) -> tuple[RunShare, str]:
    return run_links.make(run, by, Terms(lasts=timedelta(days=1), with_logs=with_logs))


async def knock(token: str, *headers: tuple[bytes, bytes], first: tuple[str, ...] = ()) -> Socket | str:
    """Open a socket by a link's token. "refused": not even the handshake."""
    protocols = [sockets.PROTOCOL, *first, f"share.{token}"]
    communicator = WebsocketCommunicator(PATH, headers=[HOST, *headers], subprotocols=protocols)
    connected, _ = await communicator.connect()
    return Socket(communicator) if connected else "refused"


async def looking(token: str, run: Run, after: int = 0) -> Socket:
    """Follow a run by its link, up to where it is."""
    socket = await knock(token, OURS)
    assert isinstance(socket, Socket)
    assert (await socket.hear())["op"] == "welcome"
    await socket.say(op="subscribe", topic=f"run:{run.public_id}", after=after)
    return socket


def tell(run: Run) -> None:
    """Let happen what holds words of people and of the log."""
    runs.say(run.public_id, by="bob", text="a remark", remark=run.public_id)
    runs.pause(run.public_id, by="bob", reason="a reason")
    with transaction.atomic():
        change = Change(run.pk)
        change.tell(events.StepLogged(key="super.plan", attempt=1, chunk=1, tail="a line"))
        change.tell(
            events.ApprovalAsked(
                key="super.plan", approval="x", question="a question", role="owner", expires_at=None
            )
        )
        change.write()


def by_type(frames: list[Frame]) -> dict[str, Any]:
    return {frame["type"]: frame["data"] for frame in frames if frame["op"] == "event"}


@pytest.mark.parametrize("with_logs", [False, True])
def test_link_follows_its_run_without_people_and_their_words(people: Cast, with_logs: bool) -> None:
    async def scenario() -> None:
        run = await in_database(submit_run, people.project)
        _, token = await in_database(lambda: share(run, people.bob, with_logs=with_logs))
        socket = await looking(token, run)
        await socket.until("caught_up")
        await in_database(tell, run)
        told = by_type(await socket.events(4))
        tail = "a line" if with_logs else ""
        assert told == {
            "run.message": {"by": "", "text": "", "id": ""},
            "run.paused": {"by": "", "reason": ""},
            "step.logged": {"key": "super.plan", "attempt": 1, "chunk": 1, "tail": tail},
            "approval.asked": {
                "key": "super.plan",
                "approval": "",
                "question": "",
                "role": "",
                "expires_at": None,
            },
        }
        await socket.leave()
        again = await looking(token, run)
        replayed = json.dumps(await again.until("caught_up"))
        assert [word for word in ("bob", "a remark", "a reason", "a question") if word in replayed] == []
        assert ("a line" in replayed) is with_logs
        await again.leave()

    run_async(scenario)


@pytest.mark.parametrize("topic", ["run", "project:shop", "user", "project:1"])
def test_link_of_one_run_opens_no_other_topic(people: Cast, topic: str) -> None:
    async def scenario() -> None:
        run = await in_database(submit_run, people.project)
        other = await in_database(submit_run, people.project)
        _, token = await in_database(share, run, people.bob)
        socket = await knock(token, OURS)
        assert isinstance(socket, Socket)
        assert (await socket.hear())["op"] == "welcome"
        await socket.say(op="subscribe", topic=f"run:{other.public_id}" if topic == "run" else topic)
        assert (await socket.hear())["code"] == "unknown_topic"
        assert await socket.closed() == 4404

    run_async(scenario)


@pytest.mark.parametrize("order", ["cancel", "pause", "message"])
def test_link_orders_nothing(people: Cast, order: str) -> None:
    async def scenario() -> None:
        run = await in_database(submit_run, people.project)
        _, token = await in_database(share, run, people.bob)
        socket = await looking(token, run)
        await socket.until("caught_up")
        more = {"text": "x"} if order == "message" else {}
        await socket.say(op=order, run=str(run.public_id), **more)
        assert (await socket.hear())["op"] == "error"
        assert await socket.closed() == 4401
        now = await in_database(Run.objects.get)
        assert (now.cancel_requested_at, now.paused_at) == (None, None)

    run_async(scenario)


@pytest.mark.parametrize(
    "spoil", [str.swapcase, lambda token: token[:-1], lambda token: f"{token}x", lambda _: ""]
)
def test_tampered_token_opens_nothing(people: Cast, spoil: Any) -> None:
    async def scenario() -> None:
        run = await in_database(submit_run, people.project)
        _, token = await in_database(share, run, people.bob)
        socket = await knock(spoil(token), OURS)
        assert isinstance(socket, Socket)
        assert await socket.closed() == 4401

    run_async(scenario)


def test_link_opens_no_socket_from_a_foreign_page(people: Cast) -> None:
    async def scenario() -> None:
        run = await in_database(submit_run, people.project)
        _, token = await in_database(share, run, people.bob)
        assert await knock(token, EVIL) == "refused"
        assert isinstance(await knock(token), Socket)  # a program, which has no origin

    run_async(scenario)


def revoked(row: RunShare, people: Cast) -> None:
    run_links.end(row, row.run, people.alice)


def role_lost(row: RunShare, people: Cast) -> None:
    Membership.objects.get(user=people.bob).delete()


def maker_gone(row: RunShare, people: Cast) -> None:
    people.bob.delete()


@pytest.mark.parametrize("end", [revoked, role_lost, maker_gone])
def test_open_page_stops_within_seconds_when_the_link_is_over(people: Cast, end: Any) -> None:
    """Sooner than the socket would look again by itself, and without its maker's other sockets."""

    async def scenario() -> None:
        run = await in_database(submit_run, people.project)
        row, token = await in_database(share, run, people.bob)
        _, of_alice = await in_database(share, run, people.alice)
        socket, other = await looking(token, run), await looking(of_alice, run)
        await socket.until("caught_up")
        await other.until("caught_up")
        begun = time.monotonic()
        await in_database(end, row, people)
        assert await socket.closed() in {4401, 4403}
        assert time.monotonic() - begun < following.RECHECK_SECONDS / 3
        again = await knock(token, OURS)
        assert isinstance(again, Socket)
        assert await again.closed() == 4401
        await in_database(lambda: runs.cancel(run.public_id, by="alice"))
        assert (await other.hear())["op"] == "event"
        await other.leave()

    run_async(scenario)


def test_open_page_stops_when_the_link_expires(people: Cast) -> None:
    async def scenario() -> None:
        run = await in_database(submit_run, people.project)
        row, token = await in_database(share, run, people.bob)
        soon = timezone.now() + timedelta(seconds=2)
        await in_database(lambda: RunShare.objects.filter(pk=row.pk).update(expires_at=soon))
        socket = await looking(token, run)
        await socket.until("caught_up")
        assert await socket.closed() == 4403

    run_async(scenario)


def test_readers_of_a_link_take_no_place_of_its_maker(people: Cast, settings: Any) -> None:
    settings.MAX_SOCKETS_PER_USER = 1

    async def scenario() -> None:
        run = await in_database(submit_run, people.project)
        _, token = await in_database(share, run, people.bob)
        _, second = await in_database(share, run, people.bob)
        one, another = await looking(token, run), await looking(second, run)
        refused = await knock(token, OURS)
        assert isinstance(refused, Socket)
        assert await refused.closed() == 4429
        for socket in (one, another):
            await socket.until("caught_up")
            await socket.leave()

    run_async(scenario)
