"""The frame of a person's own pages: the navigation at their side. A page is one line in PAGES."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from frontend.navigation import SideLink

PAGES = (
    ("sessions", "frontend:sessions", _("Sessions")),
    ("keys", "frontend:keys", _("API keys")),
    ("password", "frontend:password", _("Password")),
    ("language", "frontend:language", _("Language")),
)


def show(
    request: HttpRequest, name: str, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render a page of the account; `name` is its own in PAGES."""
    side = [SideLink(href=reverse(route), title=title, is_here=one == name) for one, route, title in PAGES]
    return render(request, template, {**context, "side": side}, status=status)
