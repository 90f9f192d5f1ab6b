"""Who is behind a browser's request: the cookie's session, if its device session is still alive.

In place of Django's own middleware. Costs one query for a page that asks who it is for, none for others.
Invariant: a cookie whose device session was revoked is nobody's, and its session is flushed.
"""

from __future__ import annotations

from functools import partial

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware, get_user
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import sessions
from accounts.models import User

Person = User | AnonymousUser


class DeviceAuthentication(AuthenticationMiddleware):
    """Set `request.user`, looked up when somebody asks."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: user_of(request))  # type: ignore[assignment]  # as Django does
        request.auser = partial(sync_to_async(user_of), request)


def user_of(request: HttpRequest) -> Person:
    """Give the person of a request by cookie, and note that the session was used."""
    known: Person | None = getattr(request, "_device_user", None)
    if known is None:
        known = _look_up(request)
        request._device_user = known  # type: ignore[attr-defined]  # ours, as Django's _cached_user
    return known


def _look_up(request: HttpRequest) -> Person:
    user = get_user(request)
    if not isinstance(user, User):
        return AnonymousUser()
    session = sessions.find(request.session.get(sessions.SID), user.pk)
    if session is None:
        request.session.flush()
        return AnonymousUser()
    sessions.seen(session, sessions.device_of(request))
    return user
