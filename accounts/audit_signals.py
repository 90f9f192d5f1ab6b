"""What Django itself tells of: people who sign in and out, fail to, or change; roles given, changed and taken.

Each is recorded in the transaction that saves it, also when it comes from the admin or a shell. Rows changed by
`QuerySet.update` send nothing and are not recorded: code changes memberships and people by `save`.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver

from accounts import audit
from accounts.audit import Act, Detail
from accounts.models import Membership, ProjectMembership, User
from accounts.roles import Role

WATCHED = ("username", "email", "is_active", "is_staff", "is_superuser", "password")


@receiver(user_logged_in)
def _signed_in(sender: type[Any], user: User, **_kwargs: Any) -> None:
    audit.record(Act.SIGN_IN, by=user, way="session", subject=f"user:{user.pk}")


@receiver(user_logged_out)
def _signed_out(sender: type[Any], user: User | None, **_kwargs: Any) -> None:
    if user is not None:
        audit.record(Act.SIGN_OUT, by=user, way="session", subject=f"user:{user.pk}")


@receiver(user_login_failed)
def _sign_in_failed(sender: str, credentials: dict[str, Any], **_kwargs: Any) -> None:
    audit.record(Act.SIGN_IN_FAILED, details={"name": str(credentials.get("username", ""))[:150]})


@receiver(pre_save, sender=User)
@receiver(pre_save, sender=Membership)
@receiver(pre_save, sender=ProjectMembership)
def _remember(sender: type[Any], instance: Any, update_fields: frozenset[str] | None, **_kwargs: Any) -> None:
    """Keep what the row was, to tell the change."""
    watched: tuple[str, ...] = WATCHED if sender is User else ("role",)
    if update_fields is not None:
        watched = tuple(name for name in watched if name in update_fields)
    instance.audited_before = None
    if instance.pk is not None and watched:
        instance.audited_before = sender.objects.filter(pk=instance.pk).values(*watched).first()


@receiver(post_save, sender=User)
def _user_saved(sender: type[User], instance: User, created: bool, **_kwargs: Any) -> None:
    before: dict[str, Any] = getattr(instance, "audited_before", None) or {}
    if created:
        flags: dict[str, Detail] = {"is_staff": instance.is_staff, "is_superuser": instance.is_superuser}
        audit.record(
            Act.USER_CREATED, subject=f"user:{instance.pk}", details={"name": instance.username, **flags}
        )
        return
    changed = {name: old for name, old in before.items() if getattr(instance, name) != old}
    if changed:
        audit.record(
            Act.USER_CHANGED,
            subject=f"user:{instance.pk}",
            details={"name": instance.username, "changes": _changes(instance, changed)},
        )


@receiver(post_delete, sender=User)
def _user_deleted(sender: type[User], instance: User, **_kwargs: Any) -> None:
    audit.record(Act.USER_DELETED, subject=f"user:{instance.pk}", details={"name": instance.username})


@receiver(post_save, sender=Membership)
@receiver(post_save, sender=ProjectMembership)
def _role_saved(
    sender: type[Any], instance: Membership | ProjectMembership, created: bool, **_kwargs: Any
) -> None:
    if created:
        _record_role(Act.ROLE_GIVEN, instance, role=Role(instance.role).label)
        return
    before: dict[str, Any] = getattr(instance, "audited_before", None) or {}
    old = before.get("role")
    if old is not None and old != instance.role:
        _record_role(Act.ROLE_CHANGED, instance, role=Role(instance.role).label, was=Role(old).label)


@receiver(post_delete, sender=Membership)
@receiver(post_delete, sender=ProjectMembership)
def _role_deleted(sender: type[Any], instance: Membership | ProjectMembership, **_kwargs: Any) -> None:
    _record_role(Act.ROLE_TAKEN, instance, was=Role(instance.role).label)


def _record_role(act: Act, row: Membership | ProjectMembership, **roles: str) -> None:
    project_id = row.project_id if isinstance(row, ProjectMembership) else None
    where = f"team:{row.team_id}" if isinstance(row, Membership) else f"project:{row.project_id}"
    details: dict[str, Detail] = {"in": where, **roles}
    audit.record(act, subject=f"user:{row.user_id}", project_id=project_id, details=details)


def _changes(user: User, changed: dict[str, Any]) -> Detail:
    """Tell old and new of each field, of the password only that it is another."""
    return {
        name: "changed" if name == "password" else {"was": old, "is": getattr(user, name)}
        for name, old in changed.items()
    }
