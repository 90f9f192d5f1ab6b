"""The pages of a project, in the order of their tabs.

A page is a module with PAGE and urlpatterns (`navigation`), and a line in MODULES. What each one is held to stands in
tests/frontend/test_project_pages.py, which asks every page that is listed.
"""

from __future__ import annotations

from django.urls import URLPattern

from accounts import access
from accounts.models import Project, User
from frontend import code, documents, finding_export, findings, overview, project_runs, sweep
from frontend.navigation import ProjectPage
from frontend.project_settings import urls as settings

MODULES = (
    overview,
    project_runs,
    findings,
    code,
    documents,
    settings,
)

urlpatterns: list[URLPattern] = [
    *(pattern for module in MODULES for pattern in module.urlpatterns),
    *sweep.urlpatterns,  # behind the list of findings, without a tab
    *finding_export.urlpatterns,
]


def tabs_for(user: User, project: Project) -> list[ProjectPage]:
    """Give the pages that this person may open."""
    role = access.role_in(user, project)
    return [
        module.PAGE for module in MODULES if role is not None and role >= access.ACTIONS[module.PAGE.action]
    ]
