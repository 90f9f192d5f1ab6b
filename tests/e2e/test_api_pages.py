"""Swagger UI and Redoc in a real browser, under the strict policy, with nothing from elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from accounts.models import ApiKey
from tests.api.cast import make_cast
from tests.e2e.browsing import needs_browser, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, needs_browser]


def shoot(page: Page, name: str) -> None:
    if shots := os.environ.get("WRENCH_TEST_SHOTS"):
        page.screenshot(path=f"{shots}/{name}.png")


@pytest.fixture
def strangers(page: Page, web: Web) -> list[str]:
    """The requests that go elsewhere than to our server."""
    found: list[str] = []
    own = (web.url, "data:", "blob:")
    page.on("request", lambda sent: None if sent.url.startswith(own) else found.append(sent.url))
    return found


def test_swagger_shows_operations_and_sends_as_who_is_signed_in(
    page: Page, web: Web, complaints: list[str], strangers: list[str]
) -> None:
    cast = make_cast()
    page.set_viewport_size({"width": 1200, "height": 900})
    sign_in(page, web, "/api/docs")
    # Swagger UI draws what is in view: an operation further down is reached by its link.
    page.goto(f"{web.url}/api/docs#/keys/keys_create")
    page.reload()
    page.locator("#operations-keys-keys_create").wait_for(timeout=60_000)
    shoot(page, "swagger")
    page.get_by_role("button", name="Try it out").click()
    page.locator("textarea.body-param__text").fill('{"name": "by hand", "scopes": ["run.view"]}')
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table .response-col_status", has_text="201").wait_for(timeout=60_000)
    assert ApiKey.objects.get().owner == cast.bob
    assert complaints == []
    assert strangers == []


def test_redoc_shows_operations_with_its_styles(
    page: Page, web: Web, complaints: list[str], strangers: list[str]
) -> None:
    make_cast()
    page.set_viewport_size({"width": 1200, "height": 900})
    sign_in(page, web, "/api/redoc")
    page.locator("h2", has_text="Make an API key").wait_for(timeout=60_000)
    shoot(page, "redoc")
    styled = page.locator(".menu-content").evaluate("one => getComputedStyle(one).position")
    assert styled == "sticky"
    assert page.locator("img").count() == 0
    assert complaints == []
    assert strangers == []
