"""What caches may keep of the API's answers: browsers for the one who asked, and nobody else.

Invariant: an answer below /api/ that says nothing of caches itself is for its asker alone, and is asked for again
each time (an ETag spares the body); what tells people apart (Authorization, Cookie) is part of its key.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

PRIVATE = "private, no-cache"


class PrivateAnswers:
    """Middleware: keep shared caches from giving one person's answer to another."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", PRIVATE)
            patch_vary_headers(response, ("Authorization", "Cookie"))
        return response
