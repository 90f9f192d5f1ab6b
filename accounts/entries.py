"""Links that sign somebody in once: made on the server by whoever operates it, shown in its terminal.

    make ─token─> terminal ─> the browser opens it ─> use ─> signed in, at the page that it leads to

A token is 256 random bits; the row has its SHA-256. Of a person's links only the newest opens anything.
Invariants: a link opens once, within its time, for an account that is active; making and using are recorded.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Act
from accounts.models import EntryLink, User

LASTS: Final = timedelta(minutes=15)
MAX_TOKEN: Final = 100  # characters; a longer one is none


def make(user: User, *, leads_to: str = "/", lasts: timedelta = LASTS) -> str:
    """Make a link's token. The person's older links that nobody used open nothing from here on."""
    token, now = secrets.token_urlsafe(32), timezone.now()
    with transaction.atomic():
        EntryLink.objects.filter(user=user).delete()
        EntryLink.objects.create(
            user=user, digest=_digest(token), leads_to=leads_to, created_at=now, expires_at=now + lasts
        )
        audit.record(Act.ENTRY_LINK_MADE, subject=f"user:{user.pk}")
    return token


def end_all(user_pk: int) -> None:
    """Let no link of a person open anything any more that nobody has used."""
    EntryLink.objects.filter(user=user_pk, used_at=None).delete()


def find(token: str) -> EntryLink | None:
    """Give the link of a token, whether or not it still opens anything. None: there is no such."""
    if len(token) > MAX_TOKEN or "\0" in token:
        return None
    return EntryLink.objects.select_related("user").filter(digest=_digest(token)).first()


def use(link: EntryLink) -> bool:
    """Spend a link. False if it was spent before, its time is over, or its account is closed."""
    now = timezone.now()
    with transaction.atomic():
        fresh = EntryLink.objects.filter(
            pk=link.pk, used_at=None, expires_at__gt=now, user__in=User.objects.filter(is_active=True)
        )
        if not fresh.update(used_at=now):
            return False
        audit.record(Act.ENTRY_LINK_USED, by=link.user, subject=f"user:{link.user_id}")
    return True


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
