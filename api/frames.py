"""What a client of `wrench.v1` may say, read strictly.

    {"op": "subscribe", "topic": "run:<id>", "after": 0, "batch": false, "coalesce": false, "id": "any"}
    {"op": "unsubscribe", "topic": "run:<id>"}
    {"op": "ack", "topic": "run:<id>", "seq": 120}
    {"op": "ping"}  {"op": "pong"}
    {"op": "cancel", "run": "<id>", "reason": "", "id": "any"}            the orders of `api.orders`
    {"op": "approve", "approval": "<id>", "comment": "", "id": "any"}

Other topics are project:<slug or team/slug> and user. All but op, topic, run and approval may be left out. Knows no
sockets and no database. Invariant: `read` gives one of these or raises FrameRefused, whatever comes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rest_framework.exceptions import ParseError

from api.formats import loads

MAX_BYTES = 64 * 1024
MAX_SEQ = 2**63 - 1
MAX_ID = 64
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID = re.compile(rf"{_UUID}\Z")
_TOPIC = re.compile(
    rf"run:(?P<run>{_UUID})\Z|project:(?P<project>[-a-zA-Z0-9_]{{1,60}}(?:/[-a-zA-Z0-9_]{{1,60}})?)\Z|user\Z"
)
ORDERS = {
    "cancel": "run",
    "pause": "run",
    "resume": "run",
    "message": "run",
    "approve": "approval",
    "reject": "approval",
}
"""What a client may order, with the field that names what it is about."""


class FrameRefused(Exception):
    """A frame cannot be followed. `code` names why for programs; `topic` and `id` repeat the client's."""

    def __init__(self, code: str, message: str, *, topic: str = "", id: str = "") -> None:
        super().__init__(message)
        self.code, self.topic, self.id = code, topic, id


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """Send the events of a topic after a number, and go on; or its news, which have no number.

    `run_id` or `project` tells which; neither: what concerns the person. `batch`: several events may come in one
    frame. `coalesce`: of chatty events that come close together the newest is enough.
    """

    topic: str
    after: int
    id: str
    run_id: UUID | None = None
    project: str = ""
    batch: bool = False
    coalesce: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """Send no more of a topic."""

    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Everything of a topic up to `seq` has arrived."""

    topic: str
    seq: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there?"""


@dataclass(frozen=True, slots=True)
class Pong:
    """I am here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Do something, as a POST of the REST API would. `body` is that request's body."""

    op: str
    target: UUID
    body: dict[str, Any]
    id: str


Frame = Subscribe | Unsubscribe | Ack | Ping | Pong | Order


def read(text: str) -> Frame:
    """Read one frame. Raises FrameRefused."""
    try:
        data = loads(text)
    except ParseError as error:
        raise FrameRefused("bad_frame", str(error.detail)) from error
    if not isinstance(data, dict):
        raise FrameRefused("bad_frame", "a frame is a JSON object with a field 'op'")
    op = data.get("op")
    if op == "ping":
        return Ping()
    if op == "pong":
        return Pong()
    if isinstance(op, str) and op in ORDERS:
        return _order(data, op)
    topic = _text(data, "topic", 200)
    if op == "subscribe":
        return _subscribe(data, topic)
    if op == "unsubscribe":
        return Unsubscribe(topic=topic)
    if op == "ack":
        return Ack(topic=topic, seq=_number(data, "seq", topic))
    known = ", ".join(("subscribe", "unsubscribe", "ack", "ping", "pong", *ORDERS))
    raise FrameRefused("unknown_op", f"op is one of {known}", topic=topic, id=_text(data, "id", MAX_ID))


def _subscribe(data: dict[str, Any], topic: str) -> Subscribe:
    id = _text(data, "id", MAX_ID)
    found = _TOPIC.match(topic)
    if found is None:
        message = "a topic is run:<id of a run>, project:<its slug or team/slug>, or user"
        raise FrameRefused("unknown_topic", message, topic=topic, id=id)
    return Subscribe(
        topic=topic,
        after=_number(data, "after", topic) if "after" in data else 0,
        id=id,
        run_id=UUID(found["run"]) if found["run"] else None,
        project=found["project"] or "",
        batch=_flag(data, "batch", topic),
        coalesce=_flag(data, "coalesce", topic),
    )


def _order(data: dict[str, Any], op: str) -> Order:
    id = _text(data, "id", MAX_ID)
    named = ORDERS[op]
    target = data.get(named)
    if not isinstance(target, str) or not _ID.match(target):
        raise FrameRefused(
            "bad_frame", f"{named!r} is the id of a{'n' * (named == 'approval')} {named}", id=id
        )
    body = {name: value for name, value in data.items() if name not in {"op", "id", named}}
    return Order(op=op, target=UUID(target), body=body, id=id)


def _flag(data: dict[str, Any], name: str, topic: str) -> bool:
    value = data.get(name, False)
    if not isinstance(value, bool):
        raise FrameRefused("bad_frame", f"{name!r} is true or false", topic=topic)
    return value


def _text(data: dict[str, Any], name: str, most: int) -> str:
    value = data.get(name, "")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) <= MAX_SEQ else ""
    if not isinstance(value, str) or len(value) > most:
        raise FrameRefused("bad_frame", f"{name!r} is a text of at most {most} characters")
    return value


def _number(data: dict[str, Any], name: str, topic: str) -> int:
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_SEQ:
        raise FrameRefused("bad_frame", f"{name!r} is a whole number from 0", topic=topic)
    return value
