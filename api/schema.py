"""The API described: for programs as OpenAPI, for people as a page, both made from the code.

GET /api/schema/
GET /api/v1/docs
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularJSONAPIView

from api.identity import TokenAuthentication
from api.permissions import ActionPermission


class SchemaView(SpectacularJSONAPIView):
    """Describe the API for programs."""

    required_action = "schema.view"
    permission_classes = [ActionPermission]


@login_required
def docs_page(request: HttpRequest) -> HttpResponse:
    """Describe the API for people."""
    generator: Any = SchemaGenerator  # drf-spectacular has no types here
    schema = generator().get_schema(request=None, public=True)
    resources = [
        {"verb": verb.upper(), "path": path, "text": told.get("description", "")}
        for path, verbs in schema["paths"].items()
        for verb, told in verbs.items()
    ]
    context = {"resources": resources, "base": request.build_absolute_uri("/").rstrip("/")}
    return render(request, "api/docs.html", context)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular has no types
    """Tell the schema how access tokens are sent."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
