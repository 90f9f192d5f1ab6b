"""Projects.

GET    /api/v1/projects                            those that you see; ?team= &ordering= &limit= &cursor=
POST   /api/v1/projects                            {"team", "slug", "name"?, "description"?} -> 201
GET    /api/v1/projects/<team>/<project>           with its ETag
PATCH  /api/v1/projects/<team>/<project>           {"name"?, "description"?, "slug"?}; If-Match is heeded
POST   /api/v1/projects/<team>/<project>/move      {"team"}: by somebody who owns both teams
GET    /api/v1/projects/<team>/<project>/deletion  what would go with it
DELETE /api/v1/projects/<team>/<project>           {"confirm": "team/project"}; 200, or 202: ask again

Who is in a project: `members`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from django.db import transaction
from django.urls import reverse
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import access, projects
from accounts.models import Membership, Project, ProjectMembership, Team, User
from accounts.paths import SLUG
from accounts.roles import Role
from api import deletion, etags
from api.bodies import NEW_SLUG, Lines, OneLine, StrictSerializer, valid
from api.deletion import ConfirmOrder, Deletion, DeletionPreview
from api.describe import Page, operation
from api.identity import person
from api.lists import ListQuery, page_of
from api.lookup import find_team, held_project, project_in_path
from api.shapes import Moment, moment
from api.teams import SLUG_HELP, RoleName

MAX_DESCRIPTION = 2_000


class ProjectShape(TypedDict):
    """A project."""

    path: Annotated[str, Field(description="team/slug, as paths and queries name it")]
    team: Annotated[str, Field(description="slug of the team")]
    slug: str
    name: str
    description: str
    role: Annotated[RoleName, Field(description="yours")]
    created_at: Moment


class Moved(ProjectShape):
    """A project in its new team."""

    lost: Annotated[
        list[str], Field(description="usernames of those who had a role by the old team, and lost it")
    ]


class ProjectOrder(StrictSerializer):
    """The body that makes a project."""

    team = serializers.RegexField(rf"^{SLUG}\Z", help_text="slug of a team of yours")
    slug = serializers.RegexField(NEW_SLUG, help_text=SLUG_HELP)
    name = OneLine(max_length=120, required=False, help_text="for people to read; the slug if you give none")
    description = Lines(max_length=MAX_DESCRIPTION, required=False, allow_blank=True, default="")


class ProjectChange(StrictSerializer):
    """The body that changes a project."""

    name = OneLine(max_length=120, required=False)
    description = Lines(max_length=MAX_DESCRIPTION, required=False, allow_blank=True)
    slug = serializers.RegexField(
        NEW_SLUG, required=False, help_text=f"{SLUG_HELP}; paths with the old one lead nowhere then"
    )


class MoveOrder(StrictSerializer):
    """The body that moves a project."""

    team = serializers.RegexField(rf"^{SLUG}\Z", help_text="slug of a team that you own, too")


class ProjectList(ListQuery):
    """The query of the list."""

    orderings = {"created_at": "created_at", "slug": "slug", "name": "name"}

    team = serializers.RegexField(
        rf"^{SLUG}\Z", required=False, help_text="slug of a team: only its projects"
    )


_EXAMPLE: ProjectShape = {
    "path": "acme/shop",
    "team": "acme",
    "slug": "shop",
    "name": "Shop",
    "description": "What our customers see.",
    "role": "owner",
    "created_at": "2026-11-25T09:30:00Z",
}
_TAKEN = "The slug is in use in the team (name-taken)."
_IN_USE = "Runs are not over (still-in-use)."


class ProjectsView(APIView):
    """List projects, or make one."""

    required_action = {"GET": "project.view", "POST": "project.create"}

    @operation(
        "projects_list",
        query=ProjectList,
        returns=Page[ProjectShape],
        example={"results": [_EXAMPLE], "next": None},
    )
    def get(self, request: Request) -> Response:
        """List the projects that you may see, newest first."""
        wanted = valid(ProjectList(data=request.query_params.dict()))
        found = access.visible_projects(request.user).select_related("team")
        if "team" in wanted:
            found = found.filter(team__slug=wanted["team"])
        page = page_of(request, ProjectList, found, wanted)
        return Response({"results": project_shapes(person(request), page.rows), "next": page.next})

    @operation(
        "projects_create",
        body=ProjectOrder,
        sends={"team": "acme", "slug": "shop", "name": "Shop"},
        returns=ProjectShape,
        example=_EXAMPLE,
        status=201,
        errors={
            404: "There is no such team that you may see.",
            409: f"{_TAKEN} Or the team has as many projects as there may be (too-many).",
        },
    )
    def post(self, request: Request) -> Response:
        """Make a project in a team of yours."""
        order = valid(ProjectOrder(data=request.data))
        team = find_team(request, self, order["team"])
        project = projects.create(
            team,
            order["slug"],
            order.get("name", order["slug"]),
            description=order["description"],
            by=person(request),
        )
        location = reverse("api:project", args=[f"{team.slug}/{project.slug}"])
        return etags.answer(request, _shape(request, project), status=201, headers={"Location": location})


class ProjectView(APIView):
    """Read, change or delete a project."""

    required_action = {"GET": "project.view", "PATCH": "project.edit", "DELETE": "project.delete"}

    @operation("projects_read", returns=ProjectShape, example=_EXAMPLE)
    def get(self, request: Request, project: str) -> Response:
        """Read a project."""
        return etags.answer(request, _shape(request, project_in_path(request, self, project)))

    @operation(
        "projects_edit",
        body=ProjectChange,
        sends={"description": "What our customers see."},
        returns=ProjectShape,
        example=_EXAMPLE,
        errors={409: _TAKEN},
        editable=True,
    )
    def patch(self, request: Request, project: str) -> Response:
        """Change a project. Rate rules that name it follow a new slug; paths with the old one do not."""
        with transaction.atomic():
            held = held_project(request, self, project)
            etags.demand(request, _shape(request, held))
            change = valid(ProjectChange(data=request.data))
            return etags.answer(request, _shape(request, projects.edit(held, **change)))

    @operation(
        "projects_delete",
        body=ConfirmOrder,
        sends={"confirm": "acme/shop"},
        returns=Deletion,
        example=deletion.EXAMPLE,
        also={202: "It has begun and is not done: ask again to go on."},
        errors={409: _IN_USE},
        editable=True,
    )
    def delete(self, request: Request, project: str) -> Response:
        """Delete a project with all that it has run, for good. The body repeats its name, as the preview tells it."""
        order = valid(ConfirmOrder(data=request.data))
        with transaction.atomic():
            held = held_project(request, self, project)
            etags.demand(request, _shape(request, held))
            told = deletion.preview(project, [held])
            deletion.check_confirmed(order["confirm"], told)
            Project.objects.select_for_update().get(pk=held.pk)  # nobody submits a run meanwhile
            deletion.begin([held])
        done = deletion.finish([held], told["goes"])
        return Response(done, status=200 if done["deleted"] else 202)


class ProjectDeletionView(APIView):
    """See what deleting a project would take along."""

    required_action = "project.delete"

    @operation("projects_deletion", returns=DeletionPreview, example=deletion.EXAMPLE_PREVIEW)
    def get(self, request: Request, project: str) -> Response:
        """Tell what would go with a project, and what stands in the way."""
        return Response(deletion.preview(project, [project_in_path(request, self, project)]))


class ProjectMoveView(APIView):
    """Move a project to another team."""

    required_action = "project.move"

    @operation(
        "projects_move",
        body=MoveOrder,
        sends={"team": "acme-labs"},
        returns=Moved,
        example={**_EXAMPLE, "path": "acme-labs/shop", "team": "acme-labs", "lost": ["bob"]},
        errors={409: _TAKEN},
        editable=True,
    )
    def post(self, request: Request, project: str) -> Response:
        """Move a project to another team of yours. Who was here by the old team loses it at once; guests stay."""
        order = valid(MoveOrder(data=request.data))
        found = project_in_path(request, self, project)
        to = access.teams_for(request.user, "team.view").filter(slug=order["team"]).first()
        if to is None:
            raise serializers.ValidationError(
                {"team": [f"there is no team {order['team']!r} that you may see"]}
            )
        with transaction.atomic():
            self._hold(found.team_id, to.pk)
            held = held_project(request, self, project)
            etags.demand(request, _shape(request, held))
            lost = projects.move(held, to, by=person(request))
            moved = Project.objects.select_related("team").get(pk=held.pk)
            shape: Moved = {**_shape(request, moved), "lost": [user.get_username() for user in lost]}
            return etags.answer(request, shape)

    def _hold(self, *team_ids: int) -> None:
        """Lock both teams in the one order, before `held_project` would lock the one that it finds."""
        list(Team.objects.select_for_update(no_key=True).filter(pk__in=team_ids).order_by("pk"))


def project_shapes(user: User, rows: Sequence[Project]) -> list[ProjectShape]:
    """Projects in JSON as this person sees them; in two queries, however many."""
    ids, team_ids = [row.pk for row in rows], {row.team_id for row in rows}
    own = ProjectMembership.objects.filter(user_id=user.pk, project__in=ids)
    by_team = Membership.objects.filter(user_id=user.pk, team__in=team_ids)
    here = dict(own.values_list("project_id", "role"))
    there = dict(by_team.values_list("team_id", "role"))
    least = Role.OWNER if user.is_superuser else Role.VIEWER  # who has no row is a superuser, or of the staff
    return [
        {
            "path": f"{row.team.slug}/{row.slug}",
            "team": row.team.slug,
            "slug": row.slug,
            "name": row.name,
            "description": row.description,
            "role": _label(user, here.get(row.pk, there.get(row.team_id, least))),
            "created_at": moment(row.created_at),
        }
        for row in rows
    ]


def _label(user: User, role: int) -> str:
    return (Role.OWNER if user.is_superuser else Role(role)).label


def _shape(request: Request, project: Project) -> ProjectShape:
    return project_shapes(person(request), [project])[0]
