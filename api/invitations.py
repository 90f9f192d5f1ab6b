"""Invitations into teams and projects: those that you send, and those that you get.

GET    /api/v1/teams/<team>/invitations               newest first, those that are over too; ?limit= &cursor=
POST   /api/v1/teams/<team>/invitations               {"email" | "username", "role", "expires_in_days"?} -> 201
GET    /api/v1/teams/<team>/invitations/<id>
DELETE /api/v1/teams/<team>/invitations/<id>          take it back
POST   /api/v1/teams/<team>/invitations/<id>/resend   another link; the old one opens nothing
       /api/v1/projects/<team>/<project>/invitations  the same for guests of one project
GET    /api/v1/invitations                            those for you that are open
POST   /api/v1/invitations/accept                     {"token"} of a link, or {"id"} of one for you
POST   /api/v1/invitations/decline                    the same

An installation that sends mail mails the link; else whoever invites gets it in the answer, once, to hand it on. New
people follow it to a page where they choose a name and a password.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import attempts, invitations
from accounts.models import Invitation, Outcome, Project, Team, User
from accounts.roles import Role
from api.bodies import StrictSerializer, valid
from api.describe import Page, operation
from api.identity import person
from api.lists import ListQuery, page_of
from api.lookup import find_team, project_in_path
from api.members import ROLES
from api.shapes import Moment, Uuid, moment
from api.teams import RoleName

DEFAULT_DAYS = 7
MAX_DAYS = 30
SECRET_ANSWER = {"Cache-Control": "no-store"}
STATES = ["open", "expired", *(outcome.value for outcome in Outcome if outcome.value)]


class InvitationShape(TypedDict):
    """An invitation, as those see it who may invite."""

    id: Uuid
    team: Annotated[str, Field(description="slug")]
    project: Annotated[str | None, Field(description="team/slug; null: into the team itself")]
    role: RoleName
    email: Annotated[str | None, Field(description="who is invited by address")]
    username: Annotated[str | None, Field(description="who is invited by account")]
    state: Annotated[str, Field(json_schema_extra={"enum": STATES})]
    invited_by: str | None
    created_at: Moment
    sent_at: Annotated[Moment, Field(description="when the link that counts was made")]
    expires_at: Moment
    answered_at: Moment | None
    answered_by: str | None


class SentInvitation(InvitationShape):
    """An invitation whose link was just made."""

    mail: Annotated[str, Field(json_schema_extra={"enum": ["sent", "failed", "off"]})]
    link: Annotated[str | None, Field(description="to hand on, shown once; null: it is in the mail")]


class MyInvitation(TypedDict):
    """An invitation for you."""

    id: Uuid
    team: str
    team_name: str
    project: Annotated[str | None, Field(description="team/slug; null: into the team itself")]
    role: RoleName
    invited_by: str | None
    expires_at: Moment


class MyInvitations(TypedDict):
    """The open invitations for you."""

    results: list[MyInvitation]


class InvitationOrder(StrictSerializer):
    """The body that invites somebody."""

    email = serializers.EmailField(required=False, max_length=254)
    username = serializers.CharField(
        required=False, max_length=150, help_text="of somebody who has an account"
    )
    role = serializers.ChoiceField(choices=list(ROLES), help_text="at most your own")
    expires_in_days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, default=DEFAULT_DAYS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("email" in attrs) == ("username" in attrs):
            raise serializers.ValidationError({"email": ["give either email or username"]})
        return attrs


class AnswerOrder(StrictSerializer):
    """The body that answers an invitation."""

    token = serializers.CharField(required=False, max_length=invitations.MAX_TOKEN, help_text="of the link")
    id = serializers.UUIDField(required=False, help_text="of one for you")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("token" in attrs) == ("id" in attrs):
            raise serializers.ValidationError({"token": ["give either token or id"]})
        return attrs


class InvitationList(ListQuery):
    """The query of the list."""

    orderings = {"created_at": "pk"}


_EXAMPLE: InvitationShape = {
    "id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11",
    "team": "acme",
    "project": None,
    "role": "developer",
    "email": "bob@example.org",
    "username": None,
    "state": "open",
    "invited_by": "alice",
    "created_at": "2026-11-25T09:30:00Z",
    "sent_at": "2026-11-25T09:30:00Z",
    "expires_at": "2026-12-02T09:30:00Z",
    "answered_at": None,
    "answered_by": None,
}
_SENT: SentInvitation = {**_EXAMPLE, "mail": "sent", "link": None}
_MINE: MyInvitation = {
    "id": _EXAMPLE["id"],
    "team": "acme",
    "team_name": "Acme",
    "project": None,
    "role": "developer",
    "invited_by": "alice",
    "expires_at": "2026-12-02T09:30:00Z",
}
_PAGE = {"results": [_EXAMPLE], "next": None}
_ORDER = {"email": "bob@example.org", "role": "developer"}
_CREATE_ERRORS = {409: "The person is there already (already-a-member), or too many are open (too-many)."}
_OVER_ERRORS = {410: "It was answered or revoked (invitation-over)."}
_RESEND_ERRORS = {**_OVER_ERRORS, 409: "It was sent less than a minute ago (too-many)."}
_ANSWER_ERRORS = {
    404: "There is no such invitation for you.",
    410: "It was answered or revoked, its time is over, or its inviter may no longer invite.",
}


class TeamInvitationsView(APIView):
    """List a team's invitations, or invite somebody."""

    required_action = "team.members"

    @operation("team_invitations_list", query=InvitationList, returns=Page[InvitationShape], example=_PAGE)
    def get(self, request: Request, team: str) -> Response:
        """List a team's invitations, newest first, those that are over too."""
        return _listed(request, find_team(request, self, team))

    @operation(
        "team_invitations_create",
        body=InvitationOrder,
        sends=_ORDER,
        returns=SentInvitation,
        example=_SENT,
        status=201,
        errors=_CREATE_ERRORS,
    )
    def post(self, request: Request, team: str) -> Response:
        """Invite somebody into a team, by address or account. One that is open for them already is replaced."""
        return _invite(request, find_team(request, self, team))


class TeamInvitationView(APIView):
    """Read an invitation of a team, or take it back."""

    required_action = "team.members"

    @operation("team_invitations_read", returns=InvitationShape, example=_EXAMPLE)
    def get(self, request: Request, team: str, invitation_id: UUID) -> Response:
        """Read an invitation of a team."""
        return Response(invitation_shape(_find(find_team(request, self, team), invitation_id)))

    @operation("team_invitations_revoke", status=204, errors=_OVER_ERRORS)
    def delete(self, request: Request, team: str, invitation_id: UUID) -> Response:
        """Take an invitation back. Its link opens nothing from then on."""
        invitations.revoke(_find(find_team(request, self, team), invitation_id), by=person(request))
        return Response(status=204)


class TeamInvitationResendView(APIView):
    """Send an invitation of a team again."""

    required_action = "team.members"

    @operation("team_invitations_resend", returns=SentInvitation, example=_SENT, errors=_RESEND_ERRORS)
    def post(self, request: Request, team: str, invitation_id: UUID) -> Response:
        """Send an invitation again, with another link and its time from the start. The old link opens nothing."""
        return _resend(request, _find(find_team(request, self, team), invitation_id))


class ProjectInvitationsView(APIView):
    """List a project's invitations, or invite a guest."""

    required_action = "project.members"

    @operation("project_invitations_list", query=InvitationList, returns=Page[InvitationShape], example=_PAGE)
    def get(self, request: Request, project: str) -> Response:
        """List a project's invitations, newest first, those that are over too."""
        return _listed(request, project_in_path(request, self, project))

    @operation(
        "project_invitations_create",
        body=InvitationOrder,
        sends=_ORDER,
        returns=SentInvitation,
        example={**_SENT, "project": "acme/shop"},
        status=201,
        errors=_CREATE_ERRORS,
    )
    def post(self, request: Request, project: str) -> Response:
        """Invite a guest into one project: they see it, and not its team."""
        return _invite(request, project_in_path(request, self, project))


class ProjectInvitationView(APIView):
    """Read an invitation of a project, or take it back."""

    required_action = "project.members"

    @operation("project_invitations_read", returns=InvitationShape, example=_EXAMPLE)
    def get(self, request: Request, project: str, invitation_id: UUID) -> Response:
        """Read an invitation of a project."""
        return Response(invitation_shape(_find(project_in_path(request, self, project), invitation_id)))

    @operation("project_invitations_revoke", status=204, errors=_OVER_ERRORS)
    def delete(self, request: Request, project: str, invitation_id: UUID) -> Response:
        """Take an invitation back. Its link opens nothing from then on."""
        invitations.revoke(_find(project_in_path(request, self, project), invitation_id), by=person(request))
        return Response(status=204)


class ProjectInvitationResendView(APIView):
    """Send an invitation of a project again."""

    required_action = "project.members"

    @operation("project_invitations_resend", returns=SentInvitation, example=_SENT, errors=_RESEND_ERRORS)
    def post(self, request: Request, project: str, invitation_id: UUID) -> Response:
        """Send an invitation again, with another link and its time from the start. The old link opens nothing."""
        return _resend(request, _find(project_in_path(request, self, project), invitation_id))


class MyInvitationsView(APIView):
    """List the invitations for you."""

    required_action = "invitation.view"

    @operation("invitations_list", returns=MyInvitations, example={"results": [_MINE]})
    def get(self, request: Request) -> Response:
        """List the open invitations for your account or your address."""
        found = invitations.for_person(person(request))[:200]
        return Response({"results": [_my_shape(row) for row in invitations.answerable(found)]})


class AcceptView(APIView):
    """Accept an invitation."""

    required_action = "invitation.answer"

    @operation(
        "invitations_accept",
        body=AnswerOrder,
        sends={"id": _MINE["id"]},
        returns=MyInvitation,
        example=_MINE,
        errors=_ANSWER_ERRORS,
    )
    def post(self, request: Request) -> Response:
        """Accept an invitation: by the token of its link, or by its id if it is for you. A token is used once."""
        row, token = _to_answer(request)
        return Response(_my_shape(invitations.accept(row, person(request), token=token)))


class DeclineView(APIView):
    """Decline an invitation."""

    required_action = "invitation.answer"

    @operation(
        "invitations_decline",
        body=AnswerOrder,
        sends={"id": _MINE["id"]},
        status=204,
        errors=_ANSWER_ERRORS,
    )
    def post(self, request: Request) -> Response:
        """Decline an invitation. Its link opens nothing from then on."""
        row, token = _to_answer(request)
        invitations.decline(row, person(request), token=token)
        return Response(status=204)


def invitation_shape(row: Invitation) -> InvitationShape:
    """An invitation in JSON, without its token."""
    is_expired = row.outcome == Outcome.OPEN and not row.is_open(timezone.now())
    return {
        "id": str(row.public_id),
        "team": row.team.slug,
        "project": _path(row),
        "role": Role(row.role).label,
        "email": row.email or None,
        "username": row.user.get_username() if row.user else None,
        "state": "expired" if is_expired else row.outcome or "open",
        "invited_by": row.invited_by.get_username() if row.invited_by else None,
        "created_at": moment(row.created_at),
        "sent_at": moment(row.sent_at),
        "expires_at": moment(row.expires_at),
        "answered_at": moment(row.answered_at),
        "answered_by": row.answered_by.get_username() if row.answered_by else None,
    }


def _my_shape(row: Invitation) -> MyInvitation:
    return {
        "id": str(row.public_id),
        "team": row.team.slug,
        "team_name": row.team.name,
        "project": _path(row),
        "role": Role(row.role).label,
        "invited_by": row.invited_by.get_username() if row.invited_by else None,
        "expires_at": moment(row.expires_at),
    }


def _path(row: Invitation) -> str | None:
    return f"{row.project.team.slug}/{row.project.slug}" if row.project else None


def _listed(request: Request, place: Team | Project) -> Response:
    wanted = valid(InvitationList(data=request.query_params.dict()))
    page = page_of(request, InvitationList, invitations.of(place), wanted)
    return Response({"results": [invitation_shape(row) for row in page.rows], "next": page.next})


def _invite(request: Request, place: Team | Project) -> Response:
    order = valid(InvitationOrder(data=request.data))
    attempts.count(request._request, group="invite", name=person(request).get_username())
    user = _account(order["username"]) if "username" in order else None
    sent = invitations.invite(
        place,
        ROLES[order["role"]],
        email=order.get("email", ""),
        user=user,
        by=person(request),
        lasts=timedelta(days=order["expires_in_days"]),
    )
    return Response(_sent_shape(sent), status=201, headers={"Location": _location(sent.row), **SECRET_ANSWER})


def _resend(request: Request, row: Invitation) -> Response:
    attempts.count(request._request, group="invite", name=person(request).get_username())
    return Response(_sent_shape(invitations.resend(row, by=person(request))), headers=SECRET_ANSWER)


def _sent_shape(sent: invitations.Sent) -> SentInvitation:
    return {**invitation_shape(sent.row), "mail": sent.mail, "link": sent.link}


def _location(row: Invitation) -> str:
    if row.project is not None:
        return reverse("api:project-invitation", args=[_path(row), row.public_id])
    return reverse("api:team-invitation", args=[row.team.slug, row.public_id])


def _account(username: str) -> User:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise serializers.ValidationError(
            {"username": [f"there is no account {username!r}; invite an address instead"]}
        )
    return user


def _find(place: Team | Project, invitation_id: UUID) -> Invitation:
    row = invitations.of(place).filter(public_id=invitation_id).first()
    if row is None:
        raise Http404(f"there is no invitation {invitation_id} here")
    return row


def _to_answer(request: Request) -> tuple[Invitation, str | None]:
    """Give the invitation of a token, or of an id if it is for the caller. Raises Http404, TooManyAttempts."""
    order = valid(AnswerOrder(data=request.data))
    attempts.count(request._request, group="invitation", name=person(request).get_username())
    if "token" in order:
        row = invitations.by_token(order["token"])
    else:
        mine = Invitation.objects.filter(public_id=order["id"]).select_related("user").first()
        row = mine if mine is not None and invitations.is_for(mine, person(request)) else None
    if row is None:
        raise Http404("there is no such invitation for you, or a newer mail of it has another link")
    return row, order.get("token")
