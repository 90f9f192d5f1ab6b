"""The help: which pages there are, what a search finds, and that a page leads only to what is there."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from frontend import manual
from tests.api.cast import Cast, browser
from tests.house.checkout import ROOT

LINK = re.compile(r'href="(/help/[^"#]+)')


@pytest.mark.parametrize("path", ["/help", "/help/how_to/judge_findings"])
def test_strangers_sign_in_first(db: None, path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")


def test_list_has_every_how_to_of_the_index(cast: Cast) -> None:
    shown = browser(cast.vera).get("/help").content.decode()
    how_tos = {f"/help/how_to/{one.stem}" for one in (ROOT / "docs" / "how_to").glob("*.md")}
    assert how_tos <= set(LINK.findall(shown))


def test_every_page_opens_and_leads_to_pages_that_are_there(cast: Cast) -> None:
    client = browser(cast.vera)
    for path, page in manual.pages().items():
        answer = client.get(f"/help/{path}")
        assert answer.status_code == 200
        followed = {link.removeprefix("/help/") for link in LINK.findall(manual.written(page))}
        assert followed <= set(manual.pages())


@pytest.mark.parametrize(
    "path", ["none", "../README", "how_to/../../README", "%2e%2e/requirements", "how_to/%00", "README"]
)
def test_nothing_else_is_a_page(cast: Cast, path: str) -> None:
    assert browser(cast.vera).get(f"/help/{path}").status_code == 404


def test_search_finds_pages_that_have_all_words_titles_first(cast: Cast) -> None:
    client = browser(cast.vera)
    found = [hit.page.path for hit in client.get("/help", {"q": "Receive WEBHOOKS"}).context["hits"]]
    assert found[0] == "how_to/receive_webhooks"
    assert found == [hit.page.path for hit in manual.search("webhooks receive")]
    assert manual.search("webhooks zzzyx") == []
    assert client.get("/help", {"q": "zzzyx"}).status_code == 200
    assert client.get("/help", {"q": "\0"}).status_code == 200


def test_text_of_a_page_is_data() -> None:
    evil = "# Title\n\n<script>alert(1)</script> [a](javascript:alert(1)) [b](../../secret) [c](#place) `<pre>`\n"
    page = manual.Page(path="how_to/x", title="Title", about="", text=evil)
    assert manual.written(page) == (
        "<p>&lt;script&gt;alert(1)&lt;/script&gt; [a](javascript:alert(1)) <a>b</a> "
        '<a href="#place">c</a> <code>&lt;pre&gt;</code></p>\n'
    )
