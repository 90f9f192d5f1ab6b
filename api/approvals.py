"""Questions that steps ask people, and the answers.

GET  /api/v1/approvals         of your projects, oldest first; ?state=open|decided|all &run=<id> &limit= &cursor=
GET  /api/v1/approvals/<id>    one question, with its answer if there is one
POST /api/v1/approvals/<id>    {"decision": "approve" | "reject", "comment"?}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access
from api import shapes
from api.bodies import StrictSerializer, valid
from api.describe import Page, operation
from tasks import runs
from tasks.models import Approval

MAX_PAGE = 200


class ApprovalFilter(StrictSerializer):
    """Which questions are wanted."""

    run = serializers.UUIDField(required=False, help_text="only of this run")
    state = serializers.ChoiceField(
        choices=["open", "decided", "all"], default="open", help_text="only in this state"
    )
    cursor = serializers.UUIDField(
        required=False, help_text="`next` of the page before holds it: the id of its last question"
    )
    limit = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=50, help_text="rows per page")


class ApprovalOrder(StrictSerializer):
    """The body that answers a question."""

    decision = serializers.ChoiceField(choices=["approve", "reject"])
    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class Question(shapes.ApprovalShape):
    """A question to people, and whether it is yours to answer."""

    may_decide: Annotated[bool, Field(description="nobody has answered yet, and you may")]


_ID = "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a30"
_RUN = "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11"
_QUESTION: dict[str, Any] = {
    "id": _ID,
    "run": _RUN,
    "url": f"/runs/{_RUN}#part-approvals",
    "step": "dba.index",
    "question": "Create the index on orders.created_at?",
    "details": {"statement": "CREATE INDEX CONCURRENTLY ON orders (created_at)"},
    "role": "maintainer",
    "users": [],
    "asked_at": "2026-11-25T09:31:00Z",
    "expires_at": "2026-11-26T09:31:00Z",
    "decision": None,
    "decided_at": None,
    "decided_by": None,
    "comment": "",
    "may_decide": True,
}
_DECIDED = {
    **_QUESTION,
    "decision": "approved",
    "decided_at": "2026-11-25T09:40:00Z",
    "decided_by": "alice",
    "comment": "After the backup, please",
    "may_decide": False,
}


class ApprovalsView(APIView):
    """List the questions of the projects that you see; `may_decide` tells which are yours to answer."""

    required_action = "approval.view"

    @operation(
        "approvals_list",
        query=ApprovalFilter,
        returns=Page[Question],
        example={"results": [_QUESTION], "next": None},
    )
    def get(self, request: Request) -> Response:
        """List the questions of the projects that you see, oldest first.

        Steps ask people before they do what is risky, and wait meanwhile. `may_decide` tells which are yours.
        """
        wanted = valid(ApprovalFilter(data=request.query_params.dict()))
        page = list(_filtered(request, wanted)[: wanted["limit"] + 1])
        shown, following = page[: wanted["limit"]], None
        if len(page) > len(shown):
            query = {**request.query_params.dict(), "cursor": str(shown[-1].public_id)}
            following = f"{request.path}?{urlencode(query)}"
        return Response({"results": _shapes(request, shown), "next": following})


class ApprovalView(APIView):
    """Read a question, or answer it. An answer is given once; the same again by the same person changes nothing."""

    required_action = {"GET": "approval.view", "POST": "approval.decide"}

    @operation("approvals_read", returns=Question, example=_QUESTION)
    def get(self, request: Request, approval_id: UUID) -> Response:
        """Read a question, with its answer if there is one."""
        return Response(_shapes(request, [_find(request, self, approval_id)])[0])

    @operation(
        "approvals_decide",
        body=ApprovalOrder,
        sends={"decision": "approve", "comment": "After the backup, please"},
        returns=Question,
        example=_DECIDED,
        errors={
            403: "The question asks for a greater role, or for named people.",
            409: "Somebody has decided otherwise (approval-decided), or its run is over (run-is-over).",
        },
    )
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Answer a question. The first answer counts; the same again by the same person changes nothing."""
        order = valid(ApprovalOrder(data=request.data))
        approval = _find(request, self, approval_id)
        _refuse_others(request, approval)
        approval = runs.decide(
            approval.public_id,
            approved=order["decision"] == "approve",
            by_user_id=request.user.pk,
            by=request.user.get_username(),
            comment=order["comment"],
        )
        return Response(_shapes(request, [approval])[0])


def _find(request: Request, view: APIView, approval_id: UUID) -> Approval:
    """Give a question that the caller may use for the view's action. Raises Http404, PermissionDenied."""
    approval = (
        Approval.objects.select_related("run__project__team", "step", "decided_by")
        .filter(public_id=approval_id, run__hidden_at=None)
        .first()
    )
    if approval is None or not access.may(request.user, "approval.view", approval.run.project):
        raise Http404(f"there is no approval {approval_id}")
    view.check_object_permissions(request, approval.run.project)
    return approval


def _refuse_others(request: Request, approval: Approval) -> None:
    """Let pass whom the question asks. Raises PermissionDenied."""
    project = approval.run.project
    if access.may_decide(request.user, project, role=approval.role, users=approval.users):
        return
    needed = f"the role {approval.role} or above in the project"
    if approval.users:
        raise PermissionDenied(f"only {', '.join(approval.users)} may decide this, with {needed}")
    raise PermissionDenied(f"deciding this takes {needed}")


def _filtered(request: Request, wanted: dict[str, Any]) -> QuerySet[Approval]:
    projects = access.projects_for(request.user, "approval.view")
    found = Approval.objects.filter(run__project__in=projects, run__hidden_at=None).order_by("pk")
    if wanted["state"] != "all":
        is_open = Q(decision="")
        found = found.filter(is_open if wanted["state"] == "open" else ~is_open)
    if "run" in wanted:
        found = found.filter(run__public_id=wanted["run"])
    if "cursor" in wanted:
        after = Approval.objects.filter(public_id=wanted["cursor"]).values_list("pk", flat=True).first()
        if after is None:
            raise serializers.ValidationError(
                {"cursor": ["there is no such question; start without a cursor"]}
            )
        found = found.filter(pk__gt=after)
    return found.select_related("run__project__team", "step", "decided_by")


def _shapes(request: Request, approvals: Sequence[Approval]) -> list[Question]:
    """Questions, each with whether it is the caller's to answer, if nobody has yet."""
    projects = {row.run.project_id: row.run.project for row in approvals}
    mine = {pk: access.role_in(request.user, project) for pk, project in projects.items()}
    return [
        {
            **shapes.approval(row, row.run),
            "may_decide": not row.decision
            and access.decides_as(mine[row.run.project_id], request.user, role=row.role, users=row.users),
        }
        for row in approvals
    ]
