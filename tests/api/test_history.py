"""Versions over REST: who sees which, what a version tells, filters, pages, and bad questions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import keys
from accounts.models import Membership, Project, ProjectMembership, User
from accounts.roles import Role
from tasks.models import LimitRule, Queue, Schedule
from tests.api.cast import PASSWORD, Cast, api

PATH = "/api/v1/history"
NOW = timezone.now()


@pytest.fixture
def staff(cast: Cast) -> User:
    return User.objects.create_user("staff", password=PASSWORD, is_staff=True)


@pytest.fixture
def rules(cast: Cast) -> list[LimitRule]:
    """One of the project, one of Charlie's, one of everybody's."""
    return [
        LimitRule.objects.create(name="ours", project=cast.project, most=1),
        LimitRule.objects.create(name="theirs", project=cast.other, most=1),
        LimitRule.objects.create(name="all", most=1),
    ]


def told(client: APIClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_code == 200, answer.json()
    return list(answer.json()["results"])


def names(found: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one["model"], one["id"]) for one in found}


def test_change_is_told_with_who_what_and_request(cast: Cast, staff: User) -> None:
    answer = api(cast.alice).patch(
        "/api/v1/projects/alice/shop", {"name": "The shop"}, HTTP_X_REQUEST_ID="find-me"
    )
    assert answer.status_code == 200, answer.json()
    (one,) = told(api(staff), "request=find-me")
    assert {name: value for name, value in one.items() if name not in ("at", "version")} == {
        "model": "accounts.project",
        "id": str(cast.project.pk),
        "what": "changed",
        "project_id": cast.project.pk,
        "by": "alice",
        "by_id": cast.alice.pk,
        "key": None,
        "through": "rest",
        "request": "find-me",
        "note": {},
        "changes": {"name": {"before": "Shop", "after": "The shop"}},
    }
    assert told(api(cast.alice), "request=find-me") == [one]
    assert told(api(staff), "by=alice") == [one]


def test_staff_see_all_and_maintainers_their_projects(
    cast: Cast, staff: User, rules: list[LimitRule]
) -> None:
    Queue.objects.create(name="agent.mine", agent="mine")
    Group.objects.create(name="g")
    Membership.objects.filter(user=cast.bob).update(role=Role.MAINTAINER)
    everything = names(told(api(staff), "limit=200"))
    assert {("tasks.limitrule", str(rule.pk)) for rule in rules} <= everything
    assert {"accounts.user", "accounts.team", "auth.group", "tasks.queue"} <= {
        model for model, _ in everything
    }
    for person in (cast.alice, cast.bob):
        assert names(told(api(person), "limit=200")) == {
            ("accounts.project", str(cast.project.pk)),
            ("tasks.limitrule", str(rules[0].pk)),
        }
    assert names(told(api(cast.charlie), "limit=200")) == {
        ("accounts.project", str(cast.other.pk)),
        ("tasks.limitrule", str(rules[1].pk)),
    }
    assert told(api(cast.vera)) == []
    assert api(None).get(PATH).status_code == 401


def test_project_of_others_is_none_and_of_mine_needs_the_role(
    cast: Cast, staff: User, rules: list[LimitRule]
) -> None:
    assert names(told(api(cast.alice), "project=alice/shop&model=tasks.limitrule")) == {
        ("tasks.limitrule", str(rules[0].pk))
    }
    assert api(cast.alice).get(f"{PATH}?project=charlie/other").status_code == 400
    assert api(cast.vera).get(f"{PATH}?project=alice/shop").status_code == 403
    assert names(told(api(staff), "project=charlie/other&model=tasks.limitrule")) == {
        ("tasks.limitrule", str(rules[1].pk))
    }
    assert told(api(cast.alice), f"model=tasks.limitrule&id={rules[1].pk}") == []
    assert told(api(cast.alice), f"model=accounts.user&id={cast.alice.pk}") == []


def test_role_in_one_project_counts_there_alone(cast: Cast, rules: list[LimitRule]) -> None:
    ProjectMembership.objects.create(user=cast.vera, project=cast.other, role=Role.MAINTAINER)
    found = names(told(api(cast.vera), "limit=200"))
    assert ("tasks.limitrule", str(rules[1].pk)) in found
    assert ("tasks.limitrule", str(rules[0].pk)) not in found


def test_what_a_row_was_elsewhere_is_not_told(cast: Cast, staff: User) -> None:
    row = LimitRule.objects.create(name="secret of ours", project=cast.project, most=1)
    LimitRule.objects.filter(pk=row.pk).update(project=cast.other, name="plain")
    query = f"model=tasks.limitrule&id={row.pk}"
    (theirs,) = told(api(cast.charlie), query)
    assert (theirs["what"], theirs["changes"]) == ("changed", None)
    newest = told(api(staff), query)[0]
    assert newest["changes"]["name"] == {"before": "secret of ours", "after": "plain"}
    (ours,) = told(api(cast.alice), query)
    assert ours["what"] == "created"


def test_creation_and_deletion_tell_the_whole_row(cast: Cast, staff: User) -> None:
    row = Schedule.objects.create(
        name="n", project=cast.project, cron="0 2 * * *", goal="g", starts_at=NOW, request={"a": [1]}
    )
    query = f"model=tasks.schedule&id={row.pk}"
    row.delete()
    gone, made = told(api(staff), query)
    assert (made["what"], gone["what"]) == ("created", "deleted")
    assert made["changes"]["request"] == {"before": None, "after": {"a": [1]}}
    starts = NOW.isoformat().replace("+00:00", "Z")
    assert made["changes"]["starts_at"] == {"before": None, "after": starts}
    assert gone["changes"]["cron"] == {"before": "0 2 * * *", "after": None}
    assert "next_fire_at" not in made["changes"]


@pytest.mark.parametrize("ordering", ["-at", "at"])
def test_pages_bring_each_version_once(cast: Cast, staff: User, ordering: str) -> None:
    for n in range(5):
        row = LimitRule.objects.create(name=f"r{n}", most=1, project=cast.project)
        LimitRule.objects.filter(pk=row.pk).update(most=2)
        Project.objects.filter(pk=cast.project.pk).update(name=f"n{n}")
    client = api(staff)
    whole = told(client, f"limit=200&ordering={ordering}")
    page, seen = f"{PATH}?limit=3&ordering={ordering}", []
    while page:
        answer = client.get(page).json()
        seen += answer["results"]
        assert len(answer["results"]) <= 3
        page = answer["next"]
    assert seen == whole
    moments = [one["at"] for one in whole]
    assert moments == sorted(moments, reverse=ordering == "-at")


def test_after_keeps_what_is_later(cast: Cast, staff: User, rules: list[LimitRule]) -> None:
    later = quote((timezone.now() + timedelta(minutes=1)).isoformat())
    assert told(api(staff), f"after={later}") == []
    earlier = quote((timezone.now() - timedelta(hours=1)).isoformat())
    assert len(told(api(staff), f"after={earlier}&model=tasks.limitrule")) == 3


@pytest.mark.parametrize(
    ("scopes", "is_bound", "sees"),
    [
        (["history.all", "history.view"], False, "all"),
        (["history.view"], False, "project"),
        (["history.all"], False, 403),
        (["history.all", "history.view"], True, "project"),
        (["*.view"], False, "project"),
        (["run.view"], False, 403),
    ],
)
def test_key_of_staff_needs_both_scopes_and_no_bounds(
    cast: Cast, staff: User, rules: list[LimitRule], scopes: list[str], is_bound: bool, sees: str | int
) -> None:
    Membership.objects.create(user=staff, team=cast.project.team, role=Role.MAINTAINER)
    minted = keys.create(
        staff, "x", scopes=scopes, projects=[cast.project] if is_bound else None,
        expires_at=NOW + timedelta(days=1), now=NOW,
    )  # fmt: skip
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {minted.text}")
    answer = client.get(f"{PATH}?model=tasks.limitrule")
    if isinstance(sees, int):
        assert answer.status_code == sees
        return
    found = {one["id"] for one in answer.json()["results"]}
    assert found == {str(rule.pk) for rule in (rules if sees == "all" else rules[:1])}


@pytest.mark.parametrize(
    "query",
    [
        "model=x", "model=tasks.run", "id=1", "model=tasks.limitrule&id=x", "model=tasks.limitrule&id=1e309",
        "model=tasks.limitrule&id=99999999999999999999", "model=tasks.limitrule&id=%00", "by=%00", "after=x",
        "after=2026-01-01T00:00:00%2B99:00", "limit=0", "limit=201", "x=1", "project=nope", "ordering=by", "cursor=x",
        "cursor=WyItYXQiLCJ4IiwxXQ", "cursor=WyItYXQiLCIyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwIiwieDoxIl0", "request=%00",
    ],
)  # fmt: skip
def test_bad_question_is_400(cast: Cast, staff: User, query: str) -> None:
    answer = api(staff).get(f"{PATH}?{query}")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    "query", ["by=%ED%A0%80", "by='", "request=%25", "model=tasks.queue&id='%20OR%201=1"]
)
def test_strange_question_finds_nothing(cast: Cast, staff: User, query: str) -> None:
    assert told(api(staff), query) == []


def test_cursor_of_the_other_order_is_refused(cast: Cast, staff: User, rules: list[LimitRule]) -> None:
    following = api(staff).get(f"{PATH}?limit=1").json()["next"]
    assert api(staff).get(following + "&ordering=at").status_code == 400


def test_nothing_is_written_here(cast: Cast, staff: User) -> None:
    for method in ("post", "put", "patch", "delete"):
        assert getattr(api(staff), method)(PATH, {}).status_code in {403, 405}
