"""Runs: submit, list, read, follow, cancel.

POST /api/v1/runs                      accept a request (header Idempotency-Key honoured)
GET  /api/v1/runs                      newest first; ?state= &project= &ordering= &limit= &cursor=
GET  /api/v1/runs/<id>                 steps, summary, artifacts
GET  /api/v1/runs/<id>/events          ?after=<seq> &limit=
POST /api/v1/runs/<id>/cancel          {"reason"?}
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import access
from agents import requests
from agents.workspace.targets import parse_target
from api import shapes
from api.bodies import StrictSerializer, idempotency_key, valid
from api.describe import Page, operation
from api.lists import ListQuery, page_of
from api.lookup import PROJECT, find_project, find_run
from api.shapes import RunLine
from tasks import events, runs
from tasks.models import Run
from tasks.states import RunState

MAX_PAGE = 200
MAX_EVENTS = 1000
MAX_SEQ = 2**63 - 1


class RunOrder(StrictSerializer):
    """The body that submits a run."""

    goal = serializers.CharField(min_length=1, max_length=requests.MAX_GOAL)
    target = serializers.DictField()
    project = serializers.RegexField(
        PROJECT, default="default", help_text="slug, or team/slug where slugs repeat"
    )
    priority = serializers.IntegerField(
        min_value=0, max_value=9, required=False, allow_null=True, default=None
    )


class CancelOrder(StrictSerializer):
    """The body that cancels a run."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class RunFilter(ListQuery):
    """The query of the list."""

    orderings = {"created_at": "pk"}  # ids are given in that order

    state = serializers.ChoiceField(choices=[s.value for s in RunState], required=False)
    project = serializers.RegexField(PROJECT, required=False)


class EventFilter(serializers.Serializer[Any]):
    """The query of the events."""

    after = serializers.IntegerField(min_value=0, max_value=MAX_SEQ, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_EVENTS, default=500)


class Accepted(TypedDict):
    """A run that was accepted."""

    id: shapes.Uuid
    state: str
    url: Annotated[str, Field(description="path of the page where people watch it")]


_ID = "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11"
_ORDER = {
    "goal": "Find security problems",
    "target": {"kind": "git", "url": "https://git.example.org/team/shop.git"},
    "project": "acme/shop",
}
_ACCEPTED = {"id": _ID, "state": "accepted", "url": f"/runs/{_ID}"}
_LINE = {
    **_ACCEPTED,
    "state": "running",
    "goal": _ORDER["goal"],
    "project": "shop",
    "owner": "alice",
    "priority": None,
    "created_at": "2026-11-25T09:30:00Z",
    "paused_at": None,
    "started_at": "2026-11-25T09:30:01Z",
    "finished_at": None,
    "failure": "",
    "open_approvals": 0,
}
_PAGE = {"results": [_LINE], "next": None}


class RunsView(APIView):
    """Submit a run, or list the runs that you may see."""

    required_action = {"GET": "run.view", "POST": "run.submit"}

    @operation("runs_list", query=RunFilter, returns=Page[RunLine], example=_PAGE)
    def get(self, request: Request) -> Response:
        """List the runs that you may see, newest first."""
        wanted = valid(RunFilter(data=request.query_params.dict()))
        page = page_of(request, RunFilter, _filtered(request, wanted), wanted)
        return Response({"results": shapes.run_lines(page.rows), "next": page.next})

    @operation(
        "runs_submit",
        body=RunOrder,
        sends=_ORDER,
        returns=Accepted,
        example=_ACCEPTED,
        status=201,
        also={200: "The run that the same Idempotency-Key made before."},
        errors={422: "Another request was sent with this Idempotency-Key (idempotency-conflict)."},
        idempotent=True,
    )
    def post(self, request: Request) -> Response:
        """Submit a run. The header Idempotency-Key makes a request that is sent twice one run."""
        order = valid(RunOrder(data=request.data))
        project = find_project(request, order["project"])
        self.check_object_permissions(request, project)
        wanted = requests.Request(goal=order["goal"], target=parse_target(order["target"]))
        run, created = requests.submit(
            wanted,
            project_id=project.pk,
            owner_id=request.user.pk,
            idempotency_key=idempotency_key(request),
            priority=order["priority"],
        )
        body: Accepted = {"id": str(run.public_id), "state": run.state, "url": f"/runs/{run.public_id}"}
        location = reverse("api:run", args=[run.public_id])
        return Response(body, status=201 if created else 200, headers={"Location": location})


class RunView(APIView):
    """Read one run: its steps, what it found, what it made."""

    required_action = "run.view"

    @extend_schema(operation_id="runs_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, run_id: UUID) -> Response:
        return Response(shapes.run_whole(find_run(request, self, run_id)))


class RunEventsView(APIView):
    """Read the facts of a run after a number; the same cursor as the WebSocket's.

    `removed_up_to` is 0, or the number up to which retention has removed what you asked for.
    """

    required_action = "run.view"

    @extend_schema(operation_id="runs_events", parameters=[EventFilter], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, run_id: UUID) -> Response:
        wanted = valid(EventFilter(data=request.query_params))
        run = find_run(request, self, run_id)
        rows = events.since(run, wanted["after"], limit=wanted["limit"])
        body = {
            "events": [shapes.event(row) for row in rows],
            "head": run.last_seq,
            "removed_up_to": events.removed_up_to(run, wanted["after"], rows),
        }
        return Response(body)


class RunCancelView(APIView):
    """Ask for the end of a run. What is over stays as it is."""

    required_action = "run.cancel"

    @extend_schema(operation_id="runs_cancel", request=CancelOrder, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, run_id: UUID) -> Response:
        order = valid(CancelOrder(data=request.data))
        run = find_run(request, self, run_id)
        run = runs.cancel(run.public_id, by=request.user.get_username(), reason=order["reason"])
        return Response(shapes.run_whole(run))


def _filtered(request: Request, wanted: dict[str, Any]) -> QuerySet[Run]:
    found = Run.objects.filter(project__in=access.projects_for(request.user, "run.view"))
    if "state" in wanted:
        found = found.filter(state=wanted["state"])
    if "project" in wanted:
        found = found.filter(project=find_project(request, wanted["project"]))
    return found.select_related("project", "owner")
