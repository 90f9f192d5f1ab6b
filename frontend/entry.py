"""The page behind a one-time sign-in link, which the terminal shows where the server was started."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import attempts, entries
from frontend import views


@require_GET
@never_cache
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in by a link, once, and go where it leads. Opened again by who it has signed in, it leads there, too."""
    if not _is_gone_to(request):
        return HttpResponse(status=503)
    try:
        attempts.count(request, group="entry-link")
    except attempts.TooManyAttempts as refused:
        return views.slow_down(request, refused)
    link = entries.find(token)
    if link is None:
        return views.error(request, 410)
    if request.user.is_authenticated and request.user.pk == link.user_id:
        entries.use(link)
        return _onward(link.leads_to)
    if not entries.use(link):
        return views.error(request, 410)
    login(request, link.user)
    return _onward(link.leads_to)


def _is_gone_to(request: HttpRequest) -> bool:
    """Tell whether somebody goes to this page: a browser that looks ahead, a picture or a script spends nothing."""
    ahead = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"))
    return not any(word in told for told in ahead for word in ("prefetch", "preview")) and (
        request.headers.get("Sec-Fetch-Dest", "document") == "document"
    )


def _onward(path: str) -> HttpResponse:
    answer = redirect(path)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
