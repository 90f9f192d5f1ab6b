"""The log of a run over REST: followed by pages, read as text, safe to print."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from tasks import events, logs, runs
from tasks.changes import Change
from tasks.models import LogChunk, Run, Step
from tests.api.cast import Cast, api, probe, submit_steps, work_off

PEOPLE = ("alice", "bob", "vera", "charlie", None)


def path(run: Run, query: str = "") -> str:
    return f"/api/v1/runs/{run.public_id}/logs{query}"


@pytest.fixture
def said(cast: Cast, worker: None) -> Run:
    """A run whose step said three lines."""
    run = submit_steps(cast.project, probe("a", "say"))
    work_off()
    return run


def say(run: Run, *texts: str, levels: str = "", key: str = "a") -> None:
    """Store lines as the engine does, as a chunk of the first attempt."""
    step = Step.objects.get(run=run, key=key)
    chunk = LogChunk.objects.filter(step=step).count() + 1
    change = Change(run.pk)
    with transaction.atomic():
        LogChunk.objects.create(
            step=step, attempt=1, ordinal=chunk, at=run.created_at, text="\n".join(texts), levels=levels
        )
        change.tell(events.StepLogged(key=key, attempt=1, chunk=chunk, tail=""), step.pk)
        change.write()


def texts(page: dict[str, Any]) -> list[str]:
    return [line["text"] for line in page["lines"]]


def test_log_is_for_all_who_see_the_run(cast: Cast, said: Run) -> None:
    for person, status in zip(PEOPLE, (200, 200, 200, 404, 401), strict=True):
        for query in ("", "?format=text"):
            answer = api(getattr(cast, person) if person else None).get(path(said, query))
            assert answer.status_code == status, (person, answer.content)


def test_log_tells_lines_with_their_step(cast: Cast, said: Run) -> None:
    told = api(cast.vera).get(path(said)).json()
    assert texts(told) == ["line 1", "line 2", "line 3"]
    first = told["lines"][0]
    at = LogChunk.objects.order_by("pk")[0].at
    assert first == {
        "at": at.isoformat().replace("+00:00", "Z"),
        "step": "a",
        "attempt": 1,
        "level": "info",
        "text": "line 1",
    }
    assert (told["caught_up"], told["over"]) == (True, True)
    assert api(cast.vera).get(path(said, f"?after={told['next']}")).json() == {**told, "lines": []}


def test_log_is_followed_page_by_page(cast: Cast) -> None:
    run, client = submit_steps(cast.project, probe("a"), probe("b")), api(cast.vera)
    say(run, "1", "2", "3")
    first = client.get(path(run, "?limit=2")).json()
    assert (texts(first), first["caught_up"], first["over"]) == (["1", "2"], False, False)
    second = client.get(path(run, f"?limit=2&after={first['next']}")).json()
    assert (texts(second), second["caught_up"], second["over"]) == (["3"], True, False)
    nothing = client.get(path(run, f"?after={second['next']}")).json()
    assert (texts(nothing), nothing["next"], nothing["caught_up"]) == ([], second["next"], True)
    say(run, "4", key="b")
    assert texts(client.get(path(run, f"?after={nothing['next']}")).json()) == ["4"]
    runs.cancel(run.public_id, by="bob")
    end = client.get(path(run, f"?after={second['next']}")).json()
    assert (texts(end), end["over"]) == (["4"], True)


def test_log_is_filtered_by_step_and_level(cast: Cast) -> None:
    run, client = submit_steps(cast.project, probe("a"), probe("b")), api(cast.vera)
    say(run, "fine", "look", "bad", "detail", levels="iwed")
    say(run, "other", key="b")
    assert texts(client.get(path(run, "?step=a")).json()) == ["fine", "look", "bad", "detail"]
    assert texts(client.get(path(run, "?step=2")).json()) == ["other"]
    assert texts(client.get(path(run, "?level=warning")).json()) == ["look", "bad"]
    assert texts(client.get(path(run, "?level=info")).json()) == ["fine", "look", "bad", "other"]
    levels = [line["level"] for line in client.get(path(run, "?step=a")).json()["lines"]]
    assert levels == ["info", "warning", "error", "debug"]
    assert client.get(path(run, "?step=nope")).status_code == 404


def test_line_cannot_act_on_a_terminal(cast: Cast) -> None:
    run = submit_steps(cast.project, probe("a"))
    say(run, "\x1b[31mred\x1b[0m \x1b]0;title\x07 a\rb\tc \x9b \u202eevil \x08<b>", "x" * 9000)
    told = texts(api(cast.vera).get(path(run)).json())
    assert told[0] == "red  a<U+000D>b c <U+009B> <U+202E>evil <U+0008><b>"
    assert told[1] == "x" * 8000 + " … (1,000 characters more)"


def test_log_as_text_is_all_of_it(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "TELLINGS_AT_ONCE", 2)
    run, client = submit_steps(cast.project, probe("a")), api(cast.vera)
    for n in range(5):
        say(run, f"line {n} ü", levels="w" if n == 4 else "")
    at = run.created_at.isoformat().replace("+00:00", "Z")
    expected = "".join(f"{at} a#1 {'warning' if n == 4 else 'info'}: line {n} ü\n" for n in range(5))
    for answer in (
        client.get(path(run, "?format=text&limit=1")),
        client.get(path(run), HTTP_ACCEPT="text/plain"),
        client.get(path(run), HTTP_ACCEPT="application/json;q=0.5, text/plain"),
    ):
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert b"".join(answer.streaming_content).decode() == expected
    for accept in ("*/*", "application/json", "text/html", "text/plain;q=0", "text/plain;q=x", ",;,", ""):
        assert client.get(path(run), HTTP_ACCEPT=accept)["Content-Type"] == "application/json", accept
    assert client.get(path(run, "?format=json"), HTTP_ACCEPT="text/plain").json()["over"] is False


@pytest.mark.parametrize(
    "query",
    [
        "after=x", "after=%00", "after=-1", "after=" + "9" * 30, "after=", "after=1.2", "limit=0", "limit=5001",
        "limit=x", "level=loud", "format=xml", "x=1", "step=%00",
    ],
)  # fmt: skip
def test_unfit_query_is_refused(cast: Cast, query: str) -> None:
    answer = api(cast.vera).get(path(submit_steps(cast.project, probe("a")), f"?{query}"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, query.partition("=")[0])


def test_place_beyond_the_end_is_the_end(cast: Cast, said: Run) -> None:
    told = api(cast.vera).get(path(said, "?after=999999999999999999")).json()
    assert told == {"lines": [], "next": "999999999999999999", "caught_up": True, "over": True}
    assert api(cast.vera).get(path(said, "?after=999999999999999999.999999999.999999999")).status_code == 200


def test_rerun_does_not_repeat_what_was_said_before(cast: Cast, said: Run) -> None:
    again, _ = runs.rerun_from(said.public_id, "a", by="bob")
    assert texts(api(cast.vera).get(path(again)).json()) == []
    work_off()
    assert texts(api(cast.vera).get(path(again)).json()) == ["line 1", "line 2", "line 3"]
