"""Credentials of a project: git tokens, database URLs, LLM keys. They go in here and never come out.

GET    /api/v1/projects/<team>/<project>/credentials        what there is, without values
POST   /api/v1/projects/<team>/<project>/credentials        {"kind", "name", "value", "description"?} -> 201
GET    /api/v1/projects/<team>/<project>/credentials/<id>
PUT    /api/v1/projects/<team>/<project>/credentials/<id>   {"value"}: put another in its place
DELETE /api/v1/projects/<team>/<project>/credentials/<id>

No answer holds a value, not that of the request either.
"""

from __future__ import annotations

from typing import Any, NoReturn, cast
from uuid import UUID

import structlog
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import credentials
from accounts.credentials import MOST_CHARACTERS, NameTaken, ValueUnfit
from accounts.crypto import CryptoError
from accounts.models import Credential, User
from api.bodies import StrictSerializer, valid
from api.lookup import project_in_path
from api.shapes import moment

log = structlog.get_logger(__name__)


class CredentialConflict(APIException):
    """The name is taken."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "credential-name-taken"


class CannotSeal(APIException):
    """The installation has no usable master key. What is wrong is for its operators, in the log."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "master-key-unusable"
    default_detail = (
        "this installation cannot keep credentials now: its operators find in the log what to set"
    )


class CredentialOrder(StrictSerializer):
    """The body that stores a credential."""

    kind = serializers.ChoiceField(choices=Credential.Kind.choices)
    name = serializers.RegexField(r"^[-a-zA-Z0-9_]{1,60}$", help_text="letters, digits, hyphens, underscores")
    value = serializers.CharField(max_length=MOST_CHARACTERS, trim_whitespace=False, write_only=True)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class ValueOrder(StrictSerializer):
    """The body that replaces a value."""

    value = serializers.CharField(max_length=MOST_CHARACTERS, trim_whitespace=False, write_only=True)


class CredentialsView(APIView):
    """List a project's credentials, or store one."""

    required_action = {"GET": "credential.view", "POST": "credential.manage"}

    @extend_schema(operation_id="credentials_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, project: str) -> Response:
        """List what credentials there are. Their values are never shown."""
        found = credentials.credentials_of(project_in_path(request, self, project))
        return Response({"results": [credential_shape(row) for row in found]})

    @extend_schema(
        operation_id="credentials_create", request=CredentialOrder, responses={201: OpenApiTypes.OBJECT}
    )
    def post(self, request: Request, project: str) -> Response:
        """Store a credential. Its value is never shown again, here neither."""
        home = project_in_path(request, self, project)
        order = valid(CredentialOrder(data=request.data))
        try:
            row = credentials.store(
                home,
                Credential.Kind(order["kind"]),
                order["name"],
                order["value"],
                description=order["description"],
                by=cast("User", request.user),
                now=timezone.now(),
            )
        except (ValueUnfit, NameTaken, CryptoError) as error:
            _refuse(error)
        location = reverse("api:credential", args=[project, row.public_id])
        return Response(credential_shape(row), status=201, headers={"Location": location})


class CredentialView(APIView):
    """Read about a credential, replace its value, or delete it."""

    required_action = {"GET": "credential.view", "PUT": "credential.manage", "DELETE": "credential.manage"}

    @extend_schema(operation_id="credentials_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, project: str, credential_id: UUID) -> Response:
        return Response(credential_shape(_find(request, self, project, credential_id)))

    @extend_schema(operation_id="credentials_replace", request=ValueOrder, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request, project: str, credential_id: UUID) -> Response:
        """Put another value in its place; the old one is gone."""
        row = _find(request, self, project, credential_id)
        order = valid(ValueOrder(data=request.data))
        try:
            row = credentials.replace(row, order["value"], now=timezone.now())
        except (ValueUnfit, CryptoError) as error:
            _refuse(error)
        except Credential.DoesNotExist as error:
            raise Http404(f"there is no credential {credential_id}") from error
        return Response(credential_shape(row))

    @extend_schema(operation_id="credentials_delete", responses={204: None})
    def delete(self, request: Request, project: str, credential_id: UUID) -> Response:
        """Delete it for good."""
        credentials.delete(_find(request, self, project, credential_id))
        return Response(status=204)


def credential_shape(row: Credential) -> dict[str, Any]:
    """A credential in JSON: all but the value."""
    return {
        "id": str(row.public_id),
        "kind": row.kind,
        "name": row.name,
        "description": row.description,
        "created_at": moment(row.created_at),
        "created_by": row.created_by.get_username() if row.created_by else None,
        "replaced_at": moment(row.replaced_at),
        "last_used_at": moment(row.last_used_at),
    }


def _find(request: Request, view: APIView, name: str, credential_id: UUID) -> Credential:
    found = (
        credentials.credentials_of(project_in_path(request, view, name))
        .filter(public_id=credential_id)
        .first()
    )
    if found is None:
        raise Http404(f"there is no credential {credential_id}")
    return found


def _refuse(error: ValueUnfit | NameTaken | CryptoError) -> NoReturn:
    if isinstance(error, ValueUnfit):
        raise serializers.ValidationError({"value": [str(error)]}) from error
    if isinstance(error, NameTaken):
        raise CredentialConflict(str(error)) from error
    log.error("credential_not_sealed", reason=str(error))
    raise CannotSeal from error
