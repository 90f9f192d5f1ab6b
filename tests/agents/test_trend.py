"""How many claims counted when: first seen, fixed, dismissed for a time, in days, weeks and runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Project, Team
from agents import tracking
from agents.findings import Severity
from agents.models import RunQuality, TrackedFinding, TriageAct
from agents.trend import _DELTAS, By, Counts, trend
from tests.agents.explained import plan_of

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def project() -> Project:
    team = Team.objects.create(name="Alice's team", slug="alice")
    return Project.objects.create(team=team, name="Shop", slug="shop")


def noon(days_ago: int) -> datetime:
    """Noon of a day before today; of today: a moment ago."""
    return TODAY - days_ago * DAY + DAY / 2 if days_ago else timezone.now() - timedelta(microseconds=10)


def row(
    project: Project, seen: int, *, fixed: int | None = None, severity: Severity = Severity.HIGH, **more: Any
) -> TrackedFinding:
    return TrackedFinding(
        project=project, fingerprint=uuid4().hex * 2, first_run=uuid4(), first_seen_at=noon(seen),
        last_run=uuid4(), last_seen_at=noon(seen), agent="inspector", rule="r", title="t", message="m",
        severity=severity.value, severity_rank=tracking.rank_of(severity), confidence="high", category="bug",
        path="a.py", line=1, end_line=1, fixed_at=None if fixed is None else noon(fixed),
        fixed_run=None if fixed is None else uuid4(), **more,
    )  # fmt: skip


def made(*args: Any, **kwargs: Any) -> TrackedFinding:
    one = row(*args, **kwargs)
    one.save()
    return one


def act(finding: TrackedFinding, verdict: str, ago: int, until: int | None = None) -> None:
    TriageAct.objects.create(
        finding=finding, verdict=verdict, reason="r", by="alice", at=noon(ago),
        until=None if until is None else noon(until),
    )  # fmt: skip


def told(counts: Counts) -> dict[str, int]:
    return {severity.value: count for severity, count in counts.items() if count}


def days(project: Project, last: int, by: By = By.DAY) -> list[tuple[Any, ...]]:
    """open, dismissed, new, fixed of each period."""
    points = trend(project.pk, by=by, periods=last)
    return [(told(one.open), told(one.dismissed), told(one.new), told(one.fixed)) for one in points]


def test_claims_count_from_the_day_they_were_seen_to_the_day_they_were_fixed(project: Project) -> None:
    made(project, 9)
    made(project, 2, fixed=1)
    made(project, 1, fixed=1, severity=Severity.LOW)
    made(project, 0, severity=Severity.CRITICAL)
    assert days(project, 4) == [
        ({"high": 1}, {}, {}, {}),
        ({"high": 2}, {}, {"high": 1}, {}),
        ({"high": 1}, {}, {"low": 1}, {"high": 1, "low": 1}),
        ({"critical": 1, "high": 1}, {}, {"critical": 1}, {}),
    ]
    points = trend(project.pk, by=By.DAY, periods=4)
    assert [one.begins for one in points] == [TODAY - back * DAY for back in (3, 2, 1, 0)]
    assert [one.ends for one in points[:-1]] == [one.begins for one in points[1:]]
    assert TODAY <= points[-1].ends <= timezone.now() + timedelta(seconds=1)


def test_dismissal_takes_a_claim_out_until_it_ends_or_somebody_reopens_it(project: Project) -> None:
    ended, reopened, gone, again = (made(project, 9) for _ in range(4))
    act(ended, "dismiss", 3, until=1)
    act(reopened, "dismiss", 3)
    act(reopened, "reopen", 2)
    act(gone, "dismiss", 2)
    TrackedFinding.objects.filter(pk=gone.pk).update(fixed_at=noon(1), fixed_run=uuid4())
    act(again, "dismiss", 3, until=-5)
    act(again, "dismiss", 1)
    assert days(project, 5) == [
        ({"high": 4}, {}, {}, {}),
        ({"high": 1}, {"high": 3}, {}, {}),
        ({"high": 1}, {"high": 3}, {}, {}),
        ({"high": 2}, {"high": 1}, {}, {"high": 1}),
        ({"high": 2}, {"high": 1}, {}, {}),
    ]


def test_dismissal_of_what_is_fixed_takes_out_nothing(project: Project) -> None:
    act(made(project, 5, fixed=2), "dismiss", 1)
    assert days(project, 2) == [({}, {}, {}, {}), ({}, {}, {}, {})]


def test_weeks_begin_on_monday(project: Project) -> None:
    made(project, 15)
    made(project, 0)
    points = trend(project.pk, by=By.WEEK, periods=3)
    assert [one.begins.weekday() for one in points] == [0, 0, 0]
    assert points[-1].begins <= TODAY < points[-1].begins + 7 * DAY
    assert [sum(one.open.values()) for one in points] == [points[0].ends > noon(15), 1, 2]


def test_by_run_a_period_goes_from_one_end_to_the_next(project: Project) -> None:
    runs = [uuid4() for _ in range(3)]
    for run, ago in zip(runs, (5, 3, 1), strict=True):
        RunQuality.objects.create(
            run=run, project=project, at=noon(ago), revision="", is_default_branch=True, operations=[],
            gate="passed", debt_minutes=0, whole={},
        )  # fmt: skip
    made(project, 9)
    made(project, 4, fixed=1)
    made(project, 0)  # after the last run: not its business
    assert [one.run for one in trend(project.pk, by=By.RUN, periods=2)] == runs[1:]
    assert [one.run for one in trend(project.pk, by=By.RUN, periods=9)] == runs
    assert days(project, 2, By.RUN) == [
        ({"high": 2}, {}, {"high": 1}, {}),
        ({"high": 1}, {}, {}, {"high": 1}),
    ]
    assert days(project, 9, By.RUN)[0] == ({"high": 1}, {}, {"high": 1}, {})


def test_project_without_runs_has_no_period_by_run_and_empty_ones_by_day(project: Project) -> None:
    assert trend(project.pk, by=By.RUN, periods=3) == []
    assert days(project, 2) == [({}, {}, {}, {}), ({}, {}, {}, {})]


def test_claims_of_another_project_are_not_counted(project: Project) -> None:
    other = Project.objects.create(team=project.team, name="Other", slug="other")
    made(other, 1)
    act(made(other, 2), "dismiss", 1)
    assert days(project, 3) == [({}, {}, {}, {})] * 3


@pytest.mark.parametrize("by", list(By))
def test_two_questions_whatever_there_is(
    project: Project, by: By, django_assert_max_num_queries: Any
) -> None:
    TrackedFinding.objects.bulk_create(
        [row(project, n % 40, severity=list(Severity)[n % 5]) for n in range(500)]
    )
    with django_assert_max_num_queries(3):
        trend(project.pk, by=by, periods=366)


@pytest.mark.django_db(transaction=True)
def test_rows_of_claims_are_not_read(project: Project) -> None:
    TrackedFinding.objects.bulk_create(row(project, day % 50, fixed=day % 25) for day in range(2_000))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE agents_trackedfinding")
    values = {"project": project.pk, "bounds": [TODAY - 90 * DAY, TODAY], "last": 1}
    used = [re.search(r"Index Only Scan using (\w+)", line) for line in plan_of(_DELTAS, values)]
    assert [found[1] for found in used if found] == ["tracked_by_first_seen_rank", "tracked_by_fixed_rank"]
