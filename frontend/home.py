"""The first page: what waits for you, your projects and how they are, what ran lately. And the list of all runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts import access
from accounts.models import Project
from agents import tracking
from agents.findings import Severity
from agents.models import IS_DISMISSED, TrackedFinding
from agents.quality.standing import Letters, letters
from frontend import rows, run_lists
from frontend.views import user_of
from tasks.models import Run

PROJECTS_SHOWN = 20
RECENT_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """A project in the list: how it stands, what is open by severity, its last run. None: nothing is known yet."""

    project: Project
    letters: Letters | None
    findings: dict[str, int]
    last: Run | None

    @property
    def total(self) -> int:
        return sum(self.findings.values())


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Show what waits for a decision, the projects, the newest runs."""
    user = user_of(request)
    asked = request.GET.get("project", "").replace("\0", "")[:120].strip()
    found = _lively(access.visible_projects(user), asked)
    listed = list(found[: PROJECTS_SHOWN + 1])
    runs = Run.objects.filter(project__in=access.projects_for(user, "run.view"))
    recent = run_lists.lines(runs.select_related("project__team", "owner").order_by("-pk")[:RECENT_SHOWN])
    context = {
        "questions": rows.questions_for(user),
        "projects": project_rows(listed[:PROJECTS_SHOWN]),
        "has_teams": bool(listed) or access.teams_for(user, "team.view").exists(),
        "asked": asked,
        "has_more": len(listed) > PROJECTS_SHOWN,
        "recent": recent,
        "may_submit": access.projects_for(user, "run.submit").exists(),
        "new_run": reverse("frontend:run-new"),
        "has_open": any(not line.is_final for line in recent),
    }
    return render(request, "frontend/home.html", context)


@require_safe
@login_required
def runs_page(request: HttpRequest) -> HttpResponse:
    """List the runs of all projects that you may see."""
    user = user_of(request)
    found = Run.objects.filter(project__in=access.projects_for(user, "run.view"))
    context = {
        "listing": run_lists.listing(found, request.GET),
        "may_submit": access.projects_for(user, "run.submit").exists(),
        "new_run": reverse("frontend:run-new"),
        "with_project": True,
        "in_none": not access.visible_projects(user).exists(),
    }
    return render(request, "frontend/runs.html", context)


def project_rows(projects: Iterable[Project]) -> list[ProjectRow]:
    """Make the rows of a list of projects, in few queries. The projects bring their team and `last_run`."""
    listed = list(projects)
    ids = [project.pk for project in listed]
    stands, counted = letters(ids), _counts(ids)
    pks = [pk for project in listed if (pk := project.last_run) is not None]  # type: ignore[attr-defined]  # annotated
    newest = Run.objects.filter(pk__in=pks).only("public_id", "project_id", "state", "created_at")
    last = {run.project_id: run for run in newest}
    return [
        ProjectRow(
            project=project,
            letters=stands.get(project.pk),
            findings=counted[project.pk],
            last=last.get(project.pk),
        )
        for project in listed
    ]


def _lively(projects: QuerySet[Project], asked: str) -> QuerySet[Project]:
    """Order projects by their newest run, those without one last; keep those whose name holds what was asked."""
    newest = Run.objects.filter(project=OuterRef("pk")).order_by("-created_at").values("pk")[:1]
    if asked:
        projects = projects.filter(Q(name__icontains=asked) | Q(slug__icontains=asked))
    return (
        projects.select_related("team")
        .annotate(last_run=Subquery(newest))
        .order_by(F("last_run").desc(nulls_last=True), "pk")
    )


def _counts(project_ids: list[int]) -> dict[int, dict[str, int]]:
    """Count the open findings of projects by severity, worst first; in one query."""
    open_ones = TrackedFinding.objects.filter(project__in=project_ids, fixed_at=None).exclude(IS_DISMISSED)
    counted = open_ones.order_by().values_list("project", "severity_rank").annotate(n=Count("*"))
    found: dict[int, dict[str, int]] = defaultdict(lambda: {severity.value: 0 for severity in Severity})
    for project, rank, number in counted:
        found[project][tracking.severity_of(rank).value] = number
    return found
