"""Runs: submit, list, read, follow, cancel.

POST /api/v1/runs                      accept a request (header Idempotency-Key honoured)
GET  /api/v1/runs                      newest first; ?state= &project= &limit= &cursor=
GET  /api/v1/runs/<id>                 steps, summary, artifacts
GET  /api/v1/runs/<id>/events          ?after=<seq> &limit=
POST /api/v1/runs/<id>/cancel          {"reason"?}
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access
from accounts.models import Project
from agents import requests
from agents.workspace.targets import parse_target
from api import shapes
from tasks import events, runs
from tasks.models import Run
from tasks.states import RunState

MAX_PAGE = 200
MAX_EVENTS = 1000
MAX_SEQ = 2**63 - 1
KEY = re.compile(r"[\x21-\x7e]{1,200}\Z")
PROJECT = r"^[-a-zA-Z0-9_]{1,60}(/[-a-zA-Z0-9_]{1,60})?$"


class StrictSerializer(serializers.Serializer[Any]):
    """Names a field that it does not know, instead of dropping it silently."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            known = ", ".join(self.fields)
            raise serializers.ValidationError(
                {
                    str(name)[:100]: [f"there is no such field; the fields are {known}"]
                    for name in unknown[:20]
                }
            )
        return super().to_internal_value(data)


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


class RunFilter(serializers.Serializer[Any]):
    """The query of the list."""

    state = serializers.ChoiceField(choices=[s.value for s in RunState], required=False)
    project = serializers.RegexField(PROJECT, required=False)
    cursor = serializers.UUIDField(
        required=False, help_text="`next` of the page before holds it: the id of its last run"
    )
    limit = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=50)


class EventFilter(serializers.Serializer[Any]):
    """The query of the events."""

    after = serializers.IntegerField(min_value=0, max_value=MAX_SEQ, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_EVENTS, default=500)


class RunsView(APIView):
    """Submit a run, or list the runs that you may see."""

    required_action = {"GET": "run.view", "POST": "run.submit"}

    @extend_schema(operation_id="runs_list", parameters=[RunFilter], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """List the runs that you may see, newest first."""
        wanted = valid(RunFilter(data=request.query_params))
        page = list(_filtered(request, wanted)[: wanted["limit"] + 1])
        shown = page[: wanted["limit"]]
        following = None
        if len(page) > len(shown):
            query = {**request.query_params.dict(), "cursor": str(shown[-1].public_id)}
            following = f"{request.path}?{urlencode(query)}"
        return Response({"results": shapes.run_lines(shown), "next": following})

    @extend_schema(
        operation_id="runs_submit",
        request=RunOrder,
        responses={201: OpenApiTypes.OBJECT, 200: OpenApiTypes.OBJECT},
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
        body = {"id": str(run.public_id), "state": run.state, "url": f"/runs/{run.public_id}"}
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


def find_run(request: Request, view: APIView, run_id: UUID) -> Run:
    """Give a run that the caller may use for the view's action. Raises Http404, PermissionDenied."""
    run = Run.objects.select_related("project__team", "owner", "parent").filter(public_id=run_id).first()
    if run is None or not access.may(request.user, "run.view", run.project):
        raise Http404(f"there is no run {run_id}")
    view.check_object_permissions(request, run.project)
    return run


def find_project(request: Request, name: str) -> Project:
    """Give the visible project of a slug or team/slug. Raises ValidationError when none or several fit."""
    team, _, slug = name.rpartition("/")
    found = access.visible_projects(request.user).filter(slug=slug).select_related("team")
    if team:
        found = found.filter(team__slug=team)
    fitting = list(found[:20])
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise serializers.ValidationError({"project": [f"there is no project {name!r} that you may see"]})
    choices = ", ".join(f"{project.team.slug}/{project.slug}" for project in fitting)
    raise serializers.ValidationError(
        {"project": [f"several projects are named {name!r}; say which: {choices}"]}
    )


def _filtered(request: Request, wanted: dict[str, Any]) -> QuerySet[Run]:
    found = Run.objects.filter(project__in=access.projects_for(request.user, "run.view"))
    if "state" in wanted:
        found = found.filter(state=wanted["state"])
    if "project" in wanted:
        found = found.filter(project=find_project(request, wanted["project"]))
    if "cursor" in wanted:
        before = found.model.objects.filter(public_id=wanted["cursor"]).values_list("pk", flat=True).first()
        if before is None:
            raise serializers.ValidationError({"cursor": ["there is no such run; start without a cursor"]})
        found = found.filter(pk__lt=before)
    return found.select_related("project", "owner").order_by("-pk")


def idempotency_key(request: Request) -> str | None:
    """Read the header Idempotency-Key. Raises ValidationError for what is no key."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not KEY.match(key):
        raise serializers.ValidationError(
            {"Idempotency-Key": ["a key is 1 to 200 printable ASCII characters without blanks"]}
        )
    return str(key)


def valid(serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
    """Give what a serializer accepts. Raises ValidationError naming each fault."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
