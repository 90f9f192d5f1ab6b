"""Tickets: one-time words that open a WebSocket, for whoever should not send a token there.

POST /api/v1/stream/ticket -> 201 {"ticket", "expires_in": 30}

    Sec-WebSocket-Protocol: wrench.v1, ticket.<ticket>

A ticket belongs to the session that asked for it: its socket ends when that does, and when the access token would.
Redis keeps its hash for SECONDS and gives it out once (GETDEL), so the same ticket opens one socket, however many try
at once. A ticket in a log or a history is worthless by the time that it is read.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from functools import cache
from typing import Annotated

from django.conf import settings
from django.core.exceptions import PermissionDenied
from pydantic import Field
from redis import Redis
from redis.exceptions import RedisError
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts.tokens import AccessToken
from api.describe import operation
from api.identity import person, session_id
from wrenchai_project.redis_client import client

SECONDS = 30
MAX_LENGTH = 100  # characters; ours have 43


class TicketsAway(APIException):
    """Redis, which keeps the tickets, does not answer."""

    status_code = 503
    default_detail = "no tickets while Redis does not answer; try again soon"
    default_code = "redis_unreachable"
    wait = 5  # seconds, for Retry-After


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """For whom a ticket was made. `password_mark` changes with the password; `expires_at` is that of the token."""

    user_id: int
    session_id: str
    password_mark: str
    expires_at: float | None


class TicketShape(TypedDict):
    """A word that opens one WebSocket."""

    ticket: Annotated[str, Field(description="offer it as the second protocol, `ticket.<ticket>`")]
    expires_in: Annotated[int, Field(description="seconds")]


class TicketView(APIView):
    """Give a ticket that opens one WebSocket within 30 seconds."""

    required_action = "stream.ticket"

    @operation(
        "stream_ticket",
        returns=TicketShape,
        example={"ticket": "qk3V0vJm1bS7c3mXK8mQmZc4n2yqT0zR6yT1w9bHc5E", "expires_in": SECONDS},
        status=201,
        errors={
            403: "API keys get no ticket: open the socket with the key itself.",
            503: "Redis, which keeps the tickets, does not answer (redis-unreachable).",
        },
    )
    def post(self, request: Request) -> Response:
        """Give a ticket that opens one WebSocket at `/api/v1/stream` within 30 seconds.

        For whoever should not send a token there. The socket ends when the session that asked does.
        """
        sid = session_id(request)
        if sid is None:
            raise PermissionDenied("tickets are for sessions; open the socket with what you signed in with")
        ticket = Ticket(
            user_id=person(request).pk,
            session_id=sid,
            password_mark=person(request).get_session_auth_hash(),
            expires_at=float(request.auth["exp"]) if isinstance(request.auth, AccessToken) else None,
        )
        answer = Response({"ticket": give(ticket), "expires_in": SECONDS}, status=201)
        answer["Cache-Control"] = "no-store"
        return answer


def give(ticket: Ticket) -> str:
    """Store a ticket and give its word. Raises TicketsAway."""
    word = secrets.token_urlsafe(32)
    try:
        _redis().set(_key(word), json.dumps(asdict(ticket)), ex=SECONDS)
    except RedisError as error:
        raise TicketsAway from error
    return word


def take(word: str) -> Ticket | None:
    """Use a ticket up. None: there is none, or no more. Raises TicketsAway."""
    if len(word) > MAX_LENGTH:
        return None
    try:
        stored = _redis().getdel(_key(word))
    except RedisError as error:
        raise TicketsAway from error
    return Ticket(**json.loads(stored)) if isinstance(stored, bytes) else None


@cache
def _redis() -> Redis:
    return client(settings.REDIS_URL, timeout_seconds=2)


def _key(word: str) -> str:
    return f"wrench:ticket:{hashlib.sha256(word.encode()).hexdigest()}"
