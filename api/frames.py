"""What a client of `wrench.v1` may say, read strictly.

    {"op": "subscribe", "topic": "run:<id>", "after": 0, "id": "any"}    after and id may be left out
    {"op": "unsubscribe", "topic": "run:<id>"}
    {"op": "ack", "topic": "run:<id>", "seq": 120}
    {"op": "ping"}

Knows no sockets and no database. Invariant: `read` gives one of these or raises FrameRefused, whatever comes.
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
_TOPIC = re.compile(r"run:(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z")


class FrameRefused(Exception):
    """A frame cannot be followed. `code` names why for programs; `topic` and `id` repeat the client's."""

    def __init__(self, code: str, message: str, *, topic: str = "", id: str = "") -> None:
        super().__init__(message)
        self.code, self.topic, self.id = code, topic, id


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """Send the events of a topic after a number, and go on."""

    topic: str
    run_id: UUID
    after: int
    id: str


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


Frame = Subscribe | Unsubscribe | Ack | Ping


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
    topic = _text(data, "topic", 200)
    if op == "subscribe":
        return _subscribe(data, topic)
    if op == "unsubscribe":
        return Unsubscribe(topic=topic)
    if op == "ack":
        return Ack(topic=topic, seq=_number(data, "seq", topic))
    raise FrameRefused("unknown_op", "op is one of subscribe, unsubscribe, ack, ping", topic=topic)


def _subscribe(data: dict[str, Any], topic: str) -> Subscribe:
    id = _text(data, "id", MAX_ID)
    found = _TOPIC.match(topic)
    if found is None:
        raise FrameRefused("unknown_topic", "a topic is run:<id of a run>", topic=topic, id=id)
    after = _number(data, "after", topic) if "after" in data else 0
    return Subscribe(topic=topic, run_id=UUID(found["id"]), after=after, id=id)


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
