"""The frame of a project's settings: its sections, the door that each page goes through, and refusals in words.

    desk = open_section(request, "acme/shop", "webhooks")       404 if they do not see it, 403 if they may not
    desk.demand("webhook.manage")                               403 for who may only look
    with desk.holding("webhook.manage") as project: ...         the right is asked again, with the project locked
    return desk.show("frontend/settings/webhooks.html", {...})

A section is one line in SECTIONS. What a person may not open is not in their navigation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import access, members
from accounts.models import Project, Team, User
from accounts.refusals import TeamRefused
from accounts.roles import ACTIONS, Role
from frontend.navigation import ProjectPage, SideLink, open_project, place
from frontend.views import user_of

PAGE = ProjectPage(name="settings", route="frontend:settings", title=_("Settings"), action="project.view")


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its name in code, the route that it leads to, its word, and what who opens it must be allowed."""

    name: str
    route: str
    title: Promise
    action: str


SECTIONS: tuple[Section, ...] = (
    Section("general", "frontend:settings", _("General"), "project.view"),
    Section("people", "frontend:settings-people", _("People"), "project.view"),
    Section("credentials", "frontend:settings-credentials", _("Credentials"), "credential.view"),
    Section("webhooks", "frontend:settings-webhooks", _("Webhooks"), "webhook.view"),
    Section("schedules", "frontend:settings-schedules", _("Schedules"), "schedule.view"),
    Section("quality", "frontend:settings-quality", _("Quality"), "report.view"),
    Section("limits", "frontend:settings-limits", _("Rate limits"), "project.view"),
    Section("audit", "frontend:settings-audit", _("Audit"), "project.audit"),
    Section("danger", "frontend:settings-danger", _("Danger zone"), "project.edit"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An open section: who sits at it, of which project, and what they are there."""

    request: HttpRequest
    user: User
    project: Project
    section: Section
    role: Role | None

    @property
    def path(self) -> str:
        """The project as addresses name it: team/slug."""
        return f"{self.project.team.slug}/{self.project.slug}"

    def may(self, action: str) -> bool:
        """Tell whether they may do `action`, an action on projects, by the role that was read when it was opened."""
        return self.role is not None and self.role >= ACTIONS[action] and access.in_scope(self.user, action)

    def demand(self, action: str) -> None:
        """Let pass who may do `action`. Raises PermissionDenied."""
        if not self.may(action):
            raise PermissionDenied

    @contextmanager
    def holding(self, action: str) -> Iterator[Project]:
        """Lock the project, and ask once more. Raises PermissionDenied, Http404, MovedMeanwhile."""
        with transaction.atomic():
            try:
                held = members.hold_project(self.project)
            except (Team.DoesNotExist, Project.DoesNotExist) as error:
                raise Http404(f"there is no project {self.path} any more") from error
            if not access.may(self.user, action, held):
                raise PermissionDenied
            yield held

    def show(
        self, template: str, context: Mapping[str, Any], *, status: int = 200, secret: bool = False
    ) -> HttpResponse:
        """Render a page of this section. A `secret` page is kept by no cache."""
        frame = {
            **place(self.project, PAGE),
            "sections": self._side(),
            "section": self.section,
        }
        answer = render(self.request, template, {**frame, **context}, status=status)
        if secret:
            answer.headers["Cache-Control"] = "no-store"
        return answer

    def _side(self) -> list[SideLink]:
        return [
            SideLink(
                href=reverse(one.route, args=[self.path]),
                title=one.title,
                is_here=one.name == self.section.name,
            )
            for one in SECTIONS
            if self.may(one.action)
        ]

    def back(self, route: str = "", *args: object) -> HttpResponse:
        """Go to a page of these settings; without `route` to the section's first."""
        return redirect(route or self.section.route, self.path, *args)

    def say(self, text: str) -> None:
        """Say on the next page what was done."""
        messages.info(self.request, text)

    def refuse(self, error: Exception | str) -> None:
        """Say on the next page why something was not done."""
        messages.error(self.request, sentence(error))

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say on the next page what was refused about teams, members and projects."""
        try:
            yield
        except TeamRefused as refused:
            self.refuse(refused)


def open_section(request: HttpRequest, path: str, name: str) -> Desk:
    """Open a section for somebody who may. Raises Http404, PermissionDenied."""
    section = next(one for one in SECTIONS if one.name == name)
    project = open_project(request, path, section.action)
    user = user_of(request)
    return Desk(
        request=request, user=user, project=project, section=section, role=access.role_in(user, project)
    )


def sentence(error: Exception | str) -> str:
    """Write a refusal as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"
