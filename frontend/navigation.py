"""Where a page of a project stands: the tabs above it, and the door that every such page goes through.

    project = open_project(request, "acme/shop", "finding.view")
    render(request, "frontend/findings.html", {**place(project, "findings"), ...})

A template of such a page extends `frontend/project.html`. A tab is one line in TABS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import access
from accounts.models import Project, User


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: its name in code, the route that it leads to, its word."""

    name: str
    route: str
    title: Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class SideLink:
    """An entry of a navigation at the side: frontend/side.html."""

    href: str
    title: Promise
    is_here: bool


TABS: tuple[Tab, ...] = (
    Tab("overview", "frontend:project", _("Overview")),
    Tab("runs", "frontend:project-runs", _("Runs")),
    Tab("findings", "frontend:findings", _("Findings")),
    Tab("code", "frontend:code", _("Code")),
    Tab("documentation", "frontend:project-documents", _("Documentation")),
    Tab("settings", "frontend:settings", _("Settings")),
)


def open_project(request: HttpRequest, path: str, action: str) -> Project:
    """Give the project `team/slug` for somebody who may do `action` there.

    Raises Http404 if there is none that the person may see, PermissionDenied if they see it but may not do this.
    """
    team, _slash, slug = path.partition("/")
    found = Project.objects.select_related("team").filter(team__slug=team, slug=slug).first()
    assert isinstance(request.user, User)
    if found is None or not access.may(request.user, "project.view", found):
        raise Http404(f"there is no project {path}")
    if not access.may(request.user, action, found):
        raise PermissionDenied
    return found


def place(project: Project, tab: str) -> dict[str, Any]:
    """Give what `frontend/project.html` needs: the project, its path, the tabs, and which one is open."""
    path = f"{project.team.slug}/{project.slug}"
    return {"project": project, "project_path": path, "tabs": TABS, "tab": tab}
