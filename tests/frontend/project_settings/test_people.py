"""People of a project on the page: roles of their own, guests, invitations."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import Invitation, Membership, ProjectMembership, User
from accounts.roles import Role
from tests.api.cast import Cast, browser
from tests.frontend.project_settings.counting import queries

PAGE = "/projects/alice/shop/settings/people"


def own_role(user: User) -> int | None:
    return ProjectMembership.objects.filter(user=user).values_list("role", flat=True).first()


def guest(cast: Cast) -> User:
    user = User.objects.create_user("gus")
    ProjectMembership.objects.create(user=user, project=cast.project, role=Role.DEVELOPER)
    return user


def test_everybody_is_shown_with_where_their_role_comes_from(cast: Cast) -> None:
    guest(cast)
    ProjectMembership.objects.create(user=cast.bob, project=cast.project, role=Role.MAINTAINER)
    shown = browser(cast.alice).get(PAGE).content.decode()
    sources = re.findall(r'data-label="from">([^<]+)<', shown)
    assert sources == ["the team", "this project; developer in the team", "guest", "the team"]
    assert "Leave the project" not in shown


def test_role_here_is_given_and_taken_again(cast: Cast) -> None:
    client = browser(cast.alice)
    told = client.post(PAGE, {"username": "bob", "role": "maintainer"}, follow=True).content.decode()
    assert ("bob is maintainer here now." in told, own_role(cast.bob)) == (True, Role.MAINTAINER)
    told = client.post(PAGE, {"username": "bob", "act": "unset"}, follow=True).content.decode()
    assert ("bob has no role of their own here any more." in told, own_role(cast.bob)) == (True, None)
    assert Membership.objects.get(user=cast.bob).role == Role.DEVELOPER


def test_guest_leaves_and_finds_nothing_afterwards(cast: Cast) -> None:
    client = browser(guest(cast))
    assert "Leave the project" in client.get(PAGE).content.decode()
    answer = client.post(PAGE, {"act": "leave"}, follow=True)
    assert "You have left Shop." in answer.content.decode()
    assert client.get(PAGE).status_code == 404


def test_member_of_the_team_is_told_where_to_leave(cast: Cast) -> None:
    told = browser(cast.bob).post(PAGE, {"act": "leave"}, follow=True).content.decode()
    assert "You are here as a member of the team; leave the team, or ask a maintainer." in told


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"username": "bob", "role": "emperor"}, 400),
        ({"username": "bob"}, 400),
        ({"username": "charlie", "role": "viewer"}, 404),
        ({"username": "\0", "role": "viewer"}, 404),
        ({}, 404),
    ],
)
def test_order_that_names_nothing_is_refused(cast: Cast, body: dict[str, str], status: int) -> None:
    assert browser(cast.alice).post(PAGE, body).status_code == status
    assert not ProjectMembership.objects.exists()


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_who_may_not_give_roles_is_offered_none(cast: Cast, name: str) -> None:
    client = browser(getattr(cast, name))
    shown = client.get(PAGE).content.decode()
    assert ("<select" in shown, "Invite a guest" in shown) == (False, False)
    assert client.post(PAGE, {"username": "bob", "role": "owner"}).status_code == 403
    assert client.post(f"{PAGE}/invitations", {"whom": "a@b.example", "role": "viewer"}).status_code == 403
    assert (own_role(cast.bob), Invitation.objects.count()) == (None, 0)


def test_guest_is_invited_by_a_link_that_is_shown_once(cast: Cast) -> None:
    client = browser(cast.alice)
    answer = client.post(f"{PAGE}/invitations", {"whom": "new@example.org", "role": "viewer", "days": "7"})
    found = re.search(r'id="invitation-link">http://[^/]+(/invitations/[-\w]{43})<', answer.content.decode())
    assert (answer.status_code, answer["Cache-Control"], found is not None) == (200, "no-store", True)
    assert "invitation-link" not in client.get(PAGE).content.decode()
    row = Invitation.objects.get()
    assert (row.project, row.email) == (cast.project, "new@example.org")
    path = f"{PAGE}/invitations/{row.public_id}"
    assert browser(cast.bob).post(path, {"act": "revoke"}).status_code == 403
    told = client.post(path, {"act": "revoke"}, follow=True).content.decode()
    assert "The invitation is revoked; its link opens nothing." in told
    assert found is not None
    assert "was revoked" in Client().get(found[1]).content.decode()


def test_queries_do_not_grow_with_people(cast: Cast, steady_rules: None) -> None:
    client = browser(cast.alice)
    few = queries(client, PAGE)
    for n in range(30):
        user = User.objects.create_user(f"user{n}")
        ProjectMembership.objects.create(user=user, project=cast.project, role=Role.VIEWER)
    assert (queries(client, PAGE), few <= 15) == (few, True)
