"""What a person does to a run that is under way, or over: pause, hurry, do again.

POST /api/v1/runs/<id>/pause      {"reason"?}        running attempts end, nothing new begins
POST /api/v1/runs/<id>/resume     {}
POST /api/v1/runs/<id>/messages   {"text"}           told to all who follow the run (Idempotency-Key honoured)
POST /api/v1/runs/<id>/priority   {"priority": 0-9}  for the steps that wait
GET  /api/v1/runs/<id>/rerun      ?from=<key>        what a rerun would take over, and what it would do again
POST /api/v1/runs/<id>/rerun      {"from"?}          a new, linked run; without `from`: of what died or was cancelled
                                                     (header Idempotency-Key honoured)

What does not fit the run's state is a problem 409 whose type says which: `api.errors.REFUSED`.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID, uuid4, uuid5

from django.urls import reverse
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from api import examples, shapes
from api.bodies import StrictSerializer, idempotency_key, valid
from api.describe import operation
from api.lookup import find_run
from api.shapes import RerunPreviewShape, RunWhole, Uuid
from tasks import runs

MAX_STEP_KEY = 120


class PauseOrder(StrictSerializer):
    """The body that pauses a run."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class EmptyOrder(StrictSerializer):
    """A body that says nothing."""


class MessageOrder(StrictSerializer):
    """The body that tells a run something."""

    text = serializers.CharField(
        max_length=runs.LONGEST_REMARK, help_text="for people, and for operations that listen"
    )


class PriorityOrder(StrictSerializer):
    """The body that changes a run's priority."""

    priority = serializers.IntegerField(min_value=0, max_value=9)


class RerunOrder(StrictSerializer):
    """The body that does a run again. DRF's field cannot be named `from` in Python: see `get_fields`."""

    def get_fields(self) -> dict[str, Any]:
        return {
            "from": serializers.CharField(
                max_length=MAX_STEP_KEY,
                required=False,
                allow_null=True,
                help_text="key of the step to begin with; without it: what died or was cancelled",
            )
        }


class Rerun(RerunPreviewShape):
    """A new run that does an earlier one again."""

    id: Uuid
    state: str
    url: Annotated[str, Field(description="path of the page where people watch it")]
    parent: Annotated[Uuid, Field(description="the run that it does again")]


class Message(TypedDict):
    """What was told."""

    id: Uuid
    run: Uuid
    by: Annotated[str, Field(description="username")]
    text: str


_OVER = {409: "The run is over (run-is-over)."}
_NOT_OVER = {
    409: "The run is not over (run-not-over), or nothing in it failed and no step is named (nothing-to-retry)."
}
_PREVIEW: RerunPreviewShape = {
    "taken": ["super.plan"],
    "redone": [
        {
            "key": "inspector.security",
            "agent": "inspector",
            "operation": "security",
            "reason": "1,204 lines of Python; the goal names 'security problems'",
            "repeats_effect": False,
        }
    ],
    "anew": [],
}
_AGAIN: Rerun = {
    **_PREVIEW,
    "id": examples.RERUN_ID,
    "state": "running",
    "url": f"/runs/{examples.RERUN_ID}",
    "parent": examples.RUN_ID,
}
_MESSAGE: Message = {
    "id": "0192f0c4-6f0e-4b7e-9d4c-3f6a1f0f7b22",
    "run": examples.RUN_ID,
    "by": "alice",
    "text": "Leave the generated files out, please",
}
_GOING = {**examples.RUN, "state": "running", "finished_at": None, "summary": None, "artifacts": []}


class RunPauseView(APIView):
    """Hold a run."""

    required_action = "run.pause"

    @operation(
        "runs_pause",
        body=PauseOrder,
        sends={"reason": "a deployment goes on"},
        returns=RunWhole,
        example={**_GOING, "state": "paused", "paused_at": "2026-11-25T09:30:20Z"},
        errors=_OVER,
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Begin nothing new in this run until somebody resumes it. What runs goes on to its end."""
        order = valid(PauseOrder(data=request.data))
        run = find_run(request, self, run_id)
        run = runs.pause(run.public_id, by=request.user.get_username(), reason=order["reason"])
        return Response(shapes.run_whole(run))


class RunResumeView(APIView):
    """Let go of a run."""

    required_action = "run.pause"

    @operation("runs_resume", body=EmptyOrder, sends={}, returns=RunWhole, example=_GOING, errors=_OVER)
    def post(self, request: Request, run_id: UUID) -> Response:
        """Let a paused run go on."""
        valid(EmptyOrder(data=request.data))
        run = find_run(request, self, run_id)
        run = runs.resume(run.public_id, by=request.user.get_username())
        return Response(shapes.run_whole(run))


class RunMessagesView(APIView):
    """What people tell a run."""

    required_action = "run.message"

    @operation(
        "runs_message",
        body=MessageOrder,
        sends={"text": "Leave the generated files out, please"},
        returns=Message,
        example=_MESSAGE,
        status=201,
        errors=_OVER,
        idempotent=True,
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Tell a run that works something. All who follow it hear the event `run.message`; operations may read it."""
        order, key = valid(MessageOrder(data=request.data)), idempotency_key(request)
        run = find_run(request, self, run_id)
        by = request.user.get_username()
        remark = uuid4() if key is None else uuid5(run.public_id, f"{request.user.pk} {key}")
        runs.say(run.public_id, by=by, text=order["text"], remark=remark)
        told: Message = {"id": str(remark), "run": str(run.public_id), "by": by, "text": order["text"]}
        return Response(told, status=201)


class RunPriorityView(APIView):
    """Hurry a run, or let it wait."""

    required_action = "run.prioritize"

    @operation(
        "runs_priority",
        body=PriorityOrder,
        sends={"priority": 1},
        returns=RunWhole,
        example={**_GOING, "priority": 1},
        errors=_OVER,
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Give the steps that still wait another place in their queues. 0 is most urgent, 9 least."""
        order = valid(PriorityOrder(data=request.data))
        run = find_run(request, self, run_id)
        run = runs.set_priority(run.public_id, order["priority"], by=request.user.get_username())
        return Response(shapes.run_whole(run))


class RunRerunView(APIView):
    """Do a finished run again."""

    required_action = {"GET": "run.view", "POST": "run.rerun"}

    @operation(
        "runs_rerun_preview",
        query=RerunOrder,
        returns=RerunPreviewShape,
        example=_PREVIEW,
        errors={**_NOT_OVER, 404: "There is no such run that you may see, or no such step (step-not-found)."},
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Say what doing this run again would take over and do. Nothing is changed."""
        wanted = valid(RerunOrder(data=request.query_params.dict()))
        run = find_run(request, self, run_id)
        return Response(shapes.rerun_preview(runs.preview_rerun(run.public_id, wanted.get("from"))))

    @operation(
        "runs_rerun",
        body=RerunOrder,
        sends={"from": "inspector.security"},
        returns=Rerun,
        example=_AGAIN,
        status=201,
        also={200: "The run that the same Idempotency-Key made before."},
        errors={
            **_NOT_OVER,
            404: "There is no such run that you may see, or no such step (step-not-found).",
            422: "Another request was sent with this Idempotency-Key (idempotency-conflict).",
        },
        idempotent=True,
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Do a finished run again, as a new run that takes over what need not be done.

        From a step on; or, without `from`, what died or was cancelled (the dead letters) and what waited for that.
        """
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
        body: Rerun = {
            "id": str(name),
            "state": again.run.state,
            "url": f"/runs/{name}",
            "parent": str(run.public_id),
            **shapes.rerun_preview(again.preview),
        }
        location = reverse("api:run", args=[name])
        return Response(body, status=201 if again.created else 200, headers={"Location": location})
