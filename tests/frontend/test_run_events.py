"""The events on a run's page: narrowed down by kind and step, page by page, by the address alone."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from frontend import rows
from tasks import runs
from tasks.models import Run
from tests.api.cast import Cast, add_events, browser, submit_run

pytestmark = pytest.mark.usefixtures("planner")


@pytest.fixture
def run(cast: Cast) -> Run:
    run = submit_run(cast.project, steps=2)
    add_events(run, 3, key="s1")
    runs.pause(run.public_id, by="bob")
    runs.resume(run.public_id, by="bob")
    run.refresh_from_db()
    return run


def shown(client: Client, run: Run, query: str = "") -> list[tuple[str, str]]:
    page = client.get(f"/runs/{run.public_id}{query}")
    assert page.status_code == 200
    return re.findall(
        r'<li id="e\d+" data-seq="\d+" data-kind="([^"]*)" data-key="([^"]*)">', page.content.decode()
    )


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("?events=run", {"run.accepted", "run.paused", "run.resumed"}),
        ("?events=steps", {"step.added", "step.ready"}),
        ("?events=said", {"step.progress"}),
        ("?events=decisions", set()),
        (
            "?events=nonsense&of=",
            {"run.accepted", "run.paused", "run.resumed", "step.added", "step.ready", "step.progress"},
        ),
    ],
)  # fmt: skip
def test_events_are_narrowed_by_kind(cast: Cast, run: Run, query: str, kinds: set[str]) -> None:
    assert {kind for kind, _ in shown(browser(cast.vera), run, query)} == kinds


def test_events_are_narrowed_by_step(cast: Cast, run: Run) -> None:
    assert {key for _, key in shown(browser(cast.vera), run, "?of=s1")} == {"s1"}
    assert shown(browser(cast.vera), run, "?of=s1&events=said") == [("step.progress", "s1")] * 3
    page = browser(cast.vera).get(f"/runs/{run.public_id}?of=nobody").content.decode()
    assert "No event of this run fits." in page


@pytest.mark.parametrize(
    "query", ["?until=x", "?until=-1", "?until=" + "9" * 40, "?of=%00%1B", "?until=%C2%B2"]
)
def test_nonsense_in_the_address_is_passed_over(cast: Cast, run: Run, query: str) -> None:
    assert shown(browser(cast.vera), run, query)


def test_earlier_events_are_a_page_of_their_own(
    cast: Cast, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "EVENTS_SHOWN", 2)
    monkeypatch.setattr("frontend.event_filter.EVENTS_SHOWN", 2)
    client = browser(cast.vera)
    assert [kind for kind, _ in shown(client, run)] == ["run.paused", "run.resumed"]
    page = client.get(f"/runs/{run.public_id}").content.decode()
    until = run.last_seq - 2
    assert f'href="?events=all&amp;of=&amp;until={until}#events-card"' in page
    assert [kind for kind, _ in shown(client, run, f"?until={until}")] == ["step.progress", "step.progress"]
    assert 'data-live="0"' in client.get(f"/runs/{run.public_id}?until={until}").content.decode()
