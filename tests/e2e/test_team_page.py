"""Inviting somebody, in real browsers against a real server: the link makes an account, which is in the team."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from accounts.models import Membership
from accounts.roles import Role
from tests.api.cast import make_cast
from tests.e2e.browsing import needs_browser, sign_in, whole, width_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, needs_browser]


def test_person_who_is_invited_makes_an_account_and_is_in(
    page: Page, web: Web, browser: Browser, complaints: list[str]
) -> None:
    cast = make_cast()
    Membership.objects.filter(user=cast.bob).update(role=Role.OWNER)
    sign_in(page, web, "/teams/alice")
    page.get_by_label("E-mail address, or user name").fill("nina@example.org")
    page.get_by_role("button", name="Invite", exact=True).click()
    link = whole(page.locator("#invitation-link")).inner_text()
    assert width_of(page) == 360
    shots = os.environ.get("WRENCH_TEST_SHOTS")
    if shots:
        page.screenshot(path=f"{shots}/team-small.png", full_page=True)
        page.set_viewport_size({"width": 1200, "height": 900})
        page.screenshot(path=f"{shots}/team-large.png", full_page=True)
    with browser.new_context(java_script_enabled=False) as context:
        other = context.new_page()
        other.goto(web.url + link.partition("8000")[2])
        if shots:
            other.screenshot(path=f"{shots}/invitation.png", full_page=True)
        other.get_by_label("Username").fill("nina")
        for field in ("Password", "Password confirmation"):
            other.get_by_label(field, exact=True).fill("quite a long new password")
        other.get_by_role("button", name="Make the account and accept").click()
        whole(other.locator("main", has_text="Welcome: you are in Alice's team."))
        assert other.url == f"{web.url}/teams/alice"
    page.goto(f"{web.url}/teams/alice")
    assert "nina" in page.get_by_role("table", name="Members").inner_text()
    assert complaints == []
