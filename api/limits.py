"""Every request below /api/ is charged once, in one question for all rules of `accounts.limits`.

`RuleThrottle` is the default throttle of every view: there it is known who asks, and for which project. What reaches
no view (a bad token, an unknown path) is charged by `limit_fields.RateLimits`, for its address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.limits import addresses, engine
from accounts.limits.book import book
from accounts.limits.calls import Call
from accounts.limits.engine import Fallback, LimitReached
from accounts.limits.rules import Kind, Scope
from accounts.models import ApiKey, User
from api.permissions import action_of
from api.seen import Seen, project_of

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which reads the settings that name this module

GUARDED = frozenset({"token", "key", "credential", "webhook"})
"""First words of the actions that a guesser would try: never open when Redis is away."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LIMITED = "/api/"
VERDICT = "limits_verdict"
"""The attribute of Django's request that tells what was decided."""


class RuleThrottle(BaseThrottle):
    """Raises LimitReached, which `errors` turns into a 429."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        if request.path.startswith(LIMITED):
            verdict = engine.take(call_of(request, view), fallback=fallback_of(request, view))
            setattr(request._request, VERDICT, verdict)
            if not verdict.allowed:
                raise LimitReached(verdict)
        return True


def call_of(request: Request, view: APIView) -> Call:
    """Tell who asks for what, as the rules see it."""
    user, key = request.user, request.auth
    is_person = isinstance(user, User)
    project: Seen = project_of(request, view) if _counts_projects() else None
    return Call(
        method=request.method or "",
        path=request.path,
        address=addresses.of_request(request._request),
        user_id=user.pk if is_person else None,
        user_name=user.get_username() if is_person else "",
        key=key.prefix if isinstance(key, ApiKey) else "",
        project_id=project[0] if project else None,
        project_name=project[1] if project else "",
    )


def fallback_of(request: Request, view: object) -> Fallback:
    """Tell what decides when Redis is away."""
    method = request.method or ""
    if method in SAFE_METHODS:
        return Fallback.OPEN
    subject = (action_of(view, method) or "").partition(".")[0]
    return Fallback.SMALL if subject in GUARDED else Fallback.LOCAL


def _counts_projects() -> bool:
    return any(rule.scope is Scope.PROJECT for rule in book.rules(Kind.REQUEST))
