"""The pages in German in a real browser: chosen on the account's page, and every page still fits a narrow screen.

With WRENCH_SCREENSHOTS=<folder> pictures of the pages are kept there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from accounts.models import User
from tests.api.cast import make_cast
from tests.e2e.browsing import WIDER_THAN_SCREEN, needs_browser, sign_in
from tests.e2e.gallery import PAGES
from tests.e2e.scene import Scene
from tests.e2e.test_gallery import KEEP, _listen, scene  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.e2e.conftest import Web

MOMENT = re.compile(r"gerade eben|vor \d+ (s|min|h)|\d+\. \w+\.?,? \d\d:\d\d")
CUT = """() => {
  const words = "button, .button, .state, .chip, .count, .tag, .mark, label, legend, dt, h1, h2, .tabs a, .bar nav a";
  const isCut = (one) => {
    const { overflowX, textOverflow } = getComputedStyle(one);
    const hides = ["hidden", "clip"].includes(overflowX) && textOverflow !== "ellipsis";
    return hides && one.checkVisibility() && !one.closest(".unseen") && one.scrollWidth > one.clientWidth + 1;
  };
  const bar = document.querySelector(".bar nav");
  const cut = [...document.querySelectorAll(words)].filter(isCut).map((one) => one.textContent.trim());
  if (bar && bar.scrollWidth > bar.clientWidth) cut.push(`the bar: ${bar.innerText}`);
  return cut;
}"""
"""Words that are cut, and a bar of which one cannot see all."""

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900), needs_browser]


def test_every_page_fits_in_german(scene: Scene, served: Web, browser: Browser) -> None:  # noqa: F811
    faults: list[str] = []
    context = browser.new_context(
        viewport={"width": 360, "height": 900}, reduced_motion="reduce", locale="de-DE"
    )
    page = context.new_page()
    _listen(page, faults)
    sign_in(page, served, "/account/language", "alice")
    for shown in (one for one in PAGES if one.who == "alice"):
        page.goto(f"{served.url}{shown.path(scene)}", wait_until="load")
        faults += _faults(page, shown.name)
    page.goto(f"{served.url}/runs")
    assert MOMENT.search(page.locator("main time").first.inner_text())
    context.clear_cookies()
    for shown in (one for one in PAGES if not one.who):
        page.goto(f"{served.url}{shown.path(scene)}", wait_until="load")
        faults += _faults(page, shown.name)
    context.close()
    assert not faults, "\n".join(faults)


def _faults(page: Page, name: str) -> list[str]:
    if KEEP:
        page.screenshot(path=Path(KEEP) / f"{name}-de-360.png", full_page=True)
    found = [f"{name}: cut: {words}" for words in page.evaluate(CUT)]
    if (over := page.evaluate(WIDER_THAN_SCREEN)) > 0:
        found.append(f"{name}: {over} px wider than the screen")
    if page.get_attribute("html", "lang") != "de":
        found.append(f"{name}: not in German")
    return found


def test_person_chooses_a_language_and_browsers_choose_for_strangers(
    transactional_db: None, served: Web, browser: Browser
) -> None:
    make_cast()
    faults: list[str] = []
    context = browser.new_context(viewport={"width": 360, "height": 900})
    page = context.new_page()
    _listen(page, faults)
    sign_in(page, served, "/account/language", "alice")
    page.select_option("#language-choice", "de")
    page.click("main button.primary")
    page.wait_for_selector("html[lang=de]")
    assert page.inner_text("h1") == "Sprache"
    assert User.objects.get(username="alice").language == "de"
    page.select_option("#language-choice", "auto")
    page.click("main button.primary")
    page.wait_for_selector("html[lang=en]")
    assert User.objects.get(username="alice").language == ""
    context.close()

    stranger = browser.new_context(locale="de-DE", viewport={"width": 360, "height": 900})
    page = stranger.new_page()
    _listen(page, faults)
    page.goto(f"{served.url}/login/")
    assert (page.get_attribute("html", "lang"), page.inner_text("h1")) == ("de", "Anmelden")
    page.click("#you summary")
    page.click("#language button[value=en]")
    page.wait_for_selector("html[lang=en]")
    assert page.inner_text("h1") == "Sign in"
    stranger.close()
    assert not faults, "\n".join(faults)
