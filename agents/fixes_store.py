"""Fixes in PostgreSQL: written by settle's transaction, read by the API and by reports."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models.functions import Now

from agents.models import Fix
from agents.patches import FixData
from tasks.contract import RecordedStep
from tasks.plans import JsonObject

MARK = "fix"
"""The key by which a step's record is a fix and no finding."""


def record(step: RecordedStep, records: Iterable[JsonObject]) -> int:
    """Store a step's fixes, each once. Returns how many. Runs in the caller's transaction."""
    unique = {(fix.fingerprint, fix.mend): fix for fix in map(FixData.model_validate, records)}
    Fix.objects.bulk_create([_row(step, fix) for fix in unique.values()], batch_size=500)
    return len(unique)


def take_over(step: RecordedStep, source_step: int) -> int:
    """Copy the fixes of another step to this one. Returns how many. Runs in the caller's transaction."""
    copies = [_row(step, data_of(row)) for row in Fix.objects.filter(step_id=source_step).order_by("pk")]
    Fix.objects.bulk_create(copies, batch_size=500)
    return len(copies)


def fixes_of_run(run_id: UUID) -> list[FixData]:
    """Give the fixes of a run, in the order of their making."""
    return [data_of(row) for row in Fix.objects.filter(run__public_id=run_id).order_by("pk")]


def data_of(row: Fix) -> FixData:
    """The row as it was handed back."""
    return FixData.model_validate({name: getattr(row, name) for name in FixData.model_fields})


def _row(step: RecordedStep, data: FixData) -> Fix:
    return Fix(
        run_id=step.run_pk,
        step_id=step.step_pk,
        project_id=step.project_id,
        agent=step.agent,
        created_at=Now(),
        **data.model_dump(mode="json"),
    )
