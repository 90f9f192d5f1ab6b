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
from typing import Annotated, Any

from django.contrib.auth import authenticate
from django.db import transaction
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import TypedDict

from accounts import attempts, audit, sessions, tokens
from accounts.audit import Act
from accounts.models import User
from api.describe import Refusal, operation
from api.oauth import OAuthRefused, TokenEndpoint, read

MAX_SECRET = 4096  # characters of a password or token: a longer one is refused before it is hashed


class Secret(serializers.CharField):
    """A text that is taken as it comes, spaces and all."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_SECRET, trim_whitespace=False, **kwargs)


class TokenForm(serializers.Serializer[Any]):
    """What every way of asking for tokens has."""

    grant_type = serializers.CharField(
        default="password", max_length=100, help_text="`password` or `refresh_token`"
    )
    scope = serializers.CharField(
        default=tokens.SCOPE,
        max_length=1000,
        help_text=f"there is one: `{tokens.SCOPE}`, all that you may do",
    )


class PasswordForm(serializers.Serializer[Any]):
    """How to ask for a pair by password."""

    username = serializers.CharField(max_length=150)
    password = Secret()


class RefreshForm(serializers.Serializer[Any]):
    """How to ask for the next pair."""

    refresh_token = Secret()


class ObtainForm(TokenForm):
    """How to ask for a pair: by password, or by refresh token."""

    username = serializers.CharField(max_length=150, required=False, help_text="for `password`")
    password = Secret(required=False, write_only=True, help_text="for `password`")
    refresh_token = Secret(required=False, write_only=True, help_text="for `refresh_token`")


class RevokeForm(serializers.Serializer[Any]):
    """How to give a token back."""

    token = Secret()


class TokenPair(TypedDict):
    """An access token for requests, and a refresh token for the next pair."""

    access_token: str
    token_type: Annotated[str, Field(json_schema_extra={"enum": ["Bearer"]})]
    expires_in: Annotated[int, Field(description="seconds that the access token is good for")]
    refresh_token: Annotated[str, Field(description="good once, for the next pair")]
    scope: str


class OAuthError(TypedDict):
    """A refusal in the form of RFC 6749."""

    error: Annotated[
        str,
        Field(
            json_schema_extra={
                "enum": ["invalid_request", "invalid_grant", "invalid_scope", "unsupported_grant_type"]
            }
        ),
    ]
    error_description: str


_PAIR = {
    "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6IjIwMjYtMTEifQ.eyJzdWIiOiI3In0.dGhlIHNpZ25hdHVyZQ",
    "token_type": "Bearer",
    "expires_in": 600,
    "refresh_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6IjIwMjYtMTEifQ.eyJzdWIiOiI3Iiwicm5kIjoxfQ.YW5vdGhlcg",
    "scope": "api",
}
_REFUSED = Refusal(
    status=400,
    text="What was sent is refused, in the form of OAuth 2: `error` is a word of RFC 6749.",
    shape=OAuthError,
    example={
        "error": "invalid_grant",
        "error_description": "this user name and password do not belong together",
    },
)
_MANY = {429: "Too many attempts from this address or for this name; Retry-After tells how long to wait."}


class ObtainToken(TokenEndpoint):
    """Give a pair of tokens for a user name and a password, or for a refresh token."""

    required_action = "token.obtain"

    @operation(
        "token_obtain",
        body=ObtainForm,
        sends={"grant_type": "password", "username": "alice", "password": "correct horse battery staple"},
        returns=TokenPair,
        example=_PAIR,
        refusal=_REFUSED,
        errors=_MANY,
    )
    def post(self, request: Request) -> Response:
        """Sign a program in for a pair of tokens, by user name and password or by refresh token.

        A form as in OAuth 2 (RFC 6749), or JSON. The sign-in begins a session, which `/api/v1/sessions` lists. Send
        the access token as `Authorization: Bearer <token>`; when it is over, the refresh token, good once, gives the
        next pair.
        """
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

    @operation(
        "token_refresh",
        body=RefreshForm,
        sends={"refresh_token": _PAIR["refresh_token"]},
        returns=TokenPair,
        example=_PAIR,
        refusal=_REFUSED,
        errors=_MANY,
    )
    def post(self, request: Request) -> Response:
        """Use up a refresh token for the next pair.

        A refresh token that was used before ends its session, and with it every token of the session: either it was
        stolen, or the program lost an answer and signs in again.
        """
        return _by_refresh_token(request)


class RevokeToken(TokenEndpoint):
    """Sign out: end the session of a token. Anything else that is sent ends nothing, and is answered the same."""

    required_action = "token.revoke"

    @operation(
        "token_revoke",
        body=RevokeForm,
        sends={"token": _PAIR["refresh_token"]},
        refusal=_REFUSED,
        errors=_MANY,
    )
    def post(self, request: Request) -> Response:
        """Sign out: end the session of an access or refresh token (RFC 7009).

        A text that is no token of ours ends nothing, and is answered the same.
        """
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
