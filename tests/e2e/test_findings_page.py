"""10,000 findings in a browser: judged by keyboard and many at once, and an address that brings the view back."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from accounts.models import Project
from agents import sweeps
from agents.findings import Severity
from agents.models import Sweep, SweepState, TrackedFinding, TriageAct
from tasks.models import new_public_id
from tests.api.cast import make_cast
from tests.e2e.browsing import needs_browser, sign_in, whole

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), needs_browser]

LIST = "/projects/alice/shop/findings"
MANY = 10_000
QUICK = 50  # ms of script for a key, the median: what is more is felt
WATCH_KEYS = """() => {
  window.keyed = [];
  let began = 0;
  addEventListener("keydown", () => (began = performance.now()), { capture: true });
  addEventListener("keydown", () => window.keyed.push(performance.now() - began));
}"""
EVIL = "<img src=x onerror=alert(1)>"


def fill(project: Project) -> None:
    """Store findings, the worst of them with texts that want to be scripts."""
    now, run = timezone.now(), new_public_id()
    rows = []
    for n in range(MANY):
        severity = list(Severity)[0 if n < 20 else n % 4 + 1]
        rows.append(
            TrackedFinding(
                project=project, fingerprint=f"{n:064x}", agent="inspector", rule=f"rule-{n % 40}", category="bug",
                title=f"Title {n} {EVIL}", message=EVIL, path=f"src/{n % 9}/{EVIL}.py", line=n + 1, end_line=n + 1,
                severity=severity.value, severity_rank=4 - severity.weight, confidence="high",
                first_run=run, last_run=run, first_seen_at=now, last_seen_at=now, owner=f"@{EVIL.replace(' ', '_')}",
            )
        )  # fmt: skip
    TrackedFinding.objects.bulk_create(rows, batch_size=2_000)


def judged(verdict: str) -> set[str]:
    acts = TriageAct.objects.filter(verdict=verdict).values_list("finding__title", flat=True)
    return {" ".join(title.split()[:2]) for title in acts}


def be_ready(page: Page) -> None:
    """Wait for the page's script, without which keys do nothing: it tells that nothing is chosen."""
    page.locator("#chosen", has_text="None chosen").wait_for()


def at(page: Page) -> str:
    """The finding that the keyboard is at."""
    return " ".join(page.locator("tr[aria-selected=true] td.main a").inner_text().split()[:2])


def place(page: Page) -> str:
    return page.locator(".trail-place").inner_text()


def go_through_the_list(page: Page, saved: str) -> None:
    """From a finding on through its list of 27: there and back, judged by key, and to the list again."""
    assert place(page) == "1 of 27"
    for key, where in (("j", "2 of 27"), ("j", "3 of 27"), ("k", "2 of 27")):
        page.locator("#keys-open").wait_for()  # the page's script, which alone shows it, hears keys
        page.keyboard.press(key)
        page.locator(".trail-place", has_text=where).wait_for()
    page.locator("#keys-open").wait_for()
    judged = page.locator("h1").inner_text()
    page.get_by_label("Then go on to the next").check()
    page.keyboard.press("a")
    page.get_by_text("1 finding accepted.").wait_for()
    page.locator("#keys-open").wait_for()
    assert place(page) == "3 of 27"
    assert page.get_by_label("Then go on to the next").is_checked()
    page.keyboard.press("d")
    page.keyboard.type("by the key, jku")
    page.locator(".judge-one").get_by_role("button", name="Dismiss").click()
    page.get_by_text("1 finding dismissed.").wait_for()
    page.locator("#keys-open").wait_for()
    assert place(page) == "3 of 26"  # what was dismissed is not in this list any more
    page.keyboard.press("k")
    page.locator(".trail-place", has_text="2 of 26").wait_for()
    page.locator("#keys-open").wait_for()
    assert page.locator("h1").inner_text() == judged
    page.keyboard.press("?")
    assert page.get_by_role("dialog").get_by_text("back to the list").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    page.wait_for_url(
        saved.replace("order=-severity&", "")
    )  # an order that is the usual one need not be said


def end_sweeps() -> None:
    """Do what the scheduler does with sweeps that take longer than a request."""
    for sweep in Sweep.objects.filter(state=SweepState.RUNNING):
        sweeps.work(sweep, seconds=60)


def test_all_that_match_are_judged_and_taken_back(page: Page, web: Web, complaints: list[str]) -> None:
    fill(make_cast().project)
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    sign_in(page, web, f"{LIST}?severity=low&severity=medium", "alice")
    page.get_by_role("link", name="Judge all 4,990 that match").click()
    page.get_by_role("heading", name="Judge all 4,990 findings").wait_for()
    page.locator("#reason").fill("all of it is generated")
    page.get_by_role("button", name="Dismiss 4,990").dblclick()
    page.wait_for_url("**/findings/sweeps/*")
    end_sweeps()
    page.get_by_role("heading", name="4,990 findings dismissed").wait_for(timeout=60_000)
    assert TrackedFinding.objects.filter(status="dismissed").count() == 4_990
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("so far").or_(page.get_by_text("All that you saw are done.")).wait_for()
    end_sweeps()
    page.get_by_role("heading", name="4,990 findings are as they were before").wait_for(timeout=60_000)
    assert TrackedFinding.objects.filter(status="open").count() == MANY
    page.get_by_role("link", name="Back to the list").click()
    page.locator("#results-title", has_text="4,990 findings").wait_for()
    assert complaints == []


def test_triage_by_keyboard_many_at_once_and_the_address_brings_the_view_back(
    page: Page, web: Web, browser: Browser, complaints: list[str]
) -> None:
    fill(make_cast().project)
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.set_viewport_size({"width": 1280, "height": 900})
    sign_in(page, web, LIST, "alice")
    shown, titles = page.locator(".findings-list tbody tr"), page.locator(".findings-list td.main")
    assert (page.locator("#results-title").inner_text(), shown.count()) == ("10,000 findings that count", 50)

    be_ready(page)
    page.keyboard.press("j")
    first = at(page)
    for key in ("j", "x", "j", "x", "k", "k"):
        page.keyboard.press(key)
    assert at(page) == first
    assert page.locator("#chosen").inner_text() == "2 chosen"
    with page.expect_navigation():
        page.keyboard.press("a")
    assert "2 findings accepted." in page.locator("main").inner_text()
    assert len(judged("accept")) == 2
    assert first not in judged("accept")

    assert at(page) == first  # the place is kept
    page.keyboard.press("d")
    page.keyboard.type("the caller checks jkx")
    page.locator("#judge").get_by_role("button", name="Dismiss", exact=True).click()
    page.get_by_text("1 finding dismissed.").wait_for()
    be_ready(page)
    assert judged("dismiss") == {first}
    assert TriageAct.objects.get(verdict="dismiss").reason == "the caller checks jkx"

    page.locator("#all").check()
    assert page.locator("#chosen").inner_text() == "50 chosen"
    page.get_by_role("button", name="Accept").dblclick()
    page.get_by_text("50 findings accepted.").wait_for()
    be_ready(page)
    assert len(judged("accept")) == 50

    page.keyboard.press("/")
    page.keyboard.type("Title 77")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=Title+77**")
    page.locator("#results-title", has_text="111 findings").wait_for()
    page.locator("#facets").get_by_label("high").check()
    page.wait_for_url("**severity=high**")
    page.locator("#results-title", has_text="27 findings").wait_for()
    saved, kept = page.url, titles.all_inner_texts()
    page.go_back()
    page.locator("#results-title", has_text="111 findings").wait_for()
    page.goto(saved)
    be_ready(page)
    assert titles.all_inner_texts() == kept
    assert page.locator("#q").input_value() == "Title 77"

    page.goto(f"{web.url}{LIST}")
    be_ready(page)
    page.evaluate(WATCH_KEYS)
    for _ in range(shown.count()):
        page.keyboard.press("j")
    assert shown.last.get_attribute("aria-selected") == "true"
    assert shown.last.is_visible()
    assert len(page.evaluate("window.keyed")) == shown.count()
    assert median(page.evaluate("window.keyed")) < QUICK
    before = titles.all_inner_texts()
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("link", name="First page").wait_for()
    assert not set(titles.all_inner_texts()) & set(before)

    page.goto(saved)
    be_ready(page)
    page.keyboard.press("?")
    assert page.get_by_role("dialog").get_by_text("next, previous finding").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    title = at(page)
    page.keyboard.press("o")
    page.wait_for_url("**/findings/*-*-*")
    assert title in page.locator("h1").inner_text()
    go_through_the_list(page, saved)
    assert complaints == []

    state = page.context.storage_state()
    with browser.new_context(java_script_enabled=False, storage_state=state) as plain:
        other = plain.new_page()
        other.goto(saved)
        assert other.locator(".findings-list tbody tr").count() == len(kept) - 1  # one was dismissed
        other.locator(".findings-list input[name=finding]").first.check()
        other.get_by_role("button", name="Reopen").click()
        whole(other.locator("main", has_text="was not judged"))
        assert other.url == saved
