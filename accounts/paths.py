"""How paths name a project: always `team/slug`, so that one address leads to one project, whoever looks.

    path("projects/<project:project>/credentials", ...)      /projects/acme/shop/credentials

Importing this module registers the converter.
"""

from __future__ import annotations

from django.urls import register_converter

SLUG = "[-a-zA-Z0-9_]{1,60}"
"""How a team or a project is named, as `Team.slug` and `Project.slug` hold it."""


class ProjectPath:
    """Two path segments, `team/slug`; the view gets them as one text."""

    regex = f"{SLUG}/{SLUG}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class SlugPath:
    """One path segment that a team's slug may be."""

    regex = SLUG

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(ProjectPath, "project")
register_converter(SlugPath, "team")
