"""Quality over REST: the latest, the trend, of one run, and nothing of another team's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.models import RunQuality
from tests.api.cast import Cast, api, submit_run

pytestmark = pytest.mark.usefixtures("planner")
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def told(run: Any, gate: str, at: datetime) -> RunQuality:
    return RunQuality.objects.create(
        run=run.public_id, project=run.project, at=at, revision="abc", is_default_branch=True, operations=[],
        gate=gate, security="A", debt_minutes=5, whole={"gate": {"state": gate}},
    )  # fmt: skip


def test_the_latest_the_trend_and_one_run_can_be_read(cast: Cast) -> None:
    first, last = submit_run(cast.project), submit_run(cast.project)
    told(first, "baseline", NOON)
    told(last, "failed", NOON + timedelta(hours=1))
    name = f"{cast.project.team.slug}/{cast.project.slug}"
    alice = api(cast.alice)
    latest = alice.get(f"/api/v1/projects/{name}/quality").json()
    assert (latest["run"], latest["gate"], latest["details"]) == (
        str(last.public_id), "failed", {"gate": {"state": "failed"}},
    )  # fmt: skip
    trend = alice.get(f"/api/v1/projects/{name}/quality/history?limit=1").json()
    assert [one["gate"] for one in trend["results"]] == ["failed"]
    assert [one["gate"] for one in alice.get(trend["next"]).json()["results"]] == ["baseline"]
    one = alice.get(f"/api/v1/runs/{first.public_id}/quality").json()
    assert (one["gate"], one["security"], one["reliability"]) == ("baseline", "A", None)


def test_a_stranger_and_a_run_without_figures_get_404(cast: Cast) -> None:
    run = submit_run(cast.project)
    name = f"{cast.project.team.slug}/{cast.project.slug}"
    paths = (f"projects/{name}/quality", f"projects/{name}/quality/history", f"runs/{run.public_id}/quality")
    assert [api(cast.alice).get(f"/api/v1/{path}").status_code for path in paths] == [404, 200, 404]
    told(run, "passed", NOON)
    assert [api(cast.charlie).get(f"/api/v1/{path}").status_code for path in paths] == [404, 404, 404]
    assert api(cast.alice).get(f"/api/v1/{paths[1]}?cursor=%00x").status_code == 400
