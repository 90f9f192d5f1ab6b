"""The plan, the timeline and the progress on a run's page: what is drawn of which rows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from frontend import rows, run_graph, run_parts, run_progress, run_timeline
from frontend.run_graph import Graph, edges_of, plan_graph, shorten
from frontend.run_timeline import Timeline
from tasks import estimates
from tasks.estimates import Rest
from tasks.models import Run, Step
from tests.api.cast import Cast, browser, submit_run
from tests.frontend import plans
from tests.frontend.plans import Past, store_run

pytestmark = pytest.mark.usefixtures("planner")

PLAN = Past(key="super.plan", agent="super", operation="plan", tries=[("succeeded", 1, 3)])


def graph_of(run: Run, **how: Any) -> Graph:
    return plan_graph(rows.step_rows(run), edges_of(run), **how)


def arrows(graph: Graph) -> set[tuple[str, str, str]]:
    keys = {node.name: node.key or node.label for node in graph.nodes}
    return {(keys[arrow.source], keys[arrow.target], arrow.condition) for arrow in graph.arrows}


def timeline_of(run: Run, seconds: float) -> Timeline:
    return run_timeline.timeline(run, rows.step_rows(run), edges_of(run), now=plans.moment(seconds))


def bars(shown: Timeline) -> dict[str, list[tuple[str, float]]]:
    return {item.row.step.key: [(bar.kind, bar.seconds) for bar in item.bars] for item in shown.rows}


def rest_of(run: Run, seconds: float) -> Rest:
    steps = [row.step for row in rows.step_rows(run)]
    edges = [(a, b) for a, b, _ in edges_of(run)]
    return estimates.of_rest(steps, edges, project_id=run.project_id, now=plans.moment(seconds))


def test_nodes_are_steps_and_arrows_say_on_what(cast: Cast) -> None:
    run = store_run(
        cast.project,
        PLAN,
        Past(key="scan", after=["super.plan"], state="dead", tries=[("failed", 4, 5)]),
        Past(key="mend", after=["scan"], on="failed", state="running", tries=[("", 6, None)]),
        Past(key="added", state="pending", added_by="super.plan"),
    )
    graph = graph_of(run)
    assert [(node.key, node.state, node.took) for node in graph.nodes] == [
        ("super.plan", "succeeded", "2.0 s"),
        ("scan", "dead", "1.0 s"),
        ("mend", "running", ""),
        ("added", "pending", ""),
    ]
    assert arrows(graph) == {
        ("super.plan", "scan", "succeeded"),
        ("scan", "mend", "failed"),
        ("super.plan", "added", "added"),
    }
    assert not graph.alike


def test_alike_steps_are_drawn_as_one_when_there_are_many(cast: Cast) -> None:
    many = [
        Past(key=f"part.{n}", after=["super.plan"], state="dead" if n == 5 else "succeeded")
        for n in range(run_graph.WHOLE_UP_TO)
    ]
    run = store_run(
        cast.project, PLAN, *many, Past(key="end", after=[one.key for one in many], state="pending")
    )
    graph = graph_of(run)
    assert [(node.label, node.count, node.state, node.title) for node in graph.nodes] == [
        ("super.plan", 1, "succeeded", "super.plan: succeeded"),
        ("scan × 60", 60, "dead", "scan × 60: 1 dead, 59 succeeded"),
        ("end", 1, "pending", "end: pending"),
    ]
    assert arrows(graph) == {("super.plan", "scan × 60", "succeeded"), ("scan × 60", "end", "succeeded")}
    assert graph.alike
    assert len(graph_of(run, whole=True).nodes) == 62
    page = f"/runs/{run.public_id}"
    client = browser(cast.vera)
    shown = client.get(page).content.decode()
    assert "62 steps; those that are alike are drawn as one." in shown
    assert "1 dead · 59 succeeded" in shown
    whole = client.get(page, {"graph": "whole"}).content.decode()
    assert len(re.findall(r'class="node"', whole)) == 62
    assert f'data-parts="{page}/parts?graph=whole"' in whole


def test_graph_that_nobody_could_read_is_not_drawn(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_graph, "MOST_NODES", 2)
    run = store_run(cast.project, PLAN, Past(key="a"), Past(key="b"))
    assert not graph_of(run).is_drawn
    assert (
        "3 steps are too many for a drawing"
        in browser(cast.vera).get(f"/runs/{run.public_id}").content.decode()
    )


@pytest.mark.parametrize(
    ("text", "short"), [("abc", "abc"), ("abcdef", "abcd…"), ("数据库检查", "数…"), ("", "")]
)  # fmt: skip
def test_names_are_cut_by_columns(text: str, short: str) -> None:
    assert shorten(text, 5 if text.isascii() else 4) == short


def test_timeline_has_waiting_before_each_attempt(cast: Cast) -> None:
    run = store_run(
        cast.project,
        PLAN,
        Past(key="scan", after=["super.plan"], tries=[("failed", 5, 8), ("succeeded", 20, 30)]),
        Past(key="look", after=["super.plan"], state="running", tries=[("lost", 4, 9), ("", 35, None)]),
        Past(key="ready", after=["scan"], state="ready"),
        Past(key="later", after=["ready"], state="pending"),
        Past(key="asks", after=["super.plan"], state="waiting_approval", tries=[("released", 6, 7)]),
    )
    shown = timeline_of(run, 40)
    assert bars(shown) == {
        "super.plan": [("wait", 1.0), ("succeeded", 2.0)],
        "scan": [("wait", 2.0), ("failed", 3.0), ("wait", 12.0), ("succeeded", 10.0)],
        "look": [("wait", 1.0), ("lost", 5.0), ("wait", 26.0), ("running", 5.0)],
        "asks": [("wait", 3.0), ("released", 1.0), ("wait", 33.0)],
        "ready": [("wait", 10.0)],
    }
    assert shown.now == "100.000%"
    assert [(item.waited, item.worked) for item in shown.rows][1] == (14.0, 13.0)
    scan = shown.rows[1].bars
    assert [(bar.ordinal, bar.x, bar.width) for bar in scan] == [
        (0, "7.500%", "5.000%"),
        (1, "12.500%", "7.500%"),
        (0, "20.000%", "30.000%"),
        (2, "50.000%", "25.000%"),
    ]


def test_timeline_of_a_run_that_is_over_has_no_present_and_keeps_the_last_rows(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_timeline, "MOST_ROWS", 2)
    parts = [Past(key=f"p{n}", tries=[("succeeded", n, n + 1)]) for n in range(5)]
    shown = timeline_of(store_run(cast.project, *parts, state="succeeded", seconds=6), 500)
    assert (shown.now, shown.left_out, [item.row.step.key for item in shown.rows]) == ("", 3, ["p3", "p4"])


def test_rest_is_the_longest_way_of_known_times(cast: Cast) -> None:
    def served(key: str, operation: str, seconds: float) -> Past:
        return Past(key=key, operation=operation, tries=[("succeeded", 0, seconds)])

    store_run(
        cast.project,
        *(served(f"a{n}", "scan", n) for n in (2, 10, 90)),
        served("m", "mend", 30),
        seconds=99,
        state="succeeded",
    )
    store_run(cast.other, served("x", "walk", 5), seconds=9, state="succeeded")
    scan = Past(key="scan", operation="scan", state="running", tries=[("", 1, None)])
    mend = Past(key="mend", operation="mend", after=["scan"], state="pending")
    known = store_run(cast.project, scan, mend, Past(key="short", operation="scan", state="pending"))
    assert rest_of(known, 5) == Rest(seconds=36.0, unknown=(), waits=False, late=(), based_on=1)
    assert rest_of(known, 21) == Rest(seconds=30.0, unknown=(), waits=False, late=("scan",), based_on=1)
    walk = Past(key="walk", operation="walk", after=["scan"], state="pending")  # done elsewhere, never here
    unknown = rest_of(store_run(cast.project, scan, walk), 5)
    assert (unknown.seconds, unknown.unknown) == (None, (("inspector", "walk"),))
    asked = store_run(cast.project, Past(key="q", state="waiting_approval"))
    assert (rest_of(asked, 5).seconds, rest_of(asked, 5).waits) == (None, True)


def test_head_tells_how_far_it_is_and_why_no_time_is_known(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "START", timezone.now() - timedelta(seconds=60))
    run = store_run(
        cast.project, PLAN, Past(key="scan", after=["super.plan"], state="running", tries=[("", 4, None)])
    )
    page = browser(cast.vera).get(f"/runs/{run.public_id}").content.decode()
    assert '<progress max="2" value="1"' in page
    assert "time left is not known: inspector.scan was never done here before" in page
    planning = submit_run(cast.project)
    told = run_progress.progress_of(planning, rows.step_rows(planning), [])
    assert (told.done, told.total, told.seconds, told.why) == (0, 1, None, "planning")


def test_table_of_very_many_steps_keeps_those_in_which_something_happens(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_parts, "STEPS_SHOWN", 3)
    quiet = [Past(key=f"p{n}") for n in range(4)]
    run = store_run(cast.project, *quiet, Past(key="bad", state="dead"), Past(key="next", state="ready"))
    page = browser(cast.vera).get(f"/runs/{run.public_id}").content.decode()
    assert re.findall(r'<tr id="step-([^"]+)">', page) == ["p0", "bad", "next"]
    assert "3 of 6 steps: first those that run, wait or failed." in page


def test_page_asks_as_much_for_many_steps_as_for_few(cast: Cast, steady_rules: None) -> None:
    few = store_run(cast.project, PLAN, Past(key="scan", after=["super.plan"], tries=[("succeeded", 4, 5)]))
    many = store_run(
        cast.project,
        PLAN,
        *(Past(key=f"p{n}", after=["super.plan"], tries=[("succeeded", n, n + 1)]) for n in range(80)),
    )
    client, counts = browser(cast.alice), []
    for run in (few, many, few):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert client.get(f"/runs/{run.public_id}/parts").status_code == 200
        counts.append(len(asked))
    assert counts[1] == counts[2]
    assert Step.objects.filter(run=many).count() == 81
