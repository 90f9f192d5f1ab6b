"""Signing out from elsewhere, in a real browser against a real server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from accounts.models import DeviceSession
from tests.api.cast import make_cast, submit_run
from tests.e2e.browsing import needs_browser, sign_in, whole, width_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("planner"), needs_browser]

SOON = 30_000  # ms
SECONDS = 10_000  # sooner than the socket looks again by itself


def test_run_page_of_another_browser_is_signed_out_at_once(
    page: Page, web: Web, browser: Browser, complaints: list[str]
) -> None:
    cast = make_cast()
    run = submit_run(cast.project, cast.bob)
    sign_in(page, web, f"/runs/{run.public_id}")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    with browser.new_context(java_script_enabled=False, viewport={"width": 1200, "height": 800}) as context:
        other = context.new_page()
        sign_in(other, web, "/account/sessions")
        assert other.locator("table.list tbody tr").count() == 2
        assert other.locator("table.list tbody tr").first.inner_text().startswith("Chrome on Linux this one")
        other.get_by_role("button", name="Sign out all others").click()
        whole(other.locator("main", has_text="Signed out of 1 other session."))
        assert other.locator("table.list tbody tr").count() == 1
        page.locator("#live a", has_text="sign in again").wait_for(timeout=SECONDS)
        assert DeviceSession.objects.filter(revoked_at=None).count() == 1
    assert complaints == []


def test_page_fits_a_small_screen_and_signs_out_everywhere(
    page: Page, web: Web, browser: Browser, complaints: list[str]
) -> None:
    make_cast()
    with browser.new_context() as context:
        sign_in(context.new_page(), web, "/")
    sign_in(page, web, "/")
    page.locator("#you > summary").click()
    page.get_by_role("link", name="Sessions").click()
    page.locator("time", has_text="just now").first.wait_for(timeout=SOON)
    assert width_of(page) == 360
    if shots := os.environ.get("WRENCH_TEST_SHOTS"):
        page.screenshot(path=f"{shots}/small.png")
        page.set_viewport_size({"width": 1200, "height": 700})
        page.screenshot(path=f"{shots}/large.png")
    page.get_by_role("button", name="Sign out everywhere").click()
    page.wait_for_url(f"{web.url}/login/?next=/account/sessions")
    assert "You are signed out everywhere." in page.locator("main").inner_text()
    assert complaints == []


def test_back_button_shows_nothing_after_signing_out(page: Page, web: Web, complaints: list[str]) -> None:
    run = submit_run(make_cast().project)
    sign_in(page, web, f"/runs/{run.public_id}")
    page.goto(f"{web.url}/runs")
    page.locator("#you > summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{web.url}/login/")
    for path in ("/runs", f"/runs/{run.public_id}"):
        page.go_back()
        page.wait_for_url(f"{web.url}/login/?next={path}")
        assert "Find security problems" not in page.content()
    assert complaints == []
