"""The trend of a project's findings, for a chart.

GET /api/v1/projects/<team>/<slug>/findings/trend   open, dismissed, new and fixed, by severity; ?by= &last=
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from agents import trend
from agents.findings import Severity
from api.bodies import StrictSerializer, valid
from api.describe import operation
from api.lists import asked
from api.lookup import project_in_path
from api.shapes import Moment, Uuid, moment


class BySeverity(TypedDict):
    """How many of each severity."""

    critical: int
    high: int
    medium: int
    low: int
    info: int


class TrendPoint(TypedDict):
    """One period."""

    begins: Moment
    ends: Annotated[Moment, Field(description="excluded; of the last day or week: now")]
    run: Annotated[Uuid | None, Field(description="by run: the run whose end this is")]
    open: Annotated[BySeverity, Field(description="what counted at the end: there, and not dismissed")]
    dismissed: Annotated[BySeverity, Field(description="what people had dismissed at the end")]
    new: Annotated[BySeverity, Field(description="seen for the first time in the period")]
    fixed: Annotated[BySeverity, Field(description="gone in the period, and not back since")]


class Trend(TypedDict):
    """The periods, oldest first."""

    project: Annotated[str, Field(description="team/slug")]
    by: Annotated[str, Field(json_schema_extra={"enum": [one.value for one in trend.By]})]
    points: list[TrendPoint]


class TrendQuery(StrictSerializer):
    """The query of the trend."""

    by = serializers.ChoiceField(
        choices=[one.value for one in trend.By],
        default=trend.By.DAY.value,
        help_text="what a period is: a day or a week from Monday (UTC), or the time from one run's end to the next",
    )
    last = serializers.IntegerField(
        min_value=1, max_value=trend.MAX_PERIODS, default=30, help_text="so many periods, up to now"
    )


_NONE: BySeverity = {"critical": 0, "high": 0, "medium": 0, "low": 0, "info": 0}
EXAMPLE: Trend = {
    "project": "acme/shop",
    "by": "day",
    "points": [
        {
            "begins": "2026-11-25T00:00:00Z",
            "ends": "2026-11-26T00:00:00Z",
            "run": None,
            "open": {**_NONE, "high": 3, "low": 7},
            "dismissed": {**_NONE, "medium": 1},
            "new": {**_NONE, "high": 1},
            "fixed": {**_NONE, "low": 2},
        }
    ],
}


class TrendView(APIView):
    """How the findings of a project have developed."""

    required_action = "finding.view"

    @operation("findings_trend_read", query=TrendQuery, returns=Trend, example=EXAMPLE)
    def get(self, request: Request, project: str) -> Response:
        """Tell how many findings of a project counted at the end of each day, week or run, and how many came and
        went. A finding has the severity that was last said of it; one that was fixed and is back counts as if it
        had never been gone.
        """
        found = project_in_path(request, self, project)
        wanted = valid(TrendQuery(data=asked(request, TrendQuery)))
        by = trend.By(wanted["by"])
        points = trend.trend(found.pk, by=by, periods=wanted["last"])
        shape: Trend = {"project": project, "by": by.value, "points": [_point(one) for one in points]}
        return Response(shape)


def _point(point: trend.Point) -> TrendPoint:
    return {
        "begins": moment(point.begins),
        "ends": moment(point.ends),
        "run": str(point.run) if point.run else None,
        "open": _counts(point.open),
        "dismissed": _counts(point.dismissed),
        "new": _counts(point.new),
        "fixed": _counts(point.fixed),
    }


def _counts(given: trend.Counts) -> BySeverity:
    return {
        "critical": given[Severity.CRITICAL],
        "high": given[Severity.HIGH],
        "medium": given[Severity.MEDIUM],
        "low": given[Severity.LOW],
        "info": given[Severity.INFO],
    }
