"""What every answer tells a browser: what a page may load and where it may send, and that nobody keeps a page.

The pages and the admin need scripts, styles and a socket of our own origin, and nothing inline. An answer that brings
a header of its own (artifacts, Flower, static files) keeps it.

Invariant: a page that a person saw is in no cache, so that the back button shows nothing once they have signed out.
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


HEADERS = {
    "Content-Security-Policy": STRICT,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",  # static files come past Django's own middleware for it
    "Cache-Control": "private, no-store",
}


class ContentSecurityPolicy:
    """Middleware, before that of static files: add the headers to whatever has none of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
