"""Who is what in a team or a project.

GET    /api/v1/teams/<team>/members                        the highest role first; ?ordering= &limit= &cursor=
GET    /api/v1/teams/<team>/members/<username>             with its ETag
PATCH  /api/v1/teams/<team>/members/<username>             {"role"}; If-Match is heeded
DELETE /api/v1/teams/<team>/members/<username>             out of the team and all its projects
POST   /api/v1/teams/<team>/leave                          the same for yourself
GET    /api/v1/projects/<team>/<project>/members           the team's members and the guests
GET    /api/v1/projects/<team>/<project>/members/<username>
PUT    /api/v1/projects/<team>/<project>/members/<username>    {"role"}: here, whatever the team says
DELETE /api/v1/projects/<team>/<project>/members/<username>    the team's role counts again; a guest is out
POST   /api/v1/projects/<team>/<project>/leave             for guests

New people come by invitation. Whatever is taken away is gone at once: from requests, API keys and open WebSockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from django.db import transaction
from django.db.models import QuerySet
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import members
from accounts.models import Membership, Project, ProjectMembership, Team, User
from accounts.roles import Role
from api import etags
from api.bodies import StrictSerializer, valid
from api.describe import Page, operation
from api.identity import person
from api.lists import ListQuery, page_of
from api.lookup import find_person, find_team, held_project, held_team, project_in_path
from api.shapes import Moment, moment
from api.teams import RoleName

ROLES = {role.label: role for role in Role}


class MemberShape(TypedDict):
    """Somebody in a team."""

    username: str
    name: Annotated[str, Field(description="as people read them; may be empty")]
    role: RoleName
    is_active: Annotated[bool, Field(description="false: may not sign in, and counts as no owner")]
    joined_at: Moment


class ProjectMemberShape(TypedDict):
    """Somebody in a project."""

    username: str
    name: Annotated[str, Field(description="as people read them; may be empty")]
    role: Annotated[
        RoleName, Field(description="what they are here: project_role if there is one, else team_role")
    ]
    team_role: Annotated[RoleName | None, Field(description="null: a guest")]
    project_role: Annotated[RoleName | None, Field(description="null: what the team says counts")]
    is_active: Annotated[bool, Field(description="false: may not sign in")]


class Left(TypedDict):
    """What somebody is out of."""

    team: str
    projects: Annotated[
        list[str],
        Field(description="team/slug of those in which they had a role of their own, which is gone too"),
    ]


class RoleOrder(StrictSerializer):
    """The body that gives a role."""

    role = serializers.ChoiceField(choices=list(ROLES))


class MemberList(ListQuery):
    """The query of a team's members."""

    orderings = {"role": "role", "joined_at": "created_at", "username": "user__username"}

    role = serializers.ChoiceField(choices=list(ROLES), required=False, help_text="only those who are this")


class ProjectMemberList(ListQuery):
    """The query of a project's members."""

    orderings = {"username": "username"}


_MEMBER: MemberShape = {
    "username": "bob",
    "name": "Bob Example",
    "role": "developer",
    "is_active": True,
    "joined_at": "2026-11-25T09:30:00Z",
}
_PROJECT_MEMBER: ProjectMemberShape = {
    "username": "bob",
    "name": "Bob Example",
    "role": "maintainer",
    "team_role": "developer",
    "project_role": "maintainer",
    "is_active": True,
}
_LEFT: Left = {"team": "acme", "projects": ["acme/shop"]}
_LAST = "The team would be left without an owner (last-owner)."


class TeamMembersView(APIView):
    """List who is in a team."""

    required_action = "team.view"

    @operation(
        "team_members_list",
        query=MemberList,
        returns=Page[MemberShape],
        example={"results": [_MEMBER], "next": None},
    )
    def get(self, request: Request, team: str) -> Response:
        """List who is in a team, the highest role first."""
        wanted = valid(MemberList(data=request.query_params.dict()))
        found = _memberships(find_team(request, self, team))
        if "role" in wanted:
            found = found.filter(role=ROLES[wanted["role"]])
        page = page_of(request, MemberList, found, wanted)
        return Response({"results": [member_shape(row) for row in page.rows], "next": page.next})


class TeamMemberView(APIView):
    """Read, change or take away what somebody is in a team."""

    required_action = {"GET": "team.view", "PATCH": "team.members", "DELETE": "team.members"}

    @operation("team_members_read", returns=MemberShape, example=_MEMBER)
    def get(self, request: Request, team: str, username: str) -> Response:
        """Read what somebody is in a team."""
        return etags.answer(request, member_shape(_member(find_team(request, self, team), username)))

    @operation(
        "team_members_edit",
        body=RoleOrder,
        sends={"role": "maintainer"},
        returns=MemberShape,
        example=_MEMBER,
        errors={409: _LAST},
        editable=True,
    )
    def patch(self, request: Request, team: str, username: str) -> Response:
        """Change somebody's role in a team. It is at most your own, and theirs was not above yours."""
        order = valid(RoleOrder(data=request.data))
        with transaction.atomic():
            held = held_team(request, self, team)
            row = _member(held, username)
            etags.demand(request, member_shape(row))
            row = members.change_role(held, row.user, ROLES[order["role"]], by=person(request))
            return etags.answer(request, member_shape(row))

    @operation("team_members_remove", returns=Left, example=_LEFT, errors={409: _LAST}, editable=True)
    def delete(self, request: Request, team: str, username: str) -> Response:
        """Take somebody out of a team and all its projects. It has effect at once."""
        with transaction.atomic():
            held = held_team(request, self, team)
            row = _member(held, username)
            etags.demand(request, member_shape(row))
            return Response(_left(held, members.remove(held, row.user, by=person(request))))


class TeamLeaveView(APIView):
    """Leave a team."""

    required_action = "team.leave"

    @operation("teams_leave", returns=Left, example=_LEFT, errors={409: _LAST})
    def post(self, request: Request, team: str) -> Response:
        """Leave a team and all its projects."""
        with transaction.atomic():
            held = held_team(request, self, team)
            return Response(_left(held, members.leave(held, by=person(request))))


class ProjectMembersView(APIView):
    """List who is in a project."""

    required_action = "project.view"

    @operation(
        "project_members_list",
        query=ProjectMemberList,
        returns=Page[ProjectMemberShape],
        example={"results": [_PROJECT_MEMBER], "next": None},
    )
    def get(self, request: Request, project: str) -> Response:
        """List who has a role in a project: the team's members, and guests."""
        wanted = valid(ProjectMemberList(data=request.query_params.dict()))
        home = project_in_path(request, self, project)
        page = page_of(request, ProjectMemberList, members.people_in(home), wanted)
        return Response({"results": project_member_shapes(home, page.rows), "next": page.next})


class ProjectMemberView(APIView):
    """Read, set or take away what somebody is in a project."""

    required_action = {"GET": "project.view", "PUT": "project.members", "DELETE": "project.members"}

    @operation("project_members_read", returns=ProjectMemberShape, example=_PROJECT_MEMBER)
    def get(self, request: Request, project: str, username: str) -> Response:
        """Read what somebody is in a project."""
        home = project_in_path(request, self, project)
        return etags.answer(request, _in_project(home, username))

    @operation(
        "project_members_set",
        body=RoleOrder,
        sends={"role": "maintainer"},
        returns=ProjectMemberShape,
        example=_PROJECT_MEMBER,
        errors={409: "An owner of the team owns its projects (role-from-team)."},
        editable=True,
    )
    def put(self, request: Request, project: str, username: str) -> Response:
        """Say what somebody is in this project, more or less than the team says. Strangers are invited instead."""
        order = valid(RoleOrder(data=request.data))
        with transaction.atomic():
            held = held_project(request, self, project)
            etags.demand(request, _in_project(held, username))
            user = find_person(members.people_in(held), username)
            members.set_project_role(held, user, ROLES[order["role"]], by=person(request))
            return etags.answer(request, _in_project(held, username))

    @operation("project_members_unset", status=204, editable=True)
    def delete(self, request: Request, project: str, username: str) -> Response:
        """Take away somebody's own role in this project. The team's counts again; a guest is out at once."""
        with transaction.atomic():
            held = held_project(request, self, project)
            etags.demand(request, _in_project(held, username))
            user = find_person(members.people_in(held), username)
            members.unset_project_role(held, user, by=person(request))
        return Response(status=204)


class ProjectLeaveView(APIView):
    """Leave a project as a guest."""

    required_action = "project.leave"

    @operation(
        "projects_leave",
        status=204,
        errors={409: "You are here as a member of the team; leave that (role-from-team)."},
    )
    def post(self, request: Request, project: str) -> Response:
        """Leave a project in which you are a guest."""
        with transaction.atomic():
            held = held_project(request, self, project)
            members.leave_project(held, by=person(request))
        return Response(status=204)


def member_shape(row: Membership) -> MemberShape:
    """Somebody in a team, in JSON. Addresses are not shown."""
    return {
        "username": row.user.get_username(),
        "name": row.user.get_full_name(),
        "role": Role(row.role).label,
        "is_active": row.user.is_active,
        "joined_at": moment(row.created_at),
    }


def project_member_shapes(project: Project, people: Sequence[User]) -> list[ProjectMemberShape]:
    """People in a project, in JSON; in two queries, however many."""
    ids = [user.pk for user in people]
    in_team = _by_user(Membership.objects.filter(team_id=project.team_id, user__in=ids))
    here = _by_user(ProjectMembership.objects.filter(project=project, user__in=ids))
    return [
        {
            "username": user.get_username(),
            "name": user.get_full_name(),
            "role": (here.get(user.pk) or in_team[user.pk]).label,
            "team_role": in_team[user.pk].label if user.pk in in_team else None,
            "project_role": here[user.pk].label if user.pk in here else None,
            "is_active": user.is_active,
        }
        for user in people
        if user.pk in here or user.pk in in_team
    ]


def _by_user(rows: QuerySet[Any]) -> dict[int, Role]:
    return {user_id: Role(role) for user_id, role in rows.values_list("user_id", "role")}


def _memberships(team: Team) -> QuerySet[Membership]:
    return Membership.objects.filter(team=team).select_related("user", "team")


def _member(team: Team, username: str) -> Membership:
    user = find_person(User.objects.filter(memberships__team=team), username)
    return members.membership(team, user)


def _in_project(project: Project, username: str) -> ProjectMemberShape:
    return project_member_shapes(project, [find_person(members.people_in(project), username)])[0]


def _left(team: Team, projects: Sequence[Project]) -> Left:
    return {"team": team.slug, "projects": [f"{team.slug}/{project.slug}" for project in projects]}
