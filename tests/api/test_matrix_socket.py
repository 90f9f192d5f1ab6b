"""The permission matrix of the live stream: who may open a socket, follow a topic, give an order.

`matrix_socket.txt` has a line per topic and order, for our team's things and for another team's, and a column per
role, as `test_matrix` has for REST. `WRENCH_WRITE_MATRIX=1` writes it anew: read the difference before it is
committed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pytest_django import Settings

from api import sockets
from api.orders import ORDERS
from tasks import runs
from tests.api.cast import ask, probe, submit_steps
from tests.api.test_matrix import quiet
from tests.api.websocket import HOST, PATH, Frame, Socket, WebsocketCommunicator, run_async
from tests.api.world import ROLES, Side, World, make_world

FILE = Path(__file__).parent / "matrix_socket.txt"
WIDTH = 26
NOT_THERE = frozenset({"unknown_topic:4404", "not_found"})
QUESTIONS = ("approve", "reject")

Asked = Mapping[str, str]
"""A frame to send; empty: only open the socket."""


def frames(world: World) -> dict[str, dict[str, Asked]]:
    """Give, per line of the file, what each role sends. What an order uses up is made for each role."""
    found: dict[str, dict[str, Asked]] = {"open": {role: {} for role in ROLES}}
    sides = {"ours": world.ours, "theirs": world.theirs}
    found["follow user"] = {role: {"op": "subscribe", "topic": "user"} for role in ROLES}
    for whose, side in sides.items():
        topics = {"run": f"run:{side.over_run.public_id}", "project": f"project:{side.project_name}"}
        for topic, name in topics.items():
            found[f"follow {topic}, {whose}"] = {role: {"op": "subscribe", "topic": name} for role in ROLES}
    for order in sorted(
        ORDERS, key=lambda order: order not in QUESTIONS
    ):  # asking does what is open elsewhere
        for whose, side in sides.items():
            found[f"{order}, {whose}"] = {role: made(order, side) for role in ROLES}
    return found


def made(order: str, side: Side) -> Asked:
    """Make what an order is about, and give the frame."""
    if order in QUESTIONS:
        return {"op": order, "approval": str(ask(side.project).public_id), "id": "1"}
    run = submit_steps(side.project, probe("a"), owner=side.owner)
    if order == "resume":
        runs.pause(run.public_id, by="owner")
    return {
        "op": order,
        "run": str(run.public_id),
        "id": "1",
        **({"text": "hello"} if order == "message" else {}),
    }


async def told(secret: str | None, frame: Asked) -> str:
    """Open a socket, send a frame, and tell in a word what came of it."""
    offered = [sockets.PROTOCOL] if secret is None else [sockets.PROTOCOL, f"bearer.{secret}"]
    inner = WebsocketCommunicator(PATH, headers=[HOST], subprotocols=offered)
    accepted, _ = await inner.connect()
    if not accepted:
        return "refused"
    socket = Socket(inner)
    first = await inner.receive_output(10)
    if first["type"] == "websocket.close":
        return str(first["code"])
    answer: Frame = {"op": "welcome"}
    if frame:
        await socket.say(**frame)
        while (answer := await socket.hear())["op"] not in {"subscribed", "ack", "error"}:
            pass
    if answer["op"] == "error" and frame["op"] == "subscribe":
        return f"{answer['code']}:{await socket.closed()}"
    await socket.leave()
    return str(answer["code"] if answer["op"] == "error" else answer["op"])


def secret_of(world: World, role: str) -> str | None:
    credentials: dict[str, str] = world.programs[role]._credentials
    return credentials["HTTP_AUTHORIZATION"].partition(" ")[2] if credentials else None


def header() -> Iterator[str]:
    yield f"# columns: {' '.join(ROLES)}"


@pytest.mark.timeout(300)
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("closed_connections")
def test_everybody_gets_what_the_file_says(worker: None, settings: Settings) -> None:
    quiet(settings)
    world = make_world()
    asked, found = frames(world), []

    async def scenario() -> None:
        for name, by_role in asked.items():
            cells = [await told(secret_of(world, role), by_role[role]) for role in ROLES]
            found.append(f"{name:<{WIDTH}}" + " ".join(f"{cell:<18}" for cell in cells).rstrip())

    run_async(scenario, seconds=240)
    if os.environ.get("WRENCH_WRITE_MATRIX"):
        FILE.write_text("\n".join([*header(), *found]) + "\n")
    assert [one for one in FILE.read_text().splitlines() if not one.startswith("#")] == found


def table() -> Iterator[tuple[str, dict[str, str]]]:
    for one in FILE.read_text().splitlines():
        if not one.startswith("#"):
            yield one[:WIDTH].strip(), dict(zip(ROLES, one[WIDTH:].split(), strict=True))


def test_strangers_and_what_is_over_open_no_socket() -> None:
    for name, cells in table():
        assert {cells[role] for role in ("anonymous", "token:old", "key:old")} <= {"4401", "refused"}, name


def test_what_is_another_teams_is_not_there() -> None:
    for name, cells in table():
        inside = {cells[role] for role in ("viewer", "developer", "maintainer", "owner")}
        if "theirs" in name:
            assert inside <= NOT_THERE, name
        if "ours" in name:
            assert cells["outsider"] in NOT_THERE, name


def test_viewers_give_no_orders() -> None:
    given = {name for name, cells in table() if cells["viewer"] == "ack"}
    assert given == set()
