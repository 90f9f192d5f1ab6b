"""Judging all findings that match a filter, in one act that can be taken back.

GET  /api/v1/findings/matching             how many match, and `seen`: what an order is bound to
POST /api/v1/findings/sweeps               {"seen", "act", "reason"?, "until"?}
GET  /api/v1/findings/sweeps/<id>          how far it is
POST /api/v1/findings/sweeps/<id>/cancel   what was judged stays judged
POST /api/v1/findings/sweeps/<id>/undo     what it has changed is what it was before; a sweep of its own

Whoever made a sweep sees it, nobody else.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import Http404
from pydantic import Field
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import access
from agents import sights, sweeps
from agents.findings import UNDO, Verdict
from agents.models import Sweep, SweepState
from api.bodies import valid
from api.describe import operation
from api.findings import FindingMatch, project_of, run_of, wanted_of
from api.identity import person
from api.lists import asked
from api.shapes import Moment, Uuid, moment
from api.triage import TriageOrder


class SweepConflict(APIException):
    """The sweep cannot be taken back (any more)."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "sweep-conflict"


class Matching(TypedDict):
    """How many findings match, at this moment."""

    count: Annotated[int, Field(description=f"more than {sights.MOST:,} are not judged at once")]
    seen: Annotated[
        str, Field(description="what an order brings back, within a day: what comes or changes later is left")
    ]


class SweepShape(TypedDict):
    """An act on all findings that matched."""

    id: Uuid
    state: Annotated[
        str,
        Field(description="`running` goes on by itself", json_schema_extra={"enum": list(SweepState.values)}),
    ]
    act: Annotated[str, Field(json_schema_extra={"enum": [*(one.value for one in Verdict), UNDO]})]
    reason: str
    until: Moment | None
    expected: Annotated[int, Field(description="so many were seen")]
    judged: Annotated[
        int, Field(description="so many are; the others were changed since, or the act does not fit them")
    ]
    undoes: Annotated[Uuid | None, Field(description="the sweep that this one takes back")]
    undone_by: Annotated[Uuid | None, Field(description="the sweep that took this one back")]
    created_at: Moment
    ended_at: Moment | None


EXAMPLE: SweepShape = {
    "id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a21",
    "state": "done",
    "act": "dismiss",
    "reason": "generated code",
    "until": None,
    "expected": 8412,
    "judged": 8410,
    "undoes": None,
    "undone_by": None,
    "created_at": "2026-11-25T10:00:00Z",
    "ended_at": "2026-11-25T10:00:02Z",
}
_SEEN = "eyJwcm9qZWN0cyI6WzFdfQ:1vOr8X:Zm9y"


class SweepOrder(TriageOrder):
    """The body that judges all that was seen."""

    seen = serializers.CharField(max_length=20_000, help_text="as `GET /findings/matching` gave it")


class MatchingView(APIView):
    """How many findings match."""

    required_action = "finding.triage"

    @operation(
        "findings_matching", query=FindingMatch, returns=Matching, example={"count": 8412, "seen": _SEEN}
    )
    def get(self, request: Request) -> Response:
        """Count the findings that match, of the projects in which you judge, to judge them all. The filters are
        those of the list.
        """
        wanted = valid(FindingMatch(data=asked(request, FindingMatch)))
        run = run_of(request, wanted["run"]) if "run" in wanted else None
        if "project" in wanted:
            project = project_of(request, wanted["project"])
            self.check_object_permissions(request, project)
            keys = [project.pk]
        else:
            keys = list(access.projects_for(request.user, "finding.triage").values_list("pk", flat=True))
        sight = sights.take(keys, wanted_of(wanted), run=run)
        return Response({"count": sight.count, "seen": sights.sealed(sight)})


class SweepsView(APIView):
    """Acts on all findings that match."""

    required_action = "finding.triage"

    @operation(
        "findings_sweep",
        body=SweepOrder,
        sends={"seen": _SEEN, "act": "dismiss", "reason": "generated code"},
        returns=SweepShape,
        status=201,
        example=EXAMPLE,
    )
    def post(self, request: Request) -> Response:
        """Accept, dismiss or reopen all findings that were seen. Dismissing takes the role maintainer
        (`finding.dismiss`). What takes long goes on after the answer: ask for it until it is not `running`. The same
        `seen` again is the same sweep.
        """
        order = valid(SweepOrder(data=request.data))
        try:
            sight = sights.opened(order["seen"])
            _is_seen(request, sight)
            sweep = sweeps.order(
                person(request), sight, Verdict(order["act"]), reason=order["reason"], until=order["until"]
            )
        except (sights.SightLost, sweeps.TooMany) as error:
            raise serializers.ValidationError({"seen": [str(error)]}) from error
        except sweeps.NotJudged as error:
            raise PermissionDenied(str(error)) from error
        return Response(_shape(sweeps.work(sweep)), status=status.HTTP_201_CREATED)


class SweepView(APIView):
    """One act on all findings that matched."""

    required_action = "finding.triage"

    @operation("findings_sweep_read", returns=SweepShape, example=EXAMPLE)
    def get(self, request: Request, sweep_id: UUID) -> Response:
        """Tell how far a sweep of yours is."""
        return Response(_shape(_find(request, sweep_id)))


class SweepCancelView(APIView):
    """The end of a sweep."""

    required_action = "finding.triage"

    @operation("findings_sweep_cancel", returns=SweepShape, example={**EXAMPLE, "state": "cancelled"})
    def post(self, request: Request, sweep_id: UUID) -> Response:
        """Let a sweep end where it is. What it judged stays so; one that is over stays as it is."""
        sweep = _find(request, sweep_id)
        sweeps.cancel(sweep)
        sweep.refresh_from_db()
        return Response(_shape(sweep))


class SweepUndoView(APIView):
    """What takes a sweep back."""

    required_action = "finding.triage"

    @operation(
        "findings_sweep_undo",
        returns=SweepShape,
        status=201,
        example={**EXAMPLE, "act": "undo", "reason": "", "expected": 8410, "undoes": EXAMPLE["id"]},
        errors={409: "It is under way, takes something back itself, or is over for a day (sweep-conflict)."},
    )
    def post(self, request: Request, sweep_id: UUID) -> Response:
        """Take back what a sweep of yours has changed: each finding is what it was before, if nobody has judged it
        since. Within a day. Asked again it is the same.
        """
        try:
            sweep = sweeps.undo(person(request), _find(request, sweep_id))
        except sweeps.CannotUndo as error:
            raise SweepConflict(str(error)) from error
        except sweeps.NotJudged as error:
            raise PermissionDenied(str(error)) from error
        return Response(_shape(sweeps.work(sweep)), status=status.HTTP_201_CREATED)


def _is_seen(request: Request, sight: sights.Sight) -> None:
    """Raises Http404 if a sight is of projects that this person does not see."""
    seen = access.projects_for(request.user, "finding.view").filter(pk__in=sight.projects)
    if sight.projects and not seen.exists():
        raise Http404("there are no such projects that you may see")


def _find(request: Request, sweep_id: UUID) -> Sweep:
    bounds = person(request).bounds
    sweeps_of = Sweep.objects.select_related("undoes").filter(by_user=person(request).pk)
    sweep = sweeps_of.filter(public_id=sweep_id).first()
    if sweep is None or not (
        bounds is None or all(map(bounds.reach, sweep.projects))
    ):  # a key's may be fewer
        raise Http404(f"there is no sweep {sweep_id} of yours")
    return sweep


def _shape(sweep: Sweep) -> dict[str, Any]:
    undone_by = sweeps.undone_by(sweep)
    told: SweepShape = {
        "id": str(sweep.public_id),
        "state": str(sweep.state),
        "act": sweep.verdict,
        "reason": sweep.reason,
        "until": moment(sweep.until),
        "expected": sweep.expected,
        "judged": sweep.judged,
        "undoes": str(sweep.undoes.public_id) if sweep.undoes else None,
        "undone_by": str(undone_by.public_id) if undone_by else None,
        "created_at": moment(sweep.at),
        "ended_at": moment(sweep.ended_at),
    }
    return dict(told)
