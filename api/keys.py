"""Your API keys.

GET    /api/v1/keys               newest first, those that are over too; ?limit= &cursor=
POST   /api/v1/keys               {"name", "scopes", "projects"?, "expires_in_days"?} -> 201 with "key", shown once
GET    /api/v1/keys/<id>
POST   /api/v1/keys/<id>/rotate   {"overlap_seconds"?, "expires_in_days"?} -> 201 with the successor's "key"
DELETE /api/v1/keys/<id>          revoke at once

Another person's key is not there (404), whoever asks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from pydantic import Field
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import keys
from accounts.bounds import SCOPES
from accounts.models import ApiKey, User
from api.bodies import StrictSerializer, valid
from api.describe import Page, operation
from api.lookup import PROJECT, find_project
from api.shapes import Moment, Uuid, moment

MAX_PAGE = 200
MAX_DAYS = 366
DEFAULT_DAYS = 90
DEFAULT_OVERLAP = 24 * 3600
MAX_OVERLAP = 30 * 24 * 3600
SECRET_ANSWER = {"Cache-Control": "no-store"}


class KeyConflict(APIException):
    """The key is not in a state that allows this."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "key-conflict"


class KeyOrder(StrictSerializer):
    """The body that makes a key."""

    name = serializers.CharField(min_length=1, max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES), min_length=1, max_length=len(SCOPES)
    )
    projects = serializers.ListField(
        child=serializers.RegexField(PROJECT),
        required=False,
        allow_null=True,
        default=None,
        min_length=1,
        max_length=100,
        help_text="slugs, or team/slug where slugs repeat; left out: every project of yours, later ones too",
    )
    expires_in_days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, default=DEFAULT_DAYS)


class RotateOrder(StrictSerializer):
    """The body that rotates a key."""

    overlap_seconds = serializers.IntegerField(min_value=0, max_value=MAX_OVERLAP, default=DEFAULT_OVERLAP)
    expires_in_days = serializers.IntegerField(
        min_value=1,
        max_value=MAX_DAYS,
        required=False,
        help_text="left out: as long as the old key was made for",
    )


class KeyFilter(StrictSerializer):
    """The query of the list."""

    cursor = serializers.UUIDField(
        required=False, help_text="`next` of the page before holds it: the id of its last key"
    )
    limit = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=50, help_text="rows per page")


class KeyShape(TypedDict):
    """An API key, without the key."""

    id: Uuid
    name: str
    prefix: Annotated[str, Field(description="what the key begins with")]
    scopes: list[str]
    projects: Annotated[list[str] | None, Field(description="team/slug each; null: all of yours")]
    is_live: Annotated[bool, Field(description="it is good now: neither revoked nor over")]
    created_at: Moment
    expires_at: Moment
    last_used_at: Moment | None
    revoked_at: Moment | None
    replaces: Annotated[Uuid | None, Field(description="the key that it came after by rotation")]


class MintedKeyShape(KeyShape):
    """A new API key. Nobody is shown the key again."""

    key: Annotated[str, Field(description="send it as `Authorization: Bearer <key>`")]


_KEY_ID = "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a40"
_ORDER: dict[str, Any] = {
    "name": "nightly inspection",
    "scopes": ["run.view", "run.submit"],
    "projects": ["acme/shop"],
    "expires_in_days": 90,
}
_KEY = {
    "id": _KEY_ID,
    "name": _ORDER["name"],
    "prefix": "wr_k7m2q9xw",
    "scopes": _ORDER["scopes"],
    "projects": _ORDER["projects"],
    "is_live": True,
    "created_at": "2026-11-25T09:00:00Z",
    "expires_at": "2027-02-23T09:00:00Z",
    "last_used_at": "2026-11-25T09:30:00Z",
    "revoked_at": None,
    "replaces": None,
}
_MINTED = {**_KEY, "last_used_at": None, "key": "wr_<prefix>_<secret>"}
_TOO_WIDE = "A key cannot make a key that may do more than itself."
_TOO_MANY = "You have as many keys as one person may have."


class KeysView(APIView):
    """List your API keys, or make one."""

    required_action = {"GET": "key.view", "POST": "key.manage"}

    @operation(
        "keys_list", query=KeyFilter, returns=Page[KeyShape], example={"results": [_KEY], "next": None}
    )
    def get(self, request: Request) -> Response:
        """List your API keys, newest first. None of them is shown again."""
        wanted = valid(KeyFilter(data=request.query_params.dict()))
        found = keys.keys_of(_person(request))
        if "cursor" in wanted:
            before = found.filter(public_id=wanted["cursor"]).values_list("pk", flat=True).first()
            if before is None:
                raise serializers.ValidationError(
                    {"cursor": ["there is no such key; start without a cursor"]}
                )
            found = found.filter(pk__lt=before)
        page = list(found[: wanted["limit"] + 1])
        shown, following = page[: wanted["limit"]], None
        if len(page) > len(shown):
            query = {**request.query_params.dict(), "cursor": str(shown[-1].public_id)}
            following = f"{request.path}?{urlencode(query)}"
        return Response({"results": [key_shape(row) for row in shown], "next": following})

    @operation(
        "keys_create",
        body=KeyOrder,
        sends=_ORDER,
        returns=MintedKeyShape,
        example=_MINTED,
        status=201,
        errors={403: _TOO_WIDE, 409: _TOO_MANY},
    )
    def post(self, request: Request) -> Response:
        """Make an API key. `key` is in this answer and never again.

        A key does what its scopes hold in its projects, and never more than you may at that moment.
        """
        order, now = valid(KeyOrder(data=request.data)), timezone.now()
        named = order["projects"]
        projects = None if named is None else [find_project(request, name) for name in named]
        try:
            minted = keys.create(
                _person(request),
                order["name"],
                scopes=order["scopes"],
                projects=projects,
                expires_at=now + timedelta(days=order["expires_in_days"]),
                now=now,
            )
        except keys.KeyTooWide as error:
            raise PermissionDenied(str(error)) from error
        except keys.TooManyKeys as error:
            raise KeyConflict(str(error)) from error
        return _shown_once(minted)


class KeyView(APIView):
    """Read about one of your API keys, or revoke it."""

    required_action = {"GET": "key.view", "DELETE": "key.manage"}

    @operation("keys_read", returns=KeyShape, example=_KEY)
    def get(self, request: Request, key_id: UUID) -> Response:
        """Read about one of your API keys. The key itself is not shown again."""
        return Response(key_shape(_find(request, key_id)))

    @operation("keys_revoke", status=204)
    def delete(self, request: Request, key_id: UUID) -> Response:
        """Revoke a key at once, and end its sockets. Twice is as good as once."""
        keys.revoke(_find(request, key_id), now=timezone.now())
        return Response(status=204)


class KeyRotateView(APIView):
    """Give a key a successor."""

    required_action = "key.manage"

    @operation(
        "keys_rotate",
        body=RotateOrder,
        sends={"overlap_seconds": 3600},
        returns=MintedKeyShape,
        example={**_MINTED, "id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a41", "replaces": _KEY_ID},
        status=201,
        errors={403: _TOO_WIDE, 409: f"The key is no longer good. {_TOO_MANY}"},
    )
    def post(self, request: Request, key_id: UUID) -> Response:
        """Give a key a successor with the same scopes and projects; the old key works on for `overlap_seconds`."""
        order, now = valid(RotateOrder(data=request.data)), timezone.now()
        old = _find(request, key_id)
        days = order.get("expires_in_days")
        life = _life_of(old) if days is None else timedelta(days=days)
        overlap = timedelta(seconds=order["overlap_seconds"])
        try:
            minted = keys.rotate(_person(request), old, overlap=overlap, expires_at=now + life, now=now)
        except keys.KeyTooWide as error:
            raise PermissionDenied(str(error)) from error
        except (keys.KeyNotLive, keys.TooManyKeys) as error:
            raise KeyConflict(str(error)) from error
        return _shown_once(minted)


def key_shape(row: ApiKey) -> KeyShape:
    """A key in JSON, without the key."""
    names = [f"{project.team.slug}/{project.slug}" for project in row.projects.all()]
    return {
        "id": str(row.public_id),
        "name": row.name,
        "prefix": f"wr_{row.prefix}",
        "scopes": row.scopes,
        "projects": names if row.is_bound else None,
        "is_live": row.is_live(timezone.now()),
        "created_at": moment(row.created_at),
        "expires_at": moment(row.expires_at),
        "last_used_at": moment(row.last_used_at),
        "revoked_at": moment(row.revoked_at),
        "replaces": str(row.replaces.public_id) if row.replaces else None,
    }


def _person(request: Request) -> User:
    """Give who asks: somebody who is signed in, or the view's permission had refused."""
    return cast("User", request.user)


def _find(request: Request, key_id: UUID) -> ApiKey:
    row = keys.keys_of(_person(request)).filter(public_id=key_id).first()
    if row is None:
        raise Http404(f"you have no API key {key_id}")
    return row


def _life_of(old: ApiKey) -> timedelta:
    return min(max(old.expires_at - old.created_at, timedelta(days=1)), timedelta(days=MAX_DAYS))


def _shown_once(minted: keys.MintedKey) -> Response:
    location = reverse("api:key", args=[minted.row.public_id])
    body: MintedKeyShape = {**key_shape(minted.row), "key": minted.text}
    return Response(body, status=201, headers={"Location": location, **SECRET_ANSWER})
