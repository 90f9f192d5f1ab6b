"""The run page in a real browser against a real server: it lives, it survives a restart, it breaks no policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.utils import timezone

from tasks import events, runs
from tasks.changes import Change
from tasks.models import Run, Step
from tests.api.cast import add_events, make_cast, submit_run
from tests.e2e.browsing import needs_browser, sign_in, width_of
from tests.e2e.wire import wire
from tests.frontend.plans import Past, store_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import APIResponse, Page, Route, WebSocketRoute

    from tests.e2e.conftest import Web

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(280),
    pytest.mark.usefixtures("planner"),
    needs_browser,
]

SOON = 30_000  # ms
BACK = 60_000  # ms: a socket that was cut off often waits up to 30 s until it tries again
MANY = 700
WATCH_STEP = """() => {
  window.states = [];
  const look = () => {
    const states = [...document.querySelectorAll("#step-s0 .state, #graph .node[data-key=s0]")].map(
      (one) => one.dataset.state ?? one.className.match(/state-(\\w+)/)[1]
    );
    for (const state of states) if (!window.states.includes(state)) window.states.push(state);
  };
  look();
  const everything = { subtree: true, childList: true, attributes: true };
  new MutationObserver(look).observe(document.getElementById("run"), everything);
}"""
WATCH_BADGE = """() => {
  const badge = document.getElementById("live");
  window.told = [badge.textContent];
  new MutationObserver(() => {
    if (window.told.at(-1) !== badge.textContent) window.told.push(badge.textContent);
  }).observe(badge, { childList: true });
}"""


def add_turns(run: Run, count: int) -> None:
    """Append so many events that the log shows in a line each."""
    tell(
        run,
        *(events.AgentSaid(key="s0", attempt=1, topic=f"turn-{n}", content={}) for n in range(1, count + 1)),
    )


def tell(run: Run, *facts: events.Fact) -> None:
    """Append events as the engine does, with its hint to the sockets."""
    change = Change(run.pk)
    for fact in facts:
        change.tell(fact)
    with transaction.atomic():
        change.write()


class Frames:
    """What the server says by the socket of a page; it can be held back for a while."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._held: list[Callable[[], None]] = []
        self._holds = False
        page.route_web_socket("**/api/v1/stream", self._join)

    def hold(self) -> None:
        """Let nothing through any more."""
        self._holds = True

    def let_go(self, *, at_least: int) -> None:
        """Let everything through, once so many frames are there."""
        while len(self._held) < at_least:
            self._page.wait_for_timeout(50)  # lets them come
        for send in self._held:
            send()
        self._holds = False

    def _join(self, socket: WebSocketRoute) -> None:
        def hear(said: str | bytes) -> None:
            if self._holds:
                self._held.append(lambda: socket.send(said))
            else:
                socket.send(said)

        socket.connect_to_server().on_message(hear)


def hold_parts(page: Page, run: Run) -> Route:
    """Have the page ask for its parts by an event, and hold that request back; others go through."""
    held: list[Route] = []
    page.route("**/parts*", lambda route: route.continue_() if held else held.append(route))
    add_turns(run, 1)
    page.locator("#events li", has_text="turn-1").wait_for(timeout=SOON)
    while not held:
        page.wait_for_timeout(50)  # lets the route be asked
    return held[0]


def test_events_appear_live_and_after_a_restart(page: Page, web: Web, complaints: list[str]) -> None:
    cast = make_cast()
    run = submit_run(cast.project, cast.bob)
    sign_in(page, web, f"/runs/{run.public_id}")
    live = page.locator("#live.live-live")
    live.wait_for(timeout=SOON)

    add_events(run, 1, key="part-1")
    page.locator("#events li", has_text="part-1").wait_for(timeout=SOON)
    web.stop()
    page.locator("#live.live-offline").wait_for(timeout=SOON)
    add_events(run, 1, key="part-2")
    web.start()
    live.wait_for(timeout=BACK)
    add_events(run, 1, key="part-3")
    page.locator("#events li", has_text="part-3").wait_for(timeout=SOON)
    seen = page.eval_on_selector_all("#events li", "lines => lines.map(line => Number(line.dataset.seq))")
    assert seen == sorted(set(seen))
    assert page.locator("#events li", has_text="part-2").count() == 1
    runs.cancel(run.public_id, by="bob")
    page.locator("#part-head .state-cancelled").wait_for(timeout=SOON)
    page.locator(".graph .node[data-key=s0][data-state=cancelled]").wait_for(timeout=SOON)
    page.locator("#live.live-done").wait_for(timeout=SOON)
    assert width_of(page) == 360
    assert complaints == []


def test_cut_socket_loses_nothing_and_the_badge_tells_how_it_stands(
    page: Page, web: Web, complaints: list[str]
) -> None:
    cast = make_cast()
    run = submit_run(cast.project, cast.bob)
    with wire(web.port) as line:
        sign_in(page, web, f"/runs/{run.public_id}", at=line.url)
        page.locator("#live.live-live").wait_for(timeout=SOON)
        page.evaluate(WATCH_BADGE)
        add_turns(run, 5)
        page.locator("#events li", has_text="turn-5").wait_for(timeout=SOON)
        line.cut()
        page.locator("#live.live-offline", has_text="offline, trying again").wait_for(timeout=SOON)
        add_turns(run, MANY)  # more than a page of events: catching up takes several
        line.mend()
        page.locator("#live.live-live").wait_for(timeout=BACK)
        assert page.evaluate("window.told") == ["live", "offline, trying again", "catching up", "live"]
        head = Run.objects.values_list("last_seq", flat=True).get(pk=run.pk)
        page.locator(f"#e{head}").wait_for(timeout=SOON)
        seen = page.eval_on_selector_all("#events li", "lines => lines.map(line => Number(line.dataset.seq))")
        assert seen == list(range(seen[0], head + 1))
        assert len(seen) > MANY
    assert complaints == []


def test_parts_made_before_an_event_take_nothing_back(page: Page, web: Web, complaints: list[str]) -> None:
    cast = make_cast()
    run = store_run(cast.project, Past(key="s0", state="pending"))
    sign_in(page, web, f"/runs/{run.public_id}")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    old: list[tuple[Route, APIResponse]] = []
    page.route("**/parts*", lambda route: route.continue_() if old else old.append((route, route.fetch())))
    add_turns(run, 1)
    page.locator("#events li", has_text="turn-1").wait_for(timeout=SOON)
    while not old:
        page.wait_for_timeout(50)  # lets the route be asked
    Step.objects.filter(run=run).update(state="ready")
    tell(run, events.StepReady(key="s0"))
    page.locator("#step-s0 .state-ready", has_text="ready").wait_for(timeout=SOON)
    page.evaluate(WATCH_STEP)
    route, answer = old[0]
    assert 'class="state state-pending"' in answer.text()
    route.fulfill(response=answer)
    Run.objects.filter(pk=run.pk).update(goal="told anew")
    add_turns(run, 2)
    page.locator("h1", has_text="told anew").wait_for(timeout=SOON)  # by parts that are newer
    assert page.evaluate("window.states") == ["ready"]
    assert complaints == []


def test_events_that_the_parts_know_take_nothing_back(page: Page, web: Web, complaints: list[str]) -> None:
    cast = make_cast()
    run = store_run(cast.project, Past(key="s0", state="pending"))
    frames = Frames(page)
    sign_in(page, web, f"/runs/{run.public_id}")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    early = hold_parts(page, run)
    frames.hold()
    Step.objects.filter(run=run).update(state="ready")
    Step.objects.filter(run=run).update(state="cancelled", ended_at=timezone.now())
    tell(run, events.StepReady(key="s0"), events.AgentSaid(key="s0", attempt=1, topic="turn-2", content={}))
    early.continue_()
    page.locator("#step-s0 .state-cancelled").wait_for(timeout=SOON)
    page.evaluate(WATCH_STEP)
    frames.let_go(at_least=2)
    page.locator("#events li", has_text="turn-2").wait_for(timeout=SOON)
    assert page.evaluate("window.states") == ["cancelled"]
    assert complaints == []


def test_run_that_is_over_tells_its_last_events(page: Page, web: Web, complaints: list[str]) -> None:
    cast = make_cast()
    run = submit_run(cast.project, cast.bob)
    frames = Frames(page)
    sign_in(page, web, f"/runs/{run.public_id}")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    early = hold_parts(page, run)
    frames.hold()
    runs.cancel(run.public_id, by="bob")
    early.continue_()
    page.locator("#part-head .state-cancelled").wait_for(timeout=SOON)  # before the events that tell it
    frames.let_go(at_least=1)
    page.locator("#live.live-done").wait_for(timeout=SOON)
    run.refresh_from_db()
    seen = page.eval_on_selector_all("#events li", "lines => lines.map(line => Number(line.dataset.seq))")
    assert seen == list(range(1, run.last_seq + 1))
    assert complaints == []


def test_link_that_is_pressed_while_news_come_is_followed(
    page: Page, web: Web, complaints: list[str]
) -> None:
    cast = make_cast()
    run = store_run(cast.project, Past(key="s0", state="ready"))
    at = f"/runs/{run.public_id}"
    sign_in(page, web, at)
    page.locator("#live.live-live").wait_for(timeout=SOON)
    page.locator("#step-s0 a.step-name").hover()
    page.mouse.down()
    Step.objects.filter(run=run).update(summary="a line below the link")
    goal = f"{run.goal[:-1]}!"  # as long as before, so that nothing moves
    Run.objects.filter(pk=run.pk).update(goal=goal)
    add_turns(run, 1)
    page.locator("h1", has_text=goal).wait_for(timeout=SOON)
    page.mouse.up()
    page.wait_for_url(f"{web.url}{at}/steps/s0", timeout=SOON)
    assert complaints == []


def test_part_that_was_pressed_is_made_new_thereafter(page: Page, web: Web, complaints: list[str]) -> None:
    cast = make_cast()
    run = store_run(cast.project, Past(key="s0", state="pending"))
    sign_in(page, web, f"/runs/{run.public_id}")
    page.locator("#live.live-live").wait_for(timeout=SOON)
    page.locator("#step-s0 a.step-name").hover()
    page.mouse.down()
    Step.objects.filter(run=run, key="s0").update(state="ready")
    Run.objects.filter(pk=run.pk).update(goal="told anew")
    add_turns(run, 1)
    page.locator("h1", has_text="told anew").wait_for(timeout=SOON)
    assert page.locator("#step-s0 .state-pending").count() == 1
    page.locator("h1").hover()
    page.mouse.up()  # elsewhere: it is not followed
    page.locator("#step-s0 .state-ready").wait_for(timeout=SOON)
    assert complaints == []
