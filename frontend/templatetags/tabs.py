"""The tabs of a project."""

from __future__ import annotations

from typing import Any

from django import template

from frontend.navigation import ProjectPage
from frontend.project_pages import tabs_for

register = template.Library()


@register.simple_tag(takes_context=True)
def project_tabs(context: dict[str, Any]) -> list[ProjectPage]:
    """Give the pages of the open project that the reader may open."""
    return tabs_for(context["request"].user, context["project"])
