"""Credentials of a project: kept, replaced, deleted, revealed to code; and their keys rotated.

Values come in by `store` and `replace` and go out by `reveal` alone, as a `Secret` that does not print itself: to
code that works with it, never to an answer, a page, a log or an event. How they are sealed is `envelope`'s; who
reveals reads credential and data key by one statement. Invariant: every change of a credential is in the audit chain
without its value, each use in the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.signals import post_delete
from django.dispatch import receiver

from accounts import audit, crypto, envelope
from accounts.audit import Act
from accounts.crypto import Key
from accounts.models import Credential, DataKey, Project, User

log = structlog.get_logger(__name__)

MOST_CHARACTERS = 16_384
USED_EVERY = timedelta(minutes=1)  # `last_used_at` is written at most so often
Kind = Credential.Kind
envelope.holds(Credential)


class ValueUnfit(Exception):
    """A value cannot be what its kind says. The message does not hold it."""


class NameTaken(Exception):
    """The project has a credential of this name."""


class CredentialUnknown(Exception):
    """The project has no credential of this name and kind."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value in the clear. Nothing that prints it shows it; `text` is for where it is used."""

    text: str = field(repr=False)

    def __str__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What a rotation did, and which master keys are still needed afterwards."""

    rewrapped: int
    renewed: int
    resealed: int
    in_use: tuple[str, ...]


def store(
    project: Project,
    kind: Kind,
    name: str,
    value: str,
    *,
    description: str = "",
    by: User | None,
    now: datetime,
) -> Credential:
    """Keep a new credential. Raises ValueUnfit, NameTaken, CryptoError."""
    _refuse_unfit(kind, value)
    with transaction.atomic():
        envelope.lock(project.pk)
        if Credential.objects.filter(project=project, name=name).exists():
            raise NameTaken(
                f"the project has a credential {name!r} already; replace its value, or choose another name"
            )
        row = Credential(
            project=project, kind=kind, name=name, description=description, created_at=now, created_by=by
        )
        envelope.put(row, value, now)
        row.save(force_insert=True)
        _record(Act.CREDENTIAL_CREATED, row)
    return row


def replace(credential: Credential, value: str, *, now: datetime) -> Credential:
    """Put another value into a credential's place. Raises ValueUnfit, CryptoError; DoesNotExist if it is gone."""
    _refuse_unfit(Kind(credential.kind), value)
    with transaction.atomic():
        envelope.lock(credential.project_id)
        row = Credential.objects.get(pk=credential.pk)
        row.replaced_at = now
        envelope.put(row, value, now)
        row.save(update_fields=["value", "data_key", "replaced_at"])
        _record(Act.CREDENTIAL_REPLACED, row)
    return row


def delete(credential: Credential) -> None:
    """Delete a credential for good."""
    with transaction.atomic():
        Credential.objects.filter(pk=credential.pk).delete()  # the receiver below records it


def reveal(project_id: int, kind: Kind, name: str, *, purpose: str, now: datetime) -> Secret:
    """Give a value to code that works with it, and log for what. Raises CredentialUnknown, CryptoError."""
    row = (
        Credential.objects.select_related("data_key")
        .filter(project_id=project_id, kind=kind, name=name)
        .first()
    )
    if row is None:
        raise CredentialUnknown(f"the project has no {kind.label} {name!r}; make one in its credentials")
    value = _open(row)
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USED_EVERY)
    Credential.objects.filter(stale, pk=row.pk).update(last_used_at=now)
    log.info("credential_used", credential=str(row.public_id), project=project_id, purpose=purpose)
    return Secret(value)


def credentials_of(project: Project) -> QuerySet[Credential]:
    """Give what there is about a project's credentials, without the values."""
    return Credential.objects.filter(project=project).select_related("created_by").defer("value")


def rotate(*, renew: bool, now: datetime) -> Rotated:
    """Wrap each data key by the first master key; with `renew` make new data keys, and seal all values anew by them.

    A project is a transaction, so what is done stays done when a later one fails. Raises CryptoError.
    """
    master = crypto.master_keys()[0]
    rewrapped = renewed = resealed = 0
    for project_id in _projects_with_keys():
        with transaction.atomic():
            envelope.lock(project_id)
            if renew:
                renewed += 1
                resealed += _renew(project_id, master, now)
            else:
                rewrapped += _rewrap(project_id, master)
    in_use = tuple(DataKey.objects.order_by("master").values_list("master", flat=True).distinct())
    done = Rotated(rewrapped=rewrapped, renewed=renewed, resealed=resealed, in_use=in_use)
    audit.record(
        Act.KEYS_ROTATED,
        subject=f"master:{master.id}",
        details={"rewrapped": rewrapped, "renewed": renewed, "resealed": resealed},
    )
    return done


def _projects_with_keys() -> Iterator[int]:
    yield from list(DataKey.objects.order_by("project_id").values_list("project_id", flat=True).distinct())


def _rewrap(project_id: int, master: Key) -> int:
    stale = list(DataKey.objects.filter(project_id=project_id).exclude(master=master.id))
    for row in stale:
        plain = envelope.unwrap(row)
        row.wrapped = crypto.seal(plain.secret, master, identity=row.identity)
        row.master = master.id
        row.save(update_fields=["wrapped", "master"])
    return len(stale)


def _renew(project_id: int, master: Key, now: datetime) -> int:
    """Make a new data key for a project, seal all that its old ones seal by it, delete those."""
    old = list(DataKey.objects.filter(project_id=project_id))
    DataKey.objects.filter(project_id=project_id).update(is_current=False)
    row, key = envelope.new_data_key(project_id, master, now)
    sealed = list(envelope.holders_of(project_id))
    for holder in sealed:
        value = envelope.take(holder)
        holder.value = crypto.seal(value.encode(), key, identity=holder.identity)
        holder.data_key = row
        holder.save(update_fields=["value", "data_key"])
    DataKey.objects.filter(pk__in=[one.pk for one in old]).delete()
    return len(sealed)


def _open(row: Credential) -> str:
    return envelope.take(row)


def _refuse_unfit(kind: Kind, value: str) -> None:
    if not value or len(value) > MOST_CHARACTERS:
        raise ValueUnfit(f"a value has 1 to {MOST_CHARACTERS} characters")
    if any(not sign.isprintable() or sign.isspace() for sign in value):
        raise ValueUnfit(f"a {kind.label} is one line without blanks; was something pasted along with it?")
    if kind is Kind.DSN and not _is_url(value):
        raise ValueUnfit("a database URL looks like postgresql://user:password@host:5432/name")


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.scheme and parts.hostname)


def _record(act: Act, row: Credential) -> None:
    audit.record(
        act,
        subject=f"credential:{row.public_id}",
        project_id=row.project_id,
        details={"name": row.name, "kind": row.kind},
    )


@receiver(post_delete, sender=Credential)
def _deleted(sender: type[Credential], instance: Credential, **_kwargs: object) -> None:
    """Record every deletion, also one in the admin and one that comes with the project's."""
    _record(Act.CREDENTIAL_DELETED, instance)
