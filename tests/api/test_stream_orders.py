"""The WebSocket: orders do what the REST API does, under the same rights, limits and records."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts import keys
from accounts.limits.book import book
from accounts.models import AuditRecord, Membership, RateRule
from api import orders
from tasks.models import Approval, Run
from tests.accounts.limits.conftest import add_rule
from tests.api.cast import Cast, ask, submit_run
from tests.api.websocket import Frame, Socket, in_database, opened, opened_with, run_async

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("closed_connections"),
]


async def order(socket: Socket, **frame: Any) -> Frame:
    """Give an order and wait for what came of it."""
    await socket.say(**frame)
    while (heard := await socket.hear())["op"] not in {"ack", "error"}:
        pass
    return heard


async def state_of(run: Run) -> Run:
    return await in_database(lambda: Run.objects.get(pk=run.pk))


@pytest.mark.usefixtures("planner")
def test_run_is_paused_resumed_and_cancelled(people: Cast) -> None:
    run = submit_run(people.project)

    async def scenario() -> None:
        socket = await opened(people.bob)
        name = str(run.public_id)
        paused = await order(socket, op="pause", run=name, reason="lunch", id="1")
        assert (paused["op"], paused["id"], paused["command"], paused["status"]) == ("ack", "1", "pause", 200)
        assert (paused["result"]["id"], paused["result"]["state"]) == (name, "paused")
        assert not orders.LARGE & set(paused["result"])
        resumed = await order(socket, op="resume", run=name, id="2")
        assert resumed["result"]["state"] == "running"
        cancelled = await order(socket, op="cancel", run=name)
        assert "id" not in cancelled
        assert cancelled["result"]["state"] == "cancelled"
        assert (await state_of(run)).state == "cancelled"
        again = await order(socket, op="pause", run=name, id="4")
        assert (again["op"], again["id"], again["command"]) == ("error", "4", "pause")
        assert (again["code"], again["problem"]["status"]) == ("run_is_over", 409)
        await socket.leave()

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_message_comes_to_all_who_follow(people: Cast) -> None:
    run = submit_run(people.project)

    async def scenario() -> None:
        bob, vera = await opened(people.bob), await opened(people.vera)
        await vera.say(op="subscribe", topic=f"run:{run.public_id}", after=run.last_seq)
        await vera.until("caught_up")
        told = await order(bob, op="message", run=str(run.public_id), text="leave them out", id="m")
        assert (told["op"], told["id"], told["status"]) == ("ack", "m", 201)
        (heard,) = await vera.events(1)
        assert (heard["type"], heard["data"]["by"], heard["data"]["text"]) == (
            "run.message",
            "bob",
            "leave them out",
        )
        for one in (bob, vera):
            await one.leave()

    run_async(scenario)


@pytest.mark.usefixtures("planner")
@pytest.mark.parametrize(("who", "code"), [("vera", "forbidden"), ("charlie", "not_found")])
@pytest.mark.parametrize("op", ["cancel", "pause", "resume", "message"])
def test_who_may_not_is_told_and_nothing_happens(people: Cast, op: str, who: str, code: str) -> None:
    run = submit_run(people.project)

    async def scenario() -> None:
        socket = await opened(getattr(people, who))
        told = await order(
            socket, op=op, run=str(run.public_id), id="x", **({"text": "go on"} if op == "message" else {})
        )
        assert (told["op"], told["id"], told["code"]) == ("error", "x", code)
        assert (await state_of(run)).state == "accepted"
        await socket.leave()

    run_async(scenario)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("op", ["approve", "reject"])
def test_question_is_answered_with_its_record(people: Cast, op: str) -> None:
    asked = ask(people.project, role="maintainer")

    async def scenario() -> None:
        bob, alice = await opened(people.bob), await opened(people.alice)
        name = str(asked.public_id)
        refused = await order(bob, op=op, approval=name, id="b")
        assert (refused["code"], refused["id"]) == ("forbidden", "b")
        done = await order(alice, op=op, approval=name, comment="seen", id="a")
        decision = {"approve": "approved", "reject": "rejected"}[op]
        assert (done["op"], done["result"]["decision"]) == ("ack", decision)
        assert (done["result"]["decided_by"], done["result"]["comment"]) == ("alice", "seen")
        for one in (alice, bob):
            await one.leave()

    run_async(scenario)
    assert Approval.objects.get(pk=asked.pk).decided_by == people.alice
    record = AuditRecord.objects.get(act="approval.decided")
    assert record.actor == "alice"


@pytest.mark.usefixtures("planner")
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"op": "cancel"}, "bad_frame"),
        ({"op": "cancel", "run": 5}, "bad_frame"),
        ({"op": "cancel", "run": "nonsense"}, "bad_frame"),
        ({"op": "approve", "run": str(uuid4())}, "bad_frame"),
        ({"op": "approve", "approval": str(uuid4())}, "not_found"),
        ({"op": "approve", "approval": str(uuid4()), "decision": "reject"}, "invalid"),
        ({"op": "pause", "run": "$run", "reason": "x" * 501}, "invalid"),
        ({"op": "pause", "run": "$run", "reason": {"a": 1}}, "invalid"),
        ({"op": "pause", "run": "$run", "why": "unknown field"}, "invalid"),
        ({"op": "message", "run": "$run"}, "invalid"),
        ({"op": "message", "run": "$run", "text": "x" * 4001}, "invalid"),
        ({"op": "message", "run": str(uuid4()), "text": "hello"}, "not_found"),
    ],
)
def test_order_that_makes_no_sense_is_refused(people: Cast, frame: Frame, code: str) -> None:
    run = submit_run(people.project)
    if frame.get("run") == "$run":
        frame = {**frame, "run": str(run.public_id)}

    async def scenario() -> None:
        socket = await opened(people.bob)
        told = await order(socket, **frame, id="x")
        assert (told["op"], told["id"], told["code"]) == ("error", "x", code)
        assert told["message"]
        await socket.leave()

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_role_that_was_lost_without_word_counts_at_once(people: Cast) -> None:
    run = submit_run(people.project)

    async def scenario() -> None:
        socket = await opened(people.bob)
        await in_database(lambda: Membership.objects.filter(user=people.bob).update(role=10))
        assert (await order(socket, op="cancel", run=str(run.public_id)))["code"] == "forbidden"
        await socket.leave()

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_key_orders_within_its_scopes(people: Cast) -> None:
    run = submit_run(people.project)
    now = timezone.now()
    lasts = {"expires_at": now + timedelta(days=1), "now": now, "projects": [people.project]}
    watcher = keys.create(people.bob, "watcher", scopes=["run.view"], **lasts)
    stopper = keys.create(people.bob, "stopper", scopes=["run.cancel"], **lasts)

    async def scenario() -> None:
        watching, stopping = await opened_with(watcher.text), await opened_with(stopper.text)
        name = str(run.public_id)
        assert (await order(watching, op="cancel", run=name))["code"] == "forbidden"
        assert (await order(stopping, op="pause", run=name))["code"] == "forbidden"
        assert (await order(stopping, op="cancel", run=name))["result"]["state"] == "cancelled"
        for one in (watching, stopping):
            await one.leave()

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_orders_cost_what_requests_cost(people: Cast) -> None:
    RateRule.objects.all().delete()
    book.forget()
    run = submit_run(people.project)
    add_rule("orders", "user", "1/h", 2, route="POST /api/v1/runs/**")

    async def scenario() -> None:
        socket = await opened(people.bob)
        name = str(run.public_id)
        assert (await order(socket, op="pause", run=name))["op"] == "ack"
        assert (await order(socket, op="resume", run=name))["op"] == "ack"
        told = await order(socket, op="pause", run=name, id="3")
        assert (told["code"], told["id"], told["problem"]["rule"]) == ("rate_limited", "3", "orders")
        assert told["retry_after"] > 0
        await socket.leave()

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_order_after_the_session_ended_is_refused_and_ends_the_socket(people: Cast) -> None:
    run = submit_run(people.project)

    async def scenario() -> None:
        socket = await opened(people.bob)
        await in_database(lambda: type(people.bob).objects.filter(pk=people.bob.pk).update(is_active=False))
        told = await order(socket, op="cancel", run=str(run.public_id))
        assert told["code"] == "not_authenticated"
        assert await socket.closed() == 4401
        assert (await state_of(run)).state == "accepted"

    run_async(scenario)
