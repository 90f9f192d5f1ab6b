"""What has changed in accounts, told to whoever follows it live: `accounts` does not know that anybody does.

Owns: the noticing of memberships and invitations. Rows changed by `QuerySet.update` tell nothing.
"""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.models import Invitation, Membership, ProjectMembership
from tasks.hints import tell_project, tell_user


@receiver([post_save, post_delete], sender=ProjectMembership)
def _member_of_project(sender: type[Any], instance: ProjectMembership, **_kwargs: Any) -> None:
    project = instance.project
    tell_user(instance.user_id, "role.changed", project=f"{project.team.slug}/{project.slug}")
    tell_project(project.pk, "member.changed", user=instance.user.get_username())


@receiver([post_save, post_delete], sender=Membership)
def _member_of_team(sender: type[Any], instance: Membership, **_kwargs: Any) -> None:
    tell_user(instance.user_id, "role.changed", team=instance.team.slug)
    for project_id in instance.team.projects.values_list("pk", flat=True):
        tell_project(project_id, "member.changed", user=instance.user.get_username())


@receiver(post_save, sender=Invitation)
def _invited(sender: type[Any], instance: Invitation, **_kwargs: Any) -> None:
    if instance.user_id is not None:
        told = {"invitation": str(instance.public_id), "outcome": str(instance.outcome)}
        tell_user(instance.user_id, "invitation.changed", **told)
