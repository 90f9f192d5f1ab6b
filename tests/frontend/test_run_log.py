"""The log of a whole run: order, filters, places, and that texts stay texts."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from frontend import run_log
from tasks.models import Event, Run
from tests.api.cast import Cast, browser
from tests.frontend.plans import Past, say, store_run

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def run(cast: Cast) -> Run:
    return store_run(
        cast.project,
        Past(key="scan:1", state="running", tries=[("", 5, None)]),
        Past(key="lint", state="running", tries=[("", 6, None)]),
        Past(key="quiet", state="pending"),
    )


def text(client: Client, run: Run, query: str = "", what: str = "") -> str:
    answer = client.get(f"/runs/{run.public_id}/log{what}{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def lines(page: str) -> list[tuple[str, str, str]]:
    """Place, step and text of the lines on a page, without marks."""
    pattern = (
        r'class="ln[^"]*" id="l[^"]*" data-spot="([^"]*)">.*?class="speaker [^>]*>([^<]*)</a> (.*?)\n</span>'
    )
    found = re.findall(pattern, page, re.DOTALL)
    return [(spot, step, re.sub(r"<[^>]+>", "", html)) for spot, step, html in found]


def told(page: str) -> list[str]:
    return [line for _, _, line in lines(page)]


def of(page: str, name: str) -> str:
    found = re.search(rf'data-{name}="([^"]*)"', page[page.index('id="log"') :])
    assert found is not None
    return found[1]


@pytest.mark.parametrize("what", ["", "/lines"])
def test_log_is_for_those_who_see_the_run(cast: Cast, run: Run, what: str) -> None:
    path = f"/runs/{run.public_id}/log{what}"
    assert Client().get(path)["Location"].startswith("/login/?next=")
    assert browser(cast.charlie).get(path).status_code == 404
    assert browser(cast.vera).get(path).status_code == 200
    assert browser(cast.vera).post(path).status_code == 405


def test_lines_of_all_steps_stand_in_the_order_of_time_with_their_step(cast: Cast, run: Run) -> None:
    say(run, "scan:1", f"one {EVIL}\nand \x1b[31mred\x1b[0m\x1b[2J", at=10)
    say(run, "lint", "two", levels="e", at=11)
    say(run, "scan:1", "three", at=72.5)
    page = text(browser(cast.vera), run)
    assert lines(page) == [
        ("1.1.0", "scan:1", "one &lt;script&gt;alert(1)&lt;/script&gt;"),
        ("1.1.1", "scan:1", "and red"),
        ("2.1.0", "lint", "error two"),
        ("3.2.0", "scan:1", "three"),
    ]
    assert EVIL not in page
    assert '<span class="a-red">red</span>' in page
    assert re.findall(r'class="speaker (step-\d)"', page) == ["step-0", "step-0", "step-1", "step-0"]
    assert re.findall(r'data-at="([^"]*)"', page) == ["10.0", "10.0", "11.0", "1:12.5"]
    assert (of(page, "next"), of(page, "end"), of(page, "older")) == ("3", "1", "")
    assert re.findall(r"<option[^>]*>([^<]*)</option>", page)[:3] == ["All steps", "scan:1", "lint"]


def test_filters_narrow_and_stay_in_every_address(cast: Cast, run: Run) -> None:
    say(run, "scan:1", "all is well\nan ERROR here", levels="ie")
    say(run, "lint", "no error at the end", "fine")
    client = browser(cast.vera)
    assert told(text(client, run, "?q=error")) == ["error an ERROR here", "no error at the end"]
    assert told(text(client, run, "?step=lint")) == ["no error at the end", "fine"]
    assert told(text(client, run, "?level=error")) == ["error an ERROR here"]
    narrow = text(client, run, "?step=lint&level=info&q=error")
    assert lines(narrow) == [("2.1.0", "lint", "no error at the end")]
    assert "no <mark>error</mark> at the end" in narrow
    assert 'href="?step=lint&amp;level=info&amp;q=error&amp;at=2.1.0#l2.1.0"' in narrow
    assert (
        f"/api/v1/runs/{run.public_id}/logs?format=text&amp;step=lint&amp;level=info&amp;q=error&amp;"
        in narrow
    )
    nothing = text(client, run, "?q=%3Cb%3E%00")
    assert (told(nothing), "No line fits." in nothing) == ([], True)
    for bad in ("?step=nope", "?step=%00", "?level=x", "?at=x", f"?before={'9' * 40}", "?after=1.2"):
        assert len(told(text(client, run, bad))) == 4


def test_download_has_the_lines_that_the_page_shows(cast: Cast, run: Run) -> None:
    say(run, "scan:1", "all is well\nan ERROR here", levels="ie")
    path = f"/api/v1/runs/{run.public_id}/logs?format=text&q=error&"
    answer = browser(cast.vera).get(path)
    said = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]  # it is a stream
    assert [line.partition(" ")[2] for line in said.splitlines()] == ["scan:1#1 error: an ERROR here"]


def test_log_is_paged_from_its_end_and_around_a_line(
    cast: Cast, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log, "LINES", 3)
    monkeypatch.setattr(run_log, "AROUND", 1)
    for n in range(4):
        say(run, "scan:1", f"a{n}\nb{n}")
    client = browser(cast.vera)
    page = text(client, run)
    assert told(page) == ["b2", "a3", "b3"]
    assert of(page, "older") == "3.3.1"
    assert '<a href="?before=3.3.1">Load older lines</a>' in page
    older = text(client, run, "?before=3.3.1")
    assert (told(older), of(older, "end")) == (["a1", "b1", "a2"], "0")
    assert '<a href="?after=3.3.1">Newer lines</a>' in older
    around = text(client, run, "?at=2.2.1")
    assert told(around) == ["a1", "b1", "a2"]
    more = text(client, run, f"?after={of(around, 'newer')}", "/lines")
    assert told(more) == ["b2", "a3", "b3"]
    rest = text(client, run, f"?after={of(more, 'next')}", "/lines")
    assert (told(rest), of(rest, "newer"), of(rest, "next")) == ([], "", "4")
    say(run, "lint", "new")
    assert told(text(client, run, "?after=4", "/lines")) == ["new"]


def test_lines_without_their_events_lead_to_the_steps(cast: Cast, run: Run) -> None:
    say(run, "lint", "two")
    Event.objects.all().delete()
    page = text(browser(cast.vera), run)
    assert "not kept any more" in page
    assert f'href="/runs/{run.public_id}/steps/lint"' in page
    assert "Nothing was said yet" in text(browser(cast.vera), store_run(cast.project, Past(key="x")))


def test_other_runs_are_not_shown(cast: Cast, run: Run) -> None:
    other = store_run(cast.project, Past(key="scan:1"))
    say(other, "scan:1", "a secret")
    assert told(text(browser(cast.vera), run)) == []


def test_page_asks_as_much_for_many_lines_as_for_few(cast: Cast, run: Run, steady_rules: None) -> None:
    client, counts = browser(cast.vera), []
    text(client, run)
    for more in (1, 40):
        say(run, "scan:1", *("x" for _ in range(more)))
        with CaptureQueriesContext(connection) as asked:
            text(client, run)
        counts.append(len(asked))
    assert len(set(counts)) == 1, counts


def test_run_leads_to_its_log(cast: Cast, run: Run) -> None:
    page = browser(cast.vera).get(f"/runs/{run.public_id}").content.decode()
    assert page.count(f'href="/runs/{run.public_id}/log"') == 2
