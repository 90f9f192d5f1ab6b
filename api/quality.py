"""Quality: gate, ratings and figures of a project and of a run.

GET /api/v1/projects/<team>/<slug>/quality            what the latest run said of it
GET /api/v1/projects/<team>/<slug>/quality/history    each run's, newest first
GET /api/v1/runs/<id>/quality                         what this run said

What the objects `gate`, `ratings`, `debt` and `measures` hold is that of `report.json`.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import Http404
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from agents.models import RunQuality
from api.bodies import valid
from api.describe import Page, operation
from api.lists import ListQuery, asked, page_of
from api.lookup import find_run, project_in_path


class QualityLine(TypedDict):
    """What one run said of quality, in short. A rating or figure that was not computed is null."""

    run: str
    at: str
    revision: str
    default_branch: bool
    gate: Annotated[str, Field(description="passed, failed, baseline or not_computed")]
    security: str | None
    reliability: str | None
    maintainability: str | None
    debt_minutes: int
    debt_percent: float | None
    code_lines: int | None
    duplicated_percent: float | None


class QualityWhole(QualityLine):
    """The same with all that it is made of."""

    details: Annotated[
        dict[str, Any], Field(description="gate with conditions, ratings, debt, measures, settings")
    ]


class QualityHistory(ListQuery):
    """The query of the history."""

    orderings = {"at": "at"}


LINE: QualityLine = {
    "run": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a01",
    "at": "2026-11-25T09:30:00Z",
    "revision": "4f1c0e2",
    "default_branch": True,
    "gate": "passed",
    "security": "A",
    "reliability": "B",
    "maintainability": "A",
    "debt_minutes": 120,
    "debt_percent": 0.4,
    "code_lines": 1000,
    "duplicated_percent": 1.5,
}
EXAMPLE: QualityWhole = {**LINE, "details": {"gate": {"state": "passed", "why": "every condition is kept"}}}


class ProjectQualityView(APIView):
    """The latest of a project."""

    required_action = "report.view"

    @operation(
        "quality_read",
        returns=QualityWhole,
        example=EXAMPLE,
        errors={404: "There is no such project that you may see, or no run of it has told of quality."},
    )
    def get(self, request: Request, project: str) -> Response:
        """Read the latest ratings, gate and figures of a project."""
        found = project_in_path(request, self, project)
        row = RunQuality.objects.filter(project=found).order_by("-at", "-id").first()
        if row is None:
            raise Http404(f"no run of {project} has told of its quality yet")
        return Response(_whole(row))


class ProjectQualityHistoryView(APIView):
    """The trend of a project."""

    required_action = "report.view"

    @operation(
        "quality_list",
        query=QualityHistory,
        returns=Page[QualityLine],
        example={"results": [LINE], "next": None},
    )
    def get(self, request: Request, project: str) -> Response:
        """List what the runs of a project said of its quality, newest first."""
        found = project_in_path(request, self, project)
        wanted = valid(QualityHistory(data=asked(request, QualityHistory)))
        page = page_of(request, QualityHistory, RunQuality.objects.filter(project=found), wanted)
        return Response({"results": [_line(row) for row in page.rows], "next": page.next})


class RunQualityView(APIView):
    """What one run said."""

    required_action = "report.view"

    @operation(
        "quality_of_run_read",
        returns=QualityWhole,
        example=EXAMPLE,
        errors={404: "There is no such run that you may see, or it has not told of quality."},
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Read the ratings, the gate and the figures of a run."""
        run = find_run(request, self, run_id)
        row = RunQuality.objects.filter(run=run.public_id, project=run.project_id).first()
        if row is None:
            raise Http404(
                f"run {run_id} has not told of quality: it has no report yet, or had nothing to judge"
            )
        return Response(_whole(row))


def _line(row: RunQuality) -> QualityLine:
    return {
        "run": str(row.run),
        "at": row.at.isoformat(),
        "revision": row.revision,
        "default_branch": row.is_default_branch,
        "gate": row.gate,
        "security": row.security,
        "reliability": row.reliability,
        "maintainability": row.maintainability,
        "debt_minutes": row.debt_minutes,
        "debt_percent": row.debt_percent,
        "code_lines": row.code_lines,
        "duplicated_percent": row.duplicated_percent,
    }


def _whole(row: RunQuality) -> QualityWhole:
    return {**_line(row), "details": row.whole}
