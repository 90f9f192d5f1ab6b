"""Light or dark: what the reader chose lies in a cookie, so that the first paint is already right."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.views.decorators.http import require_POST

from frontend import choices
from frontend.context import COOKIE, THEMES
from frontend.forms import way_back


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Keep `theme` and go back to `next`, or to the start if that leads elsewhere."""
    theme = request.POST.get("theme", "")
    if theme not in THEMES:
        return HttpResponseBadRequest(f"the theme must be one of {', '.join(THEMES)}")
    return choices.keep(request, way_back(request), COOKIE, theme)
