"""Attacks on the doors that other tests do not try: hostile bodies everywhere, mass assignment, borrowed identities.

Elsewhere: forged and replayed tokens in `test_auth`, tickets and foreign origins in `test_tickets` and
`test_stream_doors`, other people's ids in `test_matrix`, redirects at sign-in in `tests/frontend/test_pages`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Membership, User
from accounts.roles import Role
from api.schema import document
from tasks.models import Run
from tests.api.cast import TARGET, Cast, api, browser, token
from tests.api.test_matrix import quiet
from tests.api.world import BODIES, QUERIES, RAW, Route, World, make_world, routes

SECRET = "hunter2-of-the-tests"
OVERSIZE = 10 * 1024 * 1024


def hostile_bodies(good: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Bodies that are none, and the good one with each text turned into what cannot be stored."""
    yield from (
        ("empty", b""),
        ("not JSON", b"{"),
        ("null", b"null"),
        ("a list", b"[1]"),
        ("a text", b'"text"'),
        ("a number", b"1e308"),
        ("no UTF-8", b'{"\xff": 1}'),
        ("deep", b"[" * 10_000 + b"]" * 10_000),
        ("deep object", b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
        ("long number", b'{"a": ' + b"9" * 5000 + b"}"),
    )
    for name in good or {"reason": ""}:
        for fault in (
            '"a\\u0000b"',
            '"\\ud800"',
            "1e309",
            "-1e309",
            "NaN",
            "9" * 30,
            "[]",
            "{}",
            "true",
            "null",
        ):
            parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in good.items() if key != name]
            yield f"{name}={fault[:12]}", ("{" + ", ".join([*parts, f'"{name}": {fault}']) + "}").encode()


def writing(world: World) -> Iterator[tuple[str, Route, str, str]]:
    """Give what writes over REST, with the path and query that reach it."""
    for route in routes():
        for method in route.methods if route.is_api else ():
            name = f"{method} {route.pattern}"
            if method != "GET" and name not in RAW:
                query = QUERIES[name](world.ours) if name in QUERIES else ""
                yield name, route, method, route.path(method, world.ours) + query


@pytest.fixture
def world(worker: None, settings: Settings) -> World:
    quiet(settings)
    return make_world()


def owner_of(world: World) -> str:
    credentials: dict[str, str] = world.programs["owner"]._credentials
    return credentials["HTTP_AUTHORIZATION"]


@pytest.mark.timeout(400)
def test_no_writing_operation_breaks_on_any_body(world: World) -> None:
    client, wrong = Client(raise_request_exception=False), []
    optional = {"null", "empty"}  # an order without a must may come without a body
    for name, _, method, path in writing(world):
        good = dict(BODIES[name](world.ours)) if name in BODIES else {}
        for what, raw in hostile_bodies(good):
            with transaction.atomic():
                answer = client.generic(
                    method, path, raw, "application/json", HTTP_AUTHORIZATION=owner_of(world)
                )
                transaction.set_rollback(True)
            broken = answer.status_code >= 500
            taken = (
                answer.status_code < 300 and "=" not in what and what not in optional and method != "DELETE"
            )
            if broken or (taken and good):
                wrong.append(f"{name}: {what}: {answer.status_code}")
    assert wrong == []


@pytest.mark.timeout(400)
def test_no_writing_operation_reads_another_content_type_or_a_flood(world: World) -> None:
    client, wrong = Client(raise_request_exception=False), []
    forms = {"POST api/v1/token", "POST api/v1/token/refresh", "POST api/v1/token/revoke"}
    for name, _, method, path in writing(world):
        if name not in BODIES:
            continue
        good = json.dumps(BODIES[name](world.ours)).encode()
        sent = [("text/xml", good, {415}), ("application/json", b'{"a": "' + b"x" * OVERSIZE + b'"}', {413})]
        if name not in forms:
            sent.append(("application/x-www-form-urlencoded", good, {415}))
            sent.append(("multipart/form-data; boundary=x", good, {415}))
        for kind, raw, expected in sent:
            with transaction.atomic():
                answer = client.generic(method, path, raw, kind, HTTP_AUTHORIZATION=owner_of(world))
                transaction.set_rollback(True)
            if answer.status_code not in expected:
                wrong.append(f"{name}: {kind}: {answer.status_code}")
    assert wrong == []


@pytest.mark.timeout(400)
def test_no_writing_operation_takes_a_field_that_it_does_not_name(world: World) -> None:
    """Mass assignment: what a body may not set is refused by name, and nothing is done."""
    client, wrong = APIClient(raise_request_exception=False), []
    client.credentials(HTTP_AUTHORIZATION=owner_of(world))
    for name, _, method, path in writing(world):
        if name.startswith("POST api/v1/token"):
            continue  # OAuth passes over what it does not know; test_auth holds that it changes nothing
        good = dict(BODIES[name](world.ours)) if name in BODIES else {}
        for extra in ({"is_staff": True}, {"owner": "outsider"}, {"public_id": "x"}, {"__class__": "x"}):
            with transaction.atomic():
                answer = getattr(client, method.lower())(path, {**good, **extra})
                transaction.set_rollback(True)
            if name in BODIES and (
                answer.status_code != 400 or next(iter(extra)) not in answer.content.decode()
            ):
                wrong.append(f"{name}: {extra}: {answer.status_code}")
    assert wrong == []


def test_every_writing_operation_of_the_schema_is_tried() -> None:
    """What the tests above walk is all that the description knows."""
    described = {
        f"{verb.upper()} {path.strip('/')}"
        for path, verbs in document("v1")["paths"].items()
        for verb in verbs
        if verb in {"post", "put", "patch", "delete"}
    }
    walked = {
        f"{method} {route.described.strip('/')}"
        for route in routes()
        for method in route.methods
        if route.is_api and method != "GET"
    }
    assert described == walked


# --- Whose answer is it ---------------------------------------------------------------------------------------


def test_etag_of_another_gives_nothing(cast: Cast, planner: None) -> None:
    mine = api(cast.alice).get("/api/v1/teams/alice")
    assert mine.status_code == 200
    stolen = api(cast.charlie).get("/api/v1/teams/alice", HTTP_IF_NONE_MATCH=mine["ETag"])
    assert stolen.status_code == 404
    assert Client().get("/api/v1/teams/alice", HTTP_IF_NONE_MATCH=mine["ETag"]).status_code == 401
    anything = api(cast.charlie).get("/api/v1/teams/alice", HTTP_IF_NONE_MATCH="*")
    assert anything.status_code == 404


@pytest.mark.parametrize(
    "path", ["/api/v1/me", "/api/v1/runs", "/api/v1/teams/alice", "/api/v1/no-such-thing"]
)
def test_shared_caches_keep_nothing(cast: Cast, path: str) -> None:
    for answer in (api(cast.alice).get(path), browser(cast.alice).get(path), Client().get(path)):
        kept = answer["Cache-Control"].replace(" ", "").split(",")
        assert "private" in kept or "no-store" in kept
        assert {"Authorization", "Cookie"} <= {name.strip() for name in answer["Vary"].split(",")}


def test_browser_cannot_be_made_to_write_by_another_page(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.bob)
    body = json.dumps({"name": "x", "scopes": ["run.view"]})
    for headers in ({}, {"X-CSRFToken": "x" * 32}, {"Origin": "https://evil.example"}):
        answer = client.post("/api/v1/keys", body, content_type="application/json", headers=headers)
        assert answer.status_code == 403, headers
        assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_method_is_not_overridden(cast: Cast, header: str) -> None:
    made = api(cast.bob).post("/api/v1/keys", {"name": "x", "scopes": ["run.view"]}).json()
    answer = api(cast.bob).get(f"/api/v1/keys/{made['id']}", headers={header: "DELETE"})
    assert answer.status_code == 200
    assert answer.json()["is_live"] is True
    assert api(cast.bob).get(f"/api/v1/keys/{made['id']}?_method=DELETE").json()["is_live"] is True


# --- Hosts, headers, logs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost:80@evil.example", "a b", ""]
)
def test_foreign_host_is_refused(cast: Cast, host: str) -> None:
    answer = Client(raise_request_exception=False).get(
        "/api/v1/me", HTTP_HOST=host, HTTP_AUTHORIZATION=f"Bearer {token(cast.bob)}"
    )
    assert answer.status_code == 400


def test_forwarded_host_is_not_believed(cast: Cast) -> None:
    headers = {
        "X-Forwarded-Host": "evil.example",
        "X-Original-URL": "/admin/",
        "X-Rewrite-URL": "/admin/",
    }
    answer = browser(cast.bob).get("/api/v1/docs", headers=headers)
    assert answer.status_code == 200
    assert "evil.example" not in answer.content.decode()


@pytest.mark.parametrize("key", ["a\r\nSet-Cookie: x=1", "a\nb"])
def test_no_header_is_split(cast: Cast, planner: None, key: str) -> None:
    body = {"goal": "x", "target": TARGET, "project": "shop"}
    answer = api(cast.bob).post("/api/v1/runs", body, HTTP_IDEMPOTENCY_KEY=key)
    assert answer.status_code == 400
    assert not Run.objects.exists()
    for name in ("x\r\nSet-Cookie: a=1.tar", "x\n.tar"):
        refused = api(cast.bob).generic(
            "POST", f"/api/v1/uploads?{_query(name)}", "x", "application/octet-stream"
        )
        assert refused.status_code == 400


def test_log_lines_cannot_be_forged(cast: Cast, capfd: pytest.CaptureFixture[str]) -> None:
    forged = 'x"}\n{"event": "signed_in", "user": "alice", "level": "info"}\r\n\x1b[2J'
    Client().post("/api/v1/token", {"username": forged, "password": SECRET}, content_type="application/json")
    Client().get("/api/v1/runs/%0A%7B%22event%22%3A%22forged%22%7D")
    Client().get("/api/v1/me", HTTP_AUTHORIZATION="Bearer x\n{}")
    written = capfd.readouterr()
    lines = (written.out + written.err).splitlines()
    assert not any(line.startswith('{"event": "signed_in"') for line in lines)
    assert "\x1b" not in written.out + written.err
    assert SECRET not in written.out + written.err


def test_names_that_look_alike_are_not_the_same(cast: Cast) -> None:
    """A name with a zero-width sign or of another script is no other's name."""
    Membership.objects.filter(user=cast.bob).update(role=Role.MAINTAINER)
    for name in ("alice\u200b", "\u0430lice", "ALICE "):
        answer = api(cast.bob).get(f"/api/v1/teams/alice/members/{name}")
        assert answer.status_code == 404
    assert User.objects.filter(username="alice").count() == 1


def _query(name: str) -> str:
    return urlencode({"name": name, "project": "shop"})
