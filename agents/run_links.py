"""Links that show a run: made, ended and followed, the same by the page, the API and the live stream.

    make ──> a row of tasks.sharing, and a record in the audit chain, in one transaction
    look ──> the row of a token, if it shows its run now; `over` if it did once

A link is worth no more than who made it: each look asks anew whether they may share the run still. Refuses to know
how anything is shown. Invariant: whoever has a link comes by nothing but its one run.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts import access, audit, signals
from accounts.audit import Act
from accounts.models import User
from agents.reporting.forms import MEDIA_TYPES
from agents.requests import REPORTER
from tasks import sharing
from tasks.models import Artifact, Run, RunShare
from tasks.sharing import Terms

DEFAULT_DAYS = 7
MAX_NOTE = 80


class LinkOver(Exception):
    """A link showed a run once, and shows nothing any more: its time is over, or somebody ended it."""


def make(run: Run, by: User, terms: Terms, *, ticket: UUID | None = None) -> tuple[RunShare, str]:
    """Make a link, and record it. Returns its row and its token. Raises tasks.sharing.SharingRefused."""
    with transaction.atomic():
        row, token = sharing.share(run, terms, by_id=by.pk, ticket=ticket)
        told = {"note": terms.note, "days": terms.lasts.days, "logs": row.with_logs, "files": row.with_files}
        _record(Act.SHARE_CREATED, row, run, **told)
    return row, token


def address_of(token: str) -> str:
    """Give the address that shows the run of this token."""
    return f"{settings.BASE_URL.rstrip('/')}{reverse('frontend:shared', args=[token])}"


def end(row: RunShare, run: Run, by: User) -> bool:
    """Let a link show nothing any more, and tell those who look by it now. False: it was over anyhow."""
    with transaction.atomic():
        ended = sharing.revoke(row, by_id=by.pk)
        if ended:
            if row.created_by_id is not None:
                signals.tell(RunShare, row.created_by_id)
            _record(Act.SHARE_REVOKED, row, run, note=row.note)
    return ended


def look(token: str) -> RunShare | None:
    """Give the link of a token, with its run. None: there is none. Raises LinkOver if it shows nothing any more."""
    row = sharing.find(token)
    if row is None:
        return None
    maker, run = row.created_by, row.run
    if (
        not row.is_open(timezone.now())
        or run.hidden_at is not None
        or maker is None
        or not access.may(maker, "run.share", run.project)
    ):
        raise LinkOver
    return row


def files_of(row: RunShare) -> QuerySet[Artifact]:
    """Find the files that a link shows: the newest of each form of the run's report, or none."""
    agent, operation = REPORTER
    found = Artifact.objects.filter(
        run=row.run_id, step__agent=agent, step__operation=operation, name__in=MEDIA_TYPES
    )
    return found.order_by("name", "-pk").distinct("name") if row.with_files else found.none()


def _record(act: Act, row: RunShare, run: Run, **details: Any) -> None:
    audit.record(
        act,
        subject=f"share:{row.public_id}",
        project_id=run.project_id,
        details={"run": str(run.public_id), **details},
    )
