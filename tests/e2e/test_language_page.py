"""The pages in German in a real browser: chosen on the account's page, longer words fit, times follow."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from accounts.models import User
from tests.e2e.browsing import needs_browser, sign_in
from tests.e2e.gallery import PAGES, WIDTHS
from tests.e2e.scene import Scene
from tests.e2e.test_gallery import _listen, _walk, scene  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.e2e.conftest import Web

LONG = (
    "home",
    "run",
    "findings",
    "finding",
    "teams",
    "team",
    "team_audit",
    "settings_new_schedule",
    "keys",
    "language",
)
"""Pages whose German is much longer than their English, or that people see all day."""
MOMENT = re.compile(r"gerade eben|vor \d+ (s|min|h)|\d+\. \w+\.?,? \d\d:\d\d")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900), needs_browser]


def test_reader_chooses_german_and_every_page_fits(scene: Scene, served: Web, browser: Browser) -> None:  # noqa: F811
    faults: list[str] = []
    for width in WIDTHS:
        context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
        page = context.new_page()
        _listen(page, faults)
        sign_in(page, served, "/account/language", "alice")
        page.select_option("#language-choice", "de")
        page.click("main button.primary")
        page.wait_for_selector("html[lang=de]")
        assert page.inner_text("h1") == "Sprache"
        for shown in (one for one in PAGES if one.name in LONG and one.who == "alice"):
            faults += [f"de: {one}" for one in _walk(page, f"{served.url}{shown.path(scene)}", shown, width)]
        page.goto(f"{served.url}/runs")
        told = page.locator("main time").first.inner_text()
        assert MOMENT.search(told), told
        page.goto(f"{served.url}/account/language")
        page.select_option("#language-choice", "auto")
        page.click("main button.primary")
        page.wait_for_selector("html[lang=en]")
        context.close()
    assert not faults, "\n".join(faults)
    assert User.objects.get(username="alice").language == ""


def test_stranger_reads_the_language_of_their_browser(served: Web, browser: Browser) -> None:
    context = browser.new_context(locale="de-DE", viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(f"{served.url}/login/")
    assert (page.get_attribute("html", "lang"), page.inner_text("h1")) == ("de", "Anmelden")
    page.click("#you summary")
    page.click("#language button[value=en]")
    page.wait_for_selector("html[lang=en]")
    assert page.inner_text("h1") == "Sign in"
    if os.environ.get("WRENCH_SCREENSHOTS"):
        page.click("#you summary")
        page.screenshot(path=f"{os.environ['WRENCH_SCREENSHOTS']}/sign_in_menu.png")
    context.close()
