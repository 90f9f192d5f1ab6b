"""Findings: what is claimed about your projects, over all their runs.

GET /api/v1/findings        worst first; ?project= &run= &severity= &min_severity= &agent= &rule= &path= &status=
                            &new= &owner= &q= &ordering= &limit= &cursor=
                            (severity, agent, rule, status: several times)
GET /api/v1/findings/<id>   evidence, where it was seen, what people decided

A finding is one claim of a project, known by its fingerprint in every run. What people decide on it: `api.triage`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access
from accounts.models import Project
from agents.finding_lists import MAX_GLOB, Wanted, fault_of_path, narrow
from agents.findings import Severity, Status
from agents.models import TrackedFinding
from api.bodies import StrictSerializer, valid
from api.describe import Page, operation
from api.etags import answer
from api.finding_shapes import FindingLine, FindingWhole, finding_lines, finding_whole
from api.lists import AnyOf, ListQuery, ManyOf, asked, page_of
from api.lookup import PROJECT, find_project
from tasks.models import Run

MAX_TEXT = 2_000
_SEVERITIES = [severity.value for severity in Severity]


class FindingMatch(StrictSerializer):
    """Which findings: the filters of the list."""

    project = serializers.RegexField(
        PROJECT, required=False, help_text="slug, or team/slug where slugs repeat"
    )
    run = serializers.UUIDField(
        required=False, help_text="found in this run; `new` and `line` speak of it then"
    )
    severity = ManyOf(choices=_SEVERITIES, required=False, help_text="so severe")
    min_severity = serializers.ChoiceField(
        choices=_SEVERITIES, required=False, help_text="so severe or worse"
    )
    agent = AnyOf(max_length=MAX_TEXT, required=False, help_text="found by one of these agents")
    rule = AnyOf(max_length=MAX_TEXT, required=False, help_text="of one of these rules")
    path = serializers.CharField(
        max_length=MAX_GLOB,
        required=False,
        trim_whitespace=False,
        help_text="beginning of the path; with * ? or ** a pattern for the whole path (only ** goes over a /)",
    )
    status = ManyOf(
        choices=[status.value for status in Status],
        required=False,
        help_text="what people think of it, or that it is gone; without: all",
    )
    new = serializers.BooleanField(
        required=False, help_text="true: no earlier run of the project has seen it; false: one has"
    )
    owner = serializers.CharField(
        max_length=200, required=False, help_text="one of its owners, as CODEOWNERS writes it: @acme/search"
    )
    q = serializers.CharField(
        max_length=200, required=False, help_text="a text in title, message, rule or path, in any case"
    )

    def validate_path(self, value: str) -> str:
        fault = fault_of_path(value)
        if fault:
            raise serializers.ValidationError(fault)
        return value


class FindingFilter(FindingMatch, ListQuery):
    """The query of the list."""

    orderings = {
        "severity": "worst_rank",
        "first_seen": "first_seen_at",
        "last_seen": "last_seen_at",
    }


_LINE: FindingLine = {
    "id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11",
    "project": "acme/shop",
    "status": "dismissed",
    "until": "2027-01-01T00:00:00Z",
    "severity": "high",
    "confidence": "medium",
    "category": "security",
    "rule": "sql-injection",
    "title": "SQL built from text",
    "message": "the query is put together from a request's parameter",
    "agent": "inspector",
    "path": "catalog/search.py",
    "line": 12,
    "end_line": 12,
    "fingerprint": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "new": False,
    "first_run": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a01",
    "first_seen_at": "2026-11-20T09:30:00Z",
    "last_run": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a02",
    "last_seen_at": "2026-11-25T09:30:00Z",
    "fixed_at": None,
    "fixed_run": None,
    "owner": "@acme/search",
}
EXAMPLE: FindingWhole = {
    **_LINE,
    "column": 5,
    "scope": "search",
    "cwe": [89],
    "in_test_code": False,
    "evidence": [
        {
            "kind": "tool_trace",
            "tool": "bandit",
            "tool_version": "1.8.0",
            "rule": "B608",
            "message": "Possible SQL injection vector through string-based query construction.",
            "snippet": 'cursor.execute("SELECT ... " + name)',
            "command": "bandit -t B608 catalog/search.py",
            "url": "",
        }
    ],
    "fixes": [],
    "occurrences": [
        {
            "run": _LINE["last_run"],
            "step": "inspector.security",
            "at": _LINE["last_seen_at"],
            "path": _LINE["path"],
            "line": 12,
            "end_line": 12,
            "severity": "high",
        }
    ],
    "occurrence_count": 1,
    "triage": [
        {
            "act": "dismiss",
            "reason": "the parameter is checked by the caller",
            "until": "2027-01-01T00:00:00Z",
            "by": "alice",
            "at": "2026-11-25T10:00:00Z",
        }
    ],
}
PAGE = {"results": [_LINE], "next": None}


class FindingsView(APIView):
    """What is claimed about your projects."""

    required_action = "finding.view"

    @operation("findings_list", query=FindingFilter, returns=Page[FindingLine], example=PAGE)
    def get(self, request: Request) -> Response:
        """List findings of the projects that you may see, worst first. Dismissed ones are among them, unless
        `status` says otherwise.
        """
        wanted = valid(FindingFilter(data=asked(request, FindingFilter)))
        run = run_of(request, wanted["run"]) if "run" in wanted else None
        page = page_of(request, FindingFilter, _filtered(request, wanted, run), wanted)
        return Response({"results": finding_lines(page.rows, run), "next": page.next})


class FindingView(APIView):
    """One claim about a project."""

    required_action = "finding.view"

    @operation("findings_read", returns=FindingWhole, example=EXAMPLE)
    def get(self, request: Request, finding_id: UUID) -> Response:
        """Read a finding: its evidence, the runs that saw it, and what people decided. Its ETag is for triage."""
        return answer(request, finding_whole(find_finding(request, finding_id)))


def find_finding(request: Request, finding_id: UUID) -> TrackedFinding:
    """Give a finding of a project in which the caller may look at findings. Raises Http404."""
    rows = TrackedFinding.objects.with_status().select_related("project__team")
    row = rows.filter(public_id=finding_id).first()
    if row is None or not access.may(request.user, "finding.view", row.project):
        raise Http404(f"there is no finding {finding_id}")
    return row


def project_of(request: Request, name: str) -> Project:
    """Give a project whose findings may be seen. Raises ValidationError and PermissionDenied."""
    project = find_project(request, name)
    if not access.may(request.user, "finding.view", project):
        raise PermissionDenied(f"you may not look at findings of {name}")
    return project


def run_of(request: Request, run_id: UUID) -> Run:
    """Give a run whose findings may be seen. Raises ValidationError."""
    run = Run.objects.select_related("project__team").filter(public_id=run_id).first()
    if run is None or not access.may(request.user, "finding.view", run.project):
        raise serializers.ValidationError({"run": [f"there is no run {run_id} that you may see"]})
    return run


def _filtered(request: Request, wanted: dict[str, Any], run: Run | None) -> QuerySet[TrackedFinding]:
    found = TrackedFinding.objects.with_status().select_related("project__team")
    if "project" in wanted:
        found = found.filter(project=project_of(request, wanted["project"]))
    if (
        run is None and "project" not in wanted
    ):  # else it is known that this one may be seen, and an index is enough
        found = found.filter(project__in=access.projects_for(request.user, "finding.view"))
    return narrow(found, wanted_of(wanted), run=run)


def wanted_of(wanted: dict[str, Any]) -> Wanted:
    """Give what an accepted `FindingMatch` asks for, but for project and run."""
    least = wanted.get("min_severity")
    return Wanted(
        severities=tuple(map(Severity, wanted.get("severity", ()))),
        min_severity=Severity(least) if least else None,
        agents=tuple(wanted.get("agent", ())),
        rules=tuple(wanted.get("rule", ())),
        statuses=tuple(map(Status, wanted.get("status", ()))),
        owners=(wanted["owner"],) if "owner" in wanted else (),
        new=wanted.get("new"),
        path=wanted.get("path", ""),
        text=wanted.get("q", ""),
    )
