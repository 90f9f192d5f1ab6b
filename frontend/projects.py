"""The pages of a project that tell how it is: its overview, and its runs."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts import access
from accounts.models import Project
from frontend import health, run_lists
from frontend.crew_rows import queue_rows
from frontend.navigation import open_project, place
from frontend.views import user_of
from tasks.models import Run


@require_safe
@login_required
def overview(request: HttpRequest, project: str) -> HttpResponse:
    """Tell how a project is: gate, ratings, findings, runs, and who works."""
    found = open_project(request, project, "report.view")
    seen = health.health(found)
    context = {
        **place(found, "overview"),
        "health": seen,
        "queues": queue_rows(),
        **new_run(request, found),
        "has_open": bool(seen.going_on),
    }
    return render(request, "frontend/overview.html", context)


@require_safe
@login_required
def runs_page(request: HttpRequest, project: str) -> HttpResponse:
    """List the runs of a project, newest first."""
    found = open_project(request, project, "run.view")
    listing = run_lists.listing(Run.objects.filter(project=found), request.GET)
    context = {
        **place(found, "runs"),
        "listing": listing,
        **new_run(request, found),
        "has_open": listing.has_open,
    }
    return render(request, "frontend/project_runs.html", context)


def new_run(request: HttpRequest, project: Project) -> dict[str, Any]:
    """Give what offers a new run: whether the person may start one here, and where."""
    return {
        "may_submit": access.may(user_of(request), "run.submit", project),
        "new_run": f"{reverse('frontend:run-new')}?{urlencode({'project': f'{project.team.slug}/{project.slug}'})}",
    }
