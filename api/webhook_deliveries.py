"""What webhooks were sent, and what was answered.

GET  /api/v1/projects/<team>/<project>/webhooks/<id>/deliveries              ?state= &event= &limit= &cursor=
GET  /api/v1/projects/<team>/<project>/webhooks/<id>/deliveries/<id>         request, and each attempt with its answer
POST /api/v1/projects/<team>/<project>/webhooks/<id>/deliveries/<id>/replay  -> 202 with a new delivery of the same
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.db import transaction
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from pydantic import Field
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts.models import Project
from api.bodies import StrictSerializer, valid
from api.describe import Page, operation
from api.lists import ListQuery, page_of
from api.lookup import held_project, project_in_path
from api.shapes import Moment, Uuid, moment
from monitoring import webhooks
from monitoring.models import DeliveryState, HookEvent, WebHook, WebHookDelivery
from monitoring.webhooks import DeliveryWaits

STATES = [state.value for state in DeliveryState]
EVENTS = [event.value for event in HookEvent]


class DeliveryConflict(APIException):
    """The delivery is not in a state that allows this."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "delivery-conflict"


class DeliveryLine(TypedDict):
    """A delivery as lists show it."""

    id: Annotated[Uuid, Field(description="what the header X-Wrench-Delivery says")]
    event: Annotated[str, Field(json_schema_extra={"enum": EVENTS})]
    run: Annotated[Uuid | None, Field(description="the run that it is about")]
    seq: Annotated[int | None, Field(description="the event's number in the run")]
    state: Annotated[str, Field(json_schema_extra={"enum": STATES})]
    attempts: Annotated[int, Field(description="how many were begun")]
    status: Annotated[int | None, Field(description="of the last answer; null: there was none")]
    next_at: Annotated[Moment | None, Field(description="when it is tried next; null: it is over")]
    replay_of: Annotated[Uuid | None, Field(description="the delivery that this one repeats")]
    created_at: Moment
    ended_at: Moment | None


class SentRequest(TypedDict):
    """What is sent. The signature is made anew for each attempt."""

    headers: dict[str, str]
    body: dict[str, Any]


class DeliveryAttempt(TypedDict):
    """An attempt to deliver."""

    number: int
    at: Annotated[Moment | None, Field(description="null: its sender ended before it wrote that down")]
    status: Annotated[int | None, Field(description="null: there was no answer")]
    duration_ms: int
    response: Annotated[
        str, Field(description="the beginning of the answer's body, without control characters")
    ]
    error: Annotated[str, Field(description="what was wrong; empty: nothing was")]


class DeliveryWhole(DeliveryLine):
    """A delivery with its request and its attempts."""

    request: SentRequest
    log: list[DeliveryAttempt]


class DeliveryFilter(ListQuery):
    """The query of the list."""

    orderings = {"created_at": "pk"}

    state = serializers.ChoiceField(choices=STATES, required=False, help_text="only those that are so far")
    event = serializers.ChoiceField(choices=EVENTS, required=False, help_text="only those of this kind")


LINE_EXAMPLE: DeliveryLine = {
    "id": "0192f0c4-7a10-7c2b-8d3e-4f5a6b7c8d9e",
    "event": "run.finished",
    "run": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11",
    "seq": 42,
    "state": "delivered",
    "attempts": 1,
    "status": 204,
    "next_at": None,
    "replay_of": None,
    "created_at": "2026-11-25T09:32:10Z",
    "ended_at": "2026-11-25T09:32:11Z",
}
_WHOLE: DeliveryWhole = {
    **LINE_EXAMPLE,
    "request": {
        "headers": {
            "Content-Type": "application/json",
            "X-Wrench-Event": "run.finished",
            "X-Wrench-Delivery": LINE_EXAMPLE["id"],
        },
        "body": {
            "id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11:42",
            "event": "run.finished",
            "at": "2026-11-25T09:32:10Z",
            "project": {"team": "acme", "slug": "shop", "name": "Shop"},
            "run": {"id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11", "state": "succeeded"},
            "seq": 42,
            "data": {"state": "succeeded", "failure": ""},
        },
    },
    "log": [
        {
            "number": 1,
            "at": "2026-11-25T09:32:11Z",
            "status": 204,
            "duration_ms": 84,
            "response": "",
            "error": "",
        }
    ],
}


class DeliveriesView(APIView):
    """List what a webhook was sent."""

    required_action = "webhook.view"

    @operation(
        "webhook_deliveries_list",
        query=DeliveryFilter,
        returns=Page[DeliveryLine],
        example={"results": [LINE_EXAMPLE], "next": None},
    )
    def get(self, request: Request, project: str, hook_id: UUID) -> Response:
        """List what a webhook was sent or is about to be, newest first."""
        wanted = valid(DeliveryFilter(data=request.query_params.dict()))
        hook = find_hook(project_in_path(request, self, project), hook_id)
        found = webhooks.deliveries_of(hook)
        for name in ("state", "event"):
            if name in wanted:
                found = found.filter(**{name: wanted[name]})
        page = page_of(request, DeliveryFilter, found, wanted)
        return Response({"results": [delivery_line(row) for row in page.rows], "next": page.next})


class DeliveryView(APIView):
    """Read one delivery."""

    required_action = "webhook.view"

    @operation("webhook_deliveries_read", returns=DeliveryWhole, example=_WHOLE)
    def get(self, request: Request, project: str, hook_id: UUID, delivery_id: UUID) -> Response:
        """Read a delivery: what is sent, and what each attempt was answered."""
        hook = find_hook(project_in_path(request, self, project), hook_id)
        return Response(delivery_whole(_delivery(hook, delivery_id)))


class DeliveryReplayView(APIView):
    """Send something again."""

    required_action = "webhook.manage"

    @operation(
        "webhook_deliveries_replay",
        returns=DeliveryLine,
        example={
            **LINE_EXAMPLE,
            "id": "0192f0c8-1b2c-7d3e-9f40-516273849566",
            "state": "waiting",
            "attempts": 0,
            "status": None,
            "next_at": "2026-11-25T10:00:00Z",
            "replay_of": LINE_EXAMPLE["id"],
            "ended_at": None,
        },
        status=202,
        errors={409: "It is still being tried (delivery-conflict)."},
    )
    def post(self, request: Request, project: str, hook_id: UUID, delivery_id: UUID) -> Response:
        """Send the same again, as a new delivery. Another `X-Wrench-Delivery`, the same `id` in the body."""
        valid(StrictSerializer(data=request.data))
        with transaction.atomic():
            hook = find_hook(held_project(request, self, project), hook_id)
            try:
                made = webhooks.replay(_delivery(hook, delivery_id), now=timezone.now())
            except DeliveryWaits as error:
                raise DeliveryConflict(str(error)) from error
            except (WebHook.DoesNotExist, WebHookDelivery.DoesNotExist) as error:
                raise Http404(f"there is no delivery {delivery_id} any more") from error
        location = reverse("api:webhook-delivery", args=[project, hook_id, made.public_id])
        return Response(delivery_line(made), status=202, headers={"Location": location})


def delivery_line(row: WebHookDelivery) -> DeliveryLine:
    """A delivery in a list."""
    return {
        "id": str(row.public_id),
        "event": row.event,
        "run": str(row.run.public_id) if row.run else None,
        "seq": row.seq,
        "state": row.state,
        "attempts": row.attempts,
        "status": row.log[-1]["status"] if row.log else None,
        "next_at": moment(row.next_at),
        "replay_of": str(row.replay_of.public_id) if row.replay_of else None,
        "created_at": moment(row.created_at),
        "ended_at": moment(row.ended_at),
    }


def delivery_whole(row: WebHookDelivery) -> DeliveryWhole:
    """A delivery with its request and attempts."""
    headers = {
        "Content-Type": "application/json",
        "X-Wrench-Event": row.event,
        "X-Wrench-Delivery": str(row.public_id),
    }
    return {
        **delivery_line(row),
        "request": {"headers": headers, "body": row.payload},
        "log": row.log,
    }


def find_hook(project: Project, hook_id: UUID) -> WebHook:
    """Give a project's webhook. Raises Http404."""
    found = webhooks.hooks_of(project).filter(public_id=hook_id).first()
    if found is None:
        raise Http404(f"there is no webhook {hook_id}")
    return found


def _delivery(hook: WebHook, delivery_id: UUID) -> WebHookDelivery:
    found = webhooks.deliveries_of(hook).filter(public_id=delivery_id).first()
    if found is None:
        raise Http404(f"there is no delivery {delivery_id}")
    return found
