"""What people see who have nothing yet, may do little, or came by a wrong link: each page says what to do next."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Membership, Team, User
from accounts.roles import Role
from tests.api.cast import PASSWORD, Cast, browser

WRONG = (
    "/runs/018f0000-0000-7000-8000-000000000000",
    "/runs/018f0000-0000-7000-8000-000000000000/log",
    "/runs/018f0000-0000-7000-8000-000000000000/steps/a",
    "/findings/018f0000-0000-7000-8000-000000000000",
    "/projects/alice/none",
    "/projects/charlie/other/settings",
    "/projects/charlie/other/code",
    "/projects/charlie/other/documentation",
    "/teams/charlie",
    "/teams/charlie/audit",
    "/nowhere",
)


def member_of_an_empty_team(_cast: Cast) -> User:
    user = User.objects.create_user("emma", password=PASSWORD)
    team = Team.objects.create(name="Empty", slug="empty")
    Membership.objects.create(user=user, team=team, role=Role.VIEWER)
    return user


def alone(_cast: Cast) -> User:
    return User.objects.create_user("solo", password=PASSWORD)


def empties(page: str) -> list[tuple[str, str]]:
    """Give what each empty state of a page says, and where it leads."""
    found = re.findall(r'<div class="empty">(.*?)</div>', page, re.DOTALL)
    return [
        ("".join(re.findall(r"<strong>([^<]*)</strong>", one)), "".join(re.findall(r'href="([^"]*)"', one)))
        for one in found
    ]


@pytest.mark.parametrize(
    ("who", "home"),
    [(member_of_an_empty_team, "Your team has no project yet."), (alone, "You are in no project yet.")],
    ids=["member", "alone"],
)
def test_who_has_no_project_is_led_to_the_teams(cast: Cast, who: Callable[[Cast], User], home: str) -> None:
    client = browser(who(cast))
    shown = {path: empties(client.get(path).content.decode()) for path in ("/", "/runs", "/findings")}
    assert shown == {
        "/": [(home, "/teams")],
        "/runs": [("No runs yet.", "/teams")],
        "/findings": [("No open findings.", "?status=all")],
    }
    assert "no such project in which you may start a run" in client.get("/runs/new").content.decode() or (
        client.get("/runs/new").status_code == 403
    )


def test_empty_team_says_who_makes_its_first_project(cast: Cast) -> None:
    viewer = member_of_an_empty_team(cast)
    page = browser(viewer).get("/teams/empty").content.decode()
    assert (empties(page), "Maintainers make it." in page) == ([("The team has no project yet.", "")], True)
    Membership.objects.filter(user=viewer).update(role=Role.MAINTAINER)
    assert empties(browser(viewer).get("/teams/empty").content.decode()) == [
        ("The team has no project yet.", "/teams/empty/projects/new")
    ]


@pytest.mark.parametrize("path", WRONG)
def test_wrong_link_says_so_and_leads_on(cast: Cast, path: str) -> None:
    answer = browser(cast.bob).get(path)
    page = answer.content.decode()
    assert (answer.status_code, "Nothing here" in page, 'class="button" href="/"' in page) == (
        404,
        True,
        True,
    )
    stranger = Client().get(path)
    assert stranger.status_code in {302, 404}
    if stranger.status_code == 302:
        assert stranger["Location"].startswith("/login/?next=")


def test_what_a_role_does_not_allow_says_whom_to_ask(cast: Cast) -> None:
    answer = browser(cast.vera).get("/projects/alice/shop/settings/audit")
    assert (answer.status_code, "Ask an owner of the project" in answer.content.decode()) == (403, True)
