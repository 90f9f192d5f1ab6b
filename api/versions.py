"""How operations leave the API: told in every answer first, gone after a date (docs/reference/api_versions.md).

    class OldView(APIView):
        @deprecated(since=date(2027, 1, 10), sunset=date(2027, 9, 1), successor="/api/v2/things")
        @operation("things_list", ...)
        def get(self, request: Request) -> Response: ...

Every answer of such an operation, refusals too, brings

    Deprecation: @1799539200                              since when (RFC 9745)
    Sunset: Wed, 01 Sep 2027 00:00:00 GMT                 from when on it may be gone (RFC 8594)
    Link: </docs...>; rel="deprecation", </api/v2/things>; rel="successor-version"

and the schema marks it `deprecated`. Invariant: between the two dates lie at least NOTICE.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import http_date

NOTICE = timedelta(days=180)
POLICY = "/api/v1/docs#versions"
ATTRIBUTE = "deprecation"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """When an operation was deprecated, when it may be gone, and what to use then (a path; empty: nothing)."""

    since: date
    sunset: date
    successor: str = ""

    @property
    def sentence(self) -> str:
        """What the description says of it."""
        instead = f" Use `{self.successor}`." if self.successor else ""
        return f"**Deprecated** since {self.since}; it may be gone from {self.sunset} on.{instead}"

    def headers(self) -> dict[str, str]:
        """Give the fields for an answer."""
        links = [f'<{POLICY}>; rel="deprecation"; type="text/html"']
        if self.successor:
            links.append(f'<{self.successor}>; rel="successor-version"')
        return {
            "Deprecation": f"@{_seconds(self.since)}",
            "Sunset": http_date(_seconds(self.sunset)),
            "Link": ", ".join(links),
        }


def deprecated(*, since: date, sunset: date, successor: str = "") -> Callable[[F], F]:
    """Mark a method of a view as leaving. Raises ValueError when people get less than NOTICE."""
    if sunset - since < NOTICE:
        raise ValueError(
            f"{sunset} is less than {NOTICE.days} days after {since}: people need time to change"
        )
    told = Deprecation(since=since, sunset=sunset, successor=successor)

    def mark(method: F) -> F:
        setattr(method, ATTRIBUTE, told)
        return method

    return mark


def deprecation_of(view: object, method: str) -> Deprecation | None:
    """Tell whether a view's method is leaving. HEAD counts as GET."""
    name = "get" if method == "HEAD" else method.lower()
    return getattr(getattr(view, name, None), ATTRIBUTE, None)


class Deprecations:
    """Middleware: tell callers that what they use is leaving."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        match = request.resolver_match
        told = deprecation_of(getattr(match.func, "cls", None), request.method or "") if match else None
        if told is not None:
            for name, value in told.headers().items():
                response.headers[name] = value
        return response


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
