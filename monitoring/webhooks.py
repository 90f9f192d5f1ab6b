"""What people do with webhooks: make, change, delete, try them; rotate their secret; send something again.

Locks are taken in this order: the project, the webhook, its deliveries. A change locks the webhook in a way that lets
the engine's events refer to it meanwhile; a deletion does not, and the engine passes it by. Invariant: each act is in
the audit chain, with the receiver's host, without the URL (it may hold a token) and without the secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Now
from django.db.models.signals import post_delete, pre_delete
from django.dispatch import receiver

from accounts import audit, envelope
from accounts.audit import Act
from accounts.models import Project, User
from monitoring import addresses, payloads, signatures
from monitoring.models import DeliveryState, HookEvent, WebHook, WebHookDelivery, WebHookSecret

log = structlog.get_logger(__name__)

MOST_PER_PROJECT = 20


class WebHookRefused(Exception):
    """A webhook cannot be made so, or not be used so now. Its children: TooManyHooks, DeliveryWaits."""


class TooManyHooks(WebHookRefused):
    """The project has as many webhooks as it may have."""


class DeliveryWaits(WebHookRefused):
    """The delivery is not over, so there is nothing to do again."""


@dataclass(frozen=True, slots=True)
class Minted:
    """A webhook with a new secret, which is shown once."""

    hook: WebHook
    secret: str = field(repr=False)


def create(
    project: Project,
    url: str,
    events: Sequence[str],
    *,
    description: str = "",
    active: bool = True,
    by: User | None,
    now: datetime,
) -> Minted:
    """Make a webhook, and let it be pinged. Raises AddressUnfit, TooManyHooks, CryptoError."""
    addresses.read(url)
    with transaction.atomic():
        envelope.lock(project.pk)
        if WebHook.objects.filter(project=project).count() >= MOST_PER_PROJECT:
            raise TooManyHooks(f"a project has at most {MOST_PER_PROJECT} webhooks; delete one first")
        hook = WebHook.objects.create(
            project=project,
            url=url,
            events=sorted(set(events)),
            description=description,
            active=active,
            created_at=now,
            created_by=by,
        )
        secret = _new_secret(hook, now)
        ping(hook, by=by, now=now)
        _record(Act.WEBHOOK_CREATED, hook, events=hook.events)
    return Minted(hook, secret)


def change(
    hook: WebHook,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    active: bool | None = None,
) -> None:
    """Change a webhook, whose row is locked by `locked`. Raises AddressUnfit.

    Switched off it is told of nothing new, and what waits is given up; switched on it begins anew.
    """
    if url is not None:
        addresses.read(url)
        hook.url = url
    if events is not None:
        hook.events = sorted(set(events))
    if description is not None:
        hook.description = description
    if active is True and not hook.active:
        hook.active, hook.inactive_reason, hook.failures, hook.failing_since = True, "", 0, None
    hook.save()
    if active is False and hook.active:
        switch_off(hook, "")
    _record(Act.WEBHOOK_CHANGED, hook, events=hook.events, active=hook.active)


def switch_off(hook: WebHook, reason: str) -> None:
    """Tell a webhook nothing more. Its row is locked. An empty reason: a person wants it."""
    hook.active, hook.inactive_reason = False, reason[:300]
    hook.save(update_fields=["active", "inactive_reason"])
    waiting = WebHookDelivery.objects.filter(hook=hook, state=DeliveryState.WAITING.value)
    given_up = waiting.update(
        state=DeliveryState.FAILED.value, next_at=None, claim=None, ended_at=Now()
    )  # whatever is under way: its answer finds no claim and is dropped
    log.info("webhook_off", hook=str(hook.public_id), reason=reason, given_up=given_up)


def delete(hook: WebHook) -> None:
    """Delete a webhook with all its deliveries; what waits is not sent."""
    with transaction.atomic():
        envelope.lock(hook.project_id)
        row = WebHook.objects.select_for_update().filter(pk=hook.pk).first()
        if row is not None:
            row.delete()  # the receiver below records it


def rotate(hook: WebHook, *, overlap: timedelta, now: datetime) -> Minted:
    """Give a webhook a new secret; the current one signs along for `overlap`, one from before no more.

    Raises CryptoError, WebHook.DoesNotExist if it is gone.
    """
    with transaction.atomic():
        envelope.lock(hook.project_id)
        row = WebHook.objects.select_for_update(no_key=True).get(pk=hook.pk)
        secrets = WebHookSecret.objects.filter(hook=row)
        secrets.exclude(expires_at=None).delete()
        if overlap > timedelta(0):
            secrets.update(expires_at=now + overlap)
        else:
            secrets.delete()
        secret = _new_secret(row, now)
        _record(Act.WEBHOOK_SECRET_ROTATED, row, overlap_seconds=int(overlap.total_seconds()))
    return Minted(row, secret)


def ping(hook: WebHook, *, by: User | None, now: datetime) -> WebHookDelivery:
    """Send a webhook a `ping`, also one that is switched off. It is tried once. Raises WebHook.DoesNotExist."""
    with transaction.atomic():
        row = locked(hook)
        name = by.get_username() if by else ""
        return WebHookDelivery.objects.create(
            hook=row,
            event=HookEvent.PING.value,
            payload=payloads.of_ping(str(row.public_id), row.project, now, by=name),
            next_at=now,
            created_at=now,
        )


def replay(delivery: WebHookDelivery, *, now: datetime) -> WebHookDelivery:
    """Send the same again, as a delivery of its own, also to a webhook that is switched off.

    Raises DeliveryWaits; DoesNotExist if the webhook or the delivery is gone.
    """
    with transaction.atomic():
        hook = locked(delivery.hook)
        row = WebHookDelivery.objects.select_for_update(no_key=True).get(pk=delivery.pk)
        if row.state == DeliveryState.WAITING.value:
            raise DeliveryWaits("this delivery is still being tried; wait until it is over")
        return WebHookDelivery.objects.create(
            hook=hook,
            event=row.event,
            run_id=row.run_id,
            seq=row.seq,
            replay_of=row,
            is_replay=True,
            payload=row.payload,
            next_at=now,
            created_at=now,
        )


def hooks_of(project: Project) -> QuerySet[WebHook]:
    """Give a project's webhooks."""
    secrets = Prefetch("secrets", queryset=WebHookSecret.objects.defer("value"))
    found = WebHook.objects.filter(project=project).select_related("project__team", "created_by")
    return found.prefetch_related(secrets)


def deliveries_of(hook: WebHook) -> QuerySet[WebHookDelivery]:
    """Give what a webhook was sent or is about to be, but for runs that are being deleted.

    A payload is read when it is asked for.
    """
    own = [field.name for field in WebHookDelivery._meta.concrete_fields if field.name != "payload"]
    found = WebHookDelivery.objects.filter(hook=hook, run__hidden_at=None).select_related("run", "replay_of")
    return found.only(*own, "run__public_id", "replay_of__public_id")


def locked(hook: WebHook) -> WebHook:
    """Lock a webhook for a change. Raises WebHook.DoesNotExist if it is gone."""
    return (
        WebHook.objects.select_for_update(no_key=True, of=("self",))
        .select_related("project__team")
        .get(pk=hook.pk)
    )


def old_secret_until(hook: WebHook, now: datetime) -> datetime | None:
    """Tell until when an older secret signs along; None: there is none."""
    ends = [secret.expires_at for secret in hook.secrets.all() if secret.expires_at is not None]
    return next((end for end in ends if end > now), None)


def _new_secret(hook: WebHook, now: datetime) -> str:
    secret = signatures.new_secret()
    row = WebHookSecret(hook=hook, project_id=hook.project_id, created_at=now)
    envelope.put(row, secret, now)
    row.save(force_insert=True)
    return secret


def _record(act: Act, hook: WebHook, **details: audit.Detail) -> None:
    audit.record(
        act,
        subject=f"webhook:{hook.public_id}",
        project_id=hook.project_id,
        details={"host": hook.host, **details},
    )


@receiver(pre_delete, sender=WebHook)
def _hold(sender: type[WebHook], instance: WebHook, **_kwargs: object) -> None:
    """Keep the order of locks when a project takes its webhooks along: else their deliveries would come first."""
    WebHook.objects.select_for_update().filter(pk=instance.pk).first()


@receiver(post_delete, sender=WebHook)
def _deleted(sender: type[WebHook], instance: WebHook, **_kwargs: object) -> None:
    """Record every deletion, also one that comes with the project's."""
    _record(Act.WEBHOOK_DELETED, instance)
