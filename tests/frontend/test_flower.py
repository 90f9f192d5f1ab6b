"""Flower behind our sign-in: who reaches it, what goes to it and comes back, and that its password stays here.

The other end is a real HTTP server that answers as Flower does and remembers what it was sent. That Flower's own
pages work behind it, tests/e2e/test_operators_pages.py sees.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.api.cast import Cast, browser

OURS = "http://testserver"


class Stand(ThreadingHTTPServer):
    """Stands where Flower would."""

    asked: list[tuple[str, str, dict[str, str], bytes]]
    status: int
    told: dict[str, str]
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    server: Stand

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        for name, value in self.server.told.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def stand(settings: Any) -> Iterator[Stand]:
    server = Stand(("127.0.0.1", 0), _Handler)
    server.asked, server.status, server.body = [], 200, b"<p>workers</p>"
    server.told = {"Content-Type": "text/html", "Set-Cookie": "_xsrf=1", "Server": "Tornado", "Etag": '"1"'}
    Thread(target=server.serve_forever, daemon=True).start()
    settings.FLOWER_URL = f"http://admin:p%40ss@127.0.0.1:{server.server_address[1]}"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def staff(cast: Cast) -> Client:
    return browser(User.objects.create_user("staff", is_staff=True))


def test_staff_sees_what_flower_answers(stand: Stand, staff: Client) -> None:
    answer = staff.get("/flower/worker/a%20b%40host?sort=name&x=%2F", HTTP_COOKIE_X="1")
    assert (answer.status_code, answer.content) == (200, b"<p>workers</p>")
    kept = {name: answer.headers.get(name) for name in ("Content-Type", "ETag", "Set-Cookie", "Server")}
    assert kept == {"Content-Type": "text/html", "ETag": '"1"', "Set-Cookie": None, "Server": None}
    assert "'unsafe-inline'" not in answer["Content-Security-Policy"]
    ((method, path, headers, _body),) = stand.asked
    assert (method, path) == ("GET", "/flower/worker/a%20b@host?sort=name&x=%2F")
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"admin:p@ss").decode()
    assert (headers["Host"], "Cookie" in headers) == ("testserver", False)


def test_nobody_else_reaches_it(stand: Stand, cast: Cast) -> None:
    answer = Client().get("/flower/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/flower/")
    for user in (cast.alice, cast.vera):
        assert browser(user).get("/flower/").status_code == 403
        assert browser(user).post("/flower/api/worker/shutdown/x", HTTP_ORIGIN=OURS).status_code == 403
    assert stand.asked == []


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://testserver.evil.example"])
def test_order_from_another_page_is_refused(stand: Stand, staff: Client, origin: str | None) -> None:
    more: dict[str, Any] = {} if origin is None else {"HTTP_ORIGIN": origin}
    assert staff.post("/flower/api/worker/shutdown/x", **more).status_code == 403
    assert stand.asked == []


def test_order_of_our_own_page_is_passed_on(stand: Stand, staff: Client) -> None:
    answer = staff.post(
        "/flower/api/worker/pool/grow/celery@host",
        {"n": "2"},
        HTTP_ORIGIN=OURS,
        HTTP_SEC_FETCH_SITE="same-origin",
    )
    assert answer.status_code == 200
    ((method, path, headers, body),) = stand.asked
    assert (method, path, headers["Sec-Fetch-Site"]) == (
        "POST",
        "/flower/api/worker/pool/grow/celery@host",
        "same-origin",
    )
    assert b'name="n"' in body


def test_redirect_stays_with_us(stand: Stand, staff: Client) -> None:
    stand.status = 302
    for location, kept in (
        ("/flower/tasks", "/flower/tasks"),
        ("http://127.0.0.1:5555/flower/workers", "/flower/workers"),
        ("https://evil.example/x", "/flower/"),
    ):
        stand.told = {"Location": location}
        assert staff.get("/flower/").headers["Location"] == kept


def test_wrong_password_and_silence_are_told_without_it(stand: Stand, staff: Client, settings: Any) -> None:
    stand.status, stand.told = 401, {"WWW-Authenticate": 'Basic realm="flower"'}
    refused = staff.get("/flower/")
    assert (refused.status_code, "WWW-Authenticate" in refused.headers) == (503, False)
    settings.FLOWER_URL = "http://admin:p%40ss@127.0.0.1:1"
    away = staff.get("/flower/")
    assert (away.status_code, "Flower does not answer" in away.content.decode()) == (503, True)
    assert b"p@ss" not in refused.content + away.content


def test_installation_without_flower_has_no_such_page(staff: Client, settings: Any) -> None:
    settings.FLOWER_URL = ""
    assert staff.get("/flower/").status_code == 404
    assert "Flower" not in staff.get("/admin/").content.decode()


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/flower/?q=%E6%97%A5", "de"),
        ("/flower/?q=\u65e5", "de"),
        ("/flower/?q=a b|c^[", "de"),
        ("/flower/", "\u65e5"),
        ("/flower/", "a\r\nX-Smuggled: 1"),
        ("/flower/", "a\x00b"),
    ],
)
def test_signs_that_no_request_can_hold_break_nothing(
    stand: Stand, staff: Client, path: str, header: str
) -> None:
    query = path.partition("?")[2]
    answer = staff.get("/flower/", QUERY_STRING=query, HTTP_ACCEPT_LANGUAGE=header)
    assert answer.status_code in {200, 400, 503}
    assert all("X-Smuggled" not in headers for _method, _path, headers, _body in stand.asked)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/flower/../../etc/passwd", []),
        ("/flower/%2e%2e/x", []),
        ("/flower/a/./b", []),
        ("/flower//evil.example/x", ["/flower//evil.example/x"]),
        ("/flower/@evil.example:80/", ["/flower/@evil.example:80/"]),
        ("/flower/%252e%252e/x", ["/flower/%252e%252e/x"]),
    ],
)
def test_every_path_leads_to_flower_alone(stand: Stand, staff: Client, path: str, asked: list[str]) -> None:
    assert staff.get(path).status_code == (200 if asked else 404)
    assert [told for _method, told, _headers, _body in stand.asked] == asked


def test_who_is_no_staff_any_more_is_shut_out_at_once(stand: Stand, staff: Client) -> None:
    assert staff.get("/flower/").status_code == 200
    User.objects.filter(username="staff").update(is_staff=False)
    assert staff.get("/flower/").status_code == 403


def test_no_cache_keeps_what_flower_tells(stand: Stand, staff: Client) -> None:
    assert staff.get("/flower/")["Cache-Control"] == "private, no-store"
