"""Webhooks of a project: whom it tells of its runs.

GET    /api/v1/projects/<team>/<project>/webhooks              ?limit= &cursor=
POST   /api/v1/projects/<team>/<project>/webhooks              {"url", "events", "description"?, "active"?} -> 201
GET    /api/v1/projects/<team>/<project>/webhooks/<id>         with its ETag
PATCH  /api/v1/projects/<team>/<project>/webhooks/<id>         the same fields; If-Match is heeded
DELETE /api/v1/projects/<team>/<project>/webhooks/<id>
POST   /api/v1/projects/<team>/<project>/webhooks/<id>/ping    -> 202 with the delivery
POST   /api/v1/projects/<team>/<project>/webhooks/<id>/secret  {"overlap_seconds"?} -> 201 with the new "secret"

The secret is in the answers to making and rotating, and in no other. What was sent: `webhook_deliveries`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, NoReturn
from uuid import UUID

import structlog
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

from accounts.crypto import CryptoError
from api import etags
from api.bodies import OneLine, StrictSerializer, valid
from api.credentials import CannotSeal
from api.describe import Page, operation
from api.identity import person
from api.lists import ListQuery, page_of
from api.lookup import held_project, project_in_path
from api.shapes import Moment, Uuid, moment
from api.webhook_deliveries import LINE_EXAMPLE, DeliveryLine, delivery_line, find_hook
from monitoring import webhooks
from monitoring.addresses import MOST_CHARACTERS, AddressUnfit
from monitoring.models import WISHES, WebHook
from monitoring.webhooks import Minted, TooManyHooks

log = structlog.get_logger(__name__)

DEFAULT_OVERLAP = 24 * 3600
MAX_OVERLAP = 30 * 24 * 3600
NEVER_STORED = {"Cache-Control": "no-store"}


class WebHookConflict(APIException):
    """The project has as many webhooks as it may have."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "too-many"


class WebHookShape(TypedDict):
    """A webhook, without its secret."""

    id: Uuid
    url: str
    events: Annotated[list[str], Field(json_schema_extra={"items": {"enum": list(WISHES)}})]
    description: str
    active: bool
    inactive_reason: Annotated[
        str, Field(description="why it was switched off; empty if a person did, or it is on")
    ]
    failing_since: Annotated[
        Moment | None, Field(description="since when no attempt succeeded; null: all is well")
    ]
    old_secret_until: Annotated[
        Moment | None, Field(description="until then deliveries are signed with the secret before, too")
    ]
    created_at: Moment
    created_by: Annotated[str | None, Field(description="username")]


class WebHookWithSecret(WebHookShape):
    """A webhook with its new secret."""

    secret: Annotated[str, Field(description="signs the deliveries; shown here and never again")]


class _Fields(StrictSerializer):
    url = serializers.CharField(
        max_length=MOST_CHARACTERS, help_text="https, without user and password; where deliveries are POSTed"
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=WISHES),
        min_length=1,
        max_length=len(WISHES),
        help_text="what it is told of",
    )


class WebHookOrder(_Fields):
    """The body that makes a webhook."""

    description = OneLine(max_length=200, required=False, allow_blank=True, default="")
    active = serializers.BooleanField(default=True)


class WebHookChange(_Fields):
    """The body that changes a webhook: what is left out stays."""

    description = OneLine(max_length=200, required=False, allow_blank=True)
    active = serializers.BooleanField(required=False, help_text="on again, it begins with the next event")


class SecretRotation(StrictSerializer):
    """The body that rotates a secret."""

    overlap_seconds = serializers.IntegerField(
        min_value=0,
        max_value=MAX_OVERLAP,
        default=DEFAULT_OVERLAP,
        help_text="so long deliveries are signed with the old secret as well",
    )


class WebHookList(ListQuery):
    """The query of the list."""

    orderings = {"created_at": "pk"}


_EXAMPLE: WebHookShape = {
    "id": "3b0c5f1e-58cb-4f0a-9a4e-5d8a7c1d2e3f",
    "url": "https://chat.example.org/hooks/wrench",
    "events": ["approval.asked", "run.finished"],
    "description": "tells the team's channel",
    "active": True,
    "inactive_reason": "",
    "failing_since": None,
    "old_secret_until": None,
    "created_at": "2026-11-25T09:30:00Z",
    "created_by": "alice",
}
_MADE: WebHookWithSecret = {**_EXAMPLE, "secret": "whsec_qWk2Qm0YwF0o1cJq8mYb5nVh3T9zR7xLkP4sD6gU1aE"}
_ORDER = {name: _EXAMPLE[name] for name in ("url", "events", "description")}
_SEALED = "The installation has no usable master key (master-key-unusable)."


class WebHooksView(APIView):
    """List a project's webhooks, or make one."""

    required_action = {"GET": "webhook.view", "POST": "webhook.manage"}

    @operation(
        "webhooks_list",
        query=WebHookList,
        returns=Page[WebHookShape],
        example={"results": [_EXAMPLE], "next": None},
    )
    def get(self, request: Request, project: str) -> Response:
        """List a project's webhooks, newest first. Their secrets are never shown."""
        wanted = valid(WebHookList(data=request.query_params.dict()))
        found = webhooks.hooks_of(project_in_path(request, self, project))
        page = page_of(request, WebHookList, found, wanted)
        return Response({"results": [hook_shape(row) for row in page.rows], "next": page.next})

    @operation(
        "webhooks_create",
        body=WebHookOrder,
        sends=_ORDER,
        returns=WebHookWithSecret,
        example=_MADE,
        status=201,
        errors={409: "The project has as many webhooks as it may have (too-many).", 503: _SEALED},
    )
    def post(self, request: Request, project: str) -> Response:
        """Make a webhook, and ping it. `secret` is in this answer and never again."""
        order = valid(WebHookOrder(data=request.data))
        try:
            with transaction.atomic():
                home = held_project(request, self, project)
                made = webhooks.create(home, **order, by=person(request), now=timezone.now())
        except (AddressUnfit, TooManyHooks, CryptoError) as error:
            _refuse(error)
        return _shown_once(project, made)


class WebHookView(APIView):
    """Read, change or delete a webhook."""

    required_action = {"GET": "webhook.view", "PATCH": "webhook.manage", "DELETE": "webhook.manage"}

    @operation("webhooks_read", returns=WebHookShape, example=_EXAMPLE)
    def get(self, request: Request, project: str, hook_id: UUID) -> Response:
        """Read a webhook."""
        home = project_in_path(request, self, project)
        return etags.answer(request, hook_shape(find_hook(home, hook_id)))

    @operation(
        "webhooks_edit",
        body=WebHookChange,
        sends={"events": ["run.finished"], "active": True},
        returns=WebHookShape,
        example={**_EXAMPLE, "events": ["run.finished"]},
        editable=True,
    )
    def patch(self, request: Request, project: str, hook_id: UUID) -> Response:
        """Change a webhook. Switched off, it is told of nothing new and what waits for it is given up."""
        with transaction.atomic():
            home = held_project(request, self, project)
            row = _locked(find_hook(home, hook_id))
            etags.demand(request, hook_shape(row))
            change = valid(WebHookChange(data=request.data, partial=True))
            try:
                webhooks.change(row, **change)
            except AddressUnfit as error:
                _refuse(error)
            return etags.answer(request, hook_shape(row))

    @operation("webhooks_delete", status=204, editable=True)
    def delete(self, request: Request, project: str, hook_id: UUID) -> Response:
        """Delete a webhook with the log of its deliveries. What waits is not sent."""
        with transaction.atomic():
            home = held_project(request, self, project)
            row = _locked(find_hook(home, hook_id))
            etags.demand(request, hook_shape(row))
            webhooks.delete(row)
        return Response(status=204)


class WebHookPingView(APIView):
    """Try a webhook."""

    required_action = "webhook.manage"

    @operation("webhooks_ping", returns=DeliveryLine, example=LINE_EXAMPLE, status=202)
    def post(self, request: Request, project: str, hook_id: UUID) -> Response:
        """Send a webhook a `ping`, also one that is switched off. It is tried once; its delivery tells what came."""
        valid(StrictSerializer(data=request.data))
        with transaction.atomic():
            hook = _locked(find_hook(held_project(request, self, project), hook_id))
            made = webhooks.ping(hook, by=person(request), now=timezone.now())
        location = reverse("api:webhook-delivery", args=[project, hook_id, made.public_id])
        return Response(delivery_line(made), status=202, headers={"Location": location})


class WebHookSecretView(APIView):
    """Rotate a webhook's secret."""

    required_action = "webhook.manage"

    @operation(
        "webhooks_rotate",
        body=SecretRotation,
        sends={"overlap_seconds": 3600},
        returns=WebHookWithSecret,
        example={**_MADE, "old_secret_until": "2026-11-25T10:30:00Z"},
        status=201,
        errors={503: _SEALED},
    )
    def post(self, request: Request, project: str, hook_id: UUID) -> Response:
        """Give a webhook a new secret. For `overlap_seconds` deliveries have two signatures, one by the old one."""
        order = valid(SecretRotation(data=request.data))
        overlap = timedelta(seconds=order["overlap_seconds"])
        try:
            with transaction.atomic():
                hook = _locked(find_hook(held_project(request, self, project), hook_id))
                made = webhooks.rotate(hook, overlap=overlap, now=timezone.now())
        except CryptoError as error:
            _refuse(error)
        return _shown_once(project, made)


def hook_shape(row: WebHook) -> WebHookShape:
    """A webhook in JSON: all but its secret."""
    return {
        "id": str(row.public_id),
        "url": row.url,
        "events": row.events,
        "description": row.description,
        "active": row.active,
        "inactive_reason": row.inactive_reason,
        "failing_since": moment(row.failing_since),
        "old_secret_until": moment(webhooks.old_secret_until(row, timezone.now())),
        "created_at": moment(row.created_at),
        "created_by": row.created_by.get_username() if row.created_by else None,
    }


def _locked(hook: WebHook) -> WebHook:
    try:
        return webhooks.locked(hook)
    except WebHook.DoesNotExist as error:
        raise Http404(f"there is no webhook {hook.public_id} any more") from error


def _shown_once(project: str, made: Minted) -> Response:
    location = reverse("api:webhook", args=[project, made.hook.public_id])
    body: WebHookWithSecret = {**hook_shape(made.hook), "secret": made.secret}
    return Response(body, status=201, headers={"Location": location, **NEVER_STORED})


def _refuse(error: Exception) -> NoReturn:
    if isinstance(error, AddressUnfit):
        raise serializers.ValidationError({"url": [str(error)]}) from error
    if isinstance(error, TooManyHooks):
        raise WebHookConflict(str(error)) from error
    log.error("webhook_secret_not_sealed", reason=str(error))
    raise CannotSeal from error
