"""The pages of teams: members with their roles, invitations, and the page that a link leads to; without a script."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.test import Client

from accounts import invitations
from accounts.models import AuditRecord, Invitation, Membership, Project, Team, User
from accounts.roles import Role
from tests.api.cast import Cast, browser

TEAM = "/teams/alice"
PASSWORD = "quite a long new password"


def page(client: Client, path: str = TEAM, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.content.decode()


def invite(client: Client, whom: str = "new@example.org", role: str = "developer") -> str:
    """Invite on the page. Returns the path of the link that it shows."""
    answer = client.post(f"{TEAM}/invitations", {"whom": whom, "role": role, "days": "7"})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    found = re.search(r'id="invitation-link">http://[^/]+(/invitations/[-\w]{43})<', answer.content.decode())
    assert found is not None
    return found[1]


def role_of(user: User) -> Role | None:
    found = Membership.objects.filter(user=user, team__slug="alice").values_list("role", flat=True).first()
    return None if found is None else Role(found)


def test_members_are_shown_with_what_the_reader_may_change(cast: Cast) -> None:
    owner, viewer = page(browser(cast.alice)), page(browser(cast.vera))
    for shown in (owner, viewer):
        assert re.findall(r'main"><strong>([^<]+)<', shown) == ["alice", "bob", "vera"]
    assert owner.count("<select") == 4  # three members, and the one of the invitation
    assert owner.count("Take out</button>") == 2
    assert ("<select" in viewer, "Invite somebody" in viewer, "Leave the team" in viewer) == (
        False,
        False,
        True,
    )
    assert 'href="/teams"' in page(browser(cast.vera), "/")


def test_projects_are_shown_as_programs_name_them(cast: Cast) -> None:
    Project.objects.create(team=cast.project.team, slug="bare", name="<b>Bare</b>", description="Of wood")
    shown = page(browser(cast.vera))
    assert re.findall(r'<td class="path">([^<]+)</td>', shown) == ["alice/bare", f"alice/{cast.project.slug}"]
    assert "&lt;b&gt;Bare&lt;/b&gt;" in shown


@pytest.mark.parametrize("path", [TEAM, "/teams/nope", "/teams/" + "a" * 61])
def test_team_of_others_is_not_there(cast: Cast, path: str) -> None:
    assert browser(cast.charlie).get(path).status_code == 404
    for below in ("/members", "/leave", "/invitations", f"/invitations/{uuid4()}"):
        assert (
            browser(cast.charlie).post(path + below, {"username": "bob", "act": "remove"}).status_code == 404
        )
    answer = Client().get(path)
    assert answer.status_code == (302 if len(path) < 60 else 404)
    assert role_of(cast.bob) == Role.DEVELOPER


def test_maintainer_sees_no_button_for_who_is_above(cast: Cast) -> None:
    mara = User.objects.create_user("mara")
    Membership.objects.create(user=mara, team=cast.project.team, role=Role.MAINTAINER)
    shown = page(browser(mara))
    assert 'aria-label="Role of alice"' not in shown
    assert '<option value="owner"' not in shown
    told = browser(mara).post(f"{TEAM}/members", {"username": "alice", "role": "viewer"}, follow=True)
    assert "You are maintainer here, and cannot give or change the role owner." in told.content.decode()
    assert role_of(cast.alice) == Role.OWNER


def test_sending_again_counts_as_inviting(cast: Cast) -> None:
    """As it does over REST: else a page would mail without end."""
    client = browser(cast.alice)
    invite(client)
    path = f"{TEAM}/invitations/{Invitation.objects.get().public_id}"
    assert [client.post(path, {"act": "resend"}).status_code for _ in range(10)] == [302] * 9 + [429]
    assert 0 < int(client.post(path, {"act": "resend"})["Retry-After"]) <= 60


def test_roles_are_changed_and_members_taken_out(cast: Cast) -> None:
    client = browser(cast.alice)
    told = client.post(f"{TEAM}/members", {"username": "bob", "role": "maintainer"}, follow=True)
    assert "bob is maintainer now." in told.content.decode()
    told = client.post(f"{TEAM}/members", {"username": "bob", "act": "remove"}, follow=True)
    assert "bob is out of the team and its projects." in told.content.decode()
    assert browser(cast.bob).get(TEAM).status_code == 404


@pytest.mark.parametrize("person", ["bob", "vera"])
def test_who_may_not_change_is_refused(cast: Cast, person: str) -> None:
    client = browser(getattr(cast, person))
    for path, body in (
        ("/members", {"username": "vera", "role": "owner"}),
        ("/members", {"username": "alice", "act": "remove"}),
        ("/invitations", {"whom": "a@b.example", "role": "viewer", "days": "7"}),
        (f"/invitations/{uuid4()}", {"act": "revoke"}),
    ):
        assert client.post(TEAM + path, body).status_code == 403
    assert not Invitation.objects.exists()


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
    assert browser(cast.alice).post(f"{TEAM}/members", body).status_code == status


def test_last_owner_is_told_why_not(cast: Cast) -> None:
    told = browser(cast.alice).post(f"{TEAM}/leave", follow=True).content.decode()
    assert "Alice is the last owner of alice; make somebody else an owner first." in told
    gone = browser(cast.bob).post(f"{TEAM}/leave", follow=True)
    assert ("You have left" in gone.content.decode(), gone.redirect_chain[-1][0]) == (True, "/teams")


def test_forms_want_their_token(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    assert client.post(f"{TEAM}/members", {"username": "bob", "act": "remove"}).status_code == 403
    link = invite(browser(cast.alice))
    assert client.post(link, {"act": "accept"}).status_code == 403
    assert role_of(cast.bob) == Role.DEVELOPER


def test_new_person_makes_an_account_by_the_link(cast: Cast) -> None:
    link = invite(browser(cast.alice))
    client = Client()
    seen = client.get(link)
    assert (seen["Cache-Control"], seen["Referrer-Policy"]) == ("no-store", "same-origin")
    assert "script-src 'self'" in seen["Content-Security-Policy"]
    assert "alice invites new@example.org as <strong>developer</strong>" in seen.content.decode()
    body = {"act": "accept", "username": "nina", "password1": PASSWORD, "password2": PASSWORD}
    joined = client.post(link, body, follow=True)
    assert joined.redirect_chain[-1][0] == TEAM
    assert "Welcome: you are in" in joined.content.decode()
    nina = User.objects.get(username="nina")
    assert (role_of(nina), nina.email, nina.check_password(PASSWORD)) == (Role.DEVELOPER, "", True)
    assert "already." in Client().get(link).content.decode()
    assert Client().post(link, {**body, "username": "otto"}).status_code == 409
    assert not User.objects.filter(username="otto").exists()
    record = AuditRecord.objects.get(act="invitation.accepted")
    assert (record.actor, record.details["whom"]) == ("nina", "new@example.org")


def test_address_is_proved_by_a_mailed_link_only(cast: Cast, settings: Any) -> None:
    settings.MAIL_IS_ON = True
    answer = browser(cast.alice).post(
        f"{TEAM}/invitations", {"whom": "n@example.org", "role": "viewer", "days": "1"}
    )
    assert "The invitation is mailed." in answer.content.decode()
    assert "invitation-link" not in answer.content.decode()
    link = re.search(r"/invitations/[-\w]{43}", str(mail.outbox[0].body))
    assert link is not None
    body = {"act": "accept", "username": "nina", "password1": PASSWORD, "password2": PASSWORD}
    assert Client().post(link[0], body).status_code == 302
    assert User.objects.get(username="nina").email == "n@example.org"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"username": "bob"}, "already exists"),
        ({"password1": "short", "password2": "short"}, "at least 12 characters"),
        ({"password2": "another long password"}, "match"),
        ({"username": "a\0b"}, "Null characters are not allowed"),
        ({"username": "<script>"}, "Enter a valid username"),
    ],
)
def test_account_that_cannot_be_made_says_why_and_the_link_stays(
    cast: Cast, body: dict[str, str], told: str
) -> None:
    link = invite(browser(cast.alice))
    given = {"act": "accept", "username": "nina", "password1": PASSWORD, "password2": PASSWORD, **body}
    answer = Client().post(link, given)
    assert (answer.status_code, told in answer.content.decode()) == (400, True)
    assert "<script>" not in answer.content.decode()
    assert (
        Client()
        .post(link, {**given, "username": "nina", "password1": PASSWORD, "password2": PASSWORD})
        .status_code
        == 302
    )


def test_who_has_an_account_signs_in_and_accepts(cast: Cast) -> None:
    link = invite(browser(cast.alice))
    assert f"/login/?next={link.replace('/', '%2F')}" in page(Client(), link)
    told = browser(cast.charlie).post(link, {"act": "accept"}, follow=True)
    assert "Welcome: you are in" in told.content.decode()
    assert role_of(cast.charlie) == Role.DEVELOPER


def test_address_that_has_an_account_makes_no_other(cast: Cast) -> None:
    cast.charlie.email = "new@example.org"
    cast.charlie.save()
    link = invite(browser(cast.alice))
    assert "make an account" not in page(Client(), link)
    body = {"act": "accept", "username": "nina", "password1": PASSWORD, "password2": PASSWORD}
    answer = Client().post(link, body)
    assert (answer.status_code, "sign in to accept it" in answer.content.decode()) == (409, True)
    assert not User.objects.filter(username="nina").exists()


def test_link_for_an_account_is_for_that_one(cast: Cast) -> None:
    link = invite(browser(cast.alice), "charlie")
    assert "make an account" not in page(Client(), link)
    assert "this is for <strong>charlie</strong>" in page(browser(cast.bob), link)
    for client in (browser(cast.bob), Client()):
        body = {"act": "accept", "username": "x", "password1": PASSWORD, "password2": PASSWORD}
        assert client.post(link, body).status_code == 409
    assert Client().post(link, {"act": "decline"}).status_code == 409
    shown = page(browser(cast.charlie), "/teams")
    assert "You are invited to" in shown
    path = re.search(r'action="(/invitations/[-0-9a-f]+/answer)"', shown)
    assert path is not None
    assert browser(cast.bob).post(path[1], {"act": "accept"}).status_code == 404
    assert "Welcome" in browser(cast.charlie).post(path[1], {"act": "accept"}, follow=True).content.decode()
    assert role_of(cast.charlie) == Role.DEVELOPER


def test_declined_and_revoked_links_open_nothing(cast: Cast) -> None:
    owner = browser(cast.alice)
    link = invite(owner)
    assert Client().post(link, {"act": "decline"}).status_code == 302
    assert "declined already" in page(Client(), link)
    link = invite(owner)
    row = Invitation.objects.get(outcome="")
    told = owner.post(f"{TEAM}/invitations/{row.public_id}", {"act": "revoke"}, follow=True)
    assert "its link opens nothing" in told.content.decode()
    assert browser(cast.charlie).post(link, {"act": "accept"}).status_code == 409
    assert role_of(cast.charlie) is None
    assert invitations.for_person(cast.charlie).count() == 0


@pytest.mark.parametrize("token", ["x", "a" * 43, "a" * 500, "%00", "%ff", "ü"])
def test_link_that_is_none_is_404(cast: Cast, token: str) -> None:
    assert Client().get(f"/invitations/{token}").status_code == 404
    assert Client().post(f"/invitations/{token}", {"act": "accept"}).status_code == 404


def test_links_are_not_guessed(cast: Cast, one_window: None) -> None:
    client = Client()
    assert [client.get(f"/invitations/{n}").status_code for n in range(31)] == [404] * 30 + [429]
    assert 0 < int(client.get("/invitations/x")["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"whom": "nobody here"}, "There is no account of that name, and it is no address."),
        ({"whom": "bob"}, "bob is developer here already"),
        ({"role": "emperor"}, "Select a valid choice"),
        ({"days": "31"}, "less than or equal to 30"),
    ],
)
def test_invitation_that_cannot_be_made_says_why(cast: Cast, body: dict[str, str], told: str) -> None:
    given = {"whom": "a@b.example", "role": "viewer", "days": "7", **body}
    answer = browser(cast.alice).post(f"{TEAM}/invitations", given)
    assert (answer.status_code, told in answer.content.decode()) == (400, True)
    assert not Invitation.objects.exists()


def test_team_is_made_on_the_page(cast: Cast, settings: Any) -> None:
    client = browser(cast.bob)
    told = client.post("/teams", {"slug": "bobs", "name": "<b>Bob's</b>"}, follow=True)
    assert "&lt;b&gt;Bob&#x27;s&lt;/b&gt; is made, and you own it." in told.content.decode()
    for slug, fault in (("bobs", "there is a team bobs already"), ("B B", "Lowercase letters")):
        again = client.post("/teams", {"slug": slug})
        assert (again.status_code, fault in again.content.decode()) == (400, True)
    settings.TEAMS_BY = "staff"
    assert "Make a team" not in page(client, "/teams")
    assert client.post("/teams", {"slug": "more"}).status_code == 400
    assert not Team.objects.filter(slug="more").exists()
