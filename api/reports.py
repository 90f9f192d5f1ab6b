"""The report of a run, in the form that the caller wants.

GET /api/v1/runs/<id>/report    ?format=json|sarif|markdown|html, else by Accept, else JSON; ?download

It is one of the artifacts that the run's report step made, with all that `api.artifacts` says of these, but with its
own media type. Who takes one out is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.http.response import HttpResponseBase
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.views import APIView

from agents import reporting
from agents.requests import REPORTER
from api.artifacts import LookFilter, send
from api.bodies import valid
from api.describe import operation
from api.formats import preferred
from api.lookup import find_run
from tasks.errors import RunNotOver
from tasks.models import Artifact, Run, Step
from tasks.states import RunState, StepState

FORMS: Mapping[str, str] = {
    "json": "report.json",
    "sarif": "report.sarif",
    "markdown": "report.md",
    "html": "report.html",
}
"""Each form of a report, and its artifact."""

MEDIA_TYPES: Mapping[str, str] = {
    "application/json": "json",
    "application/sarif+json": "sarif",
    "text/markdown": "markdown",
    "text/html": "html",
}
"""What an Accept header calls the forms."""


class ReportFilter(LookFilter):
    """The query of a report."""

    format = serializers.ChoiceField(
        choices=list(FORMS), required=False, help_text="goes before Accept; without both: json"
    )


class RunReportView(APIView):
    """Read the report of a run."""

    required_action = "report.view"

    @operation(
        "reports_read",
        query=ReportFilter,
        returns=bytes,
        media_type="*/*",
        ranges=True,
        errors={
            404: "There is no such run that you may see, or it has no report (no-report).",
            409: "The run is not over, so it has no report yet (run-not-over).",
        },
    )
    def get(self, request: Request, run_id: UUID) -> HttpResponseBase:
        """Read the report of a run: JSON, SARIF 2.1.0, Markdown or HTML, by `format` or by Accept.

        A run that is not over has no report yet; one that ended before its report step has none. Each reading is
        recorded in the audit chain.
        """
        wanted = valid(ReportFilter(data=request.query_params.dict()))
        run = find_run(request, self, run_id)
        row = report_of(run, wanted.get("format") or _form_of(request))
        return send(
            request, run, row, download="download" in wanted, shown_as=reporting.MEDIA_TYPES[row.name]
        )


class NoReport(APIException):
    """The run is over, and there is no report of it."""

    status_code = status.HTTP_404_NOT_FOUND
    default_code = "no_report"


def report_of(run: Run, form: str) -> Artifact:
    """Give the artifact that holds the run's report in this form. Raises NoReport, RunNotOver."""
    agent, operation = REPORTER
    steps = Step.objects.filter(run=run, agent=agent, operation=operation)
    found = Artifact.objects.filter(step__in=steps, name=FORMS[form]).select_related("step")
    row = found.order_by("-pk").first()
    if row is not None:
        return row
    if not RunState(run.state).is_final:
        raise RunNotOver(
            f"run {run.public_id} is {run.state}; its report is made when its work is done: wait"
        )
    if steps.filter(state=StepState.SUCCEEDED.value).exists():
        raise NoReport(
            f"the report of run {run.public_id} was removed by retention; do the run again for another"
        )
    raise NoReport(f"run {run.public_id} is {run.state} and made no report; its steps tell how far it came")


def _form_of(request: Request) -> str:
    liked = preferred(request.headers.get("Accept", ""), MEDIA_TYPES)
    return MEDIA_TYPES[liked or "application/json"]
