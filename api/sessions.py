"""Where the caller is signed in, and ending that.

GET  /api/v1/sessions                those that are alive, last seen first; `this` marks the caller's own
POST /api/v1/sessions/<id>/revoke    end one of them
POST /api/v1/sessions/revoke         {"which"?: "others" | "all"}: all but the caller's own, or sign out everywhere

An ended session is refused at its next request, and its sockets are closed. Nobody sees or ends another's here.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import devices, sessions
from accounts.models import DeviceSession, EndedBecause
from api.bodies import StrictSerializer, valid
from api.identity import person, session_id

MOST_SHOWN = 200


class RevokeOrder(StrictSerializer):
    """Which sessions to end."""

    which = serializers.ChoiceField(choices=["others", "all"], default="others")


class SessionsView(APIView):
    """List where you are signed in."""

    required_action = "session.view"

    @extend_schema(operation_id="sessions_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        mine = session_id(request)
        found = sessions.alive(person(request))[:MOST_SHOWN]
        return Response({"results": [_shape(row, mine) for row in found]})


class SessionRevokeView(APIView):
    """End one of your sessions."""

    required_action = "session.revoke"

    @extend_schema(operation_id="sessions_revoke_one", request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, session_id: UUID) -> Response:
        if not sessions.end(session_id, person(request).pk, EndedBecause.REVOKED):
            raise Http404(f"you have no open session {session_id}")
        return Response({"revoked": 1})


class SessionsRevokeView(APIView):
    """End your other sessions, or all."""

    required_action = "session.revoke"

    @extend_schema(operation_id="sessions_revoke", request=RevokeOrder, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        which = valid(RevokeOrder(data=request.data))["which"]
        but = session_id(request) if which == "others" else None
        return Response({"revoked": sessions.end_all(person(request).pk, EndedBecause.REVOKED, but=but)})


def _shape(row: DeviceSession, mine: str | None) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "kind": row.kind,
        "this": str(row.public_id) == mine,
        "device": devices.name(row.user_agent),
        "user_agent": row.user_agent,
        "ip": row.ip,
        "created_at": row.created_at,
        "last_seen_at": row.last_seen_at,
        "expires_at": row.expires_at,
    }
