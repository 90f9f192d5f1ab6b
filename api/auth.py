"""Signing programs in: a password for a pair of tokens, renewing it, giving it back.

    POST /api/v1/token           grant_type=password, username, password, scope?   -> a pair
                                 grant_type=refresh_token, refresh_token, scope?   -> the next pair
    POST /api/v1/token/refresh   refresh_token                                     -> the next pair
    POST /api/v1/token/revoke    token                                             -> 200, whatever it was (RFC 7009)

    a pair: {"access_token", "token_type": "Bearer", "expires_in": 600, "refresh_token", "scope": "api"}

Attempts are counted (accounts.attempts). Whose access token comes to the other resources, `identity` knows.
The place of a later OAuth 2 server: further grant types in `GRANTS`, further scopes beside `tokens.SCOPE`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth import authenticate
from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import attempts, audit, sessions, tokens
from accounts.audit import Act
from accounts.models import User
from api.oauth import OAuthRefused, TokenEndpoint, read

MAX_SECRET = 4096  # characters of a password or token: a longer one is refused before it is hashed


class Secret(serializers.CharField):
    """A text that is taken as it comes, spaces and all."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_SECRET, trim_whitespace=False, **kwargs)


class TokenForm(serializers.Serializer[Any]):
    """How to ask for tokens."""

    grant_type = serializers.CharField(default="password", max_length=100)
    scope = serializers.CharField(default=tokens.SCOPE, max_length=1000)


class PasswordForm(serializers.Serializer[Any]):
    """How to ask for a pair by password."""

    username = serializers.CharField(max_length=150)
    password = Secret()


class RefreshForm(serializers.Serializer[Any]):
    """How to ask for the next pair."""

    refresh_token = Secret()


class RevokeForm(serializers.Serializer[Any]):
    """How to give a token back."""

    token = Secret()


class ObtainToken(TokenEndpoint):
    """Give a pair of tokens for a user name and a password, or for a refresh token."""

    required_action = "token.obtain"

    @extend_schema(request=TokenForm, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        given = request.data if isinstance(request.data, dict) else {}
        grant = GRANTS.get(str(given.get("grant_type", "password")))
        if grant is None:
            raise OAuthRefused(
                "unsupported_grant_type", f"the grant types here are {' and '.join(sorted(GRANTS))}"
            )
        return grant(request)


class RefreshAccess(TokenEndpoint):
    """Use up a refresh token, and give the next pair. One that was used before ends its session."""

    required_action = "token.refresh"

    @extend_schema(request=RefreshForm, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        return _by_refresh_token(request)


class RevokeToken(TokenEndpoint):
    """Sign out: end the session of a token. Anything else that is sent ends nothing, and is answered the same."""

    required_action = "token.revoke"

    @extend_schema(request=RevokeForm, responses={200: None})
    def post(self, request: Request) -> Response:
        attempts.count(request._request, group="refresh")
        tokens.withdraw(read(RevokeForm, request)["token"])
        return Response(status=200)


def _by_password(request: Request) -> Response:
    given = request.data if isinstance(request.data, dict) else {}
    attempts.count(request._request, group="sign-in", name=str(given.get("username", "")))
    _check_scope(request)
    form = read(PasswordForm, request)
    user = authenticate(request._request, username=form["username"], password=form["password"])
    if not isinstance(user, User):
        raise OAuthRefused("invalid_grant", "this user name and password do not belong together")
    with transaction.atomic():
        pair = tokens.sign_in(user, sessions.device_of(request._request))
        audit.record(Act.SIGN_IN, by=user, way="token", subject=f"user:{user.pk}")
    return _answer(pair)


def _by_refresh_token(request: Request) -> Response:
    attempts.count(request._request, group="refresh")
    _check_scope(request)
    form = read(RefreshForm, request)
    try:
        return _answer(tokens.rotate(form["refresh_token"], sessions.device_of(request._request)))
    except tokens.TokenRefused as error:
        raise OAuthRefused("invalid_grant", str(error)) from error


GRANTS: Mapping[str, Callable[[Request], Response]] = {
    "password": _by_password,
    "refresh_token": _by_refresh_token,
}


def _check_scope(request: Request) -> None:
    if read(TokenForm, request)["scope"].split() != [tokens.SCOPE]:
        raise OAuthRefused("invalid_scope", f"the only scope is {tokens.SCOPE}: all that the person may do")


def _answer(pair: tokens.Pair) -> Response:
    return Response(
        {
            "access_token": pair.access,
            "token_type": "Bearer",
            "expires_in": pair.expires_in,
            "refresh_token": pair.refresh,
            "scope": tokens.SCOPE,
        }
    )
