"""The audit chain, for staff and a project's maintainers, and what the API itself adds to it.

GET /api/v1/audit   newest first; ?act= &actor= &project=<slug> &limit= &cursor=
                    ?after=<number>: what came after that one, oldest first, for programs that export
GET /api/v1/projects/<team>/<project>/audit   those of one project, for its maintainers; the same but `project`
GET /api/v1/teams/<team>/audit                those of a team and its projects, for its maintainers; ?project= too

Each record has its `hash` and the one before, so that who exports them can check the chain without us.
"""

from __future__ import annotations

from typing import Annotated, Any, cast
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.dispatch import receiver
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import audit, audit_rows
from accounts.audit import Act
from accounts.models import AuditRecord
from api.bodies import StrictSerializer, valid
from api.describe import Page, operation
from api.identity import person
from api.lookup import PROJECT, find_project, find_team, project_in_path
from api.shapes import Moment
from tasks.models import Approval
from tasks.runs.approvals import decided_by_person

MAX_PAGE = 1000
MAX_NUMBER = 2**63 - 1


class ProjectAuditFilter(StrictSerializer):
    """Which records of a project are wanted."""

    act = serializers.ChoiceField(
        choices=[act.value for act in Act], required=False, help_text="only of this kind"
    )
    actor = serializers.CharField(max_length=150, required=False, help_text="only of this username")
    since = serializers.DateTimeField(required=False, help_text="only from this time on")
    until = serializers.DateTimeField(required=False, help_text="only before this time")
    after = serializers.IntegerField(
        min_value=0,
        max_value=MAX_NUMBER,
        required=False,
        help_text="what came after this number, oldest first: for programs that export",
    )
    cursor = serializers.IntegerField(
        min_value=1, max_value=MAX_NUMBER, required=False, help_text="`next` of the page before holds it"
    )
    limit = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=100, help_text="rows per page")


class AuditFilter(ProjectAuditFilter):
    """Which records are wanted."""

    project = serializers.RegexField(PROJECT, required=False, help_text="only of this project")


class AuditShape(TypedDict):
    """A record of a security act: all that its hash covers, and the hashes."""

    number: Annotated[int, Field(description="1, 2, 3, ... without gaps")]
    at: Moment
    act: Annotated[str, Field(json_schema_extra={"enum": [act.value for act in Act]})]
    actor: Annotated[str | None, Field(description="username at that time; null: nobody was signed in")]
    actor_id: int | None
    way: Annotated[str, Field(description="how the actor came: page, token, key:<prefix>, ...")]
    address: str | None
    project_id: int | None
    subject: Annotated[str | None, Field(description="what it was done to, as user:7", examples=["user:7"])]
    details: dict[str, Any]
    request_id: Annotated[str | None, Field(description="X-Request-ID of its request; null: there was none")]
    previous: Annotated[str, Field(description="hash of the record before")]
    hash: str


_RECORD = {
    "number": 42,
    "at": "2026-11-25T09:00:00.000000Z",
    "act": "sign_in",
    "actor": "alice",
    "actor_id": 7,
    "way": "token",
    "address": "203.0.113.7",
    "project_id": None,
    "subject": "user:7",
    "details": {},
    "request_id": "0af7651916cd43dd8448eb211c80319c",
    "previous": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "hash": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
}


class AuditView(APIView):
    """List the records of security acts: sign-ins, roles, keys, approvals. For staff."""

    required_action = "audit.view"

    @operation(
        "audit_list",
        query=AuditFilter,
        returns=Page[AuditShape],
        example={"results": [_RECORD], "next": "/api/v1/audit?cursor=42"},
    )
    def get(self, request: Request) -> Response:
        """List the records of security acts, newest first: sign-ins, roles, keys, credentials, decisions.

        Each has its hash and that of the record before, so that who exports them can check that none was changed,
        taken out or put in.
        """
        wanted = valid(AuditFilter(data=request.query_params.dict()))
        found = AuditRecord.objects.all()
        if "project" in wanted:
            found = found.filter(project_id=find_project(request, wanted["project"]).pk)
        return _page(request, found, wanted)


class ProjectAuditView(APIView):
    """List what was done in a project that bears on its safety. For its maintainers."""

    required_action = "project.audit"

    @operation(
        "project_audit_list",
        query=ProjectAuditFilter,
        returns=Page[AuditShape],
        example={"results": [{**_RECORD, "act": "role.given", "project_id": 3}], "next": None},
    )
    def get(self, request: Request, project: str) -> Response:
        """List the records of a project, newest first: roles, credentials, webhooks, decisions, exports.

        Sign-ins and keys belong to people, so they are in no project's records.
        """
        wanted = valid(ProjectAuditFilter(data=request.query_params.dict()))
        home = project_in_path(request, self, project)
        return _page(request, audit_rows.of_project(home.pk), wanted)


class TeamAuditView(APIView):
    """List what was done in a team and in its projects. For its maintainers."""

    required_action = "team.audit"

    @operation(
        "team_audit_list",
        query=AuditFilter,
        returns=Page[AuditShape],
        example={"results": [{**_RECORD, "act": "role.given", "details": {"in": "team:2"}}], "next": None},
    )
    def get(self, request: Request, team: str) -> Response:
        """List the records of a team and of its projects, newest first.

        Of projects: those whose records you may read, and those that the team has deleted.
        """
        wanted = valid(AuditFilter(data=request.query_params.dict()))
        home = find_team(request, self, team)
        seen = audit_rows.projects_of(home, person(request))
        found = audit_rows.of_team(home, seen.order_by().values_list("pk", flat=True))
        if "project" in wanted:
            found = found.filter(project_id=find_project(request, wanted["project"]).pk)
        return _page(request, found, wanted)


def _page(request: Request, found: QuerySet[AuditRecord], wanted: dict[str, Any]) -> Response:
    page = list(_filtered(found, wanted)[: wanted["limit"] + 1])
    shown, following = page[: wanted["limit"]], None
    if len(page) > len(shown):
        step = "after" if "after" in wanted else "cursor"
        query = {**request.query_params.dict(), step: str(shown[-1].number)}
        following = f"{request.path}?{urlencode(query)}"
    return Response({"results": [record_shape(row) for row in shown], "next": following})


@receiver(decided_by_person)
def _approval_decided(sender: type[Approval], approval: Approval, decision: str, **_kwargs: Any) -> None:
    audit.record(
        Act.APPROVAL_DECIDED,
        subject=f"approval:{approval.public_id}",
        project_id=approval.run.project_id,
        details={
            "decision": decision,
            "run": str(approval.run.public_id),
            "step": approval.step.key,
            "question": approval.question[:500],
        },
    )


def record_shape(row: AuditRecord) -> AuditShape:
    """A record in JSON: all that its hash covers, and the hashes."""
    return cast(AuditShape, audit_rows.fields_of(row))


def _filtered(found: QuerySet[AuditRecord], wanted: dict[str, Any]) -> QuerySet[AuditRecord]:
    names = ("act", "actor", "since", "until")
    found = audit_rows.narrowed(found, **{name: wanted[name] for name in names if name in wanted})
    if "cursor" in wanted:
        found = found.filter(number__lt=wanted["cursor"])
    if "after" in wanted:
        return found.filter(number__gt=wanted["after"]).order_by("number")
    return found.order_by("-number")
