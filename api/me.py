"""Who you are here, and by what you came.

GET   /api/v1/me   your name, your teams with your role, and the key or session of this request; with its ETag
PATCH /api/v1/me   {"name"}; If-Match is heeded

Every API key may ask who it is, whatever its scopes are.
"""

from __future__ import annotations

from typing import Annotated

from django.db import transaction
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import sessions
from accounts.models import ApiKey, DeviceSession, Membership, User
from accounts.roles import Role
from api import etags
from api.bodies import OneLine, StrictSerializer, valid
from api.describe import operation
from api.identity import person, session_id
from api.keys import key_shape
from api.shapes import Moment, Uuid, moment
from api.teams import RoleName


class MyTeam(TypedDict):
    """A team that you are in."""

    slug: str
    name: str
    role: RoleName


class MyKey(TypedDict):
    """The API key of this request."""

    id: Uuid
    name: str
    prefix: Annotated[str, Field(description="how the key begins")]
    scopes: list[str]
    projects: Annotated[list[str] | None, Field(description="team/slug; null: every project of yours")]
    expires_at: Moment


class MySession(TypedDict):
    """The session of this request."""

    id: Uuid
    kind: Annotated[str, Field(json_schema_extra={"enum": ["browser", "program"]})]
    created_at: Moment
    expires_at: Moment


class Me(TypedDict):
    """Who makes this request, and by what."""

    username: str
    name: Annotated[str, Field(description="for people to read; empty if you gave none")]
    email: Annotated[str, Field(description="empty if there is none; staff change it")]
    is_staff: bool
    is_superuser: bool
    teams: Annotated[list[MyTeam], Field(description="with a key that is bound: only those of its projects")]
    key: Annotated[MyKey | None, Field(description="null: you came by a session")]
    session: Annotated[MySession | None, Field(description="null: you came by a key")]


class MeChange(StrictSerializer):
    """The body that changes you."""

    name = OneLine(max_length=150, allow_blank=True, help_text="how people read you")


_EXAMPLE: Me = {
    "username": "alice",
    "name": "Alice Example",
    "email": "alice@example.org",
    "is_staff": False,
    "is_superuser": False,
    "teams": [{"slug": "acme", "name": "Acme", "role": "owner"}],
    "key": None,
    "session": {
        "id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11",
        "kind": "program",
        "created_at": "2026-11-25T09:30:00Z",
        "expires_at": "2026-12-02T09:30:00Z",
    },
}


class MeView(APIView):
    """Read who you are, or change how people read you."""

    required_action = {"GET": "me.view", "PATCH": "me.edit"}

    @operation("me_read", returns=Me, example=_EXAMPLE)
    def get(self, request: Request) -> Response:
        """Tell who makes this request. Answers with your teams, and with the key or session that you came by."""
        return etags.answer(request, me_shape(request, person(request)))

    @operation(
        "me_edit", body=MeChange, sends={"name": "Alice Example"}, returns=Me, example=_EXAMPLE, editable=True
    )
    def patch(self, request: Request) -> Response:
        """Change how people read you. An address is changed by staff: it decides which questions you may answer."""
        with transaction.atomic():
            row = User.objects.select_for_update(no_key=True).get(pk=person(request).pk)
            etags.demand(request, me_shape(request, row))
            change = valid(MeChange(data=request.data, partial=True))
            if "name" in change:
                row.first_name, row.last_name = change["name"], ""
                row.save(update_fields=["first_name", "last_name"])
            return etags.answer(request, me_shape(request, row))


def me_shape(request: Request, user: User) -> Me:
    """The person of a request in JSON, with what they came by."""
    return {
        "username": user.get_username(),
        "name": user.get_full_name(),
        "email": user.email,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "teams": _teams(person(request)),
        "key": _key(request.auth) if isinstance(request.auth, ApiKey) else None,
        "session": _session(request),
    }


def _teams(user: User) -> list[MyTeam]:
    found = Membership.objects.filter(user_id=user.pk).select_related("team").order_by("team__slug")
    if user.bounds is not None and user.bounds.project_ids is not None:
        found = found.filter(team__projects__in=user.bounds.project_ids).distinct()
    return [{"slug": row.team.slug, "name": row.team.name, "role": Role(row.role).label} for row in found]


def _key(row: ApiKey) -> MyKey:
    shape = key_shape(row)
    return {
        "id": shape["id"],
        "name": shape["name"],
        "prefix": shape["prefix"],
        "scopes": shape["scopes"],
        "projects": shape["projects"],
        "expires_at": shape["expires_at"],
    }


def _session(request: Request) -> MySession | None:
    found: DeviceSession | None = sessions.find(session_id(request), person(request).pk)
    if found is None:
        return None
    return {
        "id": str(found.public_id),
        "kind": found.kind,
        "created_at": moment(found.created_at),
        "expires_at": moment(found.expires_at),
    }
