"""`role_lost`: told after the commit that took something away from a person.

Owns the noticing: a membership deleted or lowered, a user deactivated. Refuses to know who listens; api.stream
does, and looks again at what the person's sockets may see. Rows changed by `QuerySet.update` send nothing:
listeners must look again now and then by themselves, too.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import Signal, receiver

from accounts.models import Membership, ProjectMembership, User

role_lost = Signal()
"""Sent with `user_id`. Sender: the model whose row changed."""


@receiver(post_delete, sender=Membership)
@receiver(post_delete, sender=ProjectMembership)
def _membership_deleted(sender: type[Any], instance: Membership | ProjectMembership, **_kwargs: Any) -> None:
    _tell(sender, instance.user_id)


@receiver(post_save, sender=Membership)
@receiver(post_save, sender=ProjectMembership)
def _membership_saved(
    sender: type[Any], instance: Membership | ProjectMembership, created: bool, **_kwargs: Any
) -> None:
    """Tell of every change: a project's row can lower what the team's gave, even when it is new."""
    if not created or sender is ProjectMembership:
        _tell(sender, instance.user_id)


@receiver(post_save, sender=User)
def _user_saved(sender: type[User], instance: User, created: bool, **_kwargs: Any) -> None:
    if not created and not instance.is_active:
        _tell(sender, instance.pk)


def tell(sender: type[Any], user_id: int) -> None:
    """Tell, after this transaction, that something was taken from somebody. For what changes no row of theirs."""
    _tell(sender, user_id)


def _tell(sender: type[Any], user_id: int) -> None:
    transaction.on_commit(lambda: role_lost.send(sender=sender, user_id=user_id), robust=True)
