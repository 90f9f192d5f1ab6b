"""One run, looked at by several: two people of different roles, and somebody with a link; a plan of 500 steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks import runs
from tasks.models import Step
from tests.api.cast import add_events, make_cast, probe, submit_steps
from tests.e2e.browsing import listen, needs_browser, sign_in, width_of
from tests.frontend.plans import Past, store_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.timeout(280), needs_browser]

SOON = 30_000  # ms


def listened(browser: Browser, complaints: list[str]) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    listen(context, complaints)
    return context.new_page()


def test_viewer_and_reader_of_a_link_see_what_a_developer_does(
    page: Page, browser: Browser, web: Web, complaints: list[str]
) -> None:
    cast = make_cast()
    run = submit_steps(cast.project, probe("s0"), probe("s1"), owner=cast.bob)  # no worker does them
    sign_in(page, web, f"/runs/{run.public_id}", "bob")
    viewer, reader = listened(browser, complaints), listened(browser, complaints)
    sign_in(viewer, web, f"/runs/{run.public_id}", "vera")
    viewer.locator("#live.live-live").wait_for(timeout=SOON)
    page.get_by_role("link", name="Share").click()
    page.get_by_label("For whom").fill("Ada")
    page.get_by_role("button", name="Make a link").dblclick()
    link = page.locator("#address").input_value()
    reader.goto(f"{web.url}/shared/{link.rsplit('/', 1)[1]}")
    reader.locator(".graph .node[data-key=s0][data-state=ready]").wait_for(timeout=SOON)

    page.goto(f"{web.url}/runs/{run.public_id}")
    page.get_by_role("button", name="Pause").click()
    for other in (viewer, reader):
        other.locator("#part-head .state-paused").wait_for(timeout=SOON)
        assert other.locator("main button:visible", has_text="Resume").count() == 0
    assert viewer.locator("main form[method=post]").count() == 0
    runs.cancel(run.public_id, by="bob")
    for other in (viewer, reader):
        other.locator(".graph .node[data-key=s1][data-state=cancelled]").wait_for(timeout=SOON)
        other.locator("#live.live-done").wait_for(timeout=SOON)

    page.locator("#live.live-done").wait_for(timeout=SOON)
    page.locator("a[data-rerun]").last.click()
    page.locator("#rerun-dialog[open]").get_by_text("does 2 steps again").wait_for(timeout=SOON)
    page.keyboard.press("Escape")
    assert page.locator("#rerun-dialog[open]").count() == 0
    page.locator("a[data-rerun]").last.click()
    page.get_by_role("button", name="Start the new run").click()
    page.locator("#lineage .node[data-here]").wait_for(timeout=SOON)
    viewer.reload()
    viewer.locator("#lineage .node[data-state=accepted]").wait_for(timeout=SOON)
    runs.cancel(run.reruns.get().public_id, by="bob")
    viewer.locator("#lineage .node[data-state=accepted]").wait_for(state="detached", timeout=SOON)
    assert complaints == []


def test_plan_of_500_steps_is_drawn_moved_and_kept(browser: Browser, web: Web, complaints: list[str]) -> None:
    cast = make_cast()
    parts = [
        Past(key=f"part.{n}", after=[f"part.{n - 40}", f"part.{n - 37}"] if n >= 40 else [], state="pending")
        for n in range(500)
    ]
    run = store_run(cast.project, *parts)
    page = listened(browser, complaints)
    sign_in(page, web, f"/runs/{run.public_id}?graph=whole", "vera")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    nodes = page.locator("#graph .node")
    assert nodes.count() == 500
    assert page.locator("#graph .node[tabindex='0']").count() == 1
    page.get_by_role("button", name="Fit").click()
    fitted = page.locator("#graph > svg").get_attribute("width")
    nodes.first.focus()
    page.keyboard.press("ArrowRight")
    held = page.evaluate("document.activeElement.id")
    assert held != nodes.first.get_attribute("id")
    Step.objects.filter(run=run, key="part.9").update(state="ready")
    add_events(run, 1, key="part.9")
    page.locator("#graph .node[data-key='part.9'][data-state=ready]").wait_for(timeout=SOON)
    assert page.evaluate("document.activeElement.id") == held
    assert page.locator("#graph > svg").get_attribute("width") == fitted
    assert width_of(page) == 1280
    assert complaints == []
