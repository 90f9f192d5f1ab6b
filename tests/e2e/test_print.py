"""Pages on paper: light whatever the reader's colours are, whole, and without what is pressed or only true now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.cast import make_cast
from tests.e2e.browsing import needs_browser, sign_in, width_of
from tests.frontend.plans import Past, say, store_run

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("planner"), needs_browser]

STEPS = 40
LINES = 200
HIDDEN = (".bar", ".crumbs", "#live", "button", "form", "dialog", ".button", "#toasts", "[data-graph-tools]")
# an SVG's own parts have no offsetParent; a dialog that is closed is no sign of a print style sheet
SEEN = """(selector) => [...document.querySelectorAll(selector)]
  .filter(one => one.checkVisibility() && one.getClientRects().length).map(one => one.outerHTML.slice(0, 80))"""
CUT = """() => [...document.querySelectorAll("#graph, #timeline, #events, #log, pre")]
  .filter(one => one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1)
  .map(one => `${one.id} ${one.scrollWidth}x${one.scrollHeight} in ${one.clientWidth}x${one.clientHeight}`)"""
HANGING = 8  # px of the last mark of a time axis
PAPER_WIDTH = 688  # CSS px of A4 between its margins


def test_pages_print_light_whole_and_without_controls(page: Page, web: Web, complaints: list[str]) -> None:
    cast = make_cast()
    first = Past(key="super.plan", agent="super", operation="plan", tries=[("succeeded", 1, 3)])
    others = (
        Past(
            key=f"scan:{n}",
            after=["super.plan"],
            operation=f"scan{n}",
            tries=[("succeeded", 3, 4 + n)],
            summary="found 3",
        )
        for n in range(STEPS)
    )
    run = store_run(cast.project, first, *others)
    for n in range(LINES):
        say(run, f"scan:{n % STEPS}", f"line {n}")
    at = f"/runs/{run.public_id}"
    sign_in(page, web, at, "bob")
    page.locator("#live.live-live").wait_for()
    page.set_viewport_size({"width": PAPER_WIDTH, "height": 1000})
    for path in (at, f"{at}/steps/scan:3", f"{at}/log", f"{at}/shares"):
        page.emulate_media(media="screen", color_scheme="dark")
        page.goto(web.url + path)
        page.emulate_media(media="print", color_scheme="dark")
        assert [one for selector in HIDDEN for one in page.evaluate(SEEN, selector)] == [], path
        assert page.evaluate(CUT) == [], path
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(27, 33, 48)", (
            path
        )
        assert width_of(page) <= PAPER_WIDTH + HANGING, path
        assert page.pdf(format="A4").startswith(b"%PDF-")
    assert complaints == []
