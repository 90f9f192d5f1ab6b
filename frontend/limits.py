"""Rate limits of the pages: charged like requests of the API, refused by a page that says when to come back."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.limits import addresses, engine
from accounts.limits.calls import Call
from accounts.limits.engine import Fallback, LimitReached
from accounts.models import User
from frontend import views

NOT_PAGES = ("/api/", "/static/", "/livez", "/readyz")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class PageLimits:
    """Middleware, after that of authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(NOT_PAGES):
            return self.get_response(request)
        verdict = engine.take(
            _call_of(request), fallback=Fallback.OPEN if request.method in SAFE_METHODS else Fallback.LOCAL
        )
        if verdict.allowed:
            return self.get_response(request)
        reached = LimitReached(verdict)
        answer = views.error(request, 429, text=f"{str(reached).capitalize()}.")
        answer.headers["Retry-After"] = str(reached.retry_after)
        return answer


def _call_of(request: HttpRequest) -> Call:
    user = request.user
    return Call(
        method=request.method or "",
        path=request.path,
        address=addresses.of_request(request),
        user_id=user.pk if isinstance(user, User) else None,
        user_name=user.get_username() if isinstance(user, User) else "",
    )
