"""The search of the HTML report in a real browser: from a disk, as the API serves it, and where no script may run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agents.findings import Severity
from agents.reporting import write_all
from api.artifacts import SANDBOX, SEARCHED
from tests.agents.reporting.reports import MEAN, finding, report
from tests.e2e.browsing import needs_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, needs_browser]

SERVED = "http://wrench.test/report"
ENTRIES = (
    finding(path="shop/search.py", message="A query parameter reaches the database"),
    finding(path="shop/orders/tokens.py", rule="S324", title="Md5 is broken", severity=Severity.LOW),
    finding(path="tests/test_x.py", rule="S105", title=MEAN[:200], severity=Severity.LOW, in_test_code=True),
)
PAGE = write_all(report(findings=ENTRIES))["report.html"]


@pytest.fixture
def opened(page: Page, tmp_path: Path, complaints: list[str]) -> Iterator[Page]:
    place = tmp_path / "report.html"
    place.write_bytes(PAGE)
    page.goto(place.as_uri())
    yield page
    assert complaints == []


def shown(page: Page) -> list[str]:
    return [card.inner_text() for card in page.locator(".cards .card .place").all() if card.is_visible()]


def heads(page: Page) -> list[str]:
    return [head.inner_text().split()[0] for head in page.locator(".cards h3").all() if head.is_visible()]


def test_slash_leads_to_the_field_and_words_leave_what_holds_all_of_them(opened: Page) -> None:
    opened.keyboard.press("/")
    assert opened.evaluate("document.activeElement.id") == "search"
    opened.keyboard.type("REACHES  query")
    assert shown(opened) == ["shop/search.py:12"]
    assert heads(opened) == ["High"]
    assert opened.inner_text("#hits") == "1 of 3"
    opened.fill("#search", "s324")
    assert (shown(opened), heads(opened)) == (["shop/orders/tokens.py:12"], ["Low"])
    opened.fill("#search", "shop/orders/tokens.py:12")
    assert shown(opened) == ["shop/orders/tokens.py:12"]
    opened.fill("#search", "md5 reaches")
    assert (shown(opened), opened.inner_text("#hits")) == ([], "0 of 3")


def test_slash_is_typed_in_the_field_and_escape_clears_it(opened: Page) -> None:
    opened.focus("#search")
    opened.keyboard.type("a/b")
    assert opened.input_value("#search") == "a/b"
    opened.keyboard.press("Escape")
    assert opened.input_value("#search") == ""
    assert (len(shown(opened)), opened.inner_text("#hits")) == (3, "")


def test_count_goes_with_filters_and_search_together(opened: Page) -> None:
    opened.fill("#search", "s")
    opened.uncheck("#show-high")
    assert (len(shown(opened)), opened.inner_text("#hits")) == (2, "2 of 3")
    opened.check("#no-tests")
    assert (shown(opened), opened.inner_text("#hits")) == (["shop/orders/tokens.py:12"], "1 of 3")


def test_what_is_searched_for_is_data(opened: Page) -> None:
    opened.fill("#search", '<img src=x onerror="alert(1)"> [ ( \\ *')
    assert (shown(opened), opened.locator("img").count()) == ([], 0)


def serve(page: Page, content: bytes, policy: str) -> None:
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
    page.route(SERVED, lambda route: route.fulfill(body=content, headers=headers))
    page.goto(SERVED)


def test_page_is_searched_as_the_api_serves_it_and_has_no_origin(page: Page, complaints: list[str]) -> None:
    serve(page, PAGE, SEARCHED)
    page.fill("#search", "md5")
    assert shown(page) == ["shop/orders/tokens.py:12"]
    assert page.evaluate("origin") == "null"
    assert complaints == []


def test_no_other_script_runs_whatever_gets_into_the_page(page: Page, complaints: list[str]) -> None:
    mean = PAGE.replace(b"</main>", b"<script>document.title = 'taken'</script></main>")
    serve(page, mean, SEARCHED)
    assert "taken" not in page.title()
    refused = [said for said in complaints if "script-src" in said]
    assert len(refused) == 2  # by the page's own policy and by the server's


@pytest.mark.parametrize("way", ["served without scripts", "browser without scripts"])
def test_without_scripts_everything_is_shown_and_filters_work(browser: Browser, way: str) -> None:
    context = browser.new_context(java_script_enabled=way != "browser without scripts")
    page = context.new_page()
    serve(page, PAGE, SANDBOX)
    assert not page.locator(".search").is_visible()
    assert len(shown(page)) == 3
    page.uncheck("#show-high")
    assert heads(page) == ["Low"]
    context.close()
