"""Each request has an id, by which its log lines, audit records, versions and answer are found together.

A caller or proxy may give one as X-Request-ID; in place of one that is not well-formed another is made. An id is for
finding, never a proof: whoever calls may choose it. Knows no app, so that every package may ask.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction

if TYPE_CHECKING:
    from django.http import HttpRequest  # the settings import this module
    from django.http.response import HttpResponseBase

HEADER = "X-Request-ID"
MOST_CHARACTERS = 128
WELL_FORMED = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:+=/-]{{0,{MOST_CHARACTERS - 1}}}\Z")

_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """Give the id of the request that is served now; empty outside of requests."""
    return _current.get()


def chosen(given: str | None) -> str:
    """Take the id that a caller gave if it is well-formed; else make one."""
    return given if given is not None and WELL_FORMED.match(given) else uuid.uuid4().hex


@contextmanager
def during(request_id: str) -> Iterator[str]:
    """Be serving this request: its id is current, and in every log line."""
    token = _current.set(request_id)
    try:
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            yield request_id
    finally:
        _current.reset(token)


def add_to_log(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Tell the id in lines that Django writes of a request when the middleware is done with it. For structlog."""
    request = getattr(event.get("_record"), "request", None)
    if request_id := getattr(request, "request_id", ""):
        event.setdefault("request_id", request_id)
    return event


class RequestId:
    """Middleware, the outermost: give the request its id, and the answer too."""

    sync_capable = async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        request_id = chosen(request.headers.get(HEADER))
        request.request_id = request_id  # type: ignore[attr-defined]  # ours, for lines that are written later
        if self._is_async:
            return self._answer(request, request_id)
        with during(request_id):
            return _told(cast("HttpResponseBase", self.get_response(request)), request_id)

    async def _answer(self, request: HttpRequest, request_id: str) -> HttpResponseBase:
        with during(request_id):
            return _told(await cast("Awaitable[HttpResponseBase]", self.get_response(request)), request_id)


def _told(response: HttpResponseBase, request_id: str) -> HttpResponseBase:
    response.headers[HEADER] = request_id
    return response
