"""Where people are signed in: sessions begin, are seen, and end, with effect on the next request.

Every request by cookie or token, and every open socket, asks here whether its session is alive; so ending one is one
UPDATE, and no cache or token that is still around can outlive it. `signals.role_lost` lets the sockets ask at once.
Refuses to know tokens (`tokens`), which build on this.

A password that was set anew and an account that was deactivated end all sessions of the person, when they are saved.
What `QuerySet.update` changes sends nothing: then tokens and cookies still die with the password's hash, which both
carry, and at the next look at `is_active`; sockets within half a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit, entries
from accounts.limits import addresses
from accounts.models import DeviceSession, EndedBecause, SessionKind, User
from accounts.signals import role_lost

log = structlog.get_logger(__name__)

SID = "sid"
"""The session's public id: the claim of tokens, and the key in a browser's session."""
SEEN_EVERY = timedelta(minutes=1)  # `last_seen_at` is no more exact; bounds the writes
AUDITED = (
    EndedBecause.REVOKED,
    EndedBecause.ADMIN,
    EndedBecause.REPLAY,
)  # signing out, and what a changed person ends, is recorded as that
REMEMBERED = timedelta(days=30)  # a session that is over stays in the admin for so long
MAX_AGENT = 300  # characters
LOCAL_AGENT = "command line on this server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a request tells of where it comes from. `ip` is None if that is no address."""

    ip: str | None = None
    user_agent: str = ""


def device_of(request: HttpRequest) -> Device:
    """Read the device of a request.

    Its address is what the rate limits go by: what a trusted proxy says, or that of the connection.
    """
    ip = addresses.of_request(request)
    agent = "".join(c for c in request.META.get("HTTP_USER_AGENT", "") if c.isprintable())
    return Device(ip=None if ip == addresses.UNKNOWN else ip, user_agent=agent[:MAX_AGENT])


def begin(user: User, kind: SessionKind, device: Device, *, lasts: timedelta) -> DeviceSession:
    """Store a new session, and forget those of the person that are over for long."""
    now = timezone.now()
    with transaction.atomic():
        DeviceSession.objects.filter(user=user, expires_at__lt=now - REMEMBERED).delete()
        session = DeviceSession.objects.create(
            user=user, kind=kind, expires_at=now + lasts, ip=device.ip, user_agent=device.user_agent
        )
    log.info("session_begun", session=str(session.public_id), user=user.pk, kind=kind, ip=device.ip)
    return session


def local(user: User, *, lasts: timedelta) -> DeviceSession:
    """Give the session of the command line on this server: one per person, renewed for each use until revoked."""
    now = timezone.now()
    found = DeviceSession.objects.filter(user=user, user_agent=LOCAL_AGENT, ip=None, revoked_at=None).first()
    if found is None:
        return begin(user, SessionKind.PROGRAM, Device(user_agent=LOCAL_AGENT), lasts=lasts)
    found.expires_at, found.last_seen_at = now + lasts, now
    found.save(update_fields=["expires_at", "last_seen_at"])
    return found


def alive(user: User) -> QuerySet[DeviceSession]:
    """Give the sessions in which this person is signed in, last seen first."""
    return DeviceSession.objects.filter(user=user, revoked_at=None, expires_at__gt=timezone.now())


def find(sid: object, user_id: int) -> DeviceSession | None:
    """Give a session with its user, if it is this person's, alive, and the person active."""
    public_id = _uuid(sid)
    if public_id is None:
        return None
    found = DeviceSession.objects.select_related("user").filter(public_id=public_id, user_id=user_id).first()
    if found is None or not found.is_alive(timezone.now()) or not found.user.is_active:
        return None
    return found


def seen(session: DeviceSession, device: Device) -> None:
    """Note that a session was used, and from where: at most once a minute."""
    now = timezone.now()
    if session.last_seen_at > now - SEEN_EVERY:
        return
    due = DeviceSession.objects.filter(pk=session.pk, last_seen_at__lte=now - SEEN_EVERY)
    due.update(last_seen_at=now, ip=device.ip, user_agent=device.user_agent)


def end(sid: object, user_id: int, because: EndedBecause) -> bool:
    """Revoke one session of a person. False: there is no such session, or it is over already."""
    public_id = _uuid(sid)
    if public_id is None:
        return False
    return _end(DeviceSession.objects.filter(public_id=public_id, user_id=user_id), because) > 0


def end_all(user_id: int, because: EndedBecause, *, but: object = None) -> int:
    """Revoke the sessions of a person, but the one with the public id `but`. Returns how many."""
    found = DeviceSession.objects.filter(user_id=user_id)
    keep = _uuid(but)
    return _end(found.exclude(public_id=keep) if keep else found, because)


def _end(found: QuerySet[DeviceSession], because: EndedBecause) -> int:
    now = timezone.now()
    with transaction.atomic():
        # ordered locks: two who end the same sessions at once do not wait for each other in a ring
        open_ones = found.filter(revoked_at=None, expires_at__gt=now).order_by("pk").select_for_update()
        rows = list(open_ones.values_list("pk", "public_id", "user_id"))
        DeviceSession.objects.filter(pk__in=[pk for pk, _, _ in rows]).update(
            revoked_at=now, revoked_because=because
        )
        for user_id in sorted({user_id for _, _, user_id in rows}):
            _tell_sockets(user_id)
        for _, public_id, user_id in rows if because in AUDITED else ():
            details: dict[str, audit.Detail] = {"because": str(because), "user": user_id}
            audit.record(audit.Act.SESSION_REVOKED, subject=f"session:{public_id}", details=details)
    for _, public_id, user_id in rows:
        log.info("session_revoked", session=str(public_id), user=user_id, because=str(because))
    return len(rows)


def _tell_sockets(user_id: int) -> None:
    transaction.on_commit(lambda: role_lost.send(sender=DeviceSession, user_id=user_id), robust=True)


def _uuid(value: object) -> UUID | None:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


# --- What begins and ends sessions by itself -------------------------------------------------------------------


@receiver(user_logged_in)
def _signed_in(sender: type[Any], request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Begin a browser's session. The one that it had before, if any, is over."""
    if before := request.session.get(SID):
        end(before, user.pk, EndedBecause.SIGNED_OUT)
    lasts = timedelta(seconds=request.session.get_expiry_age())
    session = begin(user, SessionKind.BROWSER, device_of(request), lasts=lasts)
    request.session[SID] = str(session.public_id)


@receiver(user_logged_out)
def _signed_out(sender: type[Any], request: HttpRequest, user: User | None, **_kwargs: Any) -> None:
    if user is not None and (sid := request.session.get(SID)):
        end(sid, user.pk, EndedBecause.SIGNED_OUT)


@receiver(post_save, sender=User)
def _user_saved(sender: type[User], instance: User, created: bool, **_kwargs: Any) -> None:
    """End what a new password or a closed account ends.

    Django keeps the raw password in `_password` between `set_password` and the end of `save`.
    """
    if created:
        return
    if instance._password is not None:  # type: ignore[attr-defined]  # Django's stubs leave it out
        entries.end_all(instance.pk)
        end_all(instance.pk, EndedBecause.PASSWORD)
    if not instance.is_active:
        end_all(instance.pk, EndedBecause.DEACTIVATED)


@receiver(post_delete, sender=User)
def _user_deleted(sender: type[User], instance: User, **_kwargs: Any) -> None:
    _tell_sockets(instance.pk)
