"""What a page may load and where it may send: the Content-Security-Policy of every answer.

The pages and the admin need scripts, styles and a socket of our own origin, and nothing inline. An answer that brings
a policy of its own (artifacts, Flower) keeps it.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
FRAMING = f"{STRICT}; frame-src 'self'"  # a page that frames what `document_files` shows


class ContentSecurityPolicy:
    """Middleware: add the headers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", STRICT)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response
