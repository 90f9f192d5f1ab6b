"""How a project is: its overview, the first of its pages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from frontend import health, new_run
from frontend.crew_rows import queue_rows
from frontend.navigation import ProjectPage, place

PAGE = ProjectPage(name="overview", route="frontend:project", title=_("Overview"), action="report.view")


@PAGE.door()
def overview(request: HttpRequest, project: Project) -> HttpResponse:
    """Tell how a project is: gate, ratings, findings, runs, and who works."""
    seen = health.health(project)
    context = {
        **place(project, PAGE),
        "health": seen,
        "queues": queue_rows(),
        **new_run.offer(request, project),
        "has_open": bool(seen.going_on),
    }
    return render(request, "frontend/overview.html", context)


urlpatterns = [path("projects/<project:project>", overview, name="project")]
