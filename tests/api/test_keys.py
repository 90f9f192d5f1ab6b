"""API keys over REST: shown once, never again; and the API opened by one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import keys
from accounts.models import ApiKey, AuditRecord, Project, User
from tests.api.cast import GOAL, TARGET, Cast, api, browser, submit_run

ORDER: dict[str, Any] = {"name": "ci", "scopes": ["run.submit", "run.view"], "projects": ["shop"]}


def program(owner: User, *scopes: str, projects: list[Project] | None = None) -> APIClient:
    now = timezone.now()
    minted = keys.create(
        owner, "ci", scopes=scopes, projects=projects, expires_at=now + timedelta(days=1), now=now
    )
    return with_key(minted.text)


def with_key(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def test_key_is_shown_once_and_opens_what_it_may(cast: Cast, planner: None) -> None:
    answer = api(cast.bob).post("/api/v1/keys", ORDER)
    told = answer.json()
    key = told.pop("key")
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    assert (told["projects"], told["scopes"], told["is_live"]) == (["alice/shop"], ORDER["scopes"], True)
    read = api(cast.bob).get(answer["Location"])
    assert read.json() == told
    listed = api(cast.bob).get("/api/v1/keys")
    assert listed.json() == {"results": [told], "next": None}
    body = {"goal": GOAL, "target": TARGET, "project": "shop"}
    made = with_key(key).post("/api/v1/runs", body)
    assert made.status_code == 201
    assert with_key(key).get(f"/api/v1/runs/{made.json()['id']}").json()["owner"] == "bob"
    refused = with_key(key).get("/api/v1/agents")
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "this API key has no scope for agent.view",
    )
    assert api(cast.bob).get(answer["Location"]).json()["last_used_at"] is not None


def test_bound_key_does_not_see_its_owners_other_projects(cast: Cast, planner: None) -> None:
    second = Project.objects.create(team=cast.project.team, name="Second", slug="second")
    here, there = submit_run(cast.project), submit_run(second)
    client = program(cast.alice, "*.view", "run.cancel", projects=[cast.project])
    assert [run["id"] for run in client.get("/api/v1/runs").json()["results"]] == [str(here.public_id)]
    assert client.get(f"/api/v1/runs/{there.public_id}").status_code == 404
    assert client.post(f"/api/v1/runs/{there.public_id}/cancel", {}).status_code == 404
    assert client.post(f"/api/v1/runs/{here.public_id}/cancel", {}).status_code == 200


@pytest.mark.parametrize("how", ["revoked", "expired", "mistyped", "unknown", "inactive"])
def test_key_that_opens_nothing_is_401_and_says_why(cast: Cast, how: str) -> None:
    made = api(cast.bob).post("/api/v1/keys", ORDER).json()
    key = made["key"]
    row = ApiKey.objects.get()
    if how == "revoked":
        assert api(cast.bob).delete(f"/api/v1/keys/{made['id']}").status_code == 204
        assert api(cast.bob).delete(f"/api/v1/keys/{made['id']}").status_code == 204
    elif how == "expired":
        past = timezone.now() - timedelta(days=2)
        ApiKey.objects.update(created_at=past, expires_at=past + timedelta(days=1))
    elif how == "mistyped":
        key = key[:-1] + ("a" if key[-1] != "a" else "b")
    elif how == "unknown":
        row.delete()
    else:
        User.objects.filter(pk=cast.bob.pk).update(is_active=False)
    answer = with_key(key).get("/api/v1/runs")
    words = {"mistyped": "as it was shown", "unknown": "no such", "inactive": "may not sign in"}
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert words.get(how, how) in answer.json()["detail"]
    assert key not in answer.content.decode()


def test_rotation_gives_a_successor_and_conflicts_the_second_time(cast: Cast) -> None:
    made = api(cast.bob).post("/api/v1/keys", ORDER).json()
    path = f"/api/v1/keys/{made['id']}/rotate"
    answer = api(cast.bob).post(path, {"overlap_seconds": 0})
    told = answer.json()
    assert (answer.status_code, told["replaces"], told["name"]) == (201, made["id"], "ci")
    assert with_key(made["key"]).get("/api/v1/runs").status_code == 401
    assert with_key(told["key"]).get("/api/v1/runs").status_code == 200
    again = api(cast.bob).post(path, {})
    assert (again.status_code, again.json()["type"]) == (409, "urn:wrenchai:problem:key-conflict")


def test_key_rotates_itself_but_makes_none_that_is_wider(cast: Cast) -> None:
    made = api(cast.bob).post("/api/v1/keys", {**ORDER, "scopes": ["key.manage"]}).json()
    client = with_key(made["key"])
    assert client.post("/api/v1/keys", {"name": "x", "scopes": ["key.manage"]}).status_code == 403  # unbound
    wide = api(cast.bob).post("/api/v1/keys", ORDER).json()
    assert client.post(f"/api/v1/keys/{wide['id']}/rotate", {}).status_code == 403
    told = client.post(f"/api/v1/keys/{made['id']}/rotate", {}).json()
    assert with_key(told["key"]).get("/api/v1/keys").status_code == 200


@pytest.mark.parametrize(("method", "tail"), [("get", ""), ("delete", ""), ("post", "/rotate")])
def test_key_of_another_is_not_there(cast: Cast, method: str, tail: str) -> None:
    made = api(cast.bob).post("/api/v1/keys", ORDER).json()
    root = User.objects.create_user("root", is_superuser=True, is_staff=True)
    for person in (cast.alice, cast.charlie, root):
        answer = getattr(api(person), method)(f"/api/v1/keys/{made['id']}{tail}", {})
        assert answer.status_code == 404
    assert api(cast.alice).get("/api/v1/keys").json()["results"] == []
    assert with_key(made["key"]).get("/api/v1/runs").status_code == 200
    assert getattr(api(cast.bob), method)(f"/api/v1/keys/{uuid4()}{tail}", {}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["*"]}, "scopes.0"),
        ({"scopes": ["run.explode"]}, "scopes.0"),
        ({"scopes": "run.view"}, "scopes"),
        ({"projects": []}, "projects"),
        ({"projects": ["other"]}, "project"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": 367}, "expires_in_days"),
        ({"owner": "alice"}, "owner"),
    ],
)
def test_bad_order_is_named_by_field(cast: Cast, changes: dict[str, Any], field: str) -> None:
    answer = api(cast.bob).post("/api/v1/keys", {**ORDER, **changes})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not ApiKey.objects.exists()


def test_list_is_paged(cast: Cast) -> None:
    for _ in range(3):
        api(cast.bob).post("/api/v1/keys", ORDER)
    first = api(cast.bob).get("/api/v1/keys?limit=2").json()
    second = api(cast.bob).get(first["next"]).json()
    assert [len(first["results"]), len(second["results"]), second["next"]] == [2, 1, None]
    assert api(cast.bob).get(f"/api/v1/keys?cursor={uuid4()}").status_code == 400


def test_pages_for_people_take_no_key(cast: Cast) -> None:
    client = program(cast.alice, "*.view")
    assert client.get("/api/v1/docs").status_code == 302
    assert client.get("/").status_code == 302


def test_admin_lists_and_revokes_without_the_digest(cast: Cast) -> None:
    key = api(cast.bob).post("/api/v1/keys", ORDER).json()["key"]
    row = ApiKey.objects.get()
    cache.clear()
    client = browser(User.objects.create_user("root", is_superuser=True, is_staff=True))
    for path in ("/admin/accounts/apikey/", f"/admin/accounts/apikey/{row.pk}/change/"):
        page = client.get(path)
        assert page.status_code == 200
        assert row.digest not in page.content.decode()
    order = {"action": "revoke_keys", "_selected_action": [row.pk]}
    assert client.post("/admin/accounts/apikey/", order).status_code == 302
    assert with_key(key).get("/api/v1/runs").status_code == 401
    deleted = client.post(f"/admin/accounts/user/{cast.bob.pk}/delete/", {"post": "yes"})
    assert deleted.status_code == 302
    assert not ApiKey.objects.exists()


def test_live_key_that_is_deleted_with_its_row_is_recorded(cast: Cast) -> None:
    made = [api(cast.bob).post("/api/v1/keys", ORDER).json()["id"] for _ in range(2)]
    api(cast.bob).delete(f"/api/v1/keys/{made[0]}")
    cast.bob.delete()
    told = (
        AuditRecord.objects.filter(act="key.revoked")
        .order_by("number")
        .values_list("subject", "details__deleted")
    )
    assert list(told) == [(f"key:{made[0]}", None), (f"key:{made[1]}", True)]
