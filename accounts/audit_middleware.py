"""Tells the audit chain, and the versions of what is changed, whose request it is."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts import audit
from accounts.models import User
from history import origins
from history.origins import Origin

DOORS = (("/api/", "rest"), ("/admin/", "admin"))


class AuditedRequest:
    """Middleware, after authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with audit.during(request), origins.during(lambda: origin_of(request)):
            return self.get_response(request)


def origin_of(request: HttpRequest) -> Origin:
    """Tell who makes a request, and by which door: as far as its view has found out by now."""
    user = getattr(request, "user", None)
    door = next((name for start, name in DOORS if request.path.startswith(start)), "page")
    if not isinstance(user, User) or not user.is_authenticated:
        return Origin(through=door)
    key = str(user.bounds.key) if user.bounds is not None else ""
    return Origin(through=door, by=user.get_username(), by_id=user.pk, key=key)
