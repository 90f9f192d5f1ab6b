"""The server stops under open pages: what was written stays, what is shown says that it is old, all goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from accounts.models import Team
from tests.api.cast import make_cast, planner, submit_run  # noqa: F401 - a fixture
from tests.e2e.browsing import needs_browser, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), needs_browser]


def test_form_keeps_what_was_written_and_is_sent_when_the_server_is_back(page: Page, web: Web) -> None:
    make_cast()
    page.clock.install()
    sign_in(page, web, "/teams", "alice")
    page.clock.fast_forward("02:00")
    page.fill("#id_slug", "later")
    web.stop()
    page.click("main button.primary")
    page.locator(".toast-error", has_text="what you wrote is still here").wait_for()
    assert (page.input_value("#id_slug"), page.locator("#away").is_visible()) == ("later", True)
    web.start()
    page.click("main button.primary")
    page.wait_for_url(f"{web.url}/teams/later", timeout=30_000)
    assert Team.objects.filter(slug="later").count() == 1


def test_page_that_keeps_itself_fresh_says_when_it_cannot(page: Page, web: Web, planner: None) -> None:  # noqa: F811 - the fixture
    cast = make_cast()
    submit_run(cast.project, cast.bob)
    sign_in(page, web, "/runs")
    web.stop()
    page.locator("#away", has_text="What you see may be old").wait_for(timeout=30_000)
    web.start()
    page.locator("#away").wait_for(state="hidden", timeout=30_000)
