"""The whole way of a new user, on `./wrench serve` with its workers: from the link that signs in to the report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.e2e.browsing import listen, needs_browser, whole
from tests.e2e.conftest import ROOT
from tests.e2e.serving import Serve
from wrenchai_project import services

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

LAB = ROOT / "tests" / "fixtures" / "lab"  # an agent that asks before it acts
RUN = re.compile(r"/runs/[0-9a-f-]{36}$")
FINDING = re.compile(r"/findings/[0-9a-f-]{36}")
SOON = 20_000  # ms
LONG = 150_000  # ms: a whole run of the sample on a busy machine
REFUSED = "Failed to load resource: the server responded with a status of 400 (Bad Request)"
SEEN = """() => {
  window.seen = {};
  const look = () => {
    for (const node of document.querySelectorAll("#graph .node[data-key]")) {
      const states = (window.seen[node.dataset.key] ??= []);
      if (states.at(-1) !== node.dataset.state) states.push(node.dataset.state);
    }
  };
  const what = { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] };
  new MutationObserver(look).observe(document, what);
}"""

pytestmark = [pytest.mark.browser, pytest.mark.cluster, pytest.mark.timeout(900), needs_browser]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    served = Serve(tmp_path / "state", plugins=LAB)
    yield served
    served.end()


@pytest.fixture
def desk(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """A page that notes which states each step of a plan is shown in, since the page was loaded."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    listen(context, complaints)
    context.add_init_script(f"({SEEN})()")
    yield context.new_page()
    context.close()


def test_from_the_link_to_the_report(desk: Page, serve: Serve, complaints: list[str]) -> None:
    home, link = serve.wait()
    serve.worker("lab")
    assert serve.printed.strip().splitlines()[-1] == (
        f"Now your repository: paste a URL or a path at {home}/runs/new"
    )
    desk.goto(link)
    desk.wait_for_url(RUN)
    sample = desk.url
    watch(desk)
    plan_ones_own_and_cancel_it(desk)
    do_a_step_again(desk, sample)
    dismiss_a_finding(desk, sample)
    assert complaints == [REFUSED]  # a reason was missing
    complaints.clear()
    allow_a_risky_step(desk, home)
    read_the_report(desk, sample)

    desk.goto(f"{home}/projects/default/default")
    desk.locator("#ratings-title").wait_for()
    assert desk.locator(".run-list tbody tr").count() == 4
    desk.goto(link)  # once more, by whom it has signed in
    desk.wait_for_url(RUN)
    assert complaints == []


def ended(page: Page, state: str) -> None:
    page.locator(f"#part-head .badges .state-{state}").first.wait_for(timeout=LONG)


def turned_green(page: Page, key: str) -> bool:
    """Whether a step became so before who looks. What was between may pass faster than a page is drawn."""
    states: list[str] = page.evaluate("key => window.seen[key]", key)
    return len(states) > 1 and states[-1] == "succeeded"


def watch(page: Page) -> None:
    """The run of the sample goes on before the eyes of who looks: plan, timeline and events, in one load."""
    assert page.locator("h1").inner_text() == services.GOAL
    page.locator("#live.live-live").wait_for(timeout=SOON)
    ended(page, "succeeded")
    page.locator("#live.live-done").wait_for(timeout=SOON)
    assert turned_green(page, "super.report")
    assert any("running" in states for states in page.evaluate("Object.values(window.seen)"))
    keys = set(page.evaluate("Object.keys(window.seen)"))
    assert {states[-1] for states in page.evaluate("Object.values(window.seen)")} == {"succeeded"}
    assert set(page.locator("table.timeline .timeline-name").all_inner_texts()) == keys
    numbers = page.eval_on_selector_all("#events li", "lines => lines.map(line => Number(line.dataset.seq))")
    assert numbers == sorted(set(numbers))
    assert page.locator("#events li").last.get_attribute("data-kind") == "run.finished"


def plan_ones_own_and_cancel_it(page: Page) -> None:
    """Code of one's own: first what would be done, then done, then not any more."""
    page.get_by_placeholder("https://github.com/team/project.git").fill(str(services.SAMPLE))
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(re.compile(r"/runs/new\?"))
    goal = page.get_by_label("What should be done?")
    assert goal.input_value() == services.GOAL
    goal.fill("book me a flight")
    page.get_by_text("This goal leads to no analysis.").wait_for(timeout=SOON)
    goal.fill(services.GOAL)  # of many steps: it must not be over before it is cancelled
    page.locator(".plan-steps li").filter(has_text="Write the report").wait_for(timeout=SOON)
    assert page.locator(".plan-time b").inner_text().startswith("about ")  # as long as they took a minute ago
    assert page.locator(".candidate").count() == 0  # what fits is known from the first run

    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(RUN)
    assert page.locator("h1").inner_text() == services.GOAL
    page.get_by_role("button", name="Cancel the run").click()
    ended(page, "cancelled")
    page.locator("#live.live-done").wait_for(timeout=SOON)
    assert page.get_by_text("Now your repository.").count() == 0


def do_a_step_again(page: Page, sample: str) -> None:
    """A preview in place, then a run that has what succeeded and turns green as the rest is done."""
    page.goto(sample)
    page.get_by_role("link", name="do again from here: inspector.lint").click()
    preview = page.locator("#rerun-dialog[open]")
    preview.get_by_text(re.compile(r"It takes over the result of \d+ steps and does \d+ again")).wait_for()
    redone = [key.split()[0] for key in preview.locator(".redone .step-name").all_inner_texts()]
    assert (redone[0], redone[-1]) == ("inspector.lint", "super.report")
    preview.get_by_role("button", name="Start the new run").click()
    page.wait_for_url(lambda url: bool(RUN.search(url)) and url != sample)
    ended(page, "succeeded")
    page.locator("#graph .node[data-key='super.report'][data-state=succeeded]").wait_for(timeout=SOON)
    again = page.evaluate(
        "Object.entries(window.seen).filter(([, all]) => all.length > 1).map(([key]) => key)"
    )
    assert set(again) <= set(redone)
    assert turned_green(page, "super.report")
    assert page.locator("#lineage .node[data-here]").count() == 1


def dismiss_a_finding(page: Page, sample: str) -> None:
    """With a reason, and until a day."""
    until = (timezone.now().date() + timedelta(days=30)).isoformat()
    page.goto(sample)
    page.get_by_role("link", name="All findings of this run").click()
    page.locator(".findings-list td.main a").first.click()
    page.wait_for_url(FINDING)
    title = page.locator("h1").inner_text()
    page.get_by_text("Dismiss, with a reason", exact=True).click()
    page.get_by_label("Until (optional)").fill(until)
    page.get_by_role("button", name="Dismiss", exact=True).click()
    page.locator("#reason-fault").wait_for()  # not without a reason
    assert page.get_by_label("Until (optional)").input_value() == until
    page.get_by_label("Reason").fill("only the demonstration has it")
    page.get_by_role("button", name="Dismiss", exact=True).click()
    whole(page.locator(".reason", has_text="only the demonstration has it"))
    assert page.locator("h1").inner_text() == title
    assert page.locator("main .badges .status").first.inner_text().startswith("dismissed until ")


def allow_a_risky_step(page: Page, home: str) -> None:
    """A step that asks stops until somebody has answered, with what they think of it."""
    page.goto(f"{home}/runs/new?goal=Estimate+the+energy+consumption")
    page.get_by_label("Where is the code?").fill(str(services.SAMPLE))
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(RUN)
    page.locator(".question", has_text="Let the outside lab see this code?").wait_for(timeout=LONG)
    page.locator("#graph .node[data-key='lab.energy'][data-state=waiting_approval]").wait_for(timeout=SOON)
    page.get_by_label("Comment").fill("it is open source anyway")
    page.get_by_role("button", name="Approve").click()
    page.locator(".decided .comment", has_text="it is open source anyway").wait_for(timeout=SOON)
    ended(page, "succeeded")
    row = page.locator("table.steps tr", has=page.locator(".step-name", has_text="lab.energy"))
    assert "it is open source anyway" in row.inner_text()


def read_the_report(page: Page, sample: str) -> None:
    """The HTML report asks nobody for anything, so it is read and searched offline."""
    page.goto(sample)
    asked: list[str] = []
    with page.expect_popup() as opened:
        page.get_by_role("link", name="report.html", exact=True).click()
    report = opened.value
    report.on("request", lambda request: asked.append(request.url))
    report.wait_for_load_state()
    report.context.set_offline(True)
    assert report.locator("h1").is_visible()
    cards = report.locator(".cards .card .place")
    everything = cards.count()
    report.keyboard.press("/")
    report.keyboard.type("password")
    assert 0 < len([card for card in cards.all() if card.is_visible()]) < everything
    assert report.locator("#hits").inner_text().endswith(f" of {everything}")
    assert [url for url in asked if url != report.url] == []
    report.context.set_offline(False)
    report.close()
