"""The reader's language: chosen by the person, by the browser, or asked for; programs and operators read English."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import User
from tests.api.cast import Cast, browser


def language_of(client: Client, path: str = "/login/", **headers: str) -> tuple[str, str]:
    answer = client.get(path, headers=headers)
    found = re.search(r'<html lang="([^"]*)"', answer.content.decode())
    return (found[1] if found else "", answer.headers.get("Content-Language", ""))


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("en-GB,de;q=0.9", "en"),
        ("xx,yy;q=0.3", "en"),
        ("\0" * 50 + ",;q=x", "en"),
        ("de" * 3000, "en"),
    ],
    ids=["nothing", "german", "austrian", "english", "unknown", "broken", "long"],
)
def test_page_is_in_the_language_that_the_browser_asks_for(db: None, asked: str, given: str) -> None:
    assert language_of(Client(), **{"accept-language": asked}) == (given, given)


def test_choice_of_a_browser_outweighs_what_it_asks_for(db: None) -> None:
    client = Client()
    answer = client.post("/account/language/set", {"language": "de", "next": "/login/"})
    assert (answer.status_code, answer["Location"]) == (302, "/login/")
    assert language_of(client, **{"accept-language": "en"}) == ("de", "de")
    client.post("/account/language/set", {"language": "auto"})
    assert language_of(client, **{"accept-language": "en"}) == ("en", "en")


def test_choice_of_a_person_goes_where_they_sign_in(cast: Cast) -> None:
    browser(cast.bob).post("/account/language/set", {"language": "de"})
    assert User.objects.get(pk=cast.bob.pk).language == "de"
    other = browser(cast.bob)
    other.cookies["django_language"] = "en"
    assert language_of(other, "/teams", **{"accept-language": "en"}) == ("de", "de")
    assert 'value="de" lang="de" selected' in other.get("/account/language").content.decode()
    other.post("/account/language/set", {"language": "auto"})
    assert User.objects.get(pk=cast.bob.pk).language == ""
    assert language_of(other, "/teams", **{"accept-language": "en"}) == ("en", "en")


@pytest.mark.parametrize("language", ["", "xx", "de\0", "DE", "../de", "de" * 500])
def test_other_languages_are_refused(db: None, language: str) -> None:
    answer = Client().post("/account/language/set", {"language": language})
    assert (answer.status_code, "auto, en, de" in answer.content.decode()) == (400, True)


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_choice_leads_to_no_other_host(db: None, away: str) -> None:
    assert Client().post("/account/language/set", {"language": "de", "next": away})["Location"] == "/"


def test_forged_cookie_changes_nothing(db: None) -> None:
    client = Client()
    client.cookies["django_language"] = '"><script>'
    assert language_of(client) == ("en", "en")


def test_programs_read_english_whatever_they_ask_for(cast: Cast) -> None:
    client = browser(cast.bob)
    client.post("/account/language/set", {"language": "de"})
    answer = client.post(
        "/api/v1/runs", {}, content_type="application/json", headers={"accept-language": "de"}
    )
    assert (answer.status_code, "This field is required." in answer.content.decode()) == (400, True)
    assert "Content-Language" not in answer.headers


def test_stranger_is_sent_to_sign_in_from_the_page_of_the_choice(db: None) -> None:
    answer = Client().get("/account/language")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/account/language")
