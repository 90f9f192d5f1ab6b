"""The page of a step and the search in logs: who sees them, what they say, and that texts stay texts."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from frontend import steps
from tasks.models import LogChunk, Run, Step
from tests.api.cast import Cast, browser
from tests.frontend.plans import Past, moment, store_run

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def run(cast: Cast) -> Run:
    return store_run(
        cast.project,
        Past(key="super.plan", agent="super", operation="plan", tries=[("succeeded", 1, 3)]),
        Past(
            key="scan:1", after=["super.plan"], tries=[("failed", 5, 8), ("succeeded", 20, 30)], reason="Because",
            more={"input": {"path": EVIL}, "output": {"found": 3}}, summary="3 found",
        ),
        Past(key="end", after=["scan:1"], tries=[("succeeded", 31, 32)]),
        state="succeeded", seconds=40,
    )  # fmt: skip


def say(run: Run, *texts: str, attempt: int = 1, key: str = "scan:1", levels: str = "") -> None:
    step = Step.objects.get(run=run, key=key)
    begun = LogChunk.objects.filter(step=step, attempt=attempt).count()
    LogChunk.objects.bulk_create(
        LogChunk(step=step, attempt=attempt, ordinal=begun + n, at=moment(5 + n), text=text, levels=levels)
        for n, text in enumerate(texts, start=1)
    )


def place(run: Run, what: str = "") -> str:
    return f"/runs/{run.public_id}/steps/scan:1{what}"


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def lines(page: str) -> list[tuple[str, str]]:
    """Spots and texts of the lines on a page, without marks."""
    found = re.findall(r'class="ln[^"]*" id="l[^"]*" data-spot="([^"]*)">(.*?)\n</span>', page, re.DOTALL)
    return [(spot, re.sub(r"<[^>]+>", "", html)) for spot, html in found]


@pytest.mark.parametrize("what", ["/steps/scan:1", "/steps/scan:1/parts", "/steps/scan:1/lines"])
def test_pages_are_for_those_who_see_the_run(cast: Cast, run: Run, what: str) -> None:
    path = f"/runs/{run.public_id}{what}"
    assert Client().get(path)["Location"].startswith("/login/?next=")
    assert browser(cast.charlie).get(path).status_code == 404
    assert browser(cast.vera).get(path).status_code == 200
    assert browser(cast.vera).post(path).status_code == 405


@pytest.mark.parametrize("key", ["nope", "scan%001", "%00", "x" * 500, "1"])
def test_step_that_is_not_there_is_not_found(cast: Cast, run: Run, key: str) -> None:
    assert browser(cast.vera).get(f"/runs/{run.public_id}/steps/{key}").status_code in {404}


def test_page_tells_attempts_neighbours_input_and_output(cast: Cast, run: Run) -> None:
    page = text(browser(cast.vera), place(run))
    assert EVIL not in page
    assert "&quot;path&quot;: &quot;&lt;script&gt;" in page
    assert "&quot;found&quot;: 3" in page
    assert re.findall(r'<td class="first"><span class="state state-(\w+)">', page) == ["failed", "succeeded"]
    assert re.findall(r'<span class="key">([^<]+)</span><span class="unseen">', page) == ["super.plan", "end"]
    assert "Do again from here" not in page
    assert "Do again from here" in text(browser(cast.bob), place(run))
    assert "This step said nothing." in page


def test_lines_are_coloured_escaped_and_numbered_by_their_place(cast: Cast, run: Run) -> None:
    say(run, f"\x1b[31m{EVIL}\x1b[0m done\nsecond\x1b[2J")
    say(run, "again", attempt=2, levels="e")
    page = text(browser(cast.vera), place(run))
    assert lines(page) == [
        ("1.1.0", "&lt;script&gt;alert(1)&lt;/script&gt; done"),
        ("1.1.1", "second"),
        ("2.1.0", "error again"),
    ]
    assert '<span class="a-red">&lt;script&gt;' in page
    assert 'class="ln ln-error"' in page


def test_log_is_paged_from_its_end(cast: Cast, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "LINES", 3)
    monkeypatch.setattr(steps, "AROUND", 1)
    say(run, *(f"line {n}" for n in range(8)))
    client = browser(cast.vera)
    page = text(client, place(run))
    assert [told for _, told in lines(page)] == ["line 5", "line 6", "line 7"]
    assert '<a href="?before=1.6.0">' in page
    older = text(client, place(run, "?before=1.6.0"))
    assert [told for _, told in lines(older)] == ["line 2", "line 3", "line 4"]
    assert '<a href="?after=1.5.0">Newer lines</a>' in older
    around = text(client, place(run, "?at=1.3.0"))
    assert [told for _, told in lines(around)] == ["line 1", "line 2", "line 3"]
    more = text(client, place(run, "/lines?after=1.5.0"))
    assert [told for _, told in lines(more)] == ["line 5", "line 6", "line 7"]
    assert 'data-newer=""' in more
    assert 'data-newer="1.3.0"' in text(client, place(run, "/lines?after=0.0.0"))
    for bad in ("x", "1.2", "9" * 40, "%00"):
        assert [told for _, told in lines(text(client, place(run, f"?before={bad}")))][-1] == "line 7"


def test_search_finds_lines_of_the_step(cast: Cast, run: Run) -> None:
    say(run, "all is well\nan ERROR here", "fine")
    say(run, "no error at the end", key="end")
    client = browser(cast.vera)
    page = text(client, place(run, "?q=error"))
    assert lines(page) == [("1.1.1", "an ERROR here")]
    assert "an <mark>ERROR</mark> here" in page
    assert 'href="?at=1.1.1#l1.1.1"' in page


def test_page_asks_as_much_for_many_lines_as_for_few(cast: Cast, run: Run, steady_rules: None) -> None:
    client, counts = browser(cast.vera), []
    text(client, place(run))
    for more in (1, 90, 0):
        say(run, *("x" for _ in range(more)))
        with CaptureQueriesContext(connection) as asked:
            text(client, place(run))
        counts.append(len(asked))
    assert len(set(counts)) == 1, counts
