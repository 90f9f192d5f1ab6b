"""Credentials of a project: git tokens, database URLs, LLM keys. They go in here and never come out.

GET    /api/v1/projects/<team>/<project>/credentials        what there is, without values
POST   /api/v1/projects/<team>/<project>/credentials        {"kind", "name", "value", "description"?} -> 201
GET    /api/v1/projects/<team>/<project>/credentials/<id>
PUT    /api/v1/projects/<team>/<project>/credentials/<id>   {"value"}: put another in its place
DELETE /api/v1/projects/<team>/<project>/credentials/<id>

No answer holds a value, not that of the request either.
"""

from __future__ import annotations

from typing import Annotated, NoReturn, cast
from uuid import UUID

import structlog
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

from accounts import credentials
from accounts.credentials import MOST_CHARACTERS, NameTaken, ValueUnfit
from accounts.crypto import CryptoError
from accounts.models import Credential, User
from api.bodies import StrictSerializer, valid
from api.describe import operation
from api.lookup import project_in_path
from api.shapes import Moment, Uuid, moment

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


class CredentialShape(TypedDict):
    """A credential: all but its value, which no answer holds."""

    id: Uuid
    kind: Annotated[str, Field(json_schema_extra={"enum": list(Credential.Kind.values)})]
    name: str
    description: str
    created_at: Moment
    created_by: Annotated[str | None, Field(description="username")]
    replaced_at: Moment | None
    last_used_at: Moment | None


class Credentials(TypedDict):
    """The credentials of a project."""

    results: list[CredentialShape]


_CREDENTIAL = {
    "id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a50",
    "kind": "git_token",
    "name": "shop-deploy",
    "description": "read only",
    "created_at": "2026-11-25T09:00:00Z",
    "created_by": "alice",
    "replaced_at": None,
    "last_used_at": "2026-11-25T09:30:00Z",
}
_ORDER = {"kind": "git_token", "name": "shop-deploy", "value": "<token>", "description": "read only"}
_UNSEALED = {503: "The installation has no usable master key (master-key-unusable)."}


class CredentialsView(APIView):
    """List a project's credentials, or store one."""

    required_action = {"GET": "credential.view", "POST": "credential.manage"}

    @operation("credentials_list", returns=Credentials, example={"results": [_CREDENTIAL]})
    def get(self, request: Request, project: str) -> Response:
        """List what credentials there are. Their values are never shown."""
        found = credentials.credentials_of(project_in_path(request, self, project))
        return Response({"results": [credential_shape(row) for row in found]})

    @operation(
        "credentials_create",
        body=CredentialOrder,
        sends=_ORDER,
        returns=CredentialShape,
        example=_CREDENTIAL,
        status=201,
        errors={409: "The project has one of this name (credential-name-taken).", **_UNSEALED},
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

    @operation("credentials_read", returns=CredentialShape, example=_CREDENTIAL)
    def get(self, request: Request, project: str, credential_id: UUID) -> Response:
        """Read about a credential. Its value is never shown."""
        return Response(credential_shape(_find(request, self, project, credential_id)))

    @operation(
        "credentials_replace",
        body=ValueOrder,
        sends={"value": "<new token>"},
        returns=CredentialShape,
        example={**_CREDENTIAL, "replaced_at": "2026-11-26T09:00:00Z"},
        errors=_UNSEALED,
    )
    def put(self, request: Request, project: str, credential_id: UUID) -> Response:
        """Replace a credential's value; the old one is gone."""
        row = _find(request, self, project, credential_id)
        order = valid(ValueOrder(data=request.data))
        try:
            row = credentials.replace(row, order["value"], now=timezone.now())
        except (ValueUnfit, CryptoError) as error:
            _refuse(error)
        except Credential.DoesNotExist as error:
            raise Http404(f"there is no credential {credential_id}") from error
        return Response(credential_shape(row))

    @operation("credentials_delete", status=204)
    def delete(self, request: Request, project: str, credential_id: UUID) -> Response:
        """Delete a credential for good."""
        credentials.delete(_find(request, self, project, credential_id))
        return Response(status=204)


def credential_shape(row: Credential) -> CredentialShape:
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
