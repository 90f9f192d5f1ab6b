"""A new password of one's own: what it takes, and whom it signs out."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.api.cast import PASSWORD, Cast, api, browser

PATH = "/account/password"
NEW = "quite another password"


def order(**changes: str) -> dict[str, str]:
    return {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW, **changes}


def test_new_password_signs_out_everywhere_and_opens(cast: Cast) -> None:
    client, others = browser(cast.bob), [browser(cast.bob), api(cast.bob)]
    assert f'href="{PATH}"' in client.get("/account/sessions").content.decode()
    answer = client.post(PATH, order(), follow=True)
    assert answer.redirect_chain == [("/login/", 302)]
    assert "signed out everywhere" in answer.content.decode()
    assert [c.get("/api/v1/runs").status_code for c in [client, *others]] == [401] * 3
    assert client.post("/login/", {"username": "bob", "password": PASSWORD}).status_code == 200
    assert client.post("/login/", {"username": "bob", "password": NEW}).status_code == 302


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"old_password": "wrong"}, "old password was entered incorrectly"),
        ({"new_password2": "something else entirely"}, "didn’t match"),
        ({"new_password1": "short", "new_password2": "short"}, "at least 12 characters"),
        ({"new_password1": "", "new_password2": ""}, "This field is required"),
    ],
)
def test_fault_is_told_and_changes_nothing(cast: Cast, changes: dict[str, str], told: str) -> None:
    client = browser(cast.bob)
    answer = client.post(PATH, order(**changes))
    assert (answer.status_code, told in answer.content.decode()) == (400, True)
    assert NEW not in answer.content.decode()
    assert client.get("/").status_code == 200
    cast.bob.refresh_from_db()
    assert cast.bob.check_password(PASSWORD)


def test_old_password_cannot_be_guessed_here(cast: Cast) -> None:
    client = browser(cast.bob)
    codes = [client.post(PATH, order(old_password="wrong")).status_code for _ in range(10)]
    assert codes == [400] * 10
    assert 0 < _refused(client) <= 60
    cast.bob.refresh_from_db()
    assert cast.bob.check_password(PASSWORD)


def _refused(client: Client) -> int:
    """After how many seconds the right password may be told again; one more try is let through every few seconds."""
    for _ in range(100):
        answer = client.post(PATH, order(new_password2="another one yet"))
        if answer.status_code == 429:
            return int(answer["Retry-After"])
    raise AssertionError("a hundred tries were let through")


def test_form_needs_its_person_its_token_and_nobody_elses_name(cast: Cast) -> None:
    assert Client().get(PATH)["Location"] == f"/login/?next={PATH}"
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(cast.bob)
    assert forged.post(PATH, order()).status_code == 403
    browser(cast.charlie).post(PATH, order(user=str(cast.alice.pk), username="alice", is_staff="1"))
    cast.alice.refresh_from_db()
    cast.charlie.refresh_from_db()
    assert (cast.alice.check_password(PASSWORD), cast.charlie.is_staff) == (True, False)
