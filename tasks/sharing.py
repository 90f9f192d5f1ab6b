"""Links that show one run to whoever has them: made, revoked, followed. The only writer of RunShare.

A token is 256 random bits, or made of a form's ticket and the secret key; the row has its SHA-256, so that nobody who
reads the database can follow a link. Refuses to know who may share, and what is shown. Invariants: a link that
expired or was revoked shows nothing ever again; a run has at most MOST_OPEN open links.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from tasks.models import Run, RunShare

MOST_OPEN: Final = 20  # links of a run
LONGEST: Final = timedelta(days=90)
MAX_TOKEN: Final = 100  # characters; a longer one is none


class SharingRefused(Exception):
    """A link cannot be made. The message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """For how long a link shows a run, what besides, and a note for whom."""

    lasts: timedelta
    note: str = ""
    with_logs: bool = False
    with_files: bool = False


def share(run: Run, terms: Terms, *, by_id: int, ticket: UUID | None = None) -> tuple[RunShare, str]:
    """Make a link. Returns its row and its token, which is kept nowhere.

    The same ticket again gives the same link and the same token: of a form that is sent twice nobody knows which
    answer a person sees. Raises SharingRefused.
    """
    if not timedelta(0) < terms.lasts <= LONGEST:
        raise SharingRefused(f"a link lasts at most {LONGEST.days} days: choose a shorter time")
    now = timezone.now()
    with transaction.atomic():
        if Run.objects.select_for_update(no_key=True).filter(pk=run.pk).first() is None:
            raise SharingRefused("the run has just been deleted")
        open_ones = RunShare.objects.filter(run=run, revoked_at=None, expires_at__gt=now)
        known = open_ones.filter(public_id=ticket, created_by_id=by_id).first() if ticket else None
        if ticket is not None and known is not None:
            token = _token_of(ticket, run, by_id)
            known.digest = digest_of(token)
            known.save(update_fields=["digest"])
            return known, token
        if open_ones.count() >= MOST_OPEN:
            raise SharingRefused(f"this run has {MOST_OPEN} open links, the most there may be: revoke some")
        # of a ticket whose link is over, or is another's, no token is made again
        own = None if ticket is None or RunShare.objects.filter(public_id=ticket).exists() else ticket
        token = secrets.token_urlsafe(32) if own is None else _token_of(own, run, by_id)
        row = RunShare(
            run=run,
            digest=digest_of(token),
            note=terms.note,
            with_logs=terms.with_logs,
            with_files=terms.with_files,
            created_by_id=by_id,
            created_at=now,
            expires_at=now + terms.lasts,
        )
        if own is not None:
            row.public_id = own
        row.save()
        return row, token


def _token_of(ticket: UUID, run: Run, by_id: int) -> str:
    made = salted_hmac("tasks.sharing", f"{ticket} {run.pk} {by_id}", algorithm="sha256").digest()
    return urlsafe_b64encode(made).decode().rstrip("=")


def revoke(share: RunShare, *, by_id: int) -> bool:
    """Let a link show nothing any more. False: it did not anyhow."""
    now = timezone.now()
    open_ones = RunShare.objects.filter(pk=share.pk, revoked_at=None, expires_at__gt=now)
    return bool(open_ones.update(revoked_at=now, revoked_by_id=by_id))


def find(token: str) -> RunShare | None:
    """Give the link of a token, open or over, with its run and who made it. None: there never was one, or no more."""
    if not token or len(token) > MAX_TOKEN or not token.isascii():
        return None
    found = RunShare.objects.select_related("run__project__team", "run__owner", "run__parent", "created_by")
    return found.filter(digest=digest_of(token)).first()


def links_of(run: Run) -> list[RunShare]:
    """Give the links of a run that show it now, newest first."""
    return list(open_links(run).order_by("-pk"))


def open_links(run: Run) -> QuerySet[RunShare]:
    """Find the links of a run that show it now, with who made them."""
    found = RunShare.objects.filter(run=run, revoked_at=None, expires_at__gt=timezone.now())
    return found.select_related("created_by")


def digest_of(token: str) -> str:
    """Give what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
