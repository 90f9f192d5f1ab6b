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
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import keys
from accounts.bounds import SCOPES
from accounts.models import ApiKey, User
from api.bodies import StrictSerializer, valid
from api.lookup import PROJECT, find_project
from api.shapes import moment

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

    cursor = serializers.UUIDField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=50)


class KeysView(APIView):
    """List your API keys, or make one."""

    required_action = {"GET": "key.view", "POST": "key.manage"}

    @extend_schema(operation_id="keys_list", parameters=[KeyFilter], responses=OpenApiTypes.OBJECT)
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

    @extend_schema(operation_id="keys_create", request=KeyOrder, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Make a key. `key` is in this answer and never again."""
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

    @extend_schema(operation_id="keys_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key_id: UUID) -> Response:
        return Response(key_shape(_find(request, key_id)))

    @extend_schema(operation_id="keys_revoke", responses={204: None})
    def delete(self, request: Request, key_id: UUID) -> Response:
        """Revoke a key at once, and end its sockets. Twice is as good as once."""
        keys.revoke(_find(request, key_id), now=timezone.now())
        return Response(status=204)


class KeyRotateView(APIView):
    """Give a key a successor."""

    required_action = "key.manage"

    @extend_schema(operation_id="keys_rotate", request=RotateOrder, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, key_id: UUID) -> Response:
        """Make a successor with the same scopes and projects; the old key works on for `overlap_seconds`."""
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


def key_shape(row: ApiKey) -> dict[str, Any]:
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
    body = {**key_shape(minted.row), "key": minted.text}
    return Response(body, status=201, headers={"Location": location, **SECRET_ANSWER})
