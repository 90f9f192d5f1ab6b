"""A project's overview and its runs: who sees them, what they say, how many queries they take."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Project
from agents.models import RunQuality, TrackedFinding
from tasks.models import Run, Step
from tests.api.cast import Cast, browser, submit_run

pytestmark = pytest.mark.usefixtures("planner")

OVERVIEW = "/projects/alice/shop"
RUNS = f"{OVERVIEW}/runs"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVIL = "<script>alert(1)</script>"
CONDITION = {
    "key": "new_findings",
    "title": "New findings",
    "state": "failed",
    "figure": 2.0,
    "figure_text": "2 of severity high",
    "threshold": "none of high or worse",
    "breach_count": 2,
    "breaches": [
        {"fingerprint": "a", "rule": "sql", "severity": "high", "path": "shop/search.py", "line": 12}
    ],
}


def quality(
    project: Project, *, days: int = 0, letters: str = "ABC", gate: str = "failed", **changes: Any
) -> RunQuality:
    """What a run said so many days after NOW."""
    conditions = (
        [CONDITION]
        if gate == "failed"
        else [{**CONDITION, "state": "passed", "breaches": [], "breach_count": 0}]
    )
    rated = dict(zip(("security", "reliability", "maintainability"), letters, strict=True))
    whole = {
        "gate": {"state": gate, "why": "1 of 1 conditions failed", "conditions": conditions},
        "ratings": {name: {"rating": letter, "why": ""} for name, letter in rated.items()},
        "debt": {"minutes": 500},
        "measures": {"documentation": {"public": 10, "documented": 8, "percent": 80.0}},
    }
    given = {
        "revision": "4f1c0e2aa",
        "is_default_branch": True,
        "debt_minutes": 500,
        "debt_percent": 4.25,
        "code_lines": 1200,
    }
    return RunQuality.objects.create(
        run=uuid4(), project=project, at=NOW + timedelta(days=days), operations=[], gate=gate, whole=whole,
        **{**rated, **given, **changes},
    )  # fmt: skip


def tracked(project: Project, severity: str = "high", **changes: Any) -> TrackedFinding:
    """A claim that is open since an hour ago."""
    seen = datetime.now(UTC) - timedelta(hours=1)
    rank = ["info", "low", "medium", "high", "critical"].index(severity)
    given = {
        "first_run": uuid4(),
        "first_seen_at": seen,
        "last_run": uuid4(),
        "last_seen_at": seen,
        "severity": severity,
        "severity_rank": rank,
    }
    text = {
        "agent": "inspector",
        "rule": "r",
        "title": "t",
        "message": "m",
        "confidence": "high",
        "category": "security",
        "path": "a.py",
        "line": 1,
        "end_line": 1,
    }
    return TrackedFinding.objects.create(
        project=project, fingerprint=uuid4().hex, **{**given, **text, **changes}
    )


def reported(project: Project, **counts: int) -> Run:
    """A run with a report."""
    run = submit_run(project)
    Step.objects.filter(run=run).update(operation="report", output={"findings": counts, "not_analysed": []})
    return run


def seen(client: Client, path: str) -> str:
    """The words of a page, without its tags."""
    page = client.get(path)
    assert page.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode())).replace(" :", ":")


@pytest.mark.parametrize("path", [OVERVIEW, RUNS])
def test_stranger_is_sent_to_sign_in_and_others_find_nothing(cast: Cast, path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")
    assert browser(cast.charlie).get(path).status_code == 404
    assert browser(cast.vera).get(path).status_code == 200
    assert browser(cast.bob).post(path).status_code == 405


def test_overview_without_runs_invites_who_may_start_one(cast: Cast) -> None:
    assert "No run yet. Start one: say in plain words" in seen(browser(cast.bob), OVERVIEW)
    told = seen(browser(cast.vera), OVERVIEW)
    assert "Somebody with the role of a developer can start one" in told
    assert "New run" not in told


def test_overview_tells_gate_ratings_findings_and_debt(cast: Cast) -> None:
    reported(cast.project, high=2)
    quality(cast.project, days=-2, letters="CBC")
    quality(cast.project, days=-1, letters="ABD")
    quality(
        cast.project, days=0, letters="EEE", is_default_branch=False
    )  # of a branch: the project stands as before
    tracked(cast.project, "high")
    tracked(cast.project, "low")
    tracked(cast.project, "low", fixed_at=datetime.now(UTC), fixed_run=uuid4())
    tracked(cast.other, "critical")
    told = seen(browser(cast.vera), OVERVIEW)
    assert "Quality gate failed" in told
    assert "New findings 2 of severity high; asked for: none of high or worse" in told
    assert "2 findings break it: the worst in shop/search.py:12" in told, told
    assert "A Security better than before: it was C" in told
    assert "B Reliability the same in the last 2 runs" in told
    assert "D Maintainability worse than before: it was C" in told
    assert "2 now 0 critical 1 high 0 medium 1 low 0 info" in told
    assert "In 30 days: 3 new, 1 fixed." in told
    assert "80 % public names of Python with a docstring" in told
    assert "1 d debt: to mend what is open, 4.3 %" in told


def test_overview_says_what_only_an_older_run_judged(cast: Cast) -> None:
    reported(cast.project)
    older = quality(cast.project, days=-3, gate="passed")
    quality(cast.project, days=-1, gate="not_computed", security=None)
    page = browser(cast.vera).get(OVERVIEW).content.decode()
    assert "gate-passed" in page
    assert f"/runs/{older.run}" in page
    assert "the first rating" in page  # of security: the last run said nothing of it


def test_run_that_only_wrote_pages_takes_nothing_away(cast: Cast) -> None:
    reported(cast.project)
    judged = quality(cast.project, days=-2, letters="BBB", gate="passed")
    nothing: dict[str, Any] = {
        "security": None,
        "reliability": None,
        "maintainability": None,
        "code_lines": None,
    }
    quality(cast.project, days=-1, gate="baseline", **nothing)
    page = browser(cast.vera).get(OVERVIEW).content.decode()
    assert f"/runs/{judged.run}" in page
    assert "gate-passed" in page
    told = seen(browser(cast.vera), OVERVIEW)
    assert "1,200 lines of product code" in told
    assert "passed security: B reliability: B maintainability: B" in seen(browser(cast.vera), "/")


def test_overview_of_runs_without_quality_says_so(cast: Cast) -> None:
    submit_run(cast.project)
    assert "The first run is going on" in seen(browser(cast.vera), OVERVIEW)


def test_overview_bears_what_an_earlier_release_stored(cast: Cast) -> None:
    reported(cast.project)
    row = quality(cast.project)
    RunQuality.objects.filter(pk=row.pk).update(
        whole={"gate": 5, "measures": {"documentation": {"percent": "x"}}}
    )
    assert "Quality gate failed" in seen(browser(cast.vera), OVERVIEW)


def test_pages_escape_what_repositories_say(cast: Cast) -> None:
    run = submit_run(cast.project, goal=EVIL)
    Project.objects.filter(pk=cast.project.pk).update(name=EVIL, description=EVIL)
    row = quality(cast.project, revision=EVIL)
    row.whole["gate"]["why"] = row.whole["gate"]["conditions"][0]["figure_text"] = EVIL
    RunQuality.objects.filter(pk=row.pk).update(whole=row.whole)
    Run.objects.filter(pk=run.pk).update(request={"target": {"kind": "path", "path": f"/{EVIL}"}})
    for path in (OVERVIEW, RUNS):
        page = browser(cast.vera).get(path).content.decode()
        assert EVIL not in page
        assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("path", [OVERVIEW, RUNS])
def test_queries_do_not_grow_with_the_rows(cast: Cast, path: str, steady_rules: None) -> None:
    client = browser(cast.vera)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert client.get(path).status_code == 200
        return len(caught)

    reported(cast.project, high=1)
    submit_run(cast.project)
    quality(cast.project)
    queries()
    few = queries()
    for _ in range(8):
        reported(cast.project, high=1)
        submit_run(cast.project)
        quality(cast.project)
        tracked(cast.project)
    assert (queries(), few <= 20) == (few, True)


def test_run_that_wrote_documents_says_so_and_nothing_of_findings(cast: Cast) -> None:
    run = submit_run(cast.project)
    output = {"findings": {}, "not_analysed": [{"what": "x", "why": "y"}], "written": 4}
    Step.objects.filter(run=run).update(operation="report", output=output)
    told = seen(browser(cast.vera), RUNS)
    assert "4 documents written" in told
    assert "none found" not in told


def test_list_filters_by_its_address_and_pages(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend.run_lists.SHOWN", 2)
    for n in range(3):
        submit_run(cast.project, cast.bob, goal=f"goal number {n}")
    submit_run(cast.project, cast.alice, goal="another goal")
    submit_run(cast.other, goal="a secret goal")
    client = browser(cast.vera)

    def goals(query: str) -> list[str]:
        return re.findall(r"goal number \d|another goal|secret", seen(client, f"{RUNS}{query}"))

    assert goals("") == ["another goal", "goal number 2"]
    assert goals("?owner=bob&q=NUMBER") == ["goal number 2", "goal number 1"]
    assert goals("?state=open") == ["another goal", "goal number 2"]
    assert goals("?state=succeeded") == []
    assert goals("?state=nonsense&q=number%201") == ["goal number 1"]
    assert goals("?q=%00&before=x&owner=bob") == ["goal number 2", "goal number 1"]
    page = client.get(f"{RUNS}?owner=bob").content.decode()
    older = re.search(r'href="(\?owner=bob&amp;before=[^"]+)"', page)
    assert older is not None
    assert goals(older[1].replace("&amp;", "&")) == ["goal number 0"]
    assert (
        'href="?owner=bob">Newest' in client.get(f"{RUNS}{older[1].replace('&amp;', '&')}").content.decode()
    )


def test_list_that_nothing_fits_leads_back_to_all(cast: Cast) -> None:
    submit_run(cast.project)
    told = seen(browser(cast.vera), f"{RUNS}?q=nothing")
    assert "No run fits these filters. Show all runs" in told
    assert "No runs yet." not in told
