"""Runs: submit, list, read, follow, cancel.

POST /api/v1/runs                      accept a request (header Idempotency-Key honoured)
GET  /api/v1/runs                      newest first; filters: see `RunFilter`
GET  /api/v1/runs/<id>                 steps, summary, artifacts
DELETE /api/v1/runs/<id>               for good; only what is over and nobody refers to
GET  /api/v1/runs/<id>/events          ?after=<seq> &limit=
POST /api/v1/runs/<id>/cancel          {"reason"?}
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import access, audit
from agents import requests
from agents.workspace.targets import parse_target
from api import examples, shapes
from api.bodies import StrictSerializer, idempotency_key, valid
from api.describe import Page, operation
from api.lists import ListQuery, ManyOf, asked, page_of
from api.lookup import PROJECT, find_project, find_run
from api.shapes import EventShape, RunLine, RunWhole
from tasks import events, retention, runs, searches
from tasks.models import Run
from tasks.states import RunState

MAX_EVENTS = 1000
MAX_SEQ = 2**63 - 1


class RunOrder(StrictSerializer):
    """The body that submits a run."""

    goal = serializers.CharField(min_length=1, max_length=requests.MAX_GOAL)
    target = serializers.DictField()
    base = serializers.JSONField(
        required=False,
        allow_null=True,
        default=None,
        help_text="report only what is new against it: a branch, tag or commit of the same repository, or a target",
    )
    sarif = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        allow_null=True,
        default=None,
        max_length=requests.MAX_SARIF,
        help_text="what other tools found on the target: uploads that hold SARIF 2.1.0, as {digest, name}",
    )
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
    """The query of the list. All filters must fit; `finished_at` lists only runs that are over."""

    orderings = {"created_at": "pk", "finished_at": "finished_at"}  # ids are given in the order of creation

    state = ManyOf(choices=[s.value for s in RunState], required=False, help_text="any of these")
    project = serializers.RegexField(PROJECT, required=False, help_text="slug, or team/slug")
    owner = serializers.CharField(required=False, max_length=150, help_text="username of who submitted it")
    q = serializers.CharField(required=False, max_length=200, help_text="part of the goal, in any case")
    agent = serializers.CharField(required=False, max_length=60, help_text="an agent that has a step in it")
    priority = serializers.IntegerField(
        required=False, min_value=0, max_value=9, help_text="submitted with this priority"
    )
    parent = serializers.UUIDField(  # type: ignore[assignment]  # DRF takes fields out of the class: no clash
        required=False, help_text="a run, whose reruns are wanted"
    )
    created_after = serializers.DateTimeField(required=False, help_text="at that moment or later")
    created_before = serializers.DateTimeField(required=False, help_text="before that moment")


class EventFilter(StrictSerializer):
    """The query of the events."""

    after = serializers.IntegerField(
        min_value=0, max_value=MAX_SEQ, default=0, help_text="seq of the last event that you have"
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=MAX_EVENTS, default=500, help_text="at most so many"
    )


class Accepted(TypedDict):
    """A run that was accepted."""

    id: shapes.Uuid
    state: str
    url: Annotated[str, Field(description="path of the page where people watch it")]


class Events(TypedDict):
    """Facts of a run, in their order."""

    events: list[EventShape]
    head: Annotated[int, Field(description="seq of the run's last event; read on from your last one")]
    removed_up_to: Annotated[
        int, Field(description="0, or the number up to which retention has removed what you asked for")
    ]


_ACCEPTED: Accepted = {"id": examples.RUN_ID, "state": "accepted", "url": f"/runs/{examples.RUN_ID}"}
_PAGE = {"results": [examples.RUN_LINE], "next": None}
_EVENTS: Events = {"events": [examples.EVENT], "head": 31, "removed_up_to": 0}


class RunsView(APIView):
    """Submit a run, or list the runs that you may see."""

    required_action = {"GET": "run.view", "POST": "run.submit"}

    @operation("runs_list", query=RunFilter, returns=Page[RunLine], example=_PAGE)
    def get(self, request: Request) -> Response:
        """List the runs that you may see, newest first."""
        wanted = valid(RunFilter(data=asked(request, RunFilter)))
        page = page_of(request, RunFilter, _filtered(request, wanted), wanted)
        return Response({"results": shapes.run_lines(page.rows), "next": page.next})

    @operation(
        "runs_submit",
        body=RunOrder,
        sends=examples.ORDER,
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
        target = parse_target(order["target"])
        wanted = requests.Request(
            goal=order["goal"],
            target=target,
            base=requests.base_of(order["base"], target),
            sarif=requests.sarif_of(order["sarif"]),
        )
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
    """Read one run, or delete it."""

    required_action = {"GET": "run.view", "DELETE": "run.delete"}

    @operation("runs_read", returns=RunWhole, example=examples.RUN)
    def get(self, request: Request, run_id: UUID) -> Response:
        """Read a run: its steps, what it found, what it made."""
        return Response(shapes.run_whole(find_run(request, self, run_id)))

    @operation(
        "runs_delete",
        status=204,
        errors={
            409: "It is not over (run-not-over), or a rerun of it, or a live run that works on what it made,"
            " is there (run-referred-to)."
        },
    )
    def delete(self, request: Request, run_id: UUID) -> Response:
        """Delete a run that is over, for good: nobody finds it from here on.

        Its steps, events, logs, artifacts and findings are removed within minutes, bytes that nothing else names
        within two days. What the project's list of findings remembers of it stays. The audit chain keeps who did it.
        """
        run = find_run(request, self, run_id)
        with transaction.atomic():
            gone = retention.discard(run.public_id)
            audit.record(
                audit.Act.RUN_DELETED,
                subject=f"run:{gone.public_id}",
                project_id=gone.project_id,
                details={
                    "goal": gone.goal[:200],
                    "state": gone.state,
                    "owner": run.owner.get_username() if run.owner else "",
                    "created_at": shapes.moment(gone.created_at),
                },
            )
        return Response(status=204)


class RunEventsView(APIView):
    """Read the facts of a run."""

    required_action = "run.view"

    @operation("runs_events", query=EventFilter, returns=Events, example=_EVENTS)
    def get(self, request: Request, run_id: UUID) -> Response:
        """Read the facts of a run after a number. It is the same cursor as the WebSocket's."""
        wanted = valid(EventFilter(data=request.query_params.dict()))
        run = find_run(request, self, run_id)
        rows = events.since(run, wanted["after"], limit=wanted["limit"])
        body: Events = {
            "events": [shapes.event(row) for row in rows],
            "head": run.last_seq,
            "removed_up_to": events.removed_up_to(run, wanted["after"], rows),
        }
        return Response(body)


class RunCancelView(APIView):
    """Ask for the end of a run."""

    required_action = "run.cancel"

    @operation(
        "runs_cancel",
        body=CancelOrder,
        sends={"reason": "it inspects the wrong branch"},
        returns=RunWhole,
        example={**examples.RUN, "state": "cancelled", "cancel_requested": True, "summary": None},
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Cancel a run. Running attempts are told to stop; what is over stays as it is."""
        order = valid(CancelOrder(data=request.data))
        run = find_run(request, self, run_id)
        run = runs.cancel(run.public_id, by=request.user.get_username(), reason=order["reason"])
        return Response(shapes.run_whole(run))


def _filtered(request: Request, wanted: dict[str, Any]) -> QuerySet[Run]:
    found = Run.objects.filter(project__in=access.projects_for(request.user, "run.view"))
    if "project" in wanted:
        found = found.filter(project=find_project(request, wanted["project"]))
    if wanted["ordering"].endswith("finished_at"):
        found = found.filter(finished_at__isnull=False)
    return searches.fitting(found, wanted).select_related("project", "owner")
