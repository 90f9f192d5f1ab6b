"""Invitations over REST: who invites whom to what, who answers, and that a token is used once and kept nowhere."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts import invitations
from accounts.models import AuditRecord, Invitation, Membership, Project, ProjectMembership, User
from accounts.refusals import InvitationOver
from accounts.roles import Role
from tests.api.cast import Cast, api

TEAM = "/api/v1/teams/alice/invitations"
SHOP = "/api/v1/projects/alice/shop/invitations"
MINE = "/api/v1/invitations"
ORDER: dict[str, Any] = {"email": "new@example.org", "role": "developer"}


def token_of(text: str) -> str:
    found = re.search(r"/invitations/([-\w]{43})\b", text)
    assert found is not None, text
    return found[1]


def invited(cast: Cast, path: str = TEAM, **changes: Any) -> tuple[dict[str, Any], str]:
    answer = api(cast.alice).post(path, {**ORDER, **changes})
    assert answer.status_code == 201, answer.json()
    return answer.json(), token_of(answer.json()["link"])


def kind(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:wrenchai:problem:")


@pytest.fixture
def mailing(settings: Any) -> None:
    settings.MAIL_IS_ON = True


def test_without_mail_the_link_is_shown_once_and_only_its_digest_is_kept(cast: Cast) -> None:
    answer = api(cast.alice).post(TEAM, ORDER)
    told = answer.json()
    token = token_of(told.pop("link"))
    assert (answer.status_code, answer["Cache-Control"], told.pop("mail")) == (201, "no-store", "off")
    row = Invitation.objects.get()
    assert told == {
        "id": str(row.public_id),
        "team": "alice",
        "project": None,
        "role": "developer",
        "email": "new@example.org",
        "username": None,
        "state": "open",
        "invited_by": "alice",
        "created_at": told["created_at"],
        "sent_at": told["sent_at"],
        "expires_at": told["expires_at"],
        "answered_at": None,
        "answered_by": None,
    }
    assert row.expires_at - row.created_at == timedelta(days=7)
    assert api(cast.alice).get(answer["Location"]).json() == told
    assert api(cast.alice).get(TEAM).json() == {"results": [told], "next": None}
    kept = str(list(Invitation.objects.values())) + str(list(AuditRecord.objects.values()))
    assert token not in kept
    assert len(mail.outbox) == 0


def test_with_mail_the_link_is_in_the_mail_and_nowhere_else(cast: Cast, mailing: None) -> None:
    told = api(cast.alice).post(TEAM, ORDER).json()
    assert (told["mail"], told["link"]) == ("sent", None)
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["new@example.org"], "Invitation to Alice's team")
    assert invitations.by_token(token_of(str(sent.body))) == Invitation.objects.get()


class Smtp(socketserver.StreamRequestHandler):
    """As much of a mail server as a mail needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(b"".join(body).decode())
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")


@pytest.fixture
def mail_server(settings: Any) -> Iterator[list[str]]:
    """A real server, and Django's own backend for it."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp) as server:
        server.daemon_threads = True
        server.mails = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.MAIL_IS_ON = True
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        yield server.mails
        server.shutdown()


def test_mail_goes_to_a_real_server_and_names_of_teams_break_no_header(
    cast: Cast, mail_server: list[str]
) -> None:
    cast.project.team.name = "Evil\r\nBcc: all@example.org"  # as only the admin could
    cast.project.team.save()
    told = api(cast.alice).post(TEAM, ORDER).json()
    assert told["mail"] == "sent"
    head, _, body = mail_server[0].partition("\r\n\r\n")
    assert "Subject: Invitation to Evil Bcc: all@example.org" in head
    assert "\nBcc:" not in head
    assert "alice invites you" in body


def test_mail_that_is_not_taken_is_told_and_can_be_sent_again(
    cast: Cast, mail_server: list[str], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    told = api(cast.alice).post(TEAM, ORDER).json()
    assert (told["mail"], told["link"], mail_server) == ("failed", None, [])
    settings.EMAIL_PORT = right
    again = f"{TEAM}/{told['id']}/resend"
    assert kind(api(cast.alice).post(again)) == (409, "too-many")
    monkeypatch.setattr(invitations, "SEND_EVERY", timedelta(0))
    assert api(cast.alice).post(again).json()["mail"] == "sent"
    assert len(mail_server) == 1


def test_who_has_the_link_accepts_once(cast: Cast) -> None:
    _, token = invited(cast, role="maintainer")
    client = api(cast.charlie)
    accepted = client.post(f"{MINE}/accept", {"token": token})
    assert (accepted.status_code, accepted.json()["team"], accepted.json()["role"]) == (
        200,
        "alice",
        "maintainer",
    )
    assert Membership.objects.get(user=cast.charlie, team=cast.project.team).role == Role.MAINTAINER
    for who in (cast.charlie, cast.bob):
        assert kind(api(who).post(f"{MINE}/accept", {"token": token})) == (410, "invitation-over")
        assert kind(api(who).post(f"{MINE}/decline", {"token": token})) == (410, "invitation-over")
    assert api(cast.alice).get(TEAM).json()["results"][0]["answered_by"] == "charlie"
    acts = AuditRecord.objects.order_by("number").values_list("act", "actor", "details")
    team = f"team:{cast.project.team_id}"
    assert list(acts)[-3:] == [
        ("invitation.created", "alice", {"in": team, "whom": "new@example.org", "role": "maintainer"}),
        ("role.given", "charlie", {"in": team, "role": "maintainer"}),
        ("invitation.accepted", "charlie", {"in": team, "whom": "new@example.org"}),
    ]


def test_account_is_invited_by_name_and_answers_by_id(cast: Cast) -> None:
    told, token = _by_name(cast)
    assert kind(api(cast.bob).post(f"{MINE}/accept", {"token": token})) == (403, "not-yours")
    assert api(cast.bob).post(f"{MINE}/accept", {"id": told["id"]}).status_code == 404
    assert api(cast.bob).get(MINE).json() == {"results": []}
    (mine,) = api(cast.charlie).get(MINE).json()["results"]
    assert (mine["id"], mine["team_name"], mine["invited_by"]) == (told["id"], "Alice's team", "alice")
    assert api(cast.charlie).post(f"{MINE}/accept", {"id": mine["id"]}).status_code == 200
    assert api(cast.charlie).get("/api/v1/teams/alice").json()["role"] == "viewer"


def _by_name(cast: Cast) -> tuple[dict[str, Any], str]:
    answer = api(cast.alice).post(TEAM, {"username": "charlie", "role": "viewer"})
    assert answer.status_code == 201
    return answer.json(), token_of(answer.json()["link"])


def test_account_with_the_address_answers_without_the_link(cast: Cast) -> None:
    told, _ = invited(cast)
    cast.charlie.email = "NEW@example.org"
    cast.charlie.save()
    assert [one["id"] for one in api(cast.charlie).get(MINE).json()["results"]] == [told["id"]]
    assert api(cast.charlie).post(f"{MINE}/decline", {"id": told["id"]}).status_code == 204
    assert not Membership.objects.filter(user=cast.charlie, team=cast.project.team).exists()
    assert api(cast.alice).get(f"{TEAM}/{told['id']}").json()["state"] == "declined"
    assert api(cast.charlie).get(MINE).json() == {"results": []}


def test_guest_is_invited_into_one_project(cast: Cast) -> None:
    Project.objects.create(team=cast.project.team, name="Web", slug="web")
    told, token = invited(cast, SHOP)
    assert told["project"] == "alice/shop"
    assert api(cast.charlie).post(f"{MINE}/accept", {"token": token}).json()["project"] == "alice/shop"
    seen = api(cast.charlie).get("/api/v1/projects?team=alice").json()["results"]
    assert [(one["path"], one["role"]) for one in seen] == [("alice/shop", "developer")]
    assert api(cast.charlie).get("/api/v1/teams/alice").status_code == 404
    assert api(cast.alice).get(TEAM).json()["results"] == []  # it is the project's


@pytest.mark.parametrize("path", [TEAM, SHOP])
@pytest.mark.parametrize(("person", "status"), [("mara", 201), ("bob", 403), ("vera", 403), ("charlie", 404)])
def test_roles_decide_who_invites_and_sees_invitations(
    cast: Cast, path: str, person: str, status: int
) -> None:
    mara = User.objects.create_user("mara")
    Membership.objects.create(user=mara, team=cast.project.team, role=Role.MAINTAINER)
    told, _ = invited(cast, path, email="other@example.org", role="owner")
    client = api(mara if person == "mara" else getattr(cast, person))
    assert client.post(path, ORDER).status_code == status
    assert client.get(path).status_code == (200 if status == 201 else status)
    for answer in (client.delete(f"{path}/{told['id']}"), client.post(f"{path}/{told['id']}/resend")):
        assert answer.status_code == (403 if status == 201 else status)  # it is to a role above Mara's
    assert client.post(path, {**ORDER, "role": "owner"}).status_code == (403 if status == 201 else status)
    assert api(cast.charlie).get(f"/api/v1/teams/charlie/invitations/{told['id']}").status_code == 404


@pytest.mark.parametrize("how", ["left", "demoted", "deactivated", "deleted"])
def test_inviter_who_may_no_longer_invite_has_invited_nobody(cast: Cast, how: str) -> None:
    mara = User.objects.create_user("mara")
    row = Membership.objects.create(user=mara, team=cast.project.team, role=Role.MAINTAINER)
    told = api(mara).post(TEAM, {**ORDER, "role": "maintainer"}).json()
    token = token_of(told["link"])
    if how == "left":
        row.delete()
    elif how == "demoted":
        row.role = Role.DEVELOPER
        row.save()
    elif how == "deactivated":
        mara.is_active = False
        mara.save()
    else:
        mara.delete()
    assert kind(api(cast.charlie).post(f"{MINE}/accept", {"token": token})) == (410, "invitation-over")
    assert not Membership.objects.filter(user=cast.charlie, team=cast.project.team).exists()


def test_revoked_expired_and_renewed_links_open_nothing(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "SEND_EVERY", timedelta(0))
    client, owner = api(cast.charlie), api(cast.alice)
    told, old = invited(cast)
    again = owner.post(f"{TEAM}/{told['id']}/resend")
    assert again["Cache-Control"] == "no-store"
    assert client.post(f"{MINE}/accept", {"token": old}).status_code == 404
    new = token_of(again.json()["link"])
    past = timezone.now() - timedelta(days=8)
    Invitation.objects.update(created_at=past, sent_at=past, expires_at=past + timedelta(days=7))
    assert kind(client.post(f"{MINE}/accept", {"token": new})) == (410, "invitation-over")
    assert owner.get(f"{TEAM}/{told['id']}").json()["state"] == "expired"
    newest = token_of(owner.post(f"{TEAM}/{told['id']}/resend").json()["link"])
    assert owner.delete(f"{TEAM}/{told['id']}").status_code == 204
    assert kind(owner.delete(f"{TEAM}/{told['id']}")) == (410, "invitation-over")
    assert kind(owner.post(f"{TEAM}/{told['id']}/resend")) == (410, "invitation-over")
    assert kind(client.post(f"{MINE}/accept", {"token": newest})) == (410, "invitation-over")


def test_second_invitation_replaces_the_first(cast: Cast) -> None:
    _, first = invited(cast)
    _, second = invited(cast, email="NEW@example.org", role="viewer")
    states = [one["state"] for one in api(cast.alice).get(TEAM).json()["results"]]
    assert states == ["open", "replaced"]
    assert kind(api(cast.charlie).post(f"{MINE}/accept", {"token": first})) == (410, "invitation-over")
    assert api(cast.charlie).post(f"{MINE}/accept", {"token": second}).json()["role"] == "viewer"


def test_member_is_not_invited_and_accepting_lowers_nobody(cast: Cast) -> None:
    answer = api(cast.alice).post(TEAM, {"username": "bob", "role": "owner"})
    assert kind(answer) == (409, "already-a-member")
    _, token = invited(cast, role="viewer")
    assert api(cast.bob).post(f"{MINE}/accept", {"token": token}).status_code == 200
    assert Membership.objects.get(user=cast.bob).role == Role.DEVELOPER
    _, token = invited(cast, SHOP, role="viewer")
    assert api(cast.alice).post(f"{MINE}/accept", {"token": token}).status_code == 200
    assert not ProjectMembership.objects.exists()


def test_team_has_so_many_open_invitations_and_no_more(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_OPEN", 1)
    invited(cast)
    assert kind(api(cast.alice).post(TEAM, {**ORDER, "email": "b@example.org"})) == (409, "too-many")
    invited(cast)  # in place of the first


def test_guessing_and_inviting_are_limited(cast: Cast) -> None:
    client = api(cast.charlie)
    guesses = [client.post(f"{MINE}/accept", {"token": f"guess{n}"}).status_code for n in range(11)]
    assert guesses == [404] * 10 + [429]
    orders = [{**ORDER, "email": f"{n}@example.org"} for n in range(11)]
    made = [api(cast.alice).post(TEAM, order) for order in orders]
    assert [answer.status_code for answer in made] == [201] * 10 + [429]
    assert int(made[-1]["Retry-After"]) >= 1


def test_moved_project_takes_no_invitation_of_the_old_team_along(cast: Cast) -> None:
    _, token = invited(cast, SHOP)
    Membership.objects.create(user=cast.alice, team=cast.other.team, role=Role.OWNER)
    assert api(cast.alice).post("/api/v1/projects/alice/shop/move", {"team": "charlie"}).status_code == 200
    assert kind(api(cast.bob).post(f"{MINE}/accept", {"token": token})) == (410, "invitation-over")


@pytest.mark.django_db(transaction=True)
def test_link_that_two_use_at_once_lets_one_in(people: Cast) -> None:
    eve = User.objects.create_user("eve")

    def accept(user: User, row: Invitation, token: str) -> str:
        try:
            invitations.accept(row, user, token=token)
        except InvitationOver:
            return "over"
        finally:
            connection.close()
        return "in"

    for n in range(5):
        _, token = invited(people, email=f"{n}@example.org")
        row = invitations.by_token(token)
        assert row is not None
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(accept, user, row, token) for user in (people.charlie, eve)]
            assert sorted(one.result() for one in both) == ["in", "over"]
        Membership.objects.filter(team=people.project.team, user__in=[people.charlie, eve]).delete()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "viewer"}, "email"),
        ({"email": "a@b.example", "username": "bob", "role": "viewer"}, "email"),
        ({"email": "no address", "role": "viewer"}, "email"),
        ({"email": "a@b.example\r\nBcc: x@y.example", "role": "viewer"}, "email"),
        ({"email": "a@b.example"}, "role"),
        ({"email": "a@b.example", "role": "emperor"}, "role"),
        ({"username": "nobody", "role": "viewer"}, "username"),
        ({"email": "a@b.example", "role": "viewer", "expires_in_days": 31}, "expires_in_days"),
        ({"email": "a@b.example", "role": "viewer", "expires_in_days": 10**400}, "expires_in_days"),
        ({"email": "a@b.example", "role": "viewer", "token": "x"}, "token"),
    ],
)
def test_bad_order_is_named_by_field(cast: Cast, body: dict[str, Any], field: str) -> None:
    answer = api(cast.alice).post(TEAM, body)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"token": "a", "id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11"}, 400),
        ({"id": "1"}, 400),
        ({"id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11"}, 404),
        ({"token": "ü" * 43}, 404),
        ({"token": "a" * 101}, 400),
        ({"token": ["a"]}, 400),
        ([], 400),
    ],
)
def test_answer_that_names_no_invitation_is_refused(cast: Cast, body: Any, status: int) -> None:
    for path in (f"{MINE}/accept", f"{MINE}/decline"):
        assert api(cast.charlie).post(path, body).status_code == status
    assert api(None).post(f"{MINE}/accept", body).status_code == 401
