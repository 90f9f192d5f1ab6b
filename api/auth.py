"""Signing in by password for a pair of tokens, and renewing it.

    POST /api/v1/token           {"username", "password"} -> {"access", "refresh"}
    POST /api/v1/token/refresh   {"refresh"}              -> {"access"}

Both are counted (accounts.attempts).
"""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from accounts import attempts
from accounts.models import User
from api.permissions import ActionPermission


class ObtainToken(TokenObtainPairView):
    """Give a pair of tokens for a user name and a password."""

    required_action = "token.obtain"
    permission_classes = (ActionPermission,)  # type: ignore[assignment]  # simplejwt declares the empty tuple

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = request.data if isinstance(request.data, dict) else {}
        attempts.count(request._request, group="sign-in", name=str(given.get("username", "")))
        return super().post(request, *args, **kwargs)


class RefreshAccess(TokenRefreshView):
    """Give a new access token for a refresh token whose user is still there, active, with the same password."""

    required_action = "token.refresh"
    permission_classes = (ActionPermission,)  # type: ignore[assignment]  # simplejwt declares the empty tuple

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        attempts.count(request._request, group="refresh")
        answer = super().post(request, *args, **kwargs)
        given: Any = request.data  # a dictionary: the line before has read it
        JWTAuthentication().get_user(RefreshToken(given["refresh"]))  # refuses a changed password
        return answer

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, User.DoesNotExist):  # which simplejwt lets through
            exc = InvalidToken("the token's user is gone")
        return super().handle_exception(exc)
