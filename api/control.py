"""What a person does to a run that is under way, or over: pause, hurry, do again.

POST /api/v1/runs/<id>/pause      {"reason"?}        running attempts end, nothing new begins
POST /api/v1/runs/<id>/resume     {}
POST /api/v1/runs/<id>/priority   {"priority": 0-9}  for the steps that wait
GET  /api/v1/runs/<id>/rerun      ?from=<key>        what a rerun would take over, and what it would do again
POST /api/v1/runs/<id>/rerun      {"from"?}          a new, linked run; without `from`: of what died or was cancelled
                                                     (header Idempotency-Key honoured)

What does not fit the run's state is a problem 409 whose type says which: `api.errors.REFUSED`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import shapes
from api.bodies import StrictSerializer, idempotency_key, valid
from api.lookup import find_run
from tasks import runs

MAX_STEP_KEY = 120


class PauseOrder(StrictSerializer):
    """The body that pauses a run."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class EmptyOrder(StrictSerializer):
    """A body that says nothing."""


class PriorityOrder(StrictSerializer):
    """The body that changes a run's priority."""

    priority = serializers.IntegerField(min_value=0, max_value=9)


class RerunOrder(StrictSerializer):
    """The body that does a run again. DRF's field cannot be named `from` in Python: see `get_fields`."""

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.CharField(max_length=MAX_STEP_KEY, required=False, allow_null=True)}


class RunPauseView(APIView):
    """Begin nothing new in this run until somebody resumes it."""

    required_action = "run.pause"

    @extend_schema(operation_id="runs_pause", request=PauseOrder, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, run_id: UUID) -> Response:
        order = valid(PauseOrder(data=request.data))
        run = find_run(request, self, run_id)
        run = runs.pause(run.public_id, by=request.user.get_username(), reason=order["reason"])
        return Response(shapes.run_whole(run))


class RunResumeView(APIView):
    """Let a paused run go on."""

    required_action = "run.pause"

    @extend_schema(operation_id="runs_resume", request=EmptyOrder, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, run_id: UUID) -> Response:
        valid(EmptyOrder(data=request.data))
        run = find_run(request, self, run_id)
        run = runs.resume(run.public_id, by=request.user.get_username())
        return Response(shapes.run_whole(run))


class RunPriorityView(APIView):
    """Give the steps that still wait another place in their queues."""

    required_action = "run.prioritize"

    @extend_schema(operation_id="runs_priority", request=PriorityOrder, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, run_id: UUID) -> Response:
        order = valid(PriorityOrder(data=request.data))
        run = find_run(request, self, run_id)
        run = runs.set_priority(run.public_id, order["priority"], by=request.user.get_username())
        return Response(shapes.run_whole(run))


class RunRerunView(APIView):
    """Do a finished run again from a step on, or what died in it, as a new run that takes the rest over."""

    required_action = {"GET": "run.view", "POST": "run.rerun"}

    @extend_schema(operation_id="runs_rerun_preview", parameters=[RerunOrder], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, run_id: UUID) -> Response:
        """Say what doing this run again would take over and do; changes nothing."""
        wanted = valid(RerunOrder(data=request.query_params.dict()))
        run = find_run(request, self, run_id)
        return Response(shapes.rerun_preview(runs.preview_rerun(run.public_id, wanted.get("from"))))

    @extend_schema(
        operation_id="runs_rerun",
        request=RerunOrder,
        responses={201: OpenApiTypes.OBJECT, 200: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Do a finished run again. The header Idempotency-Key makes an order that is sent twice one run."""
        order = valid(RerunOrder(data=request.data))
        run = find_run(request, self, run_id)
        again = runs.rerun(
            run.public_id,
            order.get("from"),
            by=request.user.get_username(),
            owner_id=request.user.pk,
            idempotency_key=idempotency_key(request),
        )
        name = again.run.public_id
        body = {
            "id": str(name),
            "state": again.run.state,
            "url": f"/runs/{name}",
            "parent": str(run.public_id),
            **shapes.rerun_preview(again.preview),
        }
        location = reverse("api:run", args=[name])
        return Response(body, status=201 if again.created else 200, headers={"Location": location})
