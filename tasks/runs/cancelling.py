"""A person's wish to stop: written down first, so that it outlives every process."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from tasks import events
from tasks.changes import Change
from tasks.database import resilient
from tasks.errors import RunNotFound
from tasks.models import Run
from tasks.runs.moves import OPEN_IDLE, cancel_step, lock_open
from tasks.states import FINAL_RUN_STATES

PATIENCE_SECONDS = 10.0  # a person waits for the answer


def cancel(public_id: UUID, *, by: str, reason: str = "") -> Run:
    """Ask for the end of a run: idle steps are cancelled at once, running attempts are told. Idempotent.

    Raises RunNotFound. A run that is over stays as it is.
    """
    run = Run.objects.filter(public_id=public_id).first()
    if run is None:
        raise RunNotFound(f"there is no run {public_id}")
    run_pk = run.pk
    resilient(lambda: _cancel(run_pk, by=by, reason=reason), what="cancel", patience_seconds=PATIENCE_SECONDS)
    run.refresh_from_db()
    return run


def _cancel(run_pk: int, *, by: str, reason: str) -> None:
    with transaction.atomic():
        locked = lock_open(run_pk)
        asked = (
            Run.objects.filter(pk=run_pk, cancel_requested_at=None)
            .exclude(state__in=[s.value for s in FINAL_RUN_STATES])
            .update(cancel_requested_at=Now(), cancel_reason=events.storable(reason))
        )
        if asked:
            change = Change(run_pk)
            change.tell(events.RunCancelRequested(by=by, reason=reason))
            for step in locked:
                if step.state in OPEN_IDLE:
                    cancel_step(step, change)
            change.write()
