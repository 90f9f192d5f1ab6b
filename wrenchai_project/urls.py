"""Where every page and resource lies, and who answers for what is not there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import include, path

from api.errors import respond
from api.health import LiveView, ReadyView
from api.schema import SchemaView, docs_page, redoc_page, swagger_page
from frontend import views

admin.site.site_header = "WrenchAI administration"
admin.site.site_title = "WrenchAI"
admin.site.index_title = "Everything that is stored"

urlpatterns = [
    # the admin's pages name no icon, so browsers ask here
    path("favicon.ico", views.icon, name="favicon"),
    path("livez", LiveView.as_view(), name="livez"),
    path("readyz", ReadyView.as_view(), name="readyz"),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs", swagger_page, name="swagger"),
    path("api/redoc", redoc_page, name="redoc"),
    path("api/v1/docs", docs_page, name="docs"),
    path("api/v1/", include("api.urls")),
    # signing in has one door, which counts attempts
    path("admin/login/", views.admin_login),
    path("admin/", admin.site.urls),
    path("", include("frontend.urls")),
]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if _is_api(request):
        return respond(request, 400, "the request was refused")
    return views.error(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if _is_api(request):
        return respond(request, 403, "you may not do this")
    return views.error(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if _is_api(request):
        return respond(request, 404, "there is no such resource")
    return views.error(request, 404)


def server_error(request: HttpRequest, *args: Any) -> HttpResponseBase:
    if _is_api(request):
        return respond(request, 500, "something went wrong here; it is in the log")
    return views.error(request, 500)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


handler400 = bad_request
handler403 = permission_denied
handler404 = not_found
handler500 = server_error
