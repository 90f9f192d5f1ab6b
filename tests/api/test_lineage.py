"""Reruns before and after a run as one graph, and which run did each step."""

from __future__ import annotations

from typing import Any

import pytest

from tasks import lineage, runs
from tasks.models import Run, Step
from tests.api.cast import Cast, api, probe, submit_steps, work_off


@pytest.fixture
def failed(cast: Cast, worker: None) -> Run:
    """`a` succeeded, `b` died, `c` was skipped."""
    steps = (probe("a"), probe("b", fail_times=1, after="a"), probe("c", after="b"))
    run = submit_steps(cast.project, *steps, owner=cast.bob)
    Step.objects.filter(run=run).update(max_attempts=1)
    work_off()
    return run


def again(run: Run, key: str | None = None) -> Run:
    new = runs.rerun(run.public_id, key, by="bob").run
    Step.objects.filter(run=new).update(max_attempts=1, input={})
    work_off()
    new.refresh_from_db()
    return new


def told(cast: Cast, run: Run) -> dict[str, Any]:
    answer = api(cast.vera).get(f"/api/v1/runs/{run.public_id}/lineage")
    assert answer.status_code == 200, answer.content
    return answer.json()  # type: ignore[no-any-return]  # a test client's answer has no types


def nodes(page: dict[str, Any]) -> list[tuple[str, str | None, str, int, int]]:
    return [(run["id"], run["parent"], run["state"], run["taken"], run["own"]) for run in page["runs"]]


def test_reruns_before_and_after_are_one_graph(cast: Cast, failed: Run) -> None:
    second = again(failed)
    third = again(second, "c")
    other = again(failed, "a")
    ids = [str(run.public_id) for run in (failed, second, third, other)]
    expected = [
        (ids[0], None, "failed", 0, 3),
        (ids[1], ids[0], "succeeded", 1, 2),
        (ids[2], ids[1], "succeeded", 2, 1),
        (ids[3], ids[0], "succeeded", 0, 3),
    ]
    for run in (failed, second, third, other):
        page = told(cast, run)
        assert (page["run"], page["root"], page["complete"]) == (str(run.public_id), ids[0], True)
        assert nodes(page) == expected
    done = {step["key"]: (step["state"], step["done_by"]) for step in told(cast, third)["steps"]}
    assert done == {"a": ("succeeded", ids[0]), "b": ("succeeded", ids[1]), "c": ("succeeded", ids[2])}
    green = {step["key"]: (step["state"], step["done_by"]) for step in told(cast, failed)["steps"]}
    assert green == {"a": ("succeeded", ids[0]), "b": ("dead", ids[0]), "c": ("skipped", ids[0])}


def test_run_that_is_being_deleted_is_not_part_of_it(cast: Cast, failed: Run) -> None:
    second = again(failed)
    third = again(second, "c")
    Run.objects.filter(pk=second.pk).update(hidden_at=second.created_at)
    page = told(cast, third)
    assert [node[0] for node in nodes(page)] == [str(third.public_id)]
    assert {step["done_by"] for step in page["steps"]} == {str(third.public_id)}
    assert [node[0] for node in nodes(told(cast, failed))] == [str(failed.public_id)]


def test_too_many_reruns_are_cut_but_not_the_own_line(
    cast: Cast, failed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "MOST_RUNS", 3)
    made = [runs.rerun(failed.public_id, by="bob").run for _ in range(4)]
    page = told(cast, made[-1])
    assert page["complete"] is False
    assert [node[0] for node in nodes(page)] == [str(run.public_id) for run in (failed, made[0], made[-1])]


@pytest.mark.parametrize(("person", "status"), [("vera", 200), ("charlie", 404), (None, 401)])
def test_lineage_is_for_all_who_see_the_run(cast: Cast, failed: Run, person: str | None, status: int) -> None:
    client = api(getattr(cast, person) if person else None)
    assert client.get(f"/api/v1/runs/{failed.public_id}/lineage").status_code == status
