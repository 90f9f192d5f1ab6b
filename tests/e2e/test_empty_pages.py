"""Every page of a project that has nothing yet, in a browser: accessible, within its screen, without complaint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from frontend.project_pages import MODULES
from tests.api.cast import make_cast
from tests.e2e.browsing import WIDER_THAN_SCREEN, axe, needs_browser, sign_in
from tests.e2e.gallery import THEMES, WIDTHS

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), needs_browser]


def test_page_without_data_says_so_well(page: Page, served: Web, complaints: list[str]) -> None:
    make_cast()
    sign_in(page, served, "/teams", "vera")
    faults = []
    for module in MODULES:
        page.goto(f"{served.url}{reverse(module.PAGE.route, args=['alice/shop'])}")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                where = f"{module.PAGE.name}, {theme}, {width}"
                if (over := page.evaluate(WIDER_THAN_SCREEN)) > 0:
                    faults.append(f"{where}: {over} px wider than the screen")
                faults += [f"{where}: {fault}" for fault in axe(page)]
    assert faults + complaints == []
