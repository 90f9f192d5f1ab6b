"""Answering, pausing and doing again in a real browser, with a real worker, relay and scheduler behind the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.models import Approval, Run, Step
from tests.api.cast import Cast, add_events, make_cast, probe, submit_steps
from tests.e2e.browsing import needs_browser, sign_in, width_of
from tests.engine.cluster import Cluster, assert_sound
from tests.engine.conftest import purge_bells

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.cluster, pytest.mark.timeout(280), needs_browser]

SOON = 20_000  # ms, for what takes the engine a moment


@pytest.fixture
def cast(web: Web) -> Cast:
    return make_cast()


@pytest.fixture
def crew(cast: Cast, tmp_path: Path) -> Iterator[Cluster]:
    """What does the work; the worker is started by the test, once its runs are stored."""
    purge_bells()
    with Cluster(tmp_path) as running:
        running.relay()
        running.scheduler()
        yield running


def head(page: Page, state: str) -> None:
    page.locator(f"#part-head .badges .state-{state}").first.wait_for(timeout=SOON)


def step(page: Page, key: str, state: str) -> None:
    row = page.locator("table.steps tr", has=page.locator(".step-name", has_text=key))
    row.locator(f".state-{state}").wait_for(timeout=SOON)


def same_log_when_loaded_anew(page: Page) -> None:
    """What the script writes into the log is what the server writes."""
    lines = "lines => lines.map(line => [line.dataset.seq, line.querySelector('.text').textContent.trim()])"
    live = page.eval_on_selector_all("#events li", lines)
    page.reload()
    assert live == page.eval_on_selector_all("#events li", lines)


def test_question_is_answered_with_a_comment(
    page: Page, web: Web, cast: Cast, crew: Cluster, complaints: list[str]
) -> None:
    asks = probe("check.ask", "ask", note="Deploy to production?")
    run = submit_steps(cast.project, asks, probe("deploy", after="check.ask"), goal="Deploy the shop")
    sign_in(page, web, f"/runs/{run.public_id}", "alice")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    crew.worker()
    comment = page.get_by_label("Comment")
    comment.wait_for(timeout=SOON)
    page.locator("#part-head .badges").get_by_text("waits for a decision").wait_for(timeout=SOON)
    step(page, "check.ask", "waiting_approval")

    assert width_of(page) == 360
    comment.press_sequentially("go on,")
    comment.press("Enter")  # is a line of the comment, and no answer
    changed = "Deploy to production, again?"
    Approval.objects.filter(run=run).update(question=changed)  # the part changes under the hand that types
    add_events(run, 1, key="check.ask")
    page.get_by_text(changed).wait_for(timeout=SOON)
    page.keyboard.type("but watch it")
    assert comment.input_value() == "go on,\nbut watch it"
    assert Approval.objects.get(run=run).decision == ""

    same_log_when_loaded_anew(page)
    page.goto(web.url)
    page.get_by_role("link", name=changed).click()
    page.get_by_label("Comment").fill("go on,\nbut watch it")
    page.get_by_role("button", name="Approve").click()
    page.locator(".note", has_text="Approved.").wait_for(timeout=SOON)
    head(page, "succeeded")
    page.locator(".decided .comment", has_text="but watch it").wait_for(timeout=SOON)
    assert Step.objects.get(run=run, key="check.ask").output["note"].startswith("approved by alice: go on,")
    assert width_of(page) == 360
    assert complaints == []
    assert_sound(run)


def test_run_is_paused_and_goes_on(
    page: Page, web: Web, cast: Cast, crew: Cluster, tmp_path: Path, complaints: list[str]
) -> None:
    gate = tmp_path / "gate"
    run = submit_steps(cast.project, probe("long", gate=str(gate)), probe("after", after="long"))
    sign_in(page, web, f"/runs/{run.public_id}")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    crew.worker()
    step(page, "long", "running")
    page.get_by_role("button", name="Pause").click()
    head(page, "paused")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    gate.touch()
    step(page, "long", "succeeded")
    step(page, "after", "ready")  # and nobody begins it
    page.get_by_role("button", name="Resume").click()
    head(page, "succeeded")
    page.locator("#live.live-done").wait_for(timeout=SOON)
    same_log_when_loaded_anew(page)
    assert complaints == []
    assert_sound(run)


def test_waiting_run_is_hurried(page: Page, web: Web, cast: Cast, complaints: list[str]) -> None:
    run = submit_steps(cast.project, probe("long"), probe("after", after="long"))
    sign_in(page, web, f"/runs/{run.public_id}", "alice")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    choice = page.get_by_label("Priority")
    choice.select_option("0")
    choice.blur()
    Run.objects.filter(pk=run.pk).update(failure="told anew")  # the part changes under what was chosen
    add_events(run, 1, key="long")
    page.locator("#part-head").get_by_text("told anew").wait_for(timeout=SOON)
    assert page.get_by_label("Priority").input_value() == "0"
    page.get_by_role("button", name="Set").click()
    page.locator(".note", has_text="Priority 0").wait_for(timeout=SOON)
    page.wait_for_load_state()  # with its style sheets
    assert width_of(page) == 360
    run.refresh_from_db()
    assert run.priority == 0
    assert set(Step.objects.filter(run=run).values_list("priority", flat=True)) == {0}
    assert complaints == []


def test_failed_run_is_retried_to_green(
    page: Page, web: Web, cast: Cast, crew: Cluster, tmp_path: Path, complaints: list[str]
) -> None:
    gate = tmp_path / "gate"
    steps = (
        probe("first"),
        probe("second", "hurry", gate=str(gate), after="first"),
        probe("third", after="second"),
    )
    run = submit_steps(cast.project, *steps, owner=cast.alice)
    Step.objects.filter(run=run).update(max_attempts=1)
    sign_in(page, web, f"/runs/{run.public_id}")
    crew.worker()
    head(page, "failed")
    page.get_by_role("link", name="Retry what failed").click()
    page.get_by_text("takes over the result of 1 step and does 2 again").wait_for(timeout=SOON)
    gate.touch()  # what it lacked is there now
    page.get_by_role("button", name="Start the new run").dblclick()
    page.get_by_text("an earlier run").wait_for(timeout=SOON)
    head(page, "succeeded")
    page.locator("td", has_text="taken over").wait_for(timeout=SOON)
    again = Run.objects.exclude(pk=run.pk).get()  # one, in spite of the double click
    assert (again.parent, again.owner) == (run, cast.bob)
    page.get_by_role("link", name="an earlier run").click()
    page.get_by_text("Done again in").wait_for(timeout=SOON)
    assert complaints == []
    assert_sound(run, again)
