"""A shared link in a real browser without an account: live, log and report, and over for who looks when it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.cast import make_cast
from tests.e2e.browsing import needs_browser, sign_in
from tests.frontend.plans import Past, say, store_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("planner"), needs_browser]

SOON = 30_000  # ms
SECONDS = 10_000


def test_link_is_live_until_it_is_revoked_while_somebody_looks(
    page: Page, browser: Browser, web: Web, complaints: list[str]
) -> None:
    cast = make_cast()
    run = store_run(cast.project, Past(key="scan", state="running", tries=[("", 1, None)]), owner=cast.bob)
    sharing = browser.new_context().new_page()
    sign_in(sharing, web, f"/runs/{run.public_id}/shares", "bob")
    sharing.get_by_label("The log of all steps").check()
    sharing.get_by_role("button", name="Make a link").click()
    address = sharing.locator("#address").input_value()
    at = web.url + address[address.index("/shared/") :]

    page.goto(at)
    page.locator("#live.live-live").wait_for(timeout=SOON)
    say(run, "scan", "said\nlast words")
    page.locator("#events li", has_text="last words").wait_for(timeout=SOON)
    page.locator("#open-log").click()
    page.locator("#log .ln", has_text="last words").wait_for(timeout=SOON)
    page.locator("#live.live-live").wait_for(timeout=SOON)
    say(run, "scan", "more")
    page.locator("#log .ln", has_text="more").wait_for(timeout=SOON)
    assert page.context.cookies() == []
    other = page.context.new_page()
    other.goto(at)
    other.locator("#live.live-live").wait_for(timeout=SOON)

    sharing.get_by_role("button", name="Revoke").click()
    for open_page in (page, other):
        open_page.get_by_role("heading", name="This link is over").wait_for(timeout=SECONDS)
        assert "last words" not in open_page.content()
    assert complaints == []
    sharing.context.close()
