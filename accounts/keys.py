"""API keys: made, recognized, rotated, revoked. The only writer of ApiKey.

A key is shown once, by `create` or `rotate`. What it may do is decided by `access` at each request: its scopes, the
projects that it is bound to, and its owner's role at that moment. Rotation makes a successor with the same bounds;
the old key goes on working until a chosen time, so that programs can be changed one after the other.
Invariant: nothing made by way of a key may do more than that key.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.signals import post_delete
from django.dispatch import receiver

from accounts import audit, key_text
from accounts.audit import Act, Detail
from accounts.bounds import Bounds
from accounts.key_text import KeyMistyped
from accounts.models import ApiKey, Project, User
from accounts.signals import role_lost

__all__ = [
    "KeyMistyped",
    "KeyNotLive",
    "KeyTooWide",
    "KeyUnknown",
    "MintedKey",
    "TooManyKeys",
    "create",
    "keys_of",
    "recognize",
    "revoke",
    "rotate",
]

log = structlog.get_logger(__name__)

MOST_LIVE = 100  # keys per person: a program that makes keys in a loop is noticed before the table is
USED_EVERY = timedelta(
    minutes=1
)  # `last_used_at` is written at most so often: a write per request would cost


class KeyUnknown(Exception):
    """No row has this key, or the pepper that it was stored with is no longer set."""


class KeyNotLive(Exception):
    """The key is revoked, expired, replaced already, or its owner may not sign in."""


class KeyTooWide(Exception):
    """A key asks for a key that may do more than itself."""


class TooManyKeys(Exception):
    """The owner has MOST_LIVE live keys."""


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new row with its key, which is nowhere else."""

    row: ApiKey
    text: str


def create(
    owner: User,
    name: str,
    *,
    scopes: Sequence[str],
    projects: Collection[Project] | None,
    expires_at: datetime,
    now: datetime,
) -> MintedKey:
    """Store a new key of `owner` and give it. `projects` None: in all that the owner sees, later ones included.

    Raises KeyTooWide when `owner` came by a key that may do less, TooManyKeys.
    """
    ids = None if projects is None else frozenset(project.pk for project in projects)
    with transaction.atomic():
        _room_for_one(owner, now)
        minted = _mint(owner, name, scopes=scopes, project_ids=ids, expires_at=expires_at, now=now)
        _refuse_wider(owner, minted.row.bounds())
        slugs: list[Detail] = [project.slug for project in projects or ()]
        audit.record(
            Act.KEY_CREATED,
            subject=f"key:{minted.row.public_id}",
            details={
                "name": name,
                "scopes": list(minted.row.scopes),
                "projects": None if projects is None else slugs,
                "expires_at": expires_at.isoformat(),
            },
        )
    return minted


def rotate(owner: User, key: ApiKey, *, overlap: timedelta, expires_at: datetime, now: datetime) -> MintedKey:
    """Store a successor with the same name, scopes and projects; the old key ends after `overlap`, or as before.

    Raises KeyNotLive for a key that is over or has a successor, KeyTooWide, TooManyKeys.
    """
    with transaction.atomic():
        _room_for_one(owner, now)
        old = ApiKey.objects.select_for_update().get(pk=key.pk)
        bounds = old.bounds()
        _refuse_wider(owner, bounds)
        if not old.is_live(now):
            raise KeyNotLive("this key is revoked or expired; make a new one instead")
        if ApiKey.objects.filter(replaces=old).exists():
            raise KeyNotLive("this key has a successor already; rotate that one")
        minted = _mint(
            old.owner,
            old.name,
            scopes=old.scopes,
            project_ids=bounds.project_ids,
            expires_at=expires_at,
            now=now,
            replaces=old,
        )
        ApiKey.objects.filter(pk=old.pk).update(expires_at=min(old.expires_at, now + overlap))
        audit.record(
            Act.KEY_ROTATED,
            subject=f"key:{old.public_id}",
            details={"successor": str(minted.row.public_id), "overlap_seconds": int(overlap.total_seconds())},
        )
    return minted


def revoke(key: ApiKey, *, now: datetime) -> bool:
    """End a key at once, and the sockets that it opened. False: it was revoked already."""
    with transaction.atomic():
        done = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now) == 1
        if done:
            owner = key.owner_id
            audit.record(
                Act.KEY_REVOKED, subject=f"key:{key.public_id}", details={"name": key.name, "owner": owner}
            )
            transaction.on_commit(lambda: role_lost.send(sender=ApiKey, user_id=owner), robust=True)
    return done


@receiver(post_delete, sender=ApiKey)
def _deleted(sender: type[ApiKey], instance: ApiKey, **_kwargs: object) -> None:
    """Record a live key that went with its row: deleted in the admin, or together with its owner."""
    if instance.revoked_at is None:
        audit.record(
            Act.KEY_REVOKED,
            subject=f"key:{instance.public_id}",
            details={"name": instance.name, "owner": instance.owner_id, "deleted": True},
        )
        transaction.on_commit(lambda: role_lost.send(sender=ApiKey, user_id=instance.owner_id), robust=True)


def recognize(text: str, *, now: datetime) -> ApiKey:
    """Give the live row of a key, with its owner held to its bounds, and note that it was used.

    Raises KeyMistyped before it asks the database; KeyUnknown; KeyNotLive, told only to who has the key.
    """
    prefix = key_text.prefix_of(text)
    row = ApiKey.objects.select_related("owner").filter(prefix=prefix).first()
    if row is None or not _fits(text, row):
        raise KeyUnknown("there is no such API key")
    if row.revoked_at is not None:
        raise KeyNotLive("this API key is revoked; make a new one")
    if not row.is_live(now):
        raise KeyNotLive(f"this API key expired at {row.expires_at:%Y-%m-%d %H:%M} UTC; make a new one")
    if not row.owner.is_active:
        raise KeyNotLive("the owner of this API key may not sign in")
    row.owner.bounds = row.bounds()
    _note_use(row, now)
    return row


def keys_of(owner: User) -> QuerySet[ApiKey]:
    """Give all keys of a person, newest first, those that are over included."""
    return ApiKey.objects.filter(owner=owner).select_related("replaces").prefetch_related("projects__team")


def _mint(
    owner: User,
    name: str,
    *,
    scopes: Sequence[str],
    project_ids: frozenset[int] | None,
    expires_at: datetime,
    now: datetime,
    replaces: ApiKey | None = None,
) -> MintedKey:
    text, pepper = key_text.mint(), key_text.peppers()[0]
    row = ApiKey.objects.create(
        owner=owner,
        name=name,
        prefix=key_text.prefix_of(text),
        digest=key_text.digest(text, pepper),
        pepper=pepper.id,
        scopes=sorted(set(scopes)),
        is_bound=project_ids is not None,
        created_at=now,
        expires_at=expires_at,
        replaces=replaces,
    )
    row.projects.set(project_ids or ())
    return MintedKey(row, text)


def _refuse_wider(asking: User, wanted: Bounds) -> None:
    if asking.bounds is not None and not asking.bounds.hold(wanted):
        raise KeyTooWide(
            "an API key makes or renews only keys with no more scopes and projects than its own;"
            " sign in by password for more"
        )


def _room_for_one(owner: User, now: datetime) -> None:
    """Let pass who has room. The owner's row is locked, so that keys made at once are counted one by one."""
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    live = ApiKey.objects.filter(owner=owner, revoked_at=None, expires_at__gt=now).count()
    if live >= MOST_LIVE:
        raise TooManyKeys(f"you have {live} live API keys, the most there may be; revoke one first")


def _fits(text: str, row: ApiKey) -> bool:
    """Compare in constant time. A key stored under an older pepper is stored anew under the first."""
    known = key_text.peppers()
    pepper = next((one for one in known if one.id == row.pepper), None)
    if pepper is None:
        log.error("api_key_pepper_missing", key=str(row.public_id), pepper=row.pepper)
        return False
    if not hmac.compare_digest(key_text.digest(text, pepper), row.digest):
        return False
    if pepper is not known[0]:
        fresh = key_text.digest(text, known[0])
        ApiKey.objects.filter(pk=row.pk, digest=row.digest).update(digest=fresh, pepper=known[0].id)
    return True


def _note_use(row: ApiKey, now: datetime) -> None:
    if row.last_used_at is not None and now - row.last_used_at < USED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USED_EVERY)
    ApiKey.objects.filter(stale, pk=row.pk).update(last_used_at=now)
