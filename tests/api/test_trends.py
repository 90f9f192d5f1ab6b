"""The trend over REST: what it tells, to whom, and what it refuses."""

from __future__ import annotations

import pytest

from agents.findings import Severity
from agents.models import TrackedFinding
from tests.agents.found import claim, find
from tests.api.cast import Cast, api

PATH = "/api/v1/projects/alice/shop/findings/trend"
NONE = {"critical": 0, "high": 0, "medium": 0, "low": 0, "info": 0}


def test_each_day_is_told_by_severity(cast: Cast) -> None:
    find(cast.project, claim(), claim("weak", severity=Severity.LOW))
    answer = api(cast.vera).get(f"{PATH}?last=2")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["project"], told["by"], len(told["points"])) == ("alice/shop", "day", 2)
    before, today = told["points"]
    empty = {"run": None, "open": NONE, "dismissed": NONE, "new": NONE, "fixed": NONE}
    assert before == {"begins": before["begins"], "ends": today["begins"], **empty}
    both = {**NONE, "high": 1, "low": 1}
    assert today == {
        **empty, "begins": today["begins"], "ends": today["ends"], "open": both, "new": both
    }  # fmt: skip
    assert TrackedFinding.objects.count() == 2


def test_dismissal_moves_a_finding_at_once(cast: Cast) -> None:
    find(cast.project, claim())
    row = TrackedFinding.objects.get()
    order = {"act": "dismiss", "reason": "the caller checks it"}
    client = api(cast.alice)
    done = client.post(f"/api/v1/findings/{row.public_id}/triage", order, content_type="application/json")
    assert done.status_code == 200, done.content
    (today,) = client.get(f"{PATH}?last=1").json()["points"]
    assert (today["open"], today["dismissed"]) == (NONE, {**NONE, "high": 1})


def test_without_a_run_nothing_is_told_by_run(cast: Cast) -> None:
    assert api(cast.vera).get(f"{PATH}?by=run").json() == {"project": "alice/shop", "by": "run", "points": []}


@pytest.mark.parametrize(
    "query",
    [
        "by=month",
        "last=0",
        "last=367",
        "last=1e309",
        "last=x",
        "by=%00",
        "since=1",
        "last=99999999999999999999",
    ],
)
def test_what_makes_no_sense_is_refused(cast: Cast, query: str) -> None:
    answer = api(cast.vera).get(f"{PATH}?{query}")
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


def test_stranger_sees_no_project(cast: Cast) -> None:
    assert api(cast.charlie).get(PATH).status_code == 404
    assert api(cast.charlie).get(PATH.replace("alice/shop", "alice/none")).status_code == 404
