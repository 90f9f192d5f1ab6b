"""The log of a whole run in a real browser: lines of several steps that come faster than anybody reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.cast import make_cast
from tests.e2e.browsing import needs_browser, sign_in, width_of
from tests.e2e.test_step_page import IS_AT_END, LINES, MOST_FROZEN, NUMBERS, OF_A_CHUNK, SOON, WATCH
from tests.frontend.plans import Past, say, store_run

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tasks.models import Run
    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("planner"), needs_browser]

STEPS = ("scan", "lint", "types")
FIRST = f"() => {NUMBERS[6:]}[0]"


def chatter(run: Run, first: int, last: int) -> None:
    """Let the steps say numbered lines in turn."""
    for begin in range(first, last, OF_A_CHUNK):
        numbers = range(begin, begin + OF_A_CHUNK)
        text = "\n".join(f"\x1b[32mline {n}\x1b[0m of <b>{LINES}</b>" for n in numbers)
        say(run, STEPS[begin // OF_A_CHUNK % len(STEPS)], text)


def test_five_thousand_lines_of_three_steps_are_whole_and_at_hand(
    page: Page, web: Web, complaints: list[str]
) -> None:
    cast = make_cast()
    run = store_run(cast.project, *(Past(key=key, state="running", tries=[("", 1, None)]) for key in STEPS))
    sign_in(page, web, f"/runs/{run.public_id}", "vera")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    page.keyboard.press("l")
    page.wait_for_url(f"{web.url}/runs/{run.public_id}/log")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    page.evaluate(WATCH)
    assert page.locator(".log-empty").count() == 1
    chatter(run, 0, LINES // 2)
    page.locator("#log .ln", has_text=f"line {LINES // 2 - 1} ").wait_for(timeout=SOON)
    web.stop()
    page.locator("#live.live-offline").wait_for(timeout=SOON)
    chatter(run, LINES // 2, LINES)
    web.start()
    page.locator("#log .ln", has_text=f"line {LINES - 1} ").wait_for(timeout=SOON)
    shown = page.evaluate(NUMBERS)
    assert shown == list(range(LINES - len(shown), LINES))
    assert len(shown) <= 2_000
    assert page.evaluate(IS_AT_END)
    assert page.evaluate("window.frozen") < MOST_FROZEN
    while shown[0]:
        page.get_by_role("link", name="Load older lines").click()
        page.wait_for_function(f"{FIRST} < {shown[0]}", timeout=SOON)
        shown = page.evaluate(NUMBERS)
        assert shown == list(range(shown[0], shown[0] + len(shown)))
        assert len(shown) <= 2_000
    page.keyboard.press("j")
    page.keyboard.press("j")
    address = page.evaluate("location.href")  # which the page knows before who drives it
    assert "#l" in address
    page.keyboard.press("G")
    page.locator("#log .ln", has_text=f"line {LINES - 1} ").wait_for(timeout=SOON)
    page.goto(f"{web.url}/runs")
    page.goto(address)
    page.locator("#log .ln.chosen").wait_for(timeout=SOON)
    page.select_option("#log-filter [name=step]", "lint")
    page.wait_for_url(f"{web.url}/runs/{run.public_id}/log?step=lint")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    chatter(run, LINES, LINES + 300)
    page.locator("#log .ln", has_text=f"line {LINES + 299} ").or_(
        page.locator("#log .ln", has_text=f"line {LINES + 199} ")
    ).first.wait_for(timeout=SOON)
    assert set(page.locator("#log .speaker").all_inner_texts()) == {"lint"}
    assert width_of(page) == 360
    assert complaints == []
