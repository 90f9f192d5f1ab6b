"""The first page and a project's overview keep themselves fresh while a run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks import runs
from tests.api.cast import make_cast, submit_run
from tests.e2e.browsing import needs_browser, sign_in, width_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("planner"), needs_browser]

SOON = 30_000  # ms


def test_pages_show_how_a_run_ends_and_let_a_filter_be_typed(
    page: Page, web: Web, complaints: list[str]
) -> None:
    cast = make_cast()
    first, second = submit_run(cast.project, cast.bob), submit_run(cast.project, cast.bob, goal="the second")
    sign_in(page, web, "/")
    assert page.locator("#recent .state-accepted").count() == 2
    runs.cancel(first.public_id, by="bob")
    page.locator("#recent .state-cancelled").wait_for(timeout=SOON)

    page.get_by_role("link", name="Shop").first.click()
    page.locator("#health .state-accepted").wait_for()
    runs.cancel(second.public_id, by="bob")
    page.locator("#health .state-cancelled").nth(1).wait_for(timeout=SOON)

    page.get_by_role("link", name="Runs").last.click()
    page.get_by_label("Goal").fill("second")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**/runs?q=second&state=&owner=")
    assert page.locator("#runs tbody tr").count() == 1
    page.get_by_role("link", name="Take away the filter Goal: second").click()
    page.locator("#runs tbody tr").nth(1).wait_for()
    assert width_of(page) == 360
    assert complaints == []
