"""Deny by default, proved over the URL conf: an endpoint that names no action fails here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from accounts import access
from api.permissions import ActionPermission, action_of
from tests.api.cast import Cast

PLAIN_VIEWS = {"docs", "swagger", "redoc"}  # pages for people below /api/, guarded by login_required


def api_views() -> Iterator[tuple[str, type[APIView]]]:
    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, type[APIView]]]:
        for pattern in patterns:
            where = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, where)
            elif where.startswith(("api/", "livez", "readyz")) and pattern.name not in PLAIN_VIEWS:
                yield where, pattern.callback.cls

    yield from walk(get_resolver().url_patterns, "")


@pytest.mark.parametrize(
    ("path", "view"), list(api_views()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_endpoint_names_a_known_action_for_each_method(path: str, view: type[APIView]) -> None:
    assert list(view.permission_classes) == [ActionPermission]
    for method in ("get", "post", "put", "patch", "delete"):
        if hasattr(view, method):
            action = action_of(view, method.upper())
            assert action is not None, f"{path} names no action for {method}"
            assert access.is_known(action), f"{path}: {action} is in no table"


def test_view_without_an_action_is_refused(cast: Cast) -> None:
    class Forgotten(APIView):
        def get(self, request: Request) -> Response:
            return Response({})

    request = APIRequestFactory().get("/")
    force_authenticate(request, cast.alice)
    assert Forgotten.as_view()(request).status_code == 403
