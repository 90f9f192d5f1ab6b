"""The form of a new run in a real browser: it tells what would be done, whenever its goal was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.cast import make_cast
from tests.e2e.browsing import needs_browser, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, needs_browser]


def test_goal_that_was_typed_before_the_script_came_is_planned(
    page: Page, web: Web, complaints: list[str]
) -> None:
    make_cast()
    sign_in(page, web, "/runs")
    late: list[Route] = []
    page.route("**/htmx*.js", lambda route: late.append(route))
    page.goto(f"{web.url}/runs/new", wait_until="commit")
    page.get_by_label("What should be done?").fill("book me a flight")
    while not late:
        page.wait_for_timeout(50)  # lets the route be asked
    late.pop().continue_()
    page.get_by_text("This goal leads to no analysis.").wait_for()
    assert complaints == []
