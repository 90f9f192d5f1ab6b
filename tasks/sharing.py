"""Links that show one run to whoever has them: made, revoked, followed. The only writer of RunShare.

A token is 256 random bits; the row has its SHA-256, so that nobody who reads the database can follow a link. Refuses
to know who may share, and what is shown. Invariants: a link that expired or was revoked shows nothing ever again; a
run has at most MOST_OPEN open links.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

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
    """Make a link. Returns its row and its token, which is nowhere else.

    The same ticket again gives the same link another token: the answer that a person sees last holds the one that
    counts. Raises SharingRefused.
    """
    if not timedelta(0) < terms.lasts <= LONGEST:
        raise SharingRefused(f"a link lasts at most {LONGEST.days} days: choose a shorter time")
    token, now = secrets.token_urlsafe(32), timezone.now()
    with transaction.atomic():
        if Run.objects.select_for_update(no_key=True).filter(pk=run.pk).first() is None:
            raise SharingRefused("the run has just been deleted")
        open_ones = RunShare.objects.filter(run=run, revoked_at=None, expires_at__gt=now)
        known = open_ones.filter(public_id=ticket, created_by_id=by_id).first() if ticket else None
        if known is not None:
            known.digest = digest_of(token)
            known.save(update_fields=["digest"])
            return known, token
        if open_ones.count() >= MOST_OPEN:
            raise SharingRefused(f"this run has {MOST_OPEN} open links, the most there may be: revoke some")
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
        if ticket is not None and not RunShare.objects.filter(public_id=ticket).exists():
            row.public_id = ticket
        row.save()
        return row, token


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
