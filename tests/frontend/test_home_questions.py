"""The first page leads to the questions that are the reader's to answer, and asks PostgreSQL itself for little."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import TrackedFinding
from tests.agents.explained import plan_of
from tests.agents.test_trend import row
from tests.api.cast import Cast, ask, browser
from tests.frontend.test_projects import seen


@pytest.mark.usefixtures("worker")
def test_home_leads_to_what_waits_for_the_reader_and_shows_it_to_no_other(cast: Cast) -> None:
    approval = ask(cast.project, "Deploy now?", role="developer")
    page = browser(cast.bob).get("/").content.decode()
    assert f"/runs/{approval.run.public_id}#approval-{approval.public_id}" in page
    assert "Deploy now?" in seen(browser(cast.bob), "/")
    for other in (cast.vera, cast.charlie):
        assert "Deploy now?" not in seen(browser(other), "/")


@pytest.mark.django_db(transaction=True)
def test_open_findings_are_counted_from_an_index_alone(cast: Cast) -> None:
    TrackedFinding.objects.bulk_create(row(cast.project, day % 50, fixed=day % 25) for day in range(2_000))
    TrackedFinding.objects.bulk_create(row(cast.project, day % 50) for day in range(50))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE agents_trackedfinding")
    with CaptureQueriesContext(connection) as asked:
        assert browser(cast.bob).get("/").status_code == 200
    (counting,) = [one["sql"] for one in asked if "COUNT(*)" in one["sql"] and "trackedfinding" in one["sql"]]
    plan = "\n".join(plan_of(counting))
    assert "Index Only Scan using tracked_unfixed_by_rank" in plan
