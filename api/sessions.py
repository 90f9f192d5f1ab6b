"""Where the caller is signed in, and ending that.

GET  /api/v1/sessions                those that are alive, last seen first; `this` marks the caller's own
POST /api/v1/sessions/<id>/revoke    end one of them
POST /api/v1/sessions/revoke         {"which"?: "others" | "all"}: all but the caller's own, or sign out everywhere

An ended session is refused at its next request, and its sockets are closed. Nobody sees or ends another's here.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import Http404
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import devices, sessions
from accounts.models import DeviceSession, EndedBecause, SessionKind
from api.bodies import StrictSerializer, valid
from api.describe import operation
from api.identity import person, session_id
from api.shapes import Moment, Uuid, moment

MOST_SHOWN = 200


class RevokeOrder(StrictSerializer):
    """Which sessions to end."""

    which = serializers.ChoiceField(
        choices=["others", "all"],
        default="others",
        help_text="others: all but the one that asks; all: that one, too",
    )


class SessionShape(TypedDict):
    """A device on which you are signed in."""

    id: Uuid
    kind: Annotated[str, Field(json_schema_extra={"enum": [kind.value for kind in SessionKind]})]
    this: Annotated[bool, Field(description="it is the session that asks")]
    device: Annotated[str, Field(description="browser or program and system, in words")]
    user_agent: str
    ip: Annotated[str | None, Field(description="address that it was last seen at")]
    created_at: Moment
    last_seen_at: Moment
    expires_at: Moment


class Sessions(TypedDict):
    """Where you are signed in."""

    results: list[SessionShape]


class Revoked(TypedDict):
    """How many sessions were ended."""

    revoked: int


_SESSION = {
    "id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a20",
    "kind": "program",
    "this": True,
    "device": "curl on Linux",
    "user_agent": "curl/8.10.1",
    "ip": "203.0.113.7",
    "created_at": "2026-11-25T09:00:00Z",
    "last_seen_at": "2026-11-25T09:30:00Z",
    "expires_at": "2026-12-02T09:30:00Z",
}


class SessionsView(APIView):
    """List where you are signed in."""

    required_action = "session.view"

    @operation("sessions_list", returns=Sessions, example={"results": [_SESSION]})
    def get(self, request: Request) -> Response:
        """List where you are signed in, last seen first. At most 200 are shown."""
        mine = session_id(request)
        found = sessions.alive(person(request))[:MOST_SHOWN]
        return Response({"results": [_shape(row, mine) for row in found]})


class SessionRevokeView(APIView):
    """End one of your sessions."""

    required_action = "session.revoke"

    @operation("sessions_revoke_one", returns=Revoked, example={"revoked": 1})
    def post(self, request: Request, session_id: UUID) -> Response:
        """End one of your sessions. Its next request is refused, and its sockets are closed."""
        if not sessions.end(session_id, person(request).pk, EndedBecause.REVOKED):
            raise Http404(f"you have no open session {session_id}")
        return Response({"revoked": 1})


class SessionsRevokeView(APIView):
    """End your other sessions, or all."""

    required_action = "session.revoke"

    @operation(
        "sessions_revoke",
        body=RevokeOrder,
        sends={"which": "others"},
        returns=Revoked,
        example={"revoked": 3},
    )
    def post(self, request: Request) -> Response:
        """End your other sessions, or all: sign out everywhere."""
        which = valid(RevokeOrder(data=request.data))["which"]
        but = session_id(request) if which == "others" else None
        return Response({"revoked": sessions.end_all(person(request).pk, EndedBecause.REVOKED, but=but)})


def _shape(row: DeviceSession, mine: str | None) -> SessionShape:
    return {
        "id": str(row.public_id),
        "kind": row.kind,
        "this": str(row.public_id) == mine,
        "device": devices.name(row.user_agent),
        "user_agent": row.user_agent,
        "ip": row.ip,
        "created_at": moment(row.created_at),
        "last_seen_at": moment(row.last_seen_at),
        "expires_at": moment(row.expires_at),
    }
