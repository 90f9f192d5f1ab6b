"""Deny by default: a view names the action that it does, or nobody may use it.

`required_action` is one action, or a mapping from the HTTP method to an action. Actions on a project are decided
where the project is known: `check_object_permissions(request, project)` asks here again, and lists are made of
`access.projects_for`; so it is with teams. What a person does not see is not there (404), not forbidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.http import Http404
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import access
from accounts.models import Project, Team

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module, as the default of all views

NEUTRAL_METHODS = frozenset({"OPTIONS", "HEAD"})


class ActionPermission(BasePermission):
    """The default permission of every view."""

    message = "your role does not allow this"

    def has_permission(self, request: Request, view: APIView) -> bool:
        action = action_of(view, request.method or "")
        if action is None or not access.is_known(action):
            return False
        if action in access.OPEN_ACTIONS:
            return True
        if not request.user or not request.user.is_authenticated:
            return False
        if not access.in_scope(request.user, action):
            raise PermissionDenied(f"this API key has no scope for {action}")
        return action not in access.STAFF_ACTIONS or access.may(request.user, action)

    def has_object_permission(self, request: Request, view: APIView, obj: object) -> bool:
        action = action_of(view, request.method or "")
        if action is None or not isinstance(obj, Project | Team):
            return False
        places = access.ACTIONS if isinstance(obj, Project) else access.TEAM_ACTIONS
        if action in places and access.may(request.user, action, obj):
            return True  # who may do anything in a project sees it, too: one question for most requests
        if not access.may(request.user, "project.view" if isinstance(obj, Project) else "team.view", obj):
            raise Http404
        if not access.may(request.user, action, obj):
            least = places.get(action)
            raise PermissionDenied(
                f"{self.message}, it takes {least.label} or above" if least else self.message
            )
        return True


def action_of(view: object, method: str) -> str | None:
    """Tell which action a view does for a method. HEAD and OPTIONS count as GET."""
    required: str | Mapping[str, str] | None = getattr(view, "required_action", None)
    if required is None or isinstance(required, str):
        return required
    if method in NEUTRAL_METHODS:
        method = "GET" if "GET" in required else next(iter(required))
    return required.get(method)
