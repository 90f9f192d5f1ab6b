"""How many claims of a project counted at the end of each period, and what came and went in it.

    tracked findings (first seen, fixed) + decisions  ->  deltas per severity and period  ->  sums from the first on

Owns the reckoning; refuses to know HTTP. One statement, whatever the number of claims, runs and periods. It reads
what is stored now: a claim has the severity that was last said of it, and one that was fixed and came back counts
as if it had never been gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db import connection

from agents.findings import Severity
from agents.models import RunQuality

MAX_PERIODS = 366  # a year of days
_TICK = timedelta(microseconds=1)  # the finest that PostgreSQL tells apart
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Counts = Mapping[Severity, int]

# A silence is the time for which a dismissal takes a claim out: to the next decision, its end, or the claim's.
# What one run found has one time, so it is counted by time before the period is sought, which costs more.
_DELTAS = """
WITH acts AS (
    SELECT t.severity_rank, t.fixed_at, a.verdict, a.at, a.until,
        lead(a.at) OVER (PARTITION BY a.finding_id ORDER BY a.id) AS next_at
    FROM agents_trackedfinding t JOIN agents_triageact a ON a.finding_id = t.id
    WHERE t.project_id = %(project)s
), silences AS (
    SELECT severity_rank, at AS begun, least(next_at, until, fixed_at) AS ended FROM acts
    WHERE verdict = 'dismiss' AND (fixed_at IS NULL OR at < fixed_at)
), found AS (
    SELECT severity_rank, first_seen_at, count(*) AS n
    FROM agents_trackedfinding WHERE project_id = %(project)s GROUP BY 1, 2
), gone AS (
    SELECT severity_rank, fixed_at, count(*) AS n
    FROM agents_trackedfinding WHERE project_id = %(project)s AND fixed_at IS NOT NULL GROUP BY 1, 2
), deltas AS MATERIALIZED (
    SELECT severity_rank, width_bucket(first_seen_at, %(bounds)s::timestamptz[]) AS period,
        sum(n) AS open, 0 AS dismissed, sum(n) AS new, 0 AS fixed
    FROM found GROUP BY 1, 2
    UNION ALL
    SELECT severity_rank, width_bucket(fixed_at, %(bounds)s::timestamptz[]), -sum(n), 0, 0, sum(n)
    FROM gone GROUP BY 1, 2
    UNION ALL
    SELECT severity_rank, width_bucket(begun, %(bounds)s::timestamptz[]), -count(*), count(*), 0, 0
    FROM silences GROUP BY 1, 2
    UNION ALL
    SELECT severity_rank, width_bucket(ended, %(bounds)s::timestamptz[]), count(*), -count(*), 0, 0
    FROM silences WHERE ended IS NOT NULL GROUP BY 1, 2
)
SELECT period, severity_rank, sum(open)::bigint, sum(dismissed)::bigint, sum(new)::bigint, sum(fixed)::bigint
FROM deltas WHERE period <= %(last)s GROUP BY 1, 2
"""


class By(StrEnum):
    """What a period is: a day or a week (from Monday) in UTC, or the time between the ends of two runs."""

    DAY = "day"
    WEEK = "week"
    RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One period without its end. `open` and `dismissed`: what there was at the end; the others: what happened."""

    begins: datetime
    ends: datetime
    run: UUID | None
    open: Counts
    dismissed: Counts
    new: Counts
    fixed: Counts


def trend(project_id: int, *, by: By, periods: int) -> list[Point]:
    """Give the last so many periods up to now, oldest first; by run: those there are."""
    now = _now()
    runs: list[UUID] = []
    if by is By.RUN:
        runs, bounds = _ends_of_runs(project_id, periods)
    else:
        bounds = _days(now, periods, timedelta(days=7 if by is By.WEEK else 1))
    if len(bounds) < 2:
        return []
    found = _deltas(project_id, bounds)
    open_, dismissed = dict.fromkeys(Severity, 0), dict.fromkeys(Severity, 0)
    points = []
    _add(open_, found, 0, 0)
    _add(dismissed, found, 0, 1)
    for number, (begins, ends) in enumerate(pairwise(bounds), start=1):
        _add(open_, found, number, 0)
        _add(dismissed, found, number, 1)
        new, fixed = dict.fromkeys(Severity, 0), dict.fromkeys(Severity, 0)
        _add(new, found, number, 2)
        _add(fixed, found, number, 3)
        point = Point(
            begins=begins, ends=ends, run=runs[number - 1] if runs else None,
            open=dict(open_), dismissed=dict(dismissed), new=new, fixed=fixed,
        )  # fmt: skip
        points.append(point)
    return points


def _now() -> datetime:
    """The moment by the clock that stamps the rows: nothing stored before this call is later."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now + _TICK


def _days(now: datetime, periods: int, length: timedelta) -> list[datetime]:
    """Bounds of the periods; the last one ends now, since what comes later has not happened."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begun = today - timedelta(days=today.weekday()) if length.days == 7 else today
    return [begun - length * back for back in reversed(range(periods))] + [now]


def _ends_of_runs(project_id: int, periods: int) -> tuple[list[UUID], list[datetime]]:
    """The last runs that told of the project's quality, oldest first, and the bounds that their ends make."""
    rows = RunQuality.objects.filter(project=project_id).order_by("-at", "-id")
    found = list(rows.values_list("run", "at")[: periods + 1])[::-1]
    ends = [at + _TICK for _, at in found]
    if len(found) <= periods:  # the first of all: everything before belongs to it
        return [run for run, _ in found], [_LONG_AGO, *ends]
    return [run for run, _ in found[1:]], ends


def _deltas(project_id: int, bounds: Sequence[datetime]) -> dict[tuple[int, Severity], tuple[int, ...]]:
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {"project": project_id, "bounds": list(bounds), "last": len(bounds) - 1}
        cursor.execute(_DELTAS, parameters)
        rows = cursor.fetchall()
    worst = len(Severity) - 1
    severities = list(Severity)
    return {(period, severities[worst - rank]): tuple(figures) for period, rank, *figures in rows}


def _add(
    counts: dict[Severity, int],
    found: Mapping[tuple[int, Severity], tuple[int, ...]],
    period: int,
    figure: int,
) -> None:
    for severity in counts:
        counts[severity] += found.get((period, severity), (0, 0, 0, 0))[figure]
