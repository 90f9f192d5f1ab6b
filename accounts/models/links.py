"""Links between people, keys, projects, groups and permissions, which Django keeps without a class: tracked as well.

They say who may do what, so that their changes belong to the history of their rows.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group

from accounts.models.keys import ApiKey
from accounts.models.people import User
from history.tracking import track

# Django makes these classes; types do not know them
_KEY_PROJECTS: Any = ApiKey.projects.through
_USER_GROUPS: Any = User.groups.through
_USER_PERMISSIONS: Any = User.user_permissions.through
_GROUP_PERMISSIONS: Any = Group.permissions.through
LINKED = "it is linked again on the page of what it links"


@track(project="project_id", unrestorable=LINKED)
class KeyProject(_KEY_PROJECTS):  # type: ignore[misc]  # as types see it, Any
    """A row binds a key to a project."""

    class Meta:
        proxy = True


@track(unrestorable=LINKED)
class UserGroup(_USER_GROUPS):  # type: ignore[misc]  # as types see it, Any
    """A row puts a person into a group of the admin."""

    class Meta:
        proxy = True


@track(unrestorable=LINKED)
class UserPermission(_USER_PERMISSIONS):  # type: ignore[misc]  # as types see it, Any
    """A row gives a person a permission in the admin."""

    class Meta:
        proxy = True


@track()
class PermissionGroup(Group):
    """A row is a group of people of the admin."""

    class Meta:
        proxy = True


@track(unrestorable=LINKED)
class GroupPermission(_GROUP_PERMISSIONS):  # type: ignore[misc]  # as types see it, Any
    """A row gives a group a permission in the admin."""

    class Meta:
        proxy = True
