"""The audit chain, for staff, and what the API itself adds to it.

GET /api/v1/audit   newest first; ?act= &actor= &project=<slug> &limit= &cursor=
                    ?after=<number>: what came after that one, oldest first, for programs that export

Each record has its `hash` and the one before, so that who exports them can check the chain without us.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.dispatch import receiver
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit
from accounts.audit import Act
from accounts.models import AuditRecord
from api.bodies import StrictSerializer, valid
from api.lookup import PROJECT, find_project
from api.shapes import moment
from tasks.models import Approval
from tasks.runs.approvals import decided_by_person

MAX_PAGE = 1000
MAX_NUMBER = 2**63 - 1


class AuditFilter(StrictSerializer):
    """Which records are wanted."""

    act = serializers.ChoiceField(choices=[act.value for act in Act], required=False)
    actor = serializers.CharField(max_length=150, required=False)
    project = serializers.RegexField(PROJECT, required=False)
    after = serializers.IntegerField(min_value=0, max_value=MAX_NUMBER, required=False)
    cursor = serializers.IntegerField(
        min_value=1, max_value=MAX_NUMBER, required=False, help_text="`next` of the page before holds it"
    )
    limit = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=100)


class AuditView(APIView):
    """List the records of security acts: sign-ins, roles, keys, approvals. For staff."""

    required_action = "audit.view"

    @extend_schema(operation_id="audit_list", parameters=[AuditFilter], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        wanted = valid(AuditFilter(data=request.query_params.dict()))
        page = list(_filtered(request, wanted)[: wanted["limit"] + 1])
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


def record_shape(row: AuditRecord) -> dict[str, Any]:
    """A record in JSON: all that its hash covers, and the hashes."""
    return {
        "number": row.number,
        "at": moment(row.at),
        "act": row.act,
        "actor": row.actor or None,
        "actor_id": row.actor_id,
        "way": row.way,
        "address": row.address or None,
        "project_id": row.project_id,
        "subject": row.subject or None,
        "details": row.details,
        "previous": row.previous,
        "hash": row.hash,
    }


def _filtered(request: Request, wanted: dict[str, Any]) -> QuerySet[AuditRecord]:
    found = AuditRecord.objects.all()
    for name in ("act", "actor"):
        if name in wanted:
            found = found.filter(**{name: wanted[name]})
    if "project" in wanted:
        found = found.filter(project_id=find_project(request, wanted["project"]).pk)
    if "cursor" in wanted:
        found = found.filter(number__lt=wanted["cursor"])
    if "after" in wanted:
        return found.filter(number__gt=wanted["after"]).order_by("number")
    return found.order_by("-number")
