"""Reruns on the page of a run: the runs as one graph, and what a rerun would do, drawn before it begins."""

from __future__ import annotations

import re

import pytest

from frontend.rerun_graph import preview_graph
from frontend.run_lineage import lineage_of
from tasks import runs
from tasks.models import Run, Step
from tests.api.cast import Cast, browser, probe, submit_steps, work_off


@pytest.fixture
def failed(cast: Cast, worker: None) -> Run:
    steps = (probe("a"), probe("b", fail_times=9, after="a"), probe("c", after="b"))
    run = submit_steps(cast.project, *steps, owner=cast.bob)
    Step.objects.filter(run=run).update(max_attempts=1)
    work_off()
    run.refresh_from_db()
    assert run.state == "failed"
    return run


def test_run_without_reruns_has_no_lineage(cast: Cast, failed: Run) -> None:
    assert lineage_of(failed, has_reruns=False) is None
    assert 'id="lineage"' not in browser(cast.vera).get(f"/runs/{failed.public_id}").content.decode()


def test_lineage_draws_each_run_and_says_which_is_this(cast: Cast, failed: Run) -> None:
    second = runs.rerun(failed.public_id, by="bob").run
    third = runs.rerun(failed.public_id, "a", by="bob").run
    drawn = lineage_of(second, has_reruns=False)
    assert drawn is not None
    assert [(node.label, node.state, node.detail, node.here) for node in drawn.nodes] == [
        ("first run", "failed", "3 steps", False),
        ("this run", "accepted", "2 steps, 1 taken over", True),
        ("run 3", "accepted", "3 steps", False),
    ]
    assert {(arrow.source, arrow.target) for arrow in drawn.arrows} == {
        (f"run-{failed.pk}", f"run-{second.pk}"),
        (f"run-{failed.pk}", f"run-{third.pk}"),
    }
    assert (drawn.complete, drawn.goes_on) == (True, True)
    page = browser(cast.vera).get(f"/runs/{failed.public_id}").content.decode()
    assert re.search(r'id="part-lineage"[^>]* data-goes-on>', page)
    assert f'href="/runs/{third.public_id}"' in page


def test_preview_draws_what_becomes_of_each_step(cast: Cast, failed: Run) -> None:
    graph = preview_graph(failed, runs.preview_rerun(failed.public_id))
    assert [(node.key, node.state, node.detail) for node in graph.nodes] == [
        ("a", "succeeded", "taken over"),
        ("b", "ready", "done again"),
        ("c", "ready", "done again"),
    ]
    page = browser(cast.bob).get(f"/runs/{failed.public_id}/rerun").content.decode()
    assert '<section class="card" id="rerun"' in page
    assert 'id="rerun-graph"' in page


def test_links_to_a_rerun_are_for_developers(cast: Cast, failed: Run) -> None:
    path = f"/runs/{failed.public_id}/steps/b"
    assert "data-rerun" in browser(cast.bob).get(path).content.decode()
    assert "data-rerun" not in browser(cast.vera).get(path).content.decode()
