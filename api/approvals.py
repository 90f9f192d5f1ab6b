"""Questions that steps ask people, and the answers.

GET  /api/v1/approvals         open ones of your projects, oldest first; ?run=<id>
POST /api/v1/approvals/<id>    {"decision": "approve" | "reject", "comment"?}
"""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access
from api import shapes
from api.runs import StrictSerializer, valid
from tasks import runs
from tasks.models import Approval

MAX_SHOWN = 200


class ApprovalFilter(StrictSerializer):
    """Which questions are wanted."""

    run = serializers.UUIDField(required=False)


class ApprovalOrder(StrictSerializer):
    """The body that answers a question."""

    decision = serializers.ChoiceField(choices=["approve", "reject"])
    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class ApprovalsView(APIView):
    """List the open questions of the projects that you see; `may_decide` tells which are yours to answer."""

    required_action = "approval.view"

    @extend_schema(operation_id="approvals_list", parameters=[ApprovalFilter], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        wanted = valid(ApprovalFilter(data=request.query_params))
        projects = access.projects_for(request.user, "approval.view")
        found = Approval.objects.filter(decision="", run__project__in=projects).order_by("pk")
        if "run" in wanted:
            found = found.filter(run__public_id=wanted["run"])
        shown = found.select_related("run__project__team", "step", "decided_by")[:MAX_SHOWN]
        return Response({"approvals": [_shape(request, approval) for approval in shown]})


class ApprovalView(APIView):
    """Answer a question."""

    required_action = "approval.decide"

    @extend_schema(operation_id="approvals_decide", request=ApprovalOrder, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, approval_id: UUID) -> Response:
        order = valid(ApprovalOrder(data=request.data))
        approval = _find(request, self, approval_id)
        runs.decide(
            approval.public_id,
            approved=order["decision"] == "approve",
            by_user_id=request.user.pk,
            by=request.user.get_username(),
            comment=order["comment"],
        )
        approval.refresh_from_db()
        return Response(_shape(request, approval))


def _find(request: Request, view: APIView, approval_id: UUID) -> Approval:
    """Give a question that the caller may answer. Raises Http404, PermissionDenied."""
    approval = (
        Approval.objects.select_related("run__project__team", "step", "decided_by")
        .filter(public_id=approval_id)
        .first()
    )
    if approval is None or not access.may(request.user, "approval.view", approval.run.project):
        raise Http404(f"there is no approval {approval_id}")
    view.check_object_permissions(request, approval.run.project)
    if not _may_decide(request, approval):
        named = f" and one of {', '.join(approval.users)}" if approval.users else ""
        raise PermissionDenied(f"this is for a {approval.role} of the project{named} to decide")
    return approval


def _may_decide(request: Request, approval: Approval) -> bool:
    return access.may_decide(request.user, approval.run.project, role=approval.role, users=approval.users)


def _shape(request: Request, approval: Approval) -> dict[str, object]:
    return {**shapes.approval(approval), "may_decide": _may_decide(request, approval)}
