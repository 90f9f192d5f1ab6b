"""The page of a step in a real browser: a log that comes faster than anybody reads is whole, and the page lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from tasks import events
from tasks.changes import Change
from tasks.models import LogChunk, Run, Step
from tests.api.cast import make_cast
from tests.e2e.browsing import needs_browser, sign_in, width_of
from tests.frontend.plans import Past, store_run

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("planner"), needs_browser]

SOON = 30_000  # ms
LINES = 5_000
OF_A_CHUNK = 100
MOST_FROZEN = 2_000  # ms in which the page did nothing else, on a busy machine
NUMBERS = """() => [...document.querySelectorAll("#log .ln")].map(
  line => Number(line.textContent.match(/line (\\d+)/)[1]))"""
IS_AT_END = """() => {
  const log = document.getElementById("log");
  return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}"""
WATCH = """() => {
  window.frozen = 0;
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    window.frozen = Math.max(window.frozen, now - last);
    last = now;
  }, 20);
}"""


def say(run: Run, first: int, last: int) -> None:
    """Store lines and tell of them, as an attempt does: a chunk with its event in one transaction."""
    step = Step.objects.get(run=run, key="scan")
    for begin in range(first, last, OF_A_CHUNK):
        numbers = range(begin, begin + OF_A_CHUNK)
        text = "\n".join(f"\x1b[32mline {n}\x1b[0m of <b>{LINES}</b>" for n in numbers)
        chunk = begin // OF_A_CHUNK + 1
        with transaction.atomic():
            LogChunk.objects.create(step=step, attempt=1, ordinal=chunk, at=step.created_at, text=text)
            change = Change(run.pk)
            change.tell(events.StepLogged(key="scan", attempt=1, chunk=chunk, tail="line"), step.pk)
            change.write()


def test_five_thousand_lines_are_whole_though_the_server_restarts(
    page: Page, web: Web, complaints: list[str]
) -> None:
    cast = make_cast()
    run = store_run(cast.project, Past(key="scan", state="running", tries=[("", 1, None)]))
    sign_in(page, web, f"/runs/{run.public_id}/steps/scan", "vera")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    page.evaluate(WATCH)
    assert page.locator(".log-empty").count() == 1
    say(run, 0, LINES // 2)
    page.locator("#log .ln", has_text=f"line {LINES // 2 - 1} ").wait_for(timeout=SOON)
    web.stop()
    page.locator("#live.live-offline").wait_for(timeout=SOON)
    say(run, LINES // 2, LINES)
    web.start()
    page.locator("#log .ln", has_text=f"line {LINES - 1} ").wait_for(timeout=SOON)
    assert page.locator(".log-empty").count() == 0
    shown = page.evaluate(NUMBERS)
    assert shown == list(range(LINES - len(shown), LINES))
    assert len(shown) <= 2_000
    assert page.evaluate(IS_AT_END)
    assert page.evaluate("window.frozen") < MOST_FROZEN
    while shown[0]:
        page.get_by_role("link", name="Load older lines").click()
        page.wait_for_function(f"() => {NUMBERS[6:]}[0] < {shown[0]}", timeout=SOON)
        older = page.evaluate(NUMBERS)
        assert older == list(range(older[0], older[0] + len(older)))
        assert len(older) <= 2_000
        shown = older
    page.get_by_role("button", name="There are newer lines: follow").click()
    page.locator("#log .ln", has_text=f"line {LINES - 1} ").wait_for(timeout=SOON)
    assert page.locator("#log .a-green").first.inner_text().startswith("line ")
    assert width_of(page) == 360
    assert complaints == []


def test_lines_come_though_no_socket_gets_through(page: Page, web: Web, complaints: list[str]) -> None:
    cast = make_cast()
    run = store_run(cast.project, Past(key="scan", state="running", tries=[("", 1, None)]))
    page.route_web_socket("**", lambda socket: socket.close())  # as a proxy does that knows none
    sign_in(page, web, f"/runs/{run.public_id}/steps/scan", "vera")
    page.locator("#live.live-offline").wait_for(timeout=SOON)
    for first, last in ((0, OF_A_CHUNK), (OF_A_CHUNK, 2 * OF_A_CHUNK)):
        say(run, first, last)
        page.locator("#log .ln", has_text=f"line {last - 1} ").wait_for(timeout=SOON)
    assert page.evaluate(NUMBERS) == list(range(2 * OF_A_CHUNK))
    assert page.locator("#live.live-offline").count() == 1
    assert complaints == []
