"""Every page in a real browser, in both themes and at two widths: accessible, within its screen, without complaint.

./wrench screenshots        the same walk, which keeps pictures in docs/screenshots/
"""

from __future__ import annotations

import gzip
import os
import tempfile
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any

import pytest

from tasks.models import Queue
from tests.e2e.browsing import WIDER_THAN_SCREEN, axe, needs_browser, sign_in
from tests.e2e.gallery import PAGES, THEMES, WIDTHS, Shown
from tests.e2e.scene import SHOP, Scene, make_scene

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

    from tests.e2e.conftest import Web

REFUSALS = ("403 (Forbidden)", "404 (Not Found)", "410 (Gone)")  # pages that say so, which are shown, too
MAX_SCRIPT_BYTES = 60_000  # compressed, of one page
KEEP = os.environ.get("WRENCH_SCREENSHOTS", "")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900), needs_browser]


@pytest.fixture
def scene(transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scene:
    # pictures show its path; elsewhere it is one that has to be broken on a narrow screen
    tree = Path(tempfile.gettempdir(), "shop") if KEEP else tmp_path / ("a_long_name_" * 5) / "shop"
    copytree(SHOP, tree, dirs_exist_ok=True)
    built = make_scene(settings, monkeypatch, tmp_path, tree=tree)
    Queue.objects.filter(
        agent__in=["probe", "second"]
    ).delete()  # the tests' own agents, which nobody else has
    return built


def test_each_page_is_accessible_fits_and_complains_of_nothing(
    scene: Scene, served: Web, browser: Browser
) -> None:
    faults: list[str] = []
    for who in dict.fromkeys(shown.who for shown in PAGES):
        for width in WIDTHS:
            context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
            page = context.new_page()
            _listen(page, faults)
            if who:
                sign_in(page, served, "/teams", who)
            for shown in (one for one in PAGES if one.who == who):
                faults += _walk(page, f"{served.url}{shown.path(scene)}", shown, width)
            context.close()
    assert not faults, "\n".join(faults)


def _listen(page: Page, faults: list[str]) -> None:
    def hear(said: ConsoleMessage) -> None:
        expected = any(status in said.text for status in REFUSALS)
        if said.type in {"error", "warning"} and not expected:
            faults.append(f"{page.url}: {said.text}")

    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on("console", hear)


def _walk(page: Page, url: str, shown: Shown, width: int) -> list[str]:
    faults = []
    weight = _load(page, url)
    if weight > MAX_SCRIPT_BYTES:
        faults.append(f"{shown.name}: {weight} bytes of script")
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        where = f"{shown.name}, {theme}, {width}"
        if (over := page.evaluate(WIDER_THAN_SCREEN)) > 0:
            faults.append(f"{where}: {over} px wider than the screen")
        faults += [f"{where}: {fault}" for fault in axe(page)]
        if KEEP:
            page.screenshot(path=Path(KEEP) / f"{shown.name}-{theme}-{width}.png", full_page=True)
    return faults


def _load(page: Page, url: str) -> int:
    """Open a page; give the bytes of its scripts, compressed."""
    scripts: set[str] = set()

    def keep(asked: Request) -> None:
        if asked.resource_type == "script":
            scripts.add(asked.url)

    page.on("request", keep)
    page.goto(url, wait_until="load")
    page.remove_listener("request", keep)
    return sum(len(gzip.compress(page.request.get(script).body())) for script in scripts)
