from http import HTTPStatus

import pytest

PHRASE = "marigolds by the gate"


@pytest.fixture
def member(ada):
    ada.set_password(PHRASE)
    ada.save()
    return ada


def test_sign_in_leads_back_to_the_page_before(client, member):
    response = client.post("/account/sign-in/", {"username": "ada", "password": PHRASE, "next": "/cart/"})
    assert (response.status_code, response["Location"]) == (HTTPStatus.FOUND, "/cart/")


def test_sign_in_without_a_page_before_leads_to_the_catalog(client, member):
    response = client.post("/account/sign-in/", {"username": "ada", "password": PHRASE})
    assert response["Location"] == "/"


def test_sign_in_form_keeps_the_page_before(client, db):
    response = client.get("/account/sign-in/", {"next": "/orders/"})
    assert 'name="next" value="/orders/"' in response.content.decode()


def test_wrong_password_shows_the_form_again(client, member):
    response = client.post("/account/sign-in/", {"username": "ada", "password": PHRASE.upper()})
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_sign_out(client, ada):
    client.force_login(ada)
    client.post("/account/sign-out/")
    assert "_auth_user_id" not in client.session


def test_link_in_the_mail_confirms_the_address(client, ada, mailoutbox):
    client.force_login(ada)
    client.post("/account/confirm/")
    (mail,) = mailoutbox
    link = next(word for word in mail.body.split() if word.startswith("http"))
    client.get(link)
    ada.refresh_from_db()
    assert mail.to == ["ada@example.org"]
    assert ada.email_confirmed_at is not None


def test_link_is_void_after_a_change_of_address(client, ada, mailoutbox):
    client.force_login(ada)
    client.post("/account/confirm/")
    ada.email = "ada@example.net"
    ada.save()
    client.get(next(word for word in mailoutbox[0].body.split() if word.startswith("http")))
    ada.refresh_from_db()
    assert ada.email_confirmed_at is None


def test_name(ada):
    assert str(ada) == "ada"
