"""The operators' pages in a real browser: the admin in our colours, live queues, and Flower behind the same sign-in.

Flower and the web are real processes; the policy of neither allows anything inline but what is named by its digest.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from accounts.models import User
from tasks.models import Queue
from tests.api.cast import PASSWORD, make_cast
from tests.e2e.browsing import needs_browser, sign_in
from tests.e2e.conftest import ROOT, Web
from tests.e2e.gallery import THEMES
from wrenchai_project import services

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, needs_browser]
PATIENCE = 60  # seconds for Flower to answer


@pytest.fixture
def flower() -> Iterator[str]:
    """A real Flower on a port of its own; gives the address for the web."""
    password = secrets.token_urlsafe(12)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    spec = services.flower(port, password=password)
    process = subprocess.Popen(spec.argv, cwd=ROOT, env={**os.environ, "DEBUG": "1", **spec.environ})
    try:
        end = time.monotonic() + PATIENCE
        while not _answers(f"http://127.0.0.1:{port}/flower/healthcheck"):
            assert time.monotonic() < end, "Flower does not answer"
            time.sleep(0.2)
        yield services.flower_url(port, password=password)
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def page(browser: object, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield page
    context.close()


def test_staff_looks_after_queues_and_flower_without_a_complaint(
    transactional_db: None, flower: str, page: Page, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRENCH_FLOWER_URL", flower)
    make_cast()
    User.objects.create_superuser("root", password=PASSWORD)
    Queue.objects.update_or_create(name="agent.probe", defaults={"agent": "probe", "priority": 5})
    web = Web()
    web.start()
    try:
        sign_in(page, web, "/admin/tasks/queue/", "root")
        row = page.locator("#result_list tbody tr", has_text="agent.probe")
        row.locator("input.action-select").check()
        Queue.objects.filter(name="agent.probe").update(paused_at="2026-11-29T00:00:00Z")
        row.locator(".field-is_open img[alt=False]").wait_for()  # by itself
        assert row.locator("input.action-select").is_checked()
        page.select_option("select[name=action]", "resume_queues")
        page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).first.click()
        row.locator(".field-is_open img[alt=True]").wait_for()
        assert Queue.objects.get(name="agent.probe").paused_at is None
        for path in ("/admin/", "/admin/accounts/user/", "/admin/accounts/project/add/", "/admin/tasks/run/"):
            page.goto(web.url + path)
        page.get_by_role("link", name="Flower").click()
        page.wait_for_url(f"{web.url}/flower/")
        assert page.locator("table#workers-table, table").first.is_visible()
        for name in ("Tasks", "Broker"):
            page.get_by_role("link", name=name, exact=True).click()
            page.wait_for_load_state("networkidle")
        if shots := os.environ.get("WRENCH_TEST_SHOTS"):
            _picture(page, web, shots)
    finally:
        web.stop()
    assert complaints == []


def _picture(page: Page, web: Web, folder: str) -> None:
    pages = {
        "queues": "/admin/tasks/queue/",
        "index": "/admin/",
        "form": "/admin/accounts/project/add/",
        "flower": "/flower/",
    }
    for name, path in pages.items():
        page.goto(web.url + path)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.screenshot(path=f"{folder}/admin-{name}-{theme}.png")
