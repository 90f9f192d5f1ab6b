"""Who you are: told to people by session and to programs by key, and what of it you may change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import DeviceSession, Membership, User
from accounts.roles import Role
from api.shapes import moment
from tests.api.cast import Cast, api, browser
from tests.api.test_keys import with_key

ME = "/api/v1/me"


def test_person_is_told_with_teams_and_session(cast: Cast) -> None:
    cast.alice.email = "alice@example.org"
    cast.alice.first_name, cast.alice.last_name = "Alice", "Example"
    cast.alice.save()
    Membership.objects.create(user=cast.alice, team=cast.other.team, role=Role.VIEWER)
    client = api(cast.alice)
    session = DeviceSession.objects.get()
    assert client.get(ME).json() == {
        "username": "alice",
        "name": "Alice Example",
        "email": "alice@example.org",
        "is_staff": False,
        "is_superuser": False,
        "teams": [
            {"slug": "alice", "name": "Alice's team", "role": "owner"},
            {"slug": "charlie", "name": "Charlie's team", "role": "viewer"},
        ],
        "key": None,
        "session": {
            "id": str(session.public_id),
            "kind": "program",
            "created_at": moment(session.created_at),
            "expires_at": moment(session.expires_at),
        },
    }


def test_browser_is_told_its_session(cast: Cast) -> None:
    told = browser(cast.bob).get(ME).json()
    assert (told["username"], told["session"]["kind"], told["key"]) == ("bob", "browser", None)


def test_key_is_told_itself_whatever_its_scopes_and_only_the_teams_of_its_projects(cast: Cast) -> None:
    Membership.objects.create(user=cast.bob, team=cast.other.team, role=Role.VIEWER)
    now = timezone.now()
    minted = keys.create(
        cast.bob,
        "ci",
        scopes=["run.submit"],
        projects=[cast.project],
        expires_at=now + timedelta(days=1),
        now=now,
    )
    told = with_key(minted.text).get(ME).json()
    assert told["key"] == {
        "id": str(minted.row.public_id),
        "name": "ci",
        "prefix": f"wr_{minted.row.prefix}",
        "scopes": ["run.submit"],
        "projects": ["alice/shop"],
        "expires_at": moment(minted.row.expires_at),
    }
    assert (told["session"], [team["slug"] for team in told["teams"]]) == (None, ["alice"])
    refused = with_key(minted.text).patch(ME, {"name": "Mallory"})
    assert (refused.status_code, refused.json()["detail"]) == (403, "this API key has no scope for me.edit")


def test_nobody_is_401(cast: Cast) -> None:
    assert api(None).get(ME).status_code == 401


def test_name_is_changed_only_on_what_was_read(cast: Cast) -> None:
    client = api(cast.bob)
    tag = client.get(ME)["ETag"]
    assert client.get(ME, HTTP_IF_NONE_MATCH=tag).status_code == 304
    changed = client.patch(ME, {"name": "Bob B."}, HTTP_IF_MATCH=tag)
    assert (changed.status_code, changed.json()["name"]) == (200, "Bob B.")
    late = client.patch(ME, {"name": "Bobby"}, HTTP_IF_MATCH=tag)
    assert (late.status_code, late.json()["type"]) == (412, "urn:wrenchai:problem:changed-meanwhile")
    assert User.objects.get(username="bob").get_full_name() == "Bob B."


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "alice@example.org"}, "email"),
        ({"username": "alice"}, "username"),
        ({"is_superuser": True}, "is_superuser"),
        ({"name": ["x"]}, "name"),
        ({"name": "x" * 151}, "name"),
        ({"name": None}, "name"),
    ],
)
def test_what_may_not_be_changed_is_named(cast: Cast, body: dict[str, Any], field: str) -> None:
    answer = api(cast.bob).patch(ME, body)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])


@pytest.mark.parametrize("body", ['{"name": "a\\u0000b"}', '{"name": "\\ud800"}', "[]", '"x"', "1e309", "{"])
def test_hostile_bodies_are_400(cast: Cast, body: str) -> None:
    answer = api(cast.bob).patch(ME, body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
