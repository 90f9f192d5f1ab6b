"""Where a page of a project stands: the door that every such page goes through, and the tabs above it.

    PAGE = ProjectPage(name="runs", route="frontend:project-runs", title=_("Runs"), action="run.view")

    @PAGE.door()
    def page(request: HttpRequest, project: Project) -> HttpResponse:
        return render(request, "frontend/runs.html", {**place(project, PAGE), ...})

    urlpatterns = [path("projects/<project:project>/runs", page, name="project-runs")]

The module is one line in `project_pages`. A template of such a page extends `frontend/project.html`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.views.decorators.http import require_http_methods

from accounts import (
    access,
    paths,  # noqa: F401 - registers <project:project>, which every page has in its address
)
from accounts.models import Project, User

Rest = ParamSpec("Rest")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPage:
    """A tab of a project: its name in code, the route that it leads to, its word, the action that opening it is."""

    name: str
    route: str
    title: Promise
    action: str

    def door(
        self, *, post: str = ""
    ) -> Callable[
        [Callable[Concatenate[HttpRequest, Project, Rest], HttpResponseBase]], Callable[..., HttpResponseBase]
    ]:
        """Give a view its project, for people who may open the page; POST asks for the action `post`, too.

        Who is not signed in is led to do so; who does not see the project gets 404, who may not act 403.
        Without `post` the view only reads: 405.
        """
        methods = ["GET", "HEAD", *(["POST"] if post else [])]

        def behind(
            view: Callable[Concatenate[HttpRequest, Project, Rest], HttpResponseBase],
        ) -> Callable[..., HttpResponseBase]:
            @require_http_methods(methods)
            @login_required
            @wraps(view)
            def opened(
                request: HttpRequest, project: str, *args: Rest.args, **kwargs: Rest.kwargs
            ) -> HttpResponseBase:
                found = open_project(request, project, self.action)
                if request.method == "POST" and not access.may(request.user, post, found):
                    raise PermissionDenied
                return view(request, found, *args, **kwargs)

            return opened

        return behind


@dataclass(frozen=True, slots=True, kw_only=True)
class SideLink:
    """An entry of a navigation at the side: frontend/side.html."""

    href: str
    title: Promise
    is_here: bool


def open_project(request: HttpRequest, path: str, action: str) -> Project:
    """Give the project `team/slug` for somebody who may do `action` there.

    Raises Http404 if there is none that the person may see, PermissionDenied if they see it but may not do this.
    """
    team, _slash, slug = path.partition("/")
    found = Project.objects.select_related("team").filter(team__slug=team, slug=slug).first()
    assert isinstance(request.user, User)
    if found is not None and access.may(request.user, action, found):
        return found
    if found is None or not access.may(request.user, "project.view", found):
        raise Http404(f"there is no project {path}")
    raise PermissionDenied


def place(project: Project, page: ProjectPage) -> dict[str, Any]:
    """Give what `frontend/project.html` needs: the project, its path, and which of its pages is open."""
    return {"project": project, "project_path": f"{project.team.slug}/{project.slug}", "tab": page}
