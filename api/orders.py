"""Orders over the socket: each is a POST of the REST API, done by the same view.

    {"op": "cancel", "run": "<id>", "reason": "...", "id": "c1"}
        -> POST /api/v1/runs/<id>/cancel {"reason": "..."}
        -> {"op": "ack", "id": "c1", "command": "cancel", "status": 200, "result": {...}}
         | {"op": "error", "id": "c1", "command": "cancel", "code": "run_is_over", "message": ..., "problem": {...}}

The view itself is called, with who opened the socket: so permissions, validation, rate limits, the audit record and
the problem documents are those of REST because they are the same code, and an order is one line of `_VIEWS`. Who
the person is, is asked of PostgreSQL anew for each order. Synchronous: `stream` calls this in its threads.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http.response import HttpResponseBase
from django.urls import resolve, reverse

from accounts import audit
from api import sockets
from api.errors import problem
from api.frames import Order
from api.sockets import Identity
from history import origins
from history.origins import Origin
from wrenchai_project import request_ids

_VIEWS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "cancel": ("api:run-cancel", {}),
    "pause": ("api:run-pause", {}),
    "resume": ("api:run-resume", {}),
    "message": ("api:run-messages", {}),
    "approve": ("api:approval", {"decision": "approve"}),
    "reject": ("api:approval", {"decision": "reject"}),
}
"""What a socket may order: the route that does it, and what the order's name adds to the body."""
ORDERS = tuple(_VIEWS)

LARGE = frozenset({"steps", "approvals", "artifacts", "summary"})
"""Parts of an answer that whoever follows the run does not need again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of an order: REST's status and body."""

    status: int
    body: dict[str, Any]


def follow(order: Order, identity: Identity, scope: Mapping[str, Any]) -> Answer:
    """Do what is ordered, if this person may. `scope` is that of the socket: it tells the address."""
    now = sockets.again(identity)
    user = now.person() if now is not None else None
    if now is None or user is None:
        return Answer(status=401, body=problem(401, "signed out", kind="not-authenticated"))
    route, added = _VIEWS[order.op]
    if clash := added.keys() & order.body.keys():
        text = f"there is no such field: {', '.join(sorted(clash))}; the order's name says it"
        return Answer(status=400, body=problem(400, text, kind="invalid"))
    path = reverse(route, args=[order.target])
    request: Any = _request(scope, path, json.dumps({**order.body, **added}).encode())
    request.user = user
    request._force_auth_user, request._force_auth_token = user, now.key  # DRF's way to say who it is
    view = resolve(path)
    origin = Origin(
        through="socket", by=user.get_username(), by_id=user.pk, key=str(now.key.public_id) if now.key else ""
    )
    with request_ids.during(uuid.uuid4().hex), audit.during(request), origins.during(lambda: origin):
        response = view.func(request, *view.args, **view.kwargs)
        return _answer(response)


def frame(order: Order, answer: Answer) -> dict[str, Any]:
    """Make what the client is told."""
    named = {"id": order.id} if order.id else {}
    if answer.status < 400:
        result = {name: value for name, value in answer.body.items() if name not in LARGE}
        return {"op": "ack", **named, "command": order.op, "status": answer.status, "result": result}
    code = str(answer.body.get("type", "")).rpartition(":")[2].replace("-", "_")
    told = {"code": _CODES.get(answer.status, "refused") if code in _PLAIN else code}
    wait = answer.body.get("retry_after")
    return {
        "op": "error",
        **named,
        "command": order.op,
        **told,
        "message": answer.body.get("detail", ""),
        **({"retry_after": wait} if wait is not None else {}),
        "problem": answer.body,
    }


_PLAIN = frozenset({"", "blank", "permission_denied"})
_CODES = {403: "forbidden", 404: "not_found", 413: "too_large", 503: "unavailable"}
_KEPT = frozenset({b"host", b"user-agent", b"x-forwarded-for", b"x-forwarded-proto", b"x-request-id"})


def _request(scope: Mapping[str, Any], path: str, body: bytes) -> ASGIRequest:
    headers = [(name, value) for name, value in scope["headers"] if name.lower() in _KEPT]
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    as_http = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": headers,
        "scheme": {"wss": "https"}.get(scope.get("scheme", ""), "http"),
        "client": scope.get("client"),
        "server": scope.get("server"),
    }
    return ASGIRequest(as_http, BytesIO(body))


def _answer(response: HttpResponseBase) -> Answer:
    made: Any = response
    if hasattr(made, "render") and not made.is_rendered:
        made.render()
    return Answer(status=made.status_code, body=json.loads(made.content) if made.content else {})
