"""Findings that one person reads while another judges them: nothing moves until the reader asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agents.findings import Severity
from agents.models import TrackedFinding
from tests.agents.found import claim, find
from tests.api.cast import make_cast
from tests.e2e.browsing import listen, needs_browser, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.timeout(280), needs_browser]

LIST = "/projects/alice/shop/findings"
SOON = 30_000  # ms
CLAIMS = [claim(f"rule-{n}", path=f"a/{n}.py") for n in range(9)]


def rules(page: Page) -> list[str]:
    return page.locator(".findings-list .rule").all_inner_texts()


def another(browser: Browser, complaints: list[str]) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    listen(context, complaints)
    return context.new_page()


def judge(page: Page, *names: str, verdict: str) -> None:
    for name in names:
        page.locator(f"tr:has-text('{name}') input[name=finding]").check()
    with page.expect_navigation():
        page.get_by_role("button", name=verdict, exact=True).first.click()


def test_list_tells_calmly_what_others_judged_and_shows_it_when_asked(
    page: Page, browser: Browser, web: Web, complaints: list[str]
) -> None:
    find(make_cast().project, *CLAIMS)
    alice, everywhere = another(browser, complaints), another(browser, complaints)
    listen(page.context, complaints)
    sign_in(page, web, f"{LIST}?status=open", "bob")
    sign_in(everywhere, web, "/findings", "vera")
    before = rules(page)
    assert len(before) == 9
    page.locator("tr:has-text('rule-7') input[name=finding]").check()
    page.locator("tr:has-text('rule-5') td.main a").focus()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    sign_in(alice, web, f"{LIST}?status=open", "alice")
    judge(alice, "rule-1", "rule-2", "rule-3", verdict="Accept")
    page.locator("#changed", has_text="3 findings here have changed").wait_for(timeout=SOON)
    assert rules(page) == before
    assert [one for one in asked if "/now" not in one] == []
    everywhere.locator("#changed", has_text="3 findings here have changed").wait_for(timeout=SOON)
    judge(alice, "rule-8", verdict="Accept")
    page.locator("#changed", has_text="4 findings here have changed").wait_for(timeout=SOON)

    page.get_by_role("button", name="Show", exact=True).last.click()
    page.locator("#results-title", has_text="5 findings").wait_for(timeout=SOON)
    assert rules(page) == [one for one in before if one not in {"rule-1", "rule-2", "rule-3", "rule-8"}]
    assert page.locator("#changed").inner_text() == ""
    assert page.locator("input[name=finding]:checked").count() == 1
    assert page.locator("tr:has-text('rule-7') input[name=finding]").is_checked()
    assert "rule-5" in page.locator("tr[aria-selected=true]").inner_text()
    assert "rule-5" in page.evaluate("document.activeElement.closest('tr').innerText")
    judge(page, verdict="Accept")
    assert TrackedFinding.objects.get(rule="rule-7").status == "accepted"

    everywhere.get_by_role("button", name="Show", exact=True).last.click()
    everywhere.locator("tr:has-text('rule-8')", has_text="accepted").wait_for(timeout=SOON)
    assert complaints == []


def test_finding_tells_that_it_was_judged_and_keeps_what_is_being_typed(
    page: Page, browser: Browser, web: Web, complaints: list[str]
) -> None:
    find(make_cast().project, claim(severity=Severity.CRITICAL))
    listen(page.context, complaints)
    where = f"/findings/{TrackedFinding.objects.get().public_id}"
    sign_in(page, web, where, "alice")
    page.locator("#dismiss summary").click()
    page.locator("#reason").fill("nobody calls it, because")
    page.locator("#until").fill("2030-01-31")

    bob = another(browser, complaints)
    sign_in(bob, web, where, "bob")
    bob.get_by_role("button", name="Accept").click()
    page.locator("#changed", has_text="This finding has changed").wait_for(timeout=SOON)
    assert page.get_by_text("Nobody has judged it yet.").count() == 1
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_text("bob accepted it").wait_for(timeout=SOON)
    assert page.locator("#reason").input_value() == "nobody calls it, because"
    assert page.locator("#until").input_value() == "2030-01-31"
    page.get_by_role("button", name="Dismiss", exact=True).click()
    page.get_by_text("1 finding dismissed.").wait_for(timeout=SOON)
    assert complaints == []
