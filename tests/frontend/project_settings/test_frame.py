"""Who comes to which page of a project's settings, and what is offered there."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import Membership, Project, User
from accounts.roles import Role
from tests.api.cast import Cast, browser

BASE = "/projects/alice/shop/settings"
SECTIONS = (
    "",
    "/people",
    "/credentials",
    "/webhooks",
    "/schedules",
    "/quality",
    "/limits",
    "/audit",
    "/danger",
)
NOBODY = "018f0000-0000-7000-8000-000000000000"  # no row has this id
DEEPER = (
    f"/credentials/{NOBODY}",
    f"/webhooks/{NOBODY}",
    f"/webhooks/{NOBODY}/deliveries/{NOBODY}",
    f"/schedules/{NOBODY}",
)
READ = ("/schedules", "/quality", "/limits", "/audit")
WRITTEN = (
    *(path for path in SECTIONS if path not in READ),
    *DEEPER,
    "/schedules/new",
    "/schedules/preview",
    "/people/invitations",
    f"/people/invitations/{NOBODY}",
)


def side(client: Client) -> list[str]:
    """The sections in the navigation at the side."""
    shown = client.get(BASE).content.decode()
    found = re.search(r'<nav class="side"[^>]*>(.*?)</nav>', shown)
    assert found is not None
    return re.findall(r">([A-Z][^<]+)</a>", found[1])


def mara(cast: Cast) -> User:
    """A maintainer."""
    user = User.objects.create_user("mara")
    Membership.objects.create(user=user, team=cast.project.team, role=Role.MAINTAINER)
    return user


@pytest.mark.parametrize("path", SECTIONS)
def test_maintainer_opens_each_section(cast: Cast, path: str) -> None:
    assert browser(mara(cast)).get(BASE + path).status_code == 200


@pytest.mark.parametrize("path", WRITTEN)
def test_stranger_signs_in_first_and_others_find_nothing(cast: Cast, path: str) -> None:
    answer = Client().post(BASE + path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/?next=/projects/alice/shop/")
    assert browser(cast.charlie).post(BASE + path, {"act": "delete"}).status_code == 404
    assert browser(cast.alice).post(f"/projects/charlie/other/settings{path}").status_code == 404


@pytest.mark.parametrize("path", READ)
def test_page_that_only_tells_is_read_by_who_sees_it(cast: Cast, path: str) -> None:
    assert Client().get(BASE + path).status_code == 302
    assert browser(cast.charlie).get(BASE + path).status_code == 404
    assert browser(cast.alice).post(BASE + path).status_code == 405


@pytest.mark.parametrize("path", DEEPER)
def test_what_is_not_there_is_not_there(cast: Cast, path: str) -> None:
    assert browser(cast.alice).get(BASE + path).status_code == 404


def test_each_sees_the_sections_that_are_theirs(cast: Cast) -> None:
    told = ["Schedules", "Quality", "Rate limits"]
    everything = ["General", "People", "Credentials", "Webhooks", *told, "Audit", "Danger zone"]
    assert side(browser(cast.alice)) == everything
    assert side(browser(mara(cast))) == everything
    assert side(browser(cast.bob)) == ["General", "People", "Credentials", *told]
    assert side(browser(cast.vera)) == ["General", "People", *told]
    assert browser(cast.bob).get(f"{BASE}/webhooks").status_code == 403
    assert browser(cast.vera).get(f"{BASE}/credentials").status_code == 403


def test_role_that_is_taken_meanwhile_counts(cast: Cast) -> None:
    client = browser(cast.alice)
    shown = client.get(BASE).content.decode()
    seen = re.search(r'name="seen" value="(\w+)"', shown)
    assert seen is not None
    Membership.objects.filter(user=cast.alice).update(role=Role.VIEWER)
    assert client.post(BASE, {"name": "Mine", "seen": seen[1]}).status_code == 403
    assert Project.objects.get(pk=cast.project.pk).name == "Shop"


def test_forms_want_their_token(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    for path in WRITTEN:
        assert client.post(BASE + path, {"act": "delete"}).status_code == 403
