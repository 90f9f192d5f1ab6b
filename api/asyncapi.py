"""The live connections described for programs, as AsyncAPI 3: made from the frames and the kinds of events.

For docs/reference/asyncapi.yaml. Invariant: the same code gives the same document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

from api import said, sockets, stream
from api.describe import NoTitles
from tasks import events
from tasks.hints import NEWS

SCHEMA = "#/components/schemas/{model}"
CODES: Mapping[int, str] = {
    1009: "a frame was too large",
    1012: "the server restarts: come back at once, and resume by cursor",
    1013: "the database or Redis does not answer: come back soon",
    4401: "signed out, or the token or key has expired: sign in again",
    4403: "you may no longer see what you followed",
    4404: "there is no such topic that you may see",
    4408: "too slow, or silent: come back, and resume by cursor",
    4429: "too many sockets or messages: come back later",
}
"""Why a socket is closed, and what to do."""

Document = dict[str, Any]


def document() -> Document:
    """Describe the WebSocket and the server-sent events."""
    schemas = _schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "WrenchAI live updates",
            "version": sockets.PROTOCOL,
            "description": _ABOUT + "\n".join(f"- `{code}`: {why}" for code, why in CODES.items()),
        },
        "defaultContentType": "application/json",
        "servers": {
            "installation": {
                "host": "{host}",
                "protocol": "wss",
                "description": "Your installation; `ws` on a laptop.",
                "variables": {"host": {"default": "localhost:8000"}},
            }
        },
        "channels": {
            "socket": {
                "address": "/api/v1/stream",
                "title": "WebSocket",
                "description": "Both sides send one JSON object per text frame; `op` tells which.",
                "messages": _messages((*said.CLIENT, *said.SERVER)),
            },
            "runEvents": {
                "address": "/api/v1/runs/{run}/stream",
                "title": "Server-sent events",
                "description": "GET; `?after=` or Last-Event-ID is the cursor. An event's `id` is its `seq`.",
                "parameters": {"run": {"description": "id of the run"}},
                "messages": _messages(said.BY_SSE),
            },
        },
        "operations": {
            "say": _operation("receive", "socket", said.CLIENT, "What a client may say."),
            "hear": _operation("send", "socket", said.SERVER, "What the server says."),
            "followRun": _operation("send", "runEvents", said.BY_SSE, "What an event stream holds."),
        },
        "components": {
            "messages": {_name(shape): _message(shape) for shape in _all()},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _all() -> Iterable[Any]:
    return dict.fromkeys((*said.CLIENT, *said.SERVER, *said.BY_SSE))


def _name(shape: Any) -> str:
    return str(shape.__name__)


def _messages(shapes: Iterable[Any]) -> Document:
    return {
        _name(shape): {"$ref": f"#/components/messages/{_name(shape)}"} for shape in dict.fromkeys(shapes)
    }


def _operation(action: str, channel: str, shapes: Iterable[Any], summary: str) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{_name(shape)}"} for shape in shapes],
    }


def _message(shape: Any) -> Document:
    first = " ".join((shape.__doc__ or "").split())
    return {
        "name": _name(shape),
        "summary": first,
        "payload": {"$ref": SCHEMA.format(model=_name(shape))},
    }


def _schemas() -> Document:
    found: Document = {}
    for shape in _all():
        found[_name(shape)] = _schema(shape, found)
    kinds = {kind.kind: _fact(kind, found) for kind in events.KINDS}
    found["Event"]["properties"]["type"]["enum"] = list(kinds)
    found["Event"]["allOf"] = [
        {
            "if": {"properties": {"type": {"const": kind}}},
            "then": {"properties": {"data": {"$ref": SCHEMA.format(model=name)}}},
        }
        for kind, name in kinds.items()
    ]
    told = "; ".join(f"`{kind}`: {meaning}" for kind, meaning in NEWS.items())
    found["News"]["properties"]["type"] |= {"enum": list(NEWS), "description": told}
    return found


def _schema(shape: Any, found: Document) -> Document:
    made = TypeAdapter(shape).json_schema(
        ref_template=SCHEMA, mode="serialization", schema_generator=NoTitles
    )
    for name, inner in made.pop("$defs", {}).items():
        found.setdefault(name, inner)
    made["additionalProperties"] = True  # a frame may gain fields: readers pass over what they do not know
    return dict(made)


def _fact(kind: type[events.Fact], found: Document) -> str:
    """Describe the data of a kind of event. Returns the schema's name, as StepStarted."""
    name = kind.__name__
    found[name] = {**_schema(kind, found), "description": kind.about}
    return name


_ABOUT = f"""Live updates of runs, projects and people.

Open the WebSocket with the subprotocol `{sockets.PROTOCOL}` and, for programs, `bearer.<access token or API key>` or
`ticket.<one-time ticket>` beside it (never in the URL); a browser is known by its cookie. Whoever has but a shared
link to a run offers `share.<its token>`, and follows the topic of that run alone, without names, questions and
remarks of people.

Wait for `welcome`, subscribe to topics, acknowledge events now and then (at most {stream.MAX_UNACKED} may wait), and
send a `ping` every {stream.HEARTBEAT_SECONDS} s. Whoever comes back subscribes with `after`, the number of the last
event that it has, and misses nothing.

Close codes:

"""
