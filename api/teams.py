"""Teams.

GET    /api/v1/teams                  those that you are in; ?ordering= &limit= &cursor=
POST   /api/v1/teams                  {"slug", "name"?} -> 201; you own it
GET    /api/v1/teams/<team>           with its ETag
PATCH  /api/v1/teams/<team>           {"name"?, "slug"?}; If-Match is heeded
POST   /api/v1/teams/<team>/transfer  {"to"}: make a member the owner in your place
GET    /api/v1/teams/<team>/deletion  what would go with it
DELETE /api/v1/teams/<team>           {"confirm": "team"}; 200, or 202: ask again

Who is in a team: `members`. A team that you are not in is not there.
"""

from __future__ import annotations

from typing import Annotated, Any

from django.db import transaction
from django.urls import reverse
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import access, members, teams
from accounts.models import Membership, Project, Team, User
from accounts.roles import Role
from api import deletion, etags
from api.bodies import NEW_SLUG, OneLine, StrictSerializer, valid
from api.deletion import ConfirmOrder, Deletion, DeletionPreview
from api.describe import Page, operation
from api.identity import person
from api.lists import ListQuery, page_of
from api.lookup import find_person, find_team, held_team
from api.shapes import Moment, moment

SLUG_HELP = "lowercase letters, digits and hyphens; the first is no hyphen"
RoleName = Annotated[str, Field(json_schema_extra={"enum": [role.label for role in Role]})]


class TeamShape(TypedDict):
    """A team."""

    slug: str
    name: str
    role: Annotated[RoleName | None, Field(description="yours; null: you see it as staff")]
    created_at: Moment


class TeamOrder(StrictSerializer):
    """The body that makes a team."""

    slug = serializers.RegexField(NEW_SLUG, help_text=SLUG_HELP)
    name = OneLine(max_length=120, required=False, help_text="for people to read; the slug if you give none")


class TeamChange(StrictSerializer):
    """The body that changes a team."""

    slug = serializers.RegexField(
        NEW_SLUG, required=False, help_text=f"{SLUG_HELP}; paths with the old one lead nowhere then"
    )
    name = OneLine(max_length=120, required=False)


class TransferOrder(StrictSerializer):
    """The body that hands a team over."""

    to = serializers.CharField(max_length=150, help_text="username of a member")


class TeamList(ListQuery):
    """The query of the list."""

    orderings = {"created_at": "created_at", "slug": "slug"}


_EXAMPLE: TeamShape = {
    "slug": "acme",
    "name": "Acme",
    "role": "owner",
    "created_at": "2026-11-25T09:30:00Z",
}
_TAKEN = "The slug is in use (name-taken)."


class TeamsView(APIView):
    """List your teams, or make one."""

    required_action = {"GET": "team.view", "POST": "team.create"}

    @operation(
        "teams_list", query=TeamList, returns=Page[TeamShape], example={"results": [_EXAMPLE], "next": None}
    )
    def get(self, request: Request) -> Response:
        """List the teams that you may see, newest first."""
        wanted = valid(TeamList(data=request.query_params.dict()))
        page = page_of(request, TeamList, access.teams_for(request.user, "team.view"), wanted)
        mine = _roles(person(request), page.rows)
        return Response(
            {"results": [team_shape(row, mine.get(row.pk)) for row in page.rows], "next": page.next}
        )

    @operation(
        "teams_create",
        body=TeamOrder,
        sends={"slug": "acme", "name": "Acme"},
        returns=TeamShape,
        example=_EXAMPLE,
        status=201,
        errors={409: f"{_TAKEN} Or you own as many teams as there may be (too-many)."},
    )
    def post(self, request: Request) -> Response:
        """Make a team, of which you are the owner. An installation may leave that to staff."""
        order = valid(TeamOrder(data=request.data))
        team = teams.create(order["slug"], order.get("name", order["slug"]), by=person(request))
        location = reverse("api:team", args=[team.slug])
        return etags.answer(request, team_shape(team, Role.OWNER), status=201, headers={"Location": location})


class TeamView(APIView):
    """Read, change or delete a team."""

    required_action = {"GET": "team.view", "PATCH": "team.edit", "DELETE": "team.delete"}

    @operation("teams_read", returns=TeamShape, example=_EXAMPLE)
    def get(self, request: Request, team: str) -> Response:
        """Read a team that you are in."""
        return etags.answer(request, _shape_for(request, find_team(request, self, team)))

    @operation(
        "teams_edit",
        body=TeamChange,
        sends={"name": "Acme Shop"},
        returns=TeamShape,
        example=_EXAMPLE,
        errors={409: _TAKEN},
        editable=True,
    )
    def patch(self, request: Request, team: str) -> Response:
        """Change a team's name or slug. Rate rules that name its projects follow; paths with the old slug do not."""
        with transaction.atomic():
            held = held_team(request, self, team)
            etags.demand(request, _shape_for(request, held))
            change = valid(TeamChange(data=request.data))
            edited = teams.edit(held, slug=change.get("slug"), name=change.get("name"))
            return etags.answer(request, _shape_for(request, edited))

    @operation(
        "teams_delete",
        body=ConfirmOrder,
        sends={"confirm": "acme"},
        returns=Deletion,
        example=deletion.EXAMPLE,
        also={202: "It has begun and is not done: ask again to go on."},
        errors={409: "Runs are not over (still-in-use)."},
        editable=True,
    )
    def delete(self, request: Request, team: str) -> Response:
        """Delete a team with all its projects, for good. The body repeats its slug, as the preview tells it."""
        order = valid(ConfirmOrder(data=request.data))
        with transaction.atomic():
            held = held_team(request, self, team)
            etags.demand(request, _shape_for(request, held))
            inside = _projects(held)
            told = deletion.preview(held.slug, inside, held)
            deletion.check_confirmed(order["confirm"], told)
            locked = Project.objects.select_for_update().filter(pk__in=[one.pk for one in inside])
            list(locked.order_by("pk"))  # nobody submits a run meanwhile
            deletion.begin(inside)
        done = deletion.finish(inside, told["goes"], held)
        return Response(done, status=200 if done["deleted"] else 202)


class TeamDeletionView(APIView):
    """See what deleting a team would take along."""

    required_action = "team.delete"

    @operation(
        "teams_deletion", returns=DeletionPreview, example={**deletion.EXAMPLE_PREVIEW, "confirm": "acme"}
    )
    def get(self, request: Request, team: str) -> Response:
        """Tell what would go with a team, and what stands in the way."""
        found = find_team(request, self, team)
        return Response(deletion.preview(found.slug, _projects(found), found))


class TeamTransferView(APIView):
    """Hand a team over."""

    required_action = "team.transfer"

    @operation(
        "teams_transfer",
        body=TransferOrder,
        sends={"to": "bob"},
        returns=TeamShape,
        example={**_EXAMPLE, "role": "maintainer"},
        errors={409: "Whoever is to own it may not sign in (last-owner)."},
    )
    def post(self, request: Request, team: str) -> Response:
        """Make a member the owner in your place. You are a maintainer from then on; other owners stay."""
        order = valid(TransferOrder(data=request.data))
        with transaction.atomic():
            held = held_team(request, self, team)
            to = find_person(User.objects.filter(memberships__team=held), order["to"])
            members.transfer(held, to, by=person(request))
            return etags.answer(request, _shape_for(request, held))


def team_shape(team: Team, role: Role | None) -> TeamShape:
    """A team in JSON; `role` is the reader's."""
    return {
        "slug": team.slug,
        "name": team.name,
        "role": None if role is None else role.label,
        "created_at": moment(team.created_at),
    }


def _projects(team: Team) -> list[Project]:
    return list(Project.objects.filter(team=team).select_related("team").order_by("pk"))


def _shape_for(request: Request, team: Team) -> TeamShape:
    return team_shape(team, _roles(person(request), [team]).get(team.pk))


def _roles(user: User, rows: list[Team]) -> dict[int, Role]:
    found = Membership.objects.filter(user_id=user.pk, team__in=[row.pk for row in rows])
    given: list[tuple[int, Any]] = list(found.values_list("team_id", "role"))
    return {team_id: Role(role) for team_id, role in given}
