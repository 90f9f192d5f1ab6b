"""The page of the sessions: seen, signed out one by one and together, without a script."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts import sessions
from accounts.models import DeviceSession, EndedBecause, SessionKind, User
from tests.api.cast import Cast, api, browser

PATH = "/account/sessions"


def text(client: Client) -> str:
    answer = client.get(PATH)
    assert answer.status_code == 200
    return answer.content.decode()


def test_page_shows_this_one_first_and_the_others(cast: Cast) -> None:
    client = browser(cast.bob)
    device = sessions.Device(ip="192.0.2.7", user_agent="curl/8.5.0")
    sessions.begin(cast.bob, SessionKind.PROGRAM, device, lasts=sessions.REMEMBERED)
    page = text(client)
    assert re.findall(r"<strong>([^<]+)</strong>", page) == ["unknown device", "curl"]
    assert page.count("this one</span>") == 1
    assert "192.0.2.7" in page
    assert "Sign out everywhere" in page
    assert f'href="{PATH}"' in client.get("/").content.decode()


def test_page_of_a_single_session_says_so(cast: Cast) -> None:
    page = text(browser(cast.bob))
    assert "Nowhere else: you are signed in" in page
    assert "Sign out everywhere" not in page


def test_one_is_signed_out_by_its_button(cast: Cast) -> None:
    client, other = browser(cast.bob), browser(cast.bob)
    target = other.session[sessions.SID]
    path = re.search(rf'action="({PATH}/{target}/revoke)"', text(client))
    assert path is not None
    assert "Signed out there." in client.post(path[1], follow=True).content.decode()
    assert other.get(PATH).status_code == 302
    told = client.post(path[1], follow=True).content.decode()
    assert 'class="note note-error" role="alert">That session was over already.' in told


def test_all_others_are_signed_out(cast: Cast) -> None:
    client, others, alice = browser(cast.bob), [browser(cast.bob), api(cast.bob)], browser(cast.alice)
    told = client.post(f"{PATH}/revoke", {"which": "others"}, follow=True).content.decode()
    assert "Signed out of 2 other sessions." in told
    assert others[0].get("/").status_code == 302
    assert others[1].get("/api/v1/runs").status_code == 401
    assert alice.get("/").status_code == 200


def test_signing_out_everywhere_leads_to_the_sign_in(cast: Cast) -> None:
    client = browser(cast.bob)
    answer = client.post(f"{PATH}/revoke", {"which": "all"}, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/login/")
    assert "You are signed out everywhere." in answer.content.decode()


@pytest.mark.parametrize("which", ["", "mine"])
def test_other_orders_are_refused(cast: Cast, which: str) -> None:
    client = browser(cast.bob)
    assert client.post(f"{PATH}/revoke", {"which": which}).status_code == 400
    assert client.get(f"{PATH}/revoke").status_code == 405
    assert client.get(PATH).status_code == 200


def test_session_of_another_cannot_be_touched(cast: Cast) -> None:
    alice, charlie = browser(cast.alice), browser(cast.charlie)
    for one in (alice.session[sessions.SID], uuid4()):
        told = charlie.post(f"{PATH}/{one}/revoke", follow=True).content.decode()
        assert "over already" in told
    assert alice.get(PATH).status_code == 200
    assert "192.0.2" not in text(charlie)


def test_form_needs_its_token_and_page_its_person(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.bob)
    assert client.post(f"{PATH}/revoke", {"which": "all"}).status_code == 403
    assert client.get(PATH).status_code == 200
    assert Client().get(PATH)["Location"] == f"/login/?next={PATH}"


def test_what_a_device_says_is_escaped(cast: Cast) -> None:
    evil = "<script>alert(1)</script>"
    client = Client(HTTP_USER_AGENT=evil)
    client.force_login(cast.bob)
    sessions.begin(cast.bob, SessionKind.PROGRAM, sessions.Device(user_agent=evil), lasts=sessions.REMEMBERED)
    page = text(client)
    assert evil not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|\son\w+=|<style", page)


def test_admin_looks_and_revokes_but_writes_nothing(cast: Cast) -> None:
    root = User.objects.create_user("root", is_staff=True, is_superuser=True)
    admin, bob = browser(root), browser(cast.bob)
    row = DeviceSession.objects.get(user=cast.bob)
    path = reverse("admin:accounts_devicesession_changelist")
    chosen = {"action": "revoke", "_selected_action": [row.pk]}
    assert "Revoked: 1." in admin.post(path, chosen, follow=True).content.decode()
    row.refresh_from_db()
    assert row.revoked_because == EndedBecause.ADMIN
    assert bob.get("/").status_code == 302
    assert admin.get(reverse("admin:accounts_devicesession_add")).status_code == 403
    assert admin.post(reverse("admin:accounts_devicesession_delete", args=[row.pk])).status_code == 403
