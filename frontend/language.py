"""The reader's language: what the person chose, else what this browser chose, else what it asks for, else English.

    signed in ──> User.language ──(empty)──> cookie ──(none)──> Accept-Language ──(none that we have)──> English

Pages alone are translated. The API and the admin speak English whoever asks, so that programs, tests of programs and
operators' notes read the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from frontend import choices
from frontend.account_frame import show
from frontend.forms import way_back

ENGLISH_ONLY = ("/api/", "/admin/", "/static/", "/livez", "/readyz", "/metrics")
PAGES_OF_THE_API = frozenset({"/api/v1/docs"})
AUTOMATIC = "auto"
"""What a form sends for: as the browser asks."""


class ReaderLanguage:
    """Middleware, after that of authentication: render the page in the reader's language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(ENGLISH_ONLY) and request.path not in PAGES_OF_THE_API:
            with translation.override(settings.LANGUAGE_CODE):
                return self.get_response(request)
        with translation.override(chosen(request)):
            response = self.get_response(request)
            response.headers.setdefault(
                "Content-Language", translation.get_language() or settings.LANGUAGE_CODE
            )
        patch_vary_headers(response, ("Accept-Language",))
        return response


def chosen(request: HttpRequest) -> str:
    """Give the code of the language that a page is written in for whoever asks."""
    user = request.user
    if isinstance(user, User) and user.language in dict(settings.LANGUAGES):
        return user.language
    return translation.get_language_from_request(request)


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Keep `language` for the person and in this browser, and go back to `next`, or to the start."""
    language = request.POST.get("language", "")
    if language != AUTOMATIC and language not in dict(settings.LANGUAGES):
        known = ", ".join([AUTOMATIC, *dict(settings.LANGUAGES)])
        return HttpResponseBadRequest(f"the language must be one of {known}")
    kept = "" if language == AUTOMATIC else language
    if isinstance(request.user, User) and request.user.language != kept:
        request.user.language = kept
        request.user.save(update_fields=["language"])
    return choices.keep(request, way_back(request), settings.LANGUAGE_COOKIE_NAME, kept)


@require_safe
@login_required
def language_page(request: HttpRequest) -> HttpResponse:
    """Choose the language of the pages for yourself, wherever you sign in."""
    assert isinstance(request.user, User)
    return show(request, "language", "frontend/language.html", {"kept": request.user.language})
