"""A real browser for the tests of pages, and a person who signs in with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.api.cast import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

    from tests.e2e.conftest import Web

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parents[1] / "frontend" / "vendor" / "axe-core-4.14.1" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDER_THAN_SCREEN = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

needs_browser = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"NO BROWSER: {CHROMIUM} is absent, the page was not tested"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    # Playwright's event loop lives in this thread, and Django would refuse to use the database beside it
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield page
    context.close()


def listen(context: BrowserContext, complaints: list[str]) -> None:
    """Note what breaks on any page of this context, and all that its console calls an error."""
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)


def sign_in(page: Page, web: Web, path: str, name: str = "bob", *, at: str = "") -> None:
    """Open a page as this person; `at` is where the web is reached if not at its own address."""
    page.goto(f"{at or web.url}{path}")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{at or web.url}{path}")


def axe(page: Page) -> list[str]:
    """Give what axe-core finds wrong with a page, a line each."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [
        f"{one['id']}: {one['help']} at {[node['target'] for node in one['nodes'][:3]]}"
        for one in found["violations"]
    ]


def whole(found: Locator) -> Locator:
    """Wait until this is there and its page is all read: a click goes on before what it leads to has come."""
    found.wait_for()
    found.page.wait_for_load_state()
    return found


def width_of(page: Page) -> int:
    """Give the pixels that a page is wide once its styles have come; a click goes on before they have."""
    page.wait_for_load_state()
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width
