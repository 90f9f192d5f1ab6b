"""Every page in a made-up language: each text of ours in brackets, and longer by 40 %, so that what is not shows."""

from __future__ import annotations

import base64
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as file_of_settings

from accounts.limits.book import book
from accounts.models import RateRule
from frontend import catalogues
from frontend.catalogues import Entry, Text
from tests.api.world import QUERIES, Route, World, make_world, routes

CODE = "qps"  # the code of languages for tests
OPEN, CLOSE = "⟦", "⟧"
READ = frozenset({"aria-label", "title", "placeholder", "alt"})
OTHERS_PAGES = (
    "api/docs",
    "api/redoc",
    "help",
    "styleguide",
)  # documentation is in English; examples are data
SILENT = frozenset({"script", "style", "code", "pre", "kbd"})
VOID = frozenset({"input", "img", "br", "hr", "meta", "link", "path", "rect", "circle", "line", "use", "col"})
DATA = frozenset(
    {
        "events",
        "events-keys",
        "zones",
        "log",
        "listing",
        "group",
        "scopes",
        "checks",
        "path",
        "key",
        "key-heading",
        "kind",
        "rule",
    }
)
"""Classes and ids of what is data as a whole; `group`: the API's own description of itself."""
NAME = re.compile(r"\S*[./:@_]\S*|\S*\d\S*")
"""Files, addresses, scopes, moments and numbers."""
WORD = re.compile(r"[^\W\d_]{3,}")
_KNOWN = """
WrenchAI API Inspector SuperAgent Journey Documentation Test engineer Probe min UTC English Deutsch Pseudo
Old New password Your must contain least characters can commonly used confirmation Enter the same before for
verification bytes Select valid choice
Find security problems Look owner acme Shop Second Team too outsider member nightly deploy Deploy production
sql injection here bandit SQL ping main note txt text plain say part line Mon Tue Wed Thu Fri Sat Sun Nov Dec
Check the dependencies for known vulnerabilities and bugs Write API reference architecture map example
FROM WHERE name test abc DBA accept developer maintainer viewer greeting succeeded Agent
Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September
October November December Jan Feb Mar Apr Jun Jul Aug Sep Oct CSV JSON csv
"""
KNOWN = frozenset(_KNOWN.split())
"""Words that may stand outside of brackets: names, what Django itself translates, data of the tests' world."""


def pseudo(text: str) -> str:
    """Put a text in brackets, and make it longer by 40 %."""
    return f"{OPEN}{text}{'·' * math.ceil(len(text) * 0.4)}{CLOSE}"


def pseudo_entry(text: Text) -> Entry:
    """Give what the made-up language says for a text."""
    said = [text.singular, text.plural] if text.plural else [text.singular]
    return Entry(plural=text.plural, said=tuple(pseudo(one) for one in said))


class Reader(HTMLParser):
    """Gathers what people read of a page; attributes each by itself. Passes over what is data as a whole."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self.text = ""
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if self._silent:
            self._silent += [] if tag in VOID else [tag]
            return
        if tag in SILENT or DATA.intersection([*given.get("class", "").split(), given.get("id", "")]):
            self._silent += [] if tag in VOID else [tag]
            return
        self.said += [given[name] for name in READ if given.get(name)]
        self.text += " "

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text += data


def outside(page: str) -> set[str]:
    """Give the words of a page that no text of ours holds: data, if all is well."""
    reader = Reader()
    reader.feed(page)
    found: set[str] = set()
    for text in (reader.text, *reader.said):
        left = text
        while (less := re.sub(rf"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}", " ", left)) != left:
            left = less
        found |= set(WORD.findall(NAME.sub(" ", left)))
    return found


@pytest.fixture
def world(worker: None, settings: Any, tmp_path: Path) -> World:
    folder = tmp_path / CODE / "LC_MESSAGES"
    folder.mkdir(parents=True)
    texts = {name: pseudo_entry(text) for name, text in catalogues.gather().items()}
    (folder / "django.mo").write_bytes(catalogues.compiled(CODE, texts))
    settings.LANGUAGES = [*file_of_settings.LANGUAGES, (CODE, "Pseudo")]
    settings.LOCALE_PATHS = [tmp_path]
    settings.RATELIMIT_ENABLE = False
    settings.MASTER_KEY = f"test:{base64.b64encode(bytes(32)).decode()}"
    RateRule.objects.all().delete()
    book.forget()
    return make_world()


def path_of(route: Route, world: World) -> str:
    name = f"GET {route.pattern}"
    return route.path("GET", world.ours) + (QUERIES[name](world.ours) if name in QUERIES else "")


@pytest.mark.timeout(400)
def test_every_page_lives_in_another_language(world: World) -> None:
    client = world.browsers["owner"]
    client.cookies["django_language"] = CODE
    seen = 0
    odd: dict[str, set[str]] = {}
    for route in routes():
        if (
            route.pattern.startswith(OTHERS_PAGES)
            or route.is_api
            or route.is_admin
            or "GET" not in route.methods
        ):
            continue
        answer = client.get(path_of(route, world))
        assert answer.status_code < 500, route.pattern
        if answer.status_code != 200 or "text/html" not in answer.headers["Content-Type"]:
            continue
        page = answer.content.decode()
        if "<html" in page:
            seen += 1
            assert f'<html lang="{CODE}"' in page, route.pattern
        if left := outside(page) - KNOWN:
            odd[route.pattern] = left
    assert odd == {}, "not marked, or data: then see KNOWN"
    assert seen > 30


def test_what_is_not_marked_is_found() -> None:
    page = f"<p title='Look here'>{pseudo('Marked <b>text</b>')} 3 runs <code>code</code> <i class=path>a b</i></p>"
    assert outside(page) == {"Look", "here", "runs"}
