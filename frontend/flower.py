"""Flower behind our own sign-in: staff reach it at /flower/, nobody else does, and its password stays on the server.

    browser ──session of staff──> here ──the password of WRENCH_FLOWER_URL──> Flower

Flower knows one password for everybody and no session of ours, so each request is passed on by this view, for who may
manage queues. What the browser sent is not trusted: only a few headers go on, no cookie goes either way, and what
changes something must come from our own origin (Flower asks the same by Sec-Fetch-Site). Flower's pages show names
and arguments of tasks on our origin: their Content-Security-Policy lets run what Flower serves as files, and, by
their digests, exactly those inline parts that the pinned version has.
"""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import unquote, urlsplit

import httpx
import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from accounts import access
from frontend.views import error, user_of

log = structlog.get_logger(__name__)

PREFIX = "flower"
SECONDS = 20.0  # Flower asks workers, and waits for those that are gone
MOST_BYTES = 20 * 1024 * 1024
SAFE = frozenset({"GET", "HEAD"})
SENT = (
    "Accept",
    "Accept-Language",
    "Content-Type",
    "If-None-Match",
    "If-Modified-Since",
    "Sec-Fetch-Site",
    "X-Requested-With",
)
ANSWERED = ("Content-Type", "ETag", "Last-Modified", "Cache-Control", "Content-Disposition")
INLINE_SCRIPTS = tuple(f"\nvar autorefresh = {number};\n" for number in (1, 0))
INLINE_STYLES = ("width: 125px;",)


def _digests(texts: tuple[str, ...]) -> str:
    found = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in found)


POLICY = (
    f"default-src 'none'; script-src 'self' {_digests(INLINE_SCRIPTS)};"
    f" style-src 'self' 'unsafe-hashes' {_digests(INLINE_STYLES)}; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@csrf_exempt  # Flower's scripts know no token of ours: what changes something is let in by its origin
@login_required
def flower(request: HttpRequest, path: str = "") -> HttpResponse:
    """Pass a request on to Flower, for staff."""
    if not settings.FLOWER_URL:
        raise Http404
    if not access.may(user_of(request), "queue.manage"):
        raise PermissionDenied
    if {".", ".."} & set(path.split("/")):
        raise Http404  # who asked so would leave our prefix, on a host where others may answer, too
    if request.method not in SAFE:
        if not _is_ours(request):
            raise PermissionDenied
        log.info("flower_asked", method=request.method, path=path[:200], by=user_of(request).get_username())
    try:
        return _answered(request, path)
    except (httpx.HTTPError, OSError) as fault:
        log.warning("flower_away", reason=str(fault))
        return error(request, 503, text=_("Flower does not answer. Try again in a moment."))


def _is_ours(request: HttpRequest) -> bool:
    """Tell whether a page of our own sends this: browsers name the origin with whatever changes something."""
    return request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"


def _answered(request: HttpRequest, path: str) -> HttpResponse:
    place = urlsplit(settings.FLOWER_URL)
    query = iri_to_uri(request.META.get("QUERY_STRING", ""))
    port = f":{place.port}" if place.port else ""
    url = httpx.URL(f"{place.scheme}://{place.hostname}{port}").copy_with(
        raw_path=_target(request).encode("ascii") + (f"?{query}".encode("ascii") if query else b"")
    )
    auth = (unquote(place.username or ""), unquote(place.password or "")) if place.username else None
    with (
        httpx.Client(timeout=SECONDS, trust_env=False, follow_redirects=False) as client,
        client.stream(
            request.method or "", url, headers=_headers(request), content=request.body, auth=auth
        ) as got,
    ):
        return _response(got, _read(got))


def _target(request: HttpRequest) -> str:
    """Give the path, encoded again: names of workers and tasks may have any sign in them."""
    return request.get_full_path().partition("?")[0]


def _headers(request: HttpRequest) -> dict[str, str]:
    """Give what goes on. What no header can hold is left out."""
    told = {name: request.headers.get(name, "") for name in SENT}
    sent = {name: value for name, value in told.items() if value.isascii() and value.isprintable() and value}
    return {**sent, "Host": request.get_host(), "Accept-Encoding": "identity"}


def _read(got: httpx.Response) -> bytes:
    found = bytearray()
    for part in got.iter_raw():
        found += part
        if len(found) > MOST_BYTES:
            raise httpx.ReadError(f"the answer has more than {MOST_BYTES} bytes")
    return bytes(found)


def _response(got: httpx.Response, body: bytes) -> HttpResponse:
    if got.status_code in {401, 403} and "www-authenticate" in got.headers:
        raise httpx.ReadError(
            "it refuses our password; set the same in FLOWER_BASIC_AUTH and WRENCH_FLOWER_URL"
        )
    answer = HttpResponse(body, status=got.status_code)
    del answer.headers["Content-Type"]
    for name in ANSWERED:
        if name in got.headers:
            answer.headers[name] = got.headers[name]
    if "location" in got.headers:
        answer.headers["Location"] = _near(got.headers["location"])
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def _near(location: str) -> str:
    """Keep a redirect below our own prefix, wherever Flower thinks that it is."""
    path = urlsplit(location).path
    return path if path.startswith(f"/{PREFIX}/") else f"/{PREFIX}/"
