"""The list of runs: filters that all must fit, and orders."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from accounts.models import User
from tasks import runs
from tasks.models import Run
from tests.api.cast import Cast, api, probe, submit_run, submit_steps

pytestmark = pytest.mark.usefixtures("planner")

LIST = "/api/v1/runs"


def goals(user: User, query: str) -> list[str]:
    """The goals of all pages."""
    client, seen, page = api(user), [], {"next": f"{LIST}?{query}"}
    while page["next"]:
        answer = client.get(page["next"])
        page = answer.json()
        assert answer.status_code == 200, page
        seen += [run["goal"] for run in page["results"]]
    return seen


def test_states_are_listed_or_repeated(cast: Cast) -> None:
    for goal in ("a", "b", "c"):
        submit_run(cast.project, goal=goal)
    runs.cancel(Run.objects.get(goal="b").public_id, by="x")
    runs.pause(Run.objects.get(goal="c").public_id, by="x")
    assert goals(cast.vera, "state=paused,cancelled&limit=1") == ["c", "b"]
    assert goals(cast.vera, "state=accepted&state=cancelled&limit=1") == ["b", "a"]
    assert goals(cast.vera, "state=accepted,cancelled&state=paused&limit=2") == ["c", "b", "a"]


def test_filters_must_all_fit(cast: Cast) -> None:
    submit_run(cast.project, cast.bob, goal="Find 100% of _bugs_")
    submit_run(cast.project, cast.alice, goal="find leaked secrets")
    submit_run(cast.other, cast.charlie, goal="find what is not yours")
    runs.set_priority(Run.objects.get(owner=cast.alice).public_id, 2, by="x")
    assert goals(cast.vera, "owner=bob") == ["Find 100% of _bugs_"]
    assert goals(cast.vera, "owner=charlie") == []
    assert goals(cast.vera, "owner=nobody") == []
    assert goals(cast.vera, "q=FIND") == ["find leaked secrets", "Find 100% of _bugs_"]
    assert goals(cast.vera, "q=" + quote("0% of _")) == ["Find 100% of _bugs_"]
    assert goals(cast.vera, "q=" + quote("f%s")) == []
    assert goals(cast.vera, "priority=2") == ["find leaked secrets"]
    assert goals(cast.vera, "priority=2&owner=bob") == []
    assert goals(cast.vera, "agent=super&project=alice/shop&q=secrets") == ["find leaked secrets"]
    assert goals(cast.vera, "agent=probe") == []


def test_reruns_of_a_run_are_found(cast: Cast) -> None:
    run = submit_steps(cast.project, probe("a"), goal="first")
    runs.cancel(run.public_id, by="x")
    again, _ = runs.retry(run.public_id, by="x")
    Run.objects.filter(pk=again.pk).update(goal="again")
    assert goals(cast.vera, f"parent={run.public_id}") == ["again"]
    assert goals(cast.charlie, f"parent={run.public_id}") == []
    assert goals(cast.vera, f"parent={again.public_id}") == []


def test_moments_of_creation_bound_the_list(cast: Cast) -> None:
    first, second = submit_run(cast.project, goal="first"), submit_run(cast.project, goal="second")
    Run.objects.filter(pk=first.pk).update(created_at=second.created_at - timedelta(hours=1))
    at = quote(second.created_at.isoformat())
    assert goals(cast.vera, f"created_after={at}") == ["second"]
    assert goals(cast.vera, f"created_before={at}") == ["first"]
    assert goals(cast.vera, "created_after=9999-12-31T23:59:59Z") == []
    assert goals(cast.vera, "created_before=0001-01-01T00:00:00Z") == []
    assert goals(cast.vera, "created_after=2020-01-01") == ["second", "first"]


@pytest.mark.parametrize("sign", ["", "-"])
def test_order_of_ends_lists_what_is_over(cast: Cast, sign: str) -> None:
    made = {goal: submit_run(cast.project, goal=goal) for goal in "abcde"}
    for goal in "dab":
        runs.cancel(made[goal].public_id, by="x")
    Run.objects.filter(goal="b").update(finished_at=Run.objects.get(goal="a").finished_at)
    expected = ["d", "a", "b"]
    assert goals(cast.vera, f"ordering={sign}finished_at&limit=1") == (expected[::-1] if sign else expected)


@pytest.mark.parametrize(
    "query",
    [
        "state=failed,", "state=", "q=%00", "q=" + "x" * 201, "owner=%00", "agent=%00", "priority=10", "priority=x",
        "parent=x", "parent=%00", "created_after=yesterday", "created_after=0001-01-01T00:00:00%2B14:00",
        "created_before=9999-12-31T23:59:59-14:00", "created_before=%00", "ordering=goal", "surprise=1",
    ],
)  # fmt: skip
def test_unfit_query_is_refused(cast: Cast, query: str) -> None:
    answer = api(cast.vera).get(f"{LIST}?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, query.partition("=")[0])


def test_unfit_query_of_events_is_refused(cast: Cast) -> None:
    run = submit_run(cast.project)
    for query in ("x=1", "limit=0", "limit=1001", "after=x"):
        answer = api(cast.vera).get(f"{LIST}/{run.public_id}/events?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, query.partition("=")[0])
