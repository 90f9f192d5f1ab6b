"""The page of API keys: made, shown once, rotated, revoked; nobody touches another's."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Project, User
from tests.api.cast import Cast, browser
from tests.frontend.project_settings.counting import queries

PAGE = "/account/keys"
ORDER: dict[str, Any] = {"name": "nightly CI", "days": "90", "scopes": ["run.view", "run.submit"]}


def add(owner: User, name: str = "nightly CI", **given: Any) -> ApiKey:
    now = timezone.now()
    order: dict[str, Any] = {"scopes": ["run.view"], "projects": None, "expires_at": now + timedelta(days=9)}
    return keys.create(owner, name, **{**order, **given}, now=now).row


def key_in(shown: str) -> str:
    found = re.search(r'id="key">(wr_\w+)<', shown)
    assert found is not None
    return found[1]


def test_key_is_made_and_shown_once(cast: Cast) -> None:
    client = browser(cast.bob)
    answer = client.post(PAGE, {**ORDER, "projects": [cast.project.pk]})
    text = key_in(answer.content.decode())
    row = keys.recognize(text, now=timezone.now())
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert (row.owner, row.name, row.scopes) == (cast.bob, "nightly CI", ["run.submit", "run.view"])
    assert (row.is_bound, list(row.projects.all())) == (True, [cast.project])
    assert timedelta(days=89) < row.expires_at - timezone.now() < timedelta(days=90)
    again = client.get(PAGE).content.decode()
    assert (text in again, f"wr_{row.prefix}…" in again, "alice/shop" in again) == (False, True, True)


def test_form_that_is_sent_twice_makes_one(cast: Cast) -> None:
    client, body = browser(cast.bob), {**ORDER, "ticket": str(uuid4())}
    client.post(PAGE, body)
    told = client.post(PAGE, body, follow=True).content.decode()
    assert ("This form was sent before" in told, ApiKey.objects.count()) == (True, 1)


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "a\0b"},
        {"name": "a" * 101},
        {"scopes": []},
        {"scopes": ["run.explode"]},
        {"scopes": ["audit.view"]},  # staff's
        {"days": "367"},
        {"days": "x"},
        {"projects": ["x"]},
        {"projects": ["9" * 40]},
    ],
)
def test_unfit_order_is_refused_and_kept(cast: Cast, body: dict[str, Any]) -> None:
    answer = browser(cast.bob).post(PAGE, {**ORDER, **body})
    assert (answer.status_code, 'class="fault" role="alert"' in answer.content.decode()) == (400, True)
    assert not ApiKey.objects.exists()


def test_project_that_the_person_does_not_see_is_no_choice(cast: Cast) -> None:
    answer = browser(cast.bob).post(PAGE, {**ORDER, "projects": [cast.other.pk]})
    assert (answer.status_code, ApiKey.objects.count()) == (400, 0)
    assert "charlie/other" not in browser(cast.bob).get(PAGE).content.decode()


def test_staff_may_give_what_staff_may(cast: Cast) -> None:
    staff = User.objects.create_user("staff", is_staff=True)
    assert browser(staff).post(PAGE, {**ORDER, "scopes": ["audit.view"]}).status_code == 200


def test_key_is_rotated_once(cast: Cast) -> None:
    row, client = add(cast.bob), browser(cast.bob)
    answer = client.post(f"{PAGE}/{row.public_id}", {"act": "rotate", "overlap": "3600"})
    fresh = keys.recognize(key_in(answer.content.decode()), now=timezone.now())
    assert (fresh.replaces, fresh.scopes, answer["Cache-Control"]) == (row, ["run.view"], "no-store")
    told = client.post(f"{PAGE}/{row.public_id}", {"act": "rotate", "overlap": "3600"}, follow=True)
    assert "This key has a successor already" in told.content.decode()
    assert ">replaced</span>" in client.get(PAGE).content.decode()
    assert client.post(f"{PAGE}/{fresh.public_id}", {"act": "rotate", "overlap": "7"}).status_code == 400
    assert client.post(f"{PAGE}/{fresh.public_id}", {"act": "explode"}).status_code == 400


def test_key_is_revoked(cast: Cast) -> None:
    row, client = add(cast.bob), browser(cast.bob)
    told = client.post(f"{PAGE}/{row.public_id}", {"act": "revoke"}, follow=True).content.decode()
    assert ("is revoked; it opens nothing any more." in told, ">revoked</span>" in told) == (True, True)
    row.refresh_from_db()
    assert row.revoked_at is not None


def test_key_of_another_is_not_there(cast: Cast) -> None:
    row = add(cast.alice, "of alice alone")
    client = browser(cast.bob)
    for act in ("revoke", "rotate"):
        assert client.post(f"{PAGE}/{row.public_id}", {"act": act, "overlap": "0"}).status_code == 404
    assert "of alice alone" not in client.get(PAGE).content.decode()
    assert Client().get(PAGE).status_code == Client().post(f"{PAGE}/{row.public_id}").status_code == 302
    assert ApiKey.objects.get(pk=row.pk).revoked_at is None


def test_account_pages_stand_beside_each_other(cast: Cast) -> None:
    client = browser(cast.vera)
    for path in ("/account/sessions", PAGE, "/account/password", "/account/language"):
        found = re.search(r'<nav class="side"[^>]*>(.*?)</nav>', client.get(path).content.decode())
        assert found is not None
        assert re.findall(r">([A-Z][^<]+)</a>", found[1]) == ["Sessions", "API keys", "Password", "Language"]
        assert f'href="{path}" aria-current="page"' in found[1]


def test_queries_do_not_grow_with_keys(cast: Cast, steady_rules: None) -> None:
    client = browser(cast.bob)
    add(cast.bob, projects=[cast.project])
    few = queries(client, PAGE)
    for n in range(20):
        Project.objects.create(team=cast.project.team, slug=f"p{n}", name=f"P{n}")
        add(cast.bob, projects=[cast.project])
    assert (queries(client, PAGE), few <= 15) == (few, True)
