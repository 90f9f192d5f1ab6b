"""The run page in a real browser against a real server: it lives, it survives a restart, it breaks no policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks import runs
from tests.api.cast import add_events, make_cast, submit_run
from tests.e2e.browsing import needs_browser, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("planner"), needs_browser]


def test_events_appear_live_and_after_a_restart(page: Page, web: Web, complaints: list[str]) -> None:
    cast = make_cast()
    run = submit_run(cast.project, cast.bob)
    sign_in(page, web, f"/runs/{run.public_id}")
    live = page.locator("#live.live-live")
    live.wait_for(timeout=10_000)

    add_events(run, 1, key="part-1")
    page.locator("#events li", has_text="part-1").wait_for(timeout=3_000)
    web.stop()
    page.locator("#live.live-offline").wait_for(timeout=10_000)
    add_events(run, 1, key="part-2")
    web.start()
    live.wait_for(timeout=30_000)
    add_events(run, 1, key="part-3")
    page.locator("#events li", has_text="part-3").wait_for(timeout=10_000)
    seen = page.eval_on_selector_all("#events li", "lines => lines.map(line => Number(line.dataset.seq))")
    assert seen == sorted(set(seen))
    assert page.locator("#events li", has_text="part-2").count() == 1
    runs.cancel(run.public_id, by="bob")
    page.locator("#part-head .state-cancelled").wait_for(timeout=10_000)
    page.locator(".graph .node[data-key=s0][data-state=cancelled]").wait_for(timeout=10_000)
    page.locator("#live.live-done").wait_for(timeout=10_000)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert complaints == []


def test_form_starts_a_run_and_its_page_cancels_it(page: Page, web: Web, complaints: list[str]) -> None:
    make_cast()
    sign_in(page, web, "/runs/new")
    page.fill("textarea[name=goal]", "Say what is wrong <b>here</b>")
    page.fill("input[name=target]", "https://git.example.org/team/shop.git")
    page.get_by_role("button", name="Start the run").click()
    assert page.locator("h1").inner_text() == "Say what is wrong <b>here</b>"
    page.get_by_role("button", name="Cancel the run").click()
    page.locator(".state-cancelled").first.wait_for(timeout=10_000)
    assert complaints == []
