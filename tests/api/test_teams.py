"""Teams over REST: who makes, sees, changes and hands them over, and what hostile people get."""

from __future__ import annotations

from typing import Any

import pytest

from accounts import teams
from accounts.models import AuditRecord, Membership, RateRule, Team, User
from accounts.roles import Role
from tests.api.cast import Cast, api
from tests.api.test_keys import program

TEAMS = "/api/v1/teams"
ALICE = f"{TEAMS}/alice"


def test_team_is_made_owned_listed_and_recorded(cast: Cast) -> None:
    client = api(cast.bob)
    made = client.post(TEAMS, {"slug": "bobs", "name": "Bob's"})
    told = made.json()
    assert (made.status_code, made["Location"]) == (201, f"{TEAMS}/bobs")
    assert told == {"slug": "bobs", "name": "Bob's", "role": "owner", "created_at": told["created_at"]}
    assert client.get(made["Location"]).json() == told
    listed = client.get(f"{TEAMS}?ordering=slug").json()
    assert [(team["slug"], team["role"]) for team in listed["results"]] == [
        ("alice", "developer"),
        ("bobs", "owner"),
    ]
    acts = AuditRecord.objects.order_by("-number").values_list("act", "actor")[:2]
    assert list(acts) == [("role.given", "bob"), ("team.created", "bob")]
    assert client.post(TEAMS, {"slug": "plain"}).json()["name"] == "plain"


def test_staff_alone_make_teams_where_the_setting_says_so(cast: Cast, settings: Any) -> None:
    settings.TEAMS_BY = "staff"
    refused = api(cast.alice).post(TEAMS, {"slug": "mine"})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:wrenchai:problem:not-yours")
    staff = User.objects.create_user("staff", is_staff=True)
    assert api(staff).post(TEAMS, {"slug": "mine"}).status_code == 201


@pytest.mark.parametrize("slug", ["alice", "ALICE"])
def test_slug_that_is_taken_in_any_case_is_409(cast: Cast, slug: str) -> None:
    Team.objects.filter(slug="alice").update(slug=slug)
    answer = api(cast.charlie).post(TEAMS, {"slug": "alice"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:name-taken")


def test_person_owns_so_many_teams_and_no_more(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teams, "MOST_OWNED", 1)
    answer = api(cast.alice).post(TEAMS, {"slug": "more"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:too-many")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "slug"),
        ({"slug": "-a"}, "slug"),
        ({"slug": "Upper"}, "slug"),
        ({"slug": "a/b"}, "slug"),
        ({"slug": "a" * 61}, "slug"),
        ({"slug": ["a"]}, "slug"),
        ({"slug": "a", "name": ""}, "name"),
        ({"slug": "a", "name": "x" * 121}, "name"),
        ({"slug": "a", "name": "a\u202eb"}, "name"),
        ({"slug": "a", "name": "a\x1b[31mb"}, "name"),
        ({"slug": "a", "owner": "alice"}, "owner"),
    ],
)
def test_bad_order_is_named_by_field(cast: Cast, body: dict[str, Any], field: str) -> None:
    for answer in (api(cast.alice).post(TEAMS, body), api(cast.alice).patch(ALICE, body)):
        if body or answer.status_code != 200:
            assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])


@pytest.mark.parametrize("path", ["nope", "charlie", "%00", "a" * 61, "alice%0a", "%ff"])
def test_team_that_is_not_seen_is_404(cast: Cast, path: str) -> None:
    client = api(cast.alice)
    for answer in (client.get(f"{TEAMS}/{path}"), client.patch(f"{TEAMS}/{path}", {"name": "x"})):
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("person", "status"), [("alice", 200), ("bob", 403), ("vera", 403), ("charlie", 404)]
)
def test_roles_decide_who_edits(cast: Cast, person: str, status: int) -> None:
    answer = api(getattr(cast, person)).patch(ALICE, {"name": "New"})
    assert answer.status_code == status
    assert Team.objects.get(slug="alice").name == ("New" if status == 200 else "Alice's team")
    assert api(None).patch(ALICE, {"name": "New"}).status_code == 401


def test_edit_is_made_only_on_what_was_read(cast: Cast) -> None:
    client = api(cast.alice)
    tag = client.get(ALICE)["ETag"]
    assert client.patch(ALICE, {"name": "One"}, HTTP_IF_MATCH=tag).status_code == 200
    late = client.patch(ALICE, {"name": "Two"}, HTTP_IF_MATCH=tag)
    assert (late.status_code, late.json()["type"]) == (412, "urn:wrenchai:problem:changed-meanwhile")
    assert Team.objects.get(slug="alice").name == "One"


def test_new_slug_takes_the_rate_rules_of_the_projects_along(cast: Cast) -> None:
    rule: dict[str, Any] = {"rate": "5/s", "burst": 5}
    RateRule.objects.create(name="a", scope="project", subject="alice/shop", **rule)
    RateRule.objects.create(name="b", scope="project", subject="alice-two/shop", **rule)
    RateRule.objects.create(name="c", scope="user", subject="alice", **rule)
    moved = api(cast.alice).patch(ALICE, {"slug": "acme"})
    assert (moved.status_code, moved.json()["slug"]) == (200, "acme")
    assert dict(RateRule.objects.filter(name__in="abc").values_list("name", "subject")) == {
        "a": "acme/shop",
        "b": "alice-two/shop",
        "c": "alice",
    }
    assert api(cast.alice).get(ALICE).status_code == 404
    assert AuditRecord.objects.first().details == {"changes": {"slug": {"was": "alice", "is": "acme"}}}
    assert api(cast.alice).patch(f"{TEAMS}/acme", {"slug": "charlie"}).status_code == 409


def test_owner_hands_the_team_over(cast: Cast) -> None:
    answer = api(cast.alice).post(f"{ALICE}/transfer", {"to": "bob"})
    assert (answer.status_code, answer.json()["role"]) == (200, "maintainer")
    roles = dict(Membership.objects.filter(team=cast.project.team).values_list("user__username", "role"))
    assert roles == {"alice": Role.MAINTAINER, "bob": Role.OWNER, "vera": Role.VIEWER}
    assert api(cast.alice).post(f"{ALICE}/transfer", {"to": "alice"}).status_code == 403


@pytest.mark.parametrize(("to", "status"), [("charlie", 404), ("nobody", 404), ("", 400), ("a" * 151, 400)])
def test_team_is_handed_to_members_only(cast: Cast, to: str, status: int) -> None:
    assert api(cast.alice).post(f"{ALICE}/transfer", {"to": to}).status_code == status
    assert Membership.objects.get(user=cast.alice).role == Role.OWNER


def test_team_is_not_handed_to_who_cannot_sign_in(cast: Cast) -> None:
    User.objects.filter(pk=cast.bob.pk).update(is_active=False)
    answer = api(cast.alice).post(f"{ALICE}/transfer", {"to": "bob"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:last-owner")


def test_key_that_is_bound_reaches_no_team(cast: Cast) -> None:
    bound = program(cast.alice, "team.view", "team.edit", projects=[cast.project])
    assert bound.get(TEAMS).json() == {"results": [], "next": None}
    assert bound.patch(ALICE, {"name": "x"}).status_code == 404
    free = program(cast.alice, "team.edit")
    assert free.patch(ALICE, {"name": "x"}).status_code == 200


@pytest.mark.parametrize(
    "raw",
    ["[]", "null", '"x"', "1e309", '{"slug": 1e309}', '{"name": "\\u0000"}', '{"name": "\\ud800"}', "{" * 99],
)
def test_hostile_bodies_are_400(cast: Cast, raw: str) -> None:
    client = api(cast.alice)
    for method, path in (("post", TEAMS), ("patch", ALICE), ("post", f"{ALICE}/transfer")):
        answer = getattr(client, method)(path, raw, content_type="application/json")
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), path
