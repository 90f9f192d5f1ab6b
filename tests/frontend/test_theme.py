"""Light and dark: a cookie decides, and the switch leads nowhere else."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.api.cast import Cast, browser


def test_chosen_theme_is_in_the_first_answer_and_is_kept(cast: Cast) -> None:
    client = browser(cast.bob)
    answer = client.post("/account/theme", {"theme": "dark", "next": "/teams"})
    assert (answer.status_code, answer["Location"]) == (302, "/teams")
    assert '<html lang="en" data-theme="dark">' in client.get("/teams").content.decode()
    client.post("/account/theme", {"theme": "system"})
    assert '<html lang="en">' in client.get("/teams").content.decode()


@pytest.mark.parametrize("theme", ["", "neon", "dark\0", "DARK"])
def test_other_themes_are_refused(db: None, theme: str) -> None:
    answer = Client().post("/account/theme", {"theme": theme})
    assert answer.status_code == 400
    assert "system, light, dark" in answer.content.decode()


@pytest.mark.parametrize(
    "away", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "nowhere", "a\0b"]
)
def test_switch_leads_to_no_other_host(db: None, away: str) -> None:
    assert Client().post("/account/theme", {"theme": "dark", "next": away})["Location"] == "/"


def test_forged_cookie_is_no_attribute(cast: Cast) -> None:
    client = browser(cast.bob)
    client.cookies["wrench_theme"] = '"><script>'
    assert '<html lang="en">' in client.get("/teams").content.decode()
