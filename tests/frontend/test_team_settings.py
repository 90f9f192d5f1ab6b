"""Settings of a team on its page, and making a project in it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import Membership, Project, Team, User
from accounts.roles import Role
from tests.api.cast import Cast, browser

PAGE, NEW = "/teams/alice/settings", "/teams/alice/projects/new"


def seen(client: Client) -> str:
    found = re.search(r'name="seen" value="(\w+)"', client.get(PAGE).content.decode())
    assert found is not None
    return found[1]


def role_of(user: User) -> int | None:
    return Membership.objects.filter(user=user, team__slug="alice").values_list("role", flat=True).first()


def test_name_and_address_are_changed_unless_somebody_was_faster(cast: Cast) -> None:
    client = browser(cast.alice)
    body = {"act": "save", "name": "Crew", "slug": "crew", "seen": seen(client)}
    Team.objects.filter(slug="alice").update(name="Theirs")
    assert client.post(PAGE, body).status_code == 409
    answer = client.post(PAGE, {**body, "seen": seen(client)})
    assert (answer.status_code, answer["Location"]) == (302, "/teams/crew/settings")
    assert Team.objects.get(slug="crew").name == "Crew"


@pytest.mark.parametrize(
    "body", [{"slug": "charlie"}, {"slug": "A b"}, {"slug": ""}, {"name": ""}, {"name": "a\0"}]
)
def test_unfit_change_is_refused(cast: Cast, body: dict[str, str]) -> None:
    client = browser(cast.alice)
    order = {"act": "save", "name": "Crew", "slug": "crew", "seen": seen(client), **body}
    assert client.post(PAGE, order).status_code == 400
    assert Team.objects.filter(slug="alice", name="Alice's team").exists()


def test_team_is_handed_over_when_its_slug_is_repeated(cast: Cast) -> None:
    client = browser(cast.alice)
    body = {"act": "transfer", "to": "bob"}
    assert client.post(PAGE, body).status_code == 400
    for to in ("charlie", "alice", "\0", ""):
        assert client.post(PAGE, {**body, "to": to, "confirm": "alice"}).status_code == 400
    told = client.post(PAGE, {**body, "confirm": "alice"}, follow=True).content.decode()
    assert "bob owns the team now, and you are a maintainer." in told
    assert (role_of(cast.bob), role_of(cast.alice)) == (Role.OWNER, Role.MAINTAINER)


def test_team_is_deleted_with_its_projects(cast: Cast) -> None:
    client = browser(cast.alice)
    assert client.post(PAGE, {"act": "delete", "confirm": "alic"}).status_code == 400
    told = client.post(PAGE, {"act": "delete", "confirm": "alice"}, follow=True).content.decode()
    assert "is deleted, with all its projects." in told
    assert not Team.objects.filter(slug="alice").exists()
    assert not Project.objects.filter(pk=cast.project.pk).exists()


def test_project_is_made_by_maintainers(cast: Cast) -> None:
    Membership.objects.filter(user=cast.bob).update(role=Role.MAINTAINER)
    client = browser(cast.bob)
    assert f'href="{NEW}"' in client.get("/teams/alice").content.decode()
    answer = client.post(NEW, {"slug": "store", "name": "", "description": "For all"})
    assert (answer.status_code, answer["Location"]) == (302, "/projects/alice/store")
    made = Project.objects.get(slug="store")
    assert (made.name, made.description, made.team) == ("store", "For all", cast.project.team)
    for slug in ("store", "", "A b", "-x", "x\0"):
        assert client.post(NEW, {"slug": slug}).status_code == 400
    assert Project.objects.filter(team=made.team).count() == 2


def test_maintainer_changes_the_name_and_no_more(cast: Cast) -> None:
    Membership.objects.filter(user=cast.bob).update(role=Role.MAINTAINER)
    client = browser(cast.bob)
    shown = client.get(PAGE).content.decode()
    assert [text in shown for text in ("Name and address", "Hand it over", "Delete the team")] == [
        True,
        False,
        False,
    ]
    for act in ("transfer", "delete"):
        assert client.post(PAGE, {"act": act, "confirm": "alice", "to": "vera"}).status_code == 403
    assert client.post(PAGE, {"act": "x"}).status_code == 400


@pytest.mark.parametrize("path", [PAGE, NEW])
def test_others_come_to_neither(cast: Cast, path: str) -> None:
    assert Client().get(path).status_code == 302
    assert browser(cast.charlie).post(path, {"act": "delete", "confirm": "alice"}).status_code == 404
    assert browser(cast.vera).post(path, {"act": "delete", "confirm": "alice"}).status_code == 403
    assert Team.objects.filter(slug="alice").exists()
