"""Who sends a request to the API, and in which session: by access token, or by a browser's cookie.

Imported by DRF as a default of all views, so it imports no views.
"""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

from accounts import sessions, tokens
from accounts.models import User


class TokenAuthentication(JWTAuthentication):
    """Know a person by an access token whose session is alive."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:  # type: ignore[override]  # our own user
        header = self.get_header(request)
        raw = self.get_raw_token(header) if header is not None else None
        if raw is None:
            return None
        token = self.get_validated_token(raw)
        try:
            session = tokens.check(token)
        except tokens.TokenRefused as error:
            raise InvalidToken(str(error)) from error
        sessions.seen(session, sessions.device_of(request._request))
        return session.user, token


def session_id(request: Request) -> str | None:
    """Tell the public id of the session that a request belongs to. None: it came by neither token nor cookie."""
    if isinstance(request.auth, tokens.AccessToken):
        return str(request.auth[sessions.SID])
    if request.auth is None and hasattr(request, "session"):
        return request.session.get(sessions.SID)
    return None


def person(request: Request) -> User:
    """Give the person of a request whose action asks for one."""
    assert isinstance(request.user, User)
    return request.user
