"""The runs of a project."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from frontend import new_run, run_lists
from frontend.navigation import ProjectPage, place
from tasks.models import Run

PAGE = ProjectPage(name="runs", route="frontend:project-runs", title=_("Runs"), action="run.view")


@PAGE.door()
def page(request: HttpRequest, project: Project) -> HttpResponse:
    """List the runs of a project, newest first."""
    listing = run_lists.listing(Run.objects.filter(project=project), request.GET)
    context = {
        **place(project, PAGE),
        "listing": listing,
        **new_run.offer(request, project),
        "has_open": listing.has_open,
    }
    return render(request, "frontend/project_runs.html", context)


urlpatterns = [path("projects/<project:project>/runs", page, name="project-runs")]
