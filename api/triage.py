"""What people decide on findings.

POST /api/v1/findings/<id>/triage   {"act": "accept" | "dismiss" | "reopen", "reason"?, "until"?}
POST /api/v1/findings/triage        {"ids": [...], "act", ...}: all of them, or none and a problem that names each

accept    it is true and will be dealt with; it counts
dismiss   it is not to be counted, until a moment or for good; needs a reason, and the role maintainer
reopen    look at it again; it counts
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from pydantic import Field
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import access
from agents import judging, triage
from agents.findings import Verdict
from agents.judging import MAX_REASON, MOST_AT_ONCE, NOT_DISMISS, Why
from agents.models import TrackedFinding
from api.bodies import StrictSerializer, valid
from api.describe import operation
from api.etags import answer, demand
from api.finding_shapes import FindingLine, FindingWhole, finding_lines, finding_whole
from api.findings import EXAMPLE, PAGE, find_finding
from api.identity import person


class TriageConflict(APIException):
    """The finding's status does not allow this."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "triage-conflict"


class TriageRefused(APIException):
    """Some of many findings cannot be judged; `errors` names each. Nothing was changed."""

    default_code = "triage-refused"

    def __init__(self, faults: Sequence[tuple[int, int, str]], asked: int) -> None:
        """Take (status, place among the ids, why) for each. The answer has the status of the one least allowed."""
        self.status_code = max(faults, key=lambda fault: _GRAVITY[fault[0]])[0]
        self.errors = [{"field": f"ids.{place}", "message": why} for _, place, why in faults]
        super().__init__(f"{len(faults)} of {asked} cannot be judged so; nothing was changed")


_GRAVITY: Mapping[int, int] = {409: 0, 403: 1, 404: 2}
_STATUS: Mapping[Why, int] = {Why.CHANGED: 409, Why.CONFLICT: 409, Why.NOT_ALLOWED: 403, Why.UNKNOWN: 404}


class TriageOrder(StrictSerializer):
    """The body that judges a finding."""

    act = serializers.ChoiceField(choices=[verdict.value for verdict in Verdict])
    reason = serializers.CharField(
        max_length=MAX_REASON, required=False, allow_blank=True, default="", help_text="a dismissal needs one"
    )
    until = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="when a dismissal ends; without: it does not"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a dismissal without a reason, and an end of what has none."""
        fault = judging.fault_of(
            Verdict(attrs["act"]), reason=attrs["reason"], until=attrs["until"], now=timezone.now()
        )
        if fault is not None:
            raise serializers.ValidationError({fault[0]: [fault[1]]})
        return attrs


class BulkTriageOrder(TriageOrder):
    """The body that judges many findings alike."""

    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST_AT_ONCE)


class Judged(TypedDict):
    """Findings after they were judged."""

    changed: Annotated[int, Field(description="how many of them were not so judged by you already")]
    results: list[FindingLine]


_DISMISS = {
    "act": "dismiss",
    "reason": "the parameter is checked by the caller",
    "until": "2027-01-01T00:00:00Z",
}


class FindingTriageView(APIView):
    """What people think of a finding."""

    required_action = "finding.triage"

    @operation(
        "findings_triage",
        body=TriageOrder,
        sends=_DISMISS,
        returns=FindingWhole,
        example=EXAMPLE,
        errors={409: "It is open already, and nobody has judged it (triage-conflict)."},
        editable=True,
    )
    def post(self, request: Request, finding_id: UUID) -> Response:
        """Accept, dismiss or reopen a finding. Dismissing takes the role maintainer (`finding.dismiss`). The same
        again by the same person changes nothing.
        """
        order = valid(TriageOrder(data=request.data))
        verdict = Verdict(order["act"])
        with transaction.atomic():
            for row in triage.lock([find_finding(request, finding_id).pk]):
                self.check_object_permissions(request, row.project)
                if verdict is Verdict.DISMISS and not access.may(
                    request.user, "finding.dismiss", row.project
                ):
                    raise PermissionDenied(NOT_DISMISS)
                demand(request, finding_whole(row))
                _decide(request, [row], verdict, order)
        return answer(request, finding_whole(find_finding(request, finding_id)))


class FindingsTriageView(APIView):
    """What people think of many findings."""

    required_action = "finding.triage"

    @operation(
        "findings_triage_many",
        body=BulkTriageOrder,
        sends={"ids": [EXAMPLE["id"]], **_DISMISS},
        returns=Judged,
        example={"changed": 1, "results": PAGE["results"]},
        errors={
            404: "Some of them are none that you may see (triage-refused); `errors` names each as `ids.<place>`.",
            409: "Some of them are open already (triage-refused); `errors` names each.",
        },
    )
    def post(self, request: Request) -> Response:
        """Judge many findings alike, all or none. They are answered in the order of the ids. A problem names each
        that cannot be, by its place among the ids (the first hundred).
        """
        order = valid(BulkTriageOrder(data=request.data))
        places = {finding_id: place for place, finding_id in reversed(list(enumerate(order["ids"])))}
        places = dict(sorted(places.items(), key=lambda known: known[1]))
        with transaction.atomic():
            rows = judging.seen_by(person(request), places)
            refused = judging.refusals(person(request), places, rows, Verdict(order["act"]))
            if refused:
                faults = [(_STATUS[one.why], places[one.finding_id], one.told) for one in refused]
                raise TriageRefused(faults, len(places))
            changed = _decide(request, rows, Verdict(order["act"]), order)
        after = TrackedFinding.objects.with_status().select_related("project__team")
        judged = sorted(after.filter(pk__in=[row.pk for row in rows]), key=lambda row: places[row.public_id])
        told = finding_lines(judged)
        return Response({"changed": len(changed), "results": told})


def _decide(
    request: Request, rows: Sequence[TrackedFinding], verdict: Verdict, order: Mapping[str, Any]
) -> list[TrackedFinding]:
    try:
        return triage.decide(rows, verdict, reason=order["reason"], until=order["until"], by=person(request))
    except triage.NothingToReopen as error:
        raise TriageConflict(str(error)) from error
