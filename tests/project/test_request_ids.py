"""A request's id: taken or made, answered on everything, told in every log line, kept apart from other requests'."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory

from tests.api.websocket import closed_connections  # noqa: F401 - fixtures
from wrenchai_project import asgi, request_ids
from wrenchai_project.request_ids import HEADER, RequestId

MADE = re.compile(r"[0-9a-f]{32}")
GOOD = ["a", "7f3b-2", "trace:0af7651916cd43dd8448eb211c80319c", "A/b+c=._-", "x" * 128]
BAD = [
    "",
    " ",
    "-a",
    "a b",
    "a\tb",
    "x" * 129,
    "é",
    "<script>",
    'a"b',
    "a,b",
    "${jndi:ldap}",
    "\x1b[31m",
    "a%00",
]


@pytest.mark.parametrize("given", GOOD)
def test_well_formed_id_is_taken(given: str) -> None:
    assert Client().get("/livez", headers={HEADER: given})[HEADER] == given


@pytest.mark.parametrize("given", BAD)
def test_other_id_is_replaced(given: str) -> None:
    answered = Client().get("/livez", headers={HEADER: given})[HEADER]
    assert MADE.fullmatch(answered)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    [("/livez", 200), ("/api/v1/runs", 401), ("/api/v1/none", 404), ("/none", 404), ("/", 302)],
)
def test_every_answer_has_an_id_of_its_own(path: str, status: int) -> None:
    answers = [Client().get(path) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    assert len({answer[HEADER] for answer in answers}) == 2


def test_fault_of_our_own_is_answered_with_the_id() -> None:
    def fails(request: HttpRequest) -> HttpResponse:
        raise ValueError("broken")

    from django.core.handlers.exception import convert_exception_to_response

    request = RequestFactory().get("/", headers={HEADER: "seen-again"})
    client_sees: Any = RequestId(convert_exception_to_response(fails))(request)
    assert (client_sees.status_code, client_sees[HEADER]) == (500, "seen-again")


def test_id_is_current_in_the_view_and_not_afterwards() -> None:
    seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request_ids.current())
        return HttpResponse()

    RequestId(view)(RequestFactory().get("/", headers={HEADER: "mine"}))
    assert (seen, request_ids.current()) == (["mine"], "")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("closed_connections")
def test_asynchronous_server_keeps_requests_apart() -> None:
    async def ask() -> list[str]:
        answers = await asyncio.gather(
            *(AsyncClient().get("/api/v1/none", headers={HEADER: f"id-{n}"}) for n in range(8))
        )
        await sync_to_async(connections.close_all)()
        return [answer[HEADER] for answer in answers]

    assert asyncio.run(ask()) == [f"id-{n}" for n in range(8)]


def test_body_that_is_refused_before_django_is_answered_with_an_id() -> None:
    scope = {
        "type": "http",
        "path": "/api/v1/runs",
        "headers": [(b"content-length", b"99999999"), (b"x-request-id", b"mine")],
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(asgi._http(scope, None, send))  # type: ignore[arg-type]  # the body is not read
    assert (sent[0]["status"], dict(sent[0]["headers"])[b"x-request-id"]) == (413, b"mine")


@pytest.mark.django_db
def test_log_lines_of_a_request_tell_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    """Also the line that Django writes of a refused request when the middleware is done."""
    formatter = logging.config.dictConfigClass(settings.LOGGING).configure_formatter(
        dict(settings.LOGGING["formatters"]["json"])
    )
    lines: list[dict[str, Any]] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(formatter.format(record)))

    handler = Kept()
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        Client().get("/api/v1/runs", headers={HEADER: "find-me"})
    finally:
        logger.removeHandler(handler)
    assert [(line["event"], line["request_id"]) for line in lines] == [
        ("Unauthorized: /api/v1/runs", "find-me")
    ]
