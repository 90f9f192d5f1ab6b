"""Credentials over REST: who may, what is answered, and that the value is in no answer, page, log or event."""

from __future__ import annotations

import base64
import logging
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from accounts import credentials
from accounts.models import Credential, Membership, User
from accounts.roles import Role
from tasks.models import Event, LogChunk
from tests.api.cast import Cast, add_events, api, browser, submit_run

CANARY = "canary-3e1f77b0"
PATH = "/api/v1/projects/alice/shop/credentials"
ORDER: dict[str, Any] = {"kind": "git_token", "name": "forge", "value": CANARY, "description": "reads only"}


@pytest.fixture(autouse=True)
def _master(settings: Any) -> None:
    settings.MASTER_KEY_FILE = ""
    settings.MASTER_KEY = "a:" + base64.b64encode(b"a" * 32).decode()


def test_credential_is_stored_listed_replaced_and_deleted_without_its_value(cast: Cast) -> None:
    client = api(cast.alice)
    made = client.post(PATH, ORDER)
    told = made.json()
    assert made.status_code == 201
    assert set(told) == {
        "id", "kind", "name", "description", "created_at", "created_by", "replaced_at", "last_used_at",
    }  # fmt: skip
    assert (told["kind"], told["name"], told["created_by"]) == ("git_token", "forge", "alice")
    assert client.get(PATH).json() == {"results": [told]}
    assert client.get(made["Location"]).json() == told
    replaced = client.put(made["Location"], {"value": CANARY + "2"})
    assert (replaced.status_code, replaced.json()["replaced_at"] is not None) == (200, True)
    row = Credential.objects.get()
    assert credentials._open(row) == CANARY + "2"
    assert client.delete(made["Location"]).status_code == 204
    assert client.get(made["Location"]).status_code == 404
    assert client.put(made["Location"], {"value": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("person", "look", "make"),
    [("alice", 200, 201), ("mara", 200, 201), ("bob", 200, 403), ("vera", 403, 403), ("charlie", 404, 404)],
)
def test_roles_decide_and_another_project_is_not_there(cast: Cast, person: str, look: int, make: int) -> None:
    mara = User.objects.create_user("mara")
    Membership.objects.create(user=mara, team=cast.project.team, role=Role.MAINTAINER)
    client = api(mara if person == "mara" else getattr(cast, person))
    assert client.get(PATH).status_code == look
    assert client.post(PATH, ORDER).status_code == make
    assert api(None).get(PATH).status_code == 401
    row = Credential.objects.first()
    path = f"{PATH}/{row.public_id if row else uuid4()}"
    changed = {201: 200, 403: 403, 404: 404}[make]
    assert client.put(path, {"value": "y"}).status_code == changed
    assert client.delete(path).status_code == (204 if changed == 200 else changed)


def test_credential_of_another_project_is_not_found_by_its_id(cast: Cast) -> None:
    made = api(cast.charlie).post("/api/v1/projects/charlie/other/credentials", ORDER)
    assert api(cast.alice).get(made["Location"]).status_code == 404
    inside = f"{PATH}/{made.json()['id']}"
    for method in ("get", "delete"):
        assert getattr(api(cast.alice), method)(inside).status_code == 404
    assert api(cast.alice).put(inside, {"value": "x"}).status_code == 404
    assert Credential.objects.count() == 1


@pytest.mark.parametrize("project", ["shop", "nope", "alice/nope", "a/b/c", "%00", "x" * 200, "-", "ü"])
def test_project_that_is_none_is_404(cast: Cast, project: str) -> None:
    client = Client(raise_request_exception=False)
    token = api(cast.alice)._credentials["HTTP_AUTHORIZATION"]
    answer = client.get(f"/api/v1/projects/{project}/credentials", HTTP_AUTHORIZATION=token)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "password"}, "kind"),
        ({"name": "a b"}, "name"),
        ({"name": ""}, "name"),
        ({"value": ""}, "value"),
        ({"value": CANARY + " "}, "value"),
        ({"value": CANARY + "\n"}, "value"),
        ({"value": [CANARY]}, "value"),
        ({"value": {"v": CANARY}}, "value"),
        ({"value": CANARY * 2000}, "value"),
        ({"kind": "dsn", "value": CANARY}, "value"),
        ({"project": "other"}, "project"),
    ],
)
def test_bad_order_is_named_by_field_and_the_value_is_not_repeated(
    cast: Cast, changes: dict[str, Any], field: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = api(cast.alice).post(PATH, {**ORDER, **changes})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert CANARY not in answer.content.decode() + caplog.text
    assert not Credential.objects.exists()


def test_name_that_is_taken_is_409(cast: Cast) -> None:
    assert api(cast.alice).post(PATH, ORDER).status_code == 201
    again = api(cast.alice).post(PATH, ORDER)
    assert (again.status_code, again.json()["type"]) == (409, "urn:wrenchai:problem:credential-name-taken")


@pytest.mark.parametrize("keys", ["", "a:tooshort"])
def test_installation_without_a_master_key_says_so(cast: Cast, settings: Any, keys: str) -> None:
    settings.MASTER_KEY = keys
    answer = api(cast.alice).post(PATH, ORDER)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:wrenchai:problem:master-key-unusable")
    assert not Credential.objects.exists()


def paths(owner_ids: dict[str, str]) -> list[str]:
    """Every address of the installation that can be asked for by GET, with the cast's ids in it."""
    found: list[str] = []

    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> None:
        for pattern in patterns:
            where = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix(r"\Z")
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, where)
                continue
            for name, value in owner_ids.items():
                where = where.replace(name, value)
            if "<" not in where and "(" not in where:
                found.append("/" + where)

    walk(get_resolver().url_patterns, "")
    return found


def test_value_is_in_no_answer_page_log_or_event(
    cast: Cast, planner: None, caplog: pytest.LogCaptureFixture
) -> None:
    root = User.objects.create_user("root", is_superuser=True, is_staff=True)
    seen: list[str] = []
    with caplog.at_level(logging.DEBUG):
        run = submit_run(cast.project, cast.alice)
        add_events(run, 3)
        client = api(root)
        made = client.post(PATH, ORDER)
        row = Credential.objects.get()
        sealed = row.value
        credentials.reveal(
            cast.project.pk, credentials.Kind.GIT_TOKEN, "forge", purpose="t", now=row.created_at
        )
        replaced = client.put(made["Location"], {"value": CANARY})
        taken = client.post(PATH, ORDER)
        seen += [answer.content.decode() for answer in (made, replaced, taken)]
        known = {
            "<project:project>": "alice/shop",
            "<uuid:credential_id>": str(row.public_id),
            "<uuid:run_id>": str(run.public_id),
            "<path:object_id>": str(row.pk),
        }
        asked = paths(known)
        for door in (client, browser(root)):
            seen += [_text(door, path) for path in asked]
        seen.append(_text(browser(root), f"/admin/accounts/credential/?q={CANARY[:6]}"))
        client.delete(made["Location"])
    assert len(asked) > 60
    assert sum("forge" in page for page in seen) >= 6  # the credential itself is told, by API and admin
    values = (CANARY, sealed, Credential.objects.values_list("value", flat=True).first() or sealed)
    told = (
        "\n".join(seen)
        + caplog.text
        + str(list(Event.objects.values()))
        + str(list(LogChunk.objects.values()))
    )
    assert not [value for value in values if value in told.replace(f"q={CANARY[:6]}", "")]


def _text(client: Client | APIClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code < 500, path
    if answer.streaming:
        return b"".join(answer.streaming_content).decode("utf-8", "replace")
    return str(answer.content.decode("utf-8", "replace"))
