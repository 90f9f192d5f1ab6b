"""The API described: for programs as OpenAPI, for people as pages, all made from the code.

GET /api/v1/schema   the description of that version
GET /api/schema/     that of the newest version
GET /api/docs        Swagger UI          GET /api/redoc   Redoc          GET /api/v1/docs   how to start

Swagger UI and Redoc come from this server and run under the strict policy of `frontend.security`. Redoc writes its
styles at run time: its page allows them by a nonce of its own, and still nothing inline.
"""

from __future__ import annotations

import copy
import secrets
from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import etags
from api.identity import TokenAuthentication
from api.permissions import ActionPermission
from api.tags import METHODS

VERSIONS = ("v1",)
NEWEST = VERSIONS[-1]

REDOC_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class SchemaView(APIView):
    """Describe a version of the API for programs."""

    required_action = "schema.view"
    permission_classes = [ActionPermission]
    renderer_classes = [OpenApiJsonRenderer]

    @extend_schema(exclude=True)
    def get(self, request: Request, version: str = NEWEST) -> Response:
        return etags.answer(request, document(version))


@cache
def document(version: str) -> dict[str, Any]:
    """Give the OpenAPI description of a version: its own paths, and those that belong to none. Raises Http404."""
    if version not in VERSIONS:
        raise Http404(f"there is no version {version}; the versions are {', '.join(VERSIONS)}")
    generator: Any = SchemaGenerator  # drf-spectacular has no types here
    whole: dict[str, Any] = copy.deepcopy(generator().get_schema(request=None, public=True))
    whole["info"]["version"] = version.removeprefix("v")
    whole["paths"] = {
        path: verbs
        for path, verbs in whole["paths"].items()
        if path.startswith(f"/api/{version}/") or not path.startswith("/api/")
    }
    return whole


@require_safe
@login_required
def docs_page(request: HttpRequest) -> HttpResponse:
    """Describe the API for people."""
    whole = document(NEWEST)
    groups = [
        {**tag, "operations": [one for one in _operations(whole) if one["tag"] == tag["name"]]}
        for tag in whole["tags"]
    ]
    context = {"groups": groups, "base": request.build_absolute_uri("/").rstrip("/")}
    return render(request, "api/docs.html", context)


def _operations(whole: dict[str, Any]) -> list[dict[str, str]]:
    """Give what the page tells of each operation."""
    return [
        {"verb": verb.upper(), "path": path, "text": told.get("summary", ""), "tag": told["tags"][0]}
        for path, verbs in whole["paths"].items()
        for verb, told in verbs.items()
        if verb in METHODS
    ]


@require_safe
@login_required
def swagger_page(request: HttpRequest) -> HttpResponse:
    """Let people read the description and try operations, as whom they are signed in."""
    return render(request, "api/swagger.html", {"version": NEWEST})


@require_safe
@login_required
def redoc_page(request: HttpRequest) -> HttpResponse:
    """Let people read the description as a book."""
    nonce = secrets.token_urlsafe(16)
    page = render(request, "api/redoc.html", {"version": NEWEST, "nonce": nonce})
    page["Content-Security-Policy"] = REDOC_POLICY.format(nonce=nonce)
    return page


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular has no types
    """Tell the schema how access tokens are sent."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token of `POST /api/v1/token`, good for minutes.",
        }


class CookieScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular has no types
    """Tell the schema of the browser's session."""

    target_class = "rest_framework.authentication.SessionAuthentication"
    name = "session"
    priority = 1  # before drf-spectacular's own

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The cookie of a browser that is signed in. Writing also takes the header X-CSRFToken.",
        }
