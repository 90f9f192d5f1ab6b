"""Findings in PostgreSQL: written by settle's transaction and tracked over runs, read by reports."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from agents import tracking
from agents.findings import FindingData
from agents.models import IS_DISMISSED, Finding, TrackedFinding
from tasks.contract import RecordedStep
from tasks.plans import JsonObject


def record(step: RecordedStep, records: Iterable[JsonObject]) -> int:
    """Store a step's findings, each once. Returns how many. Runs in the caller's transaction."""
    unique = {data.fingerprint: data for data in map(FindingData.model_validate, records)}
    if not unique:
        return 0
    tracking.hold(step.project_id)
    Finding.objects.bulk_create([_row(step, data) for data in unique.values()], batch_size=500)
    tracking.see(step.step_pk)
    return len(unique)


def take_over(step: RecordedStep, source_step: int) -> int:
    """Copy the findings of another step to this one. Returns how many. Runs in the caller's transaction."""
    copies = [_row(step, _data(row)) for row in Finding.objects.filter(step_id=source_step).order_by("pk")]
    if not copies:
        return 0
    tracking.hold(step.project_id)
    Finding.objects.bulk_create(copies, batch_size=500)
    tracking.know(step.step_pk)
    return len(copies)


def findings_of_run(run_id: UUID) -> list[tuple[str, FindingData]]:
    """Give (agent, finding) of a run, worst first, without those that people have dismissed."""
    rows = _of_run(run_id).exclude(_is_dismissed()).order_by("severity_weight", "path", "line", "id")
    return [(row.agent, _data(row)) for row in rows.iterator(chunk_size=1000)]


def count_dismissed(run_id: UUID) -> int:
    """Count the findings of a run that people have dismissed."""
    return _of_run(run_id).filter(_is_dismissed()).count()


def _of_run(run_id: UUID) -> QuerySet[Finding]:
    return Finding.objects.filter(run__public_id=run_id)


def _is_dismissed() -> Exists:
    claims = TrackedFinding.objects.filter(project=OuterRef("project"), fingerprint=OuterRef("fingerprint"))
    return Exists(claims.filter(IS_DISMISSED))


def _row(step: RecordedStep, data: FindingData) -> Finding:
    fields = data.model_dump(mode="json")
    return Finding(
        run_id=step.run_pk,
        step_id=step.step_pk,
        project_id=step.project_id,
        agent=step.agent,
        severity_weight=data.severity.weight,
        created_at=Now(),
        **fields,
    )


def _data(row: Finding) -> FindingData:
    return FindingData.model_validate({name: getattr(row, name) for name in FindingData.model_fields})
