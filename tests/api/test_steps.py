"""Steps and attempts over REST: what each was given, gave, and how it was tried."""

from __future__ import annotations

from typing import Any

import pytest

from tasks import runs
from tasks.models import Attempt, Run, Step, WorkerSession
from tests.api.cast import Cast, api, probe, submit_run, submit_steps, work_off

PEOPLE = ("alice", "bob", "vera", "charlie", None)


@pytest.fixture
def failed(cast: Cast, worker: None) -> Run:
    """`a` succeeded, `b` died in its only try, `c` was skipped."""
    steps = (probe("a", note="hello"), probe("b", fail_times=9, after="a"), probe("c", after="b"))
    run = submit_steps(cast.project, *steps, owner=cast.bob)
    Step.objects.filter(run=run).update(max_attempts=1)
    work_off()
    return run


def path(run: Run, rest: str = "") -> str:
    return f"/api/v1/runs/{run.public_id}/steps{rest}"


def keys(page: dict[str, Any]) -> list[str]:
    return [step["key"] for step in page["results"]]


@pytest.mark.parametrize("rest", ["", "/a", "/1", "/a/attempts"])
def test_steps_are_for_all_who_see_the_run(cast: Cast, failed: Run, rest: str) -> None:
    for person, status in zip(PEOPLE, (200, 200, 200, 404, 401), strict=True):
        answer = api(getattr(cast, person) if person else None).get(path(failed, rest))
        assert answer.status_code == status, (person, answer.content)


def test_list_tells_how_far_each_step_is(cast: Cast, failed: Run) -> None:
    told = api(cast.vera).get(path(failed)).json()
    found = [
        {name: step[name] for name in ("ordinal", "key", "state", "attempts", "after", "waits_for")}
        for step in told["results"]
    ]
    assert found == [
        {"ordinal": 1, "key": "a", "state": "succeeded", "attempts": 1, "after": [], "waits_for": []},
        {"ordinal": 2, "key": "b", "state": "dead", "attempts": 1, "after": ["a"], "waits_for": []},
        {"ordinal": 3, "key": "c", "state": "skipped", "attempts": 0, "after": ["b"], "waits_for": []},
    ]
    assert told["results"] == api(cast.vera).get(f"/api/v1/runs/{failed.public_id}").json()["steps"]
    assert told["results"][0]["duration_seconds"] > 0
    assert told["results"][2]["duration_seconds"] is None


def test_step_that_waits_says_for_what(cast: Cast) -> None:
    run = submit_steps(cast.project, probe("a"), probe("b", after="a"))
    _, waiting = api(cast.vera).get(path(run)).json()["results"]
    assert (waiting["state"], waiting["waits_for"]) == ("pending", ["a"])


def test_list_is_filtered_and_paged(cast: Cast, failed: Run) -> None:
    client = api(cast.vera)
    assert keys(client.get(path(failed, "?state=dead,skipped")).json()) == ["b", "c"]
    assert keys(client.get(path(failed, "?state=dead&state=succeeded")).json()) == ["a", "b"]
    assert keys(client.get(path(failed, "?agent=nobody")).json()) == []
    first = client.get(path(failed, "?limit=2&state=succeeded&state=skipped&state=dead")).json()
    second = client.get(first["next"]).json()
    assert (keys(first), keys(second), second["next"]) == (["a", "b"], ["c"], None)
    (last,) = second["results"]
    assert last["ordinal"] == 3
    assert keys(client.get(path(failed, "?ordering=-ordinal")).json()) == ["c", "b", "a"]


def test_step_tells_input_output_and_attempts(cast: Cast, failed: Run) -> None:
    told = api(cast.vera).get(path(failed, "/a")).json()
    row = Step.objects.get(run=failed, key="a")
    assert told["input"]["note"] == "hello"
    assert told["output"] == row.output
    assert told["output"]["note"] == "hello"
    assert (told["queue"], told["added_by"], told["taken_from"]) == ("agent.probe", None, None)
    (attempt,) = told["latest_attempts"]
    assert (attempt["ordinal"], attempt["worker"], attempt["outcome"]) == (1, "test", "succeeded")
    assert attempt["duration_seconds"] >= 0
    dead = api(cast.vera).get(path(failed, "/2")).json()
    assert (dead["key"], dead["output"]) == ("b", None)
    assert dead["error"]["message"] == "told to fail in attempt 1"
    assert dead["latest_attempts"][0]["error"] == dead["error"]


def test_taken_step_tells_where_it_was_done(cast: Cast, failed: Run) -> None:
    again, _ = runs.retry(failed.public_id, by="bob")
    told = api(cast.vera).get(path(again, "/a")).json()
    assert told["taken_from"] == {"run": str(failed.public_id), "step": "a"}
    assert told["latest_attempts"] == []


def test_attempts_are_paged_oldest_first(cast: Cast, failed: Run) -> None:
    step, worker = Step.objects.get(run=failed, key="b"), WorkerSession.objects.get()
    for ordinal in range(2, 26):
        Attempt.objects.create(
            step=step,
            ordinal=ordinal,
            fence=f"00000000-0000-4000-8000-{ordinal:012}",
            worker=worker,
            child_pid=1,
            started_at=failed.created_at,
        )
    client, seen, page = api(cast.vera), [], {"next": path(failed, "/b/attempts?limit=10")}
    while page["next"]:
        page = client.get(page["next"]).json()
        seen += [attempt["ordinal"] for attempt in page["results"]]
    assert seen == list(range(1, 26))
    latest = client.get(path(failed, "/b")).json()["latest_attempts"]
    assert [attempt["ordinal"] for attempt in latest] == list(range(6, 26))
    assert (latest[-1]["outcome"], latest[-1]["duration_seconds"]) == (None, None)


def test_key_goes_before_ordinal(cast: Cast) -> None:
    run = submit_steps(cast.project, probe("2"), probe("1"))
    client = api(cast.vera)
    assert client.get(path(run, "/1")).json()["ordinal"] == 2
    assert client.get(path(run, "/2")).json()["ordinal"] == 1


@pytest.mark.parametrize(
    "name", ["nope", "0", "4", "-1", "1e1", "%00", "9" * 9, "9" * 5000, "%D9%A1", "%ED%A0%80"]
)
def test_unknown_step_is_not_found(cast: Cast, planner: None, name: str) -> None:
    run = submit_run(cast.project, steps=3)
    for rest in ("", "/attempts"):
        answer = api(cast.vera).get(path(run, f"/{name}{rest}"))
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "query", ["state=", "state=nope", "state=dead,", "agent=%00", "x=1", "cursor=x", "limit=0"]
)
def test_unfit_query_is_refused(cast: Cast, planner: None, query: str) -> None:
    answer = api(cast.vera).get(path(submit_run(cast.project), f"?{query}"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, query.partition("=")[0])
