"""Signing in by API key: `Authorization: Bearer wr_...`, for REST; `api.sockets` asks `accounts.keys` itself.

`request.auth` is the key's row, `request.user` its owner, held to the key's bounds. What is no API key is left to
the next way of signing in.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import keys
from accounts.key_text import START
from accounts.models import ApiKey, User


class KeyAuthentication(BaseAuthentication):
    """Knows a program by its API key."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        text = text.strip()
        if kind.lower() != "bearer" or not text.startswith(START):
            return None
        try:
            row = keys.recognize(text, now=timezone.now())
        except (keys.KeyMistyped, keys.KeyUnknown, keys.KeyNotLive) as error:
            raise AuthenticationFailed(str(error)) from error
        return row.owner, row

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular has no types here
    """Tells the schema of it."""

    target_class = "api.key_auth.KeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "wr_<prefix>_<secret>",
            "description": "An API key, held to its scopes and projects.",
        }
