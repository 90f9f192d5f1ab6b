"""Findings in PostgreSQL: written by settle's transaction and tracked over runs, read by reports."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from agents import tracking
from agents.findings import Coverage, FindingData, Verdict, one_of_each
from agents.models import IS_DISMISSED, Finding, TrackedFinding, TriageAct
from tasks.contract import RecordedStep
from tasks.plans import JsonObject


def records_of(findings: Iterable[FindingData], coverage: Coverage | None) -> tuple[JsonObject, ...]:
    """Give what `record` reads."""
    told = [] if coverage is None else [coverage.model_dump(mode="json")]
    return (*(finding.model_dump(mode="json") for finding in findings), *told)


def record(step: RecordedStep, records: Iterable[JsonObject]) -> int:
    """Store a step's findings, each once, and settle which earlier ones are gone. Returns how many were stored.

    Runs in the caller's transaction.
    """
    given = list(records)
    claims = (FindingData.model_validate(one) for one in given if not _is_coverage(one))
    unique = {data.fingerprint: data for data in claims}
    coverage = next((Coverage.model_validate(one) for one in given if _is_coverage(one)), None)
    if not unique and coverage is None:
        return 0
    tracking.hold(step.project_id)
    look = tracking.look_of(step, coverage)
    names = tracking.names(look, unique.values())
    rows = [_row(step, data, fingerprint=names[data.fingerprint]) for data in unique.values()]
    Finding.objects.bulk_create(rows, batch_size=500)
    tracking.see(look)
    tracking.settle_gone(look)
    return len(unique)


def _is_coverage(record: JsonObject) -> bool:
    return "unseen" in record


def take_over(step: RecordedStep, source_step: int) -> int:
    """Copy the findings of another step to this one. Returns how many. Runs in the caller's transaction."""
    copies = [_row(step, _data(row)) for row in Finding.objects.filter(step_id=source_step).order_by("pk")]
    if not copies:
        return 0
    tracking.hold(step.project_id)
    Finding.objects.bulk_create(copies, batch_size=500)
    tracking.know(tracking.look_of(step, None))
    return len(copies)


def findings_of_run(run_id: UUID) -> list[tuple[str, FindingData]]:
    """Give (agent, finding) of a run, worst first, without those that people have dismissed.

    What several steps claim is told once, in the words of the one that is first by severity and name, with the
    evidence of all.
    """
    rows = _of_run(run_id).exclude(_is_dismissed()).order_by("severity_weight", "agent", "path", "line", "id")
    agents: dict[str, str] = {}
    found = []
    for row in rows.iterator(chunk_size=1000):
        agents.setdefault(row.fingerprint, row.agent)
        found.append(_data(row))
    each = sorted(one_of_each(found), key=lambda one: (one.severity.weight, one.path, one.line))
    return [(agents[one.fingerprint], one) for one in each]


def all_of_run(run_id: UUID) -> list[FindingData]:
    """Give what the steps of a run have found until now, judged or not, worst first."""
    rows = _of_run(run_id).order_by("severity_weight", "agent", "path", "line", "id")
    return [_data(row) for row in rows.iterator(chunk_size=1000)]


def count_dismissed(run_id: UUID) -> int:
    """Count the claims of a run that people have dismissed."""
    return _of_run(run_id).filter(_is_dismissed()).values("fingerprint").distinct().count()


def dismissed_of_run(run_id: UUID) -> list[tuple[str, FindingData, str]]:
    """Give (agent, finding, reason) of the claims of a run that people have dismissed, worst first, each once."""
    acts = TriageAct.objects.filter(
        finding__project=OuterRef("project"),
        finding__fingerprint=OuterRef("fingerprint"),
        verdict=Verdict.DISMISS,
    )
    rows = _of_run(run_id).filter(_is_dismissed()).annotate(reason=acts.order_by("-pk").values("reason")[:1])
    rows = rows.order_by("severity_weight", "agent", "path", "line", "id")
    found: dict[str, tuple[str, FindingData, str]] = {}
    for row in rows.iterator(chunk_size=1000):
        found.setdefault(row.fingerprint, (row.agent, _data(row), row.reason or ""))
    return list(found.values())


def _of_run(run_id: UUID) -> QuerySet[Finding]:
    return Finding.objects.filter(run__public_id=run_id)


def _is_dismissed() -> Exists:
    claims = TrackedFinding.objects.filter(project=OuterRef("project"), fingerprint=OuterRef("fingerprint"))
    return Exists(claims.filter(IS_DISMISSED))


def _row(step: RecordedStep, data: FindingData, **changed: str) -> Finding:
    fields = data.model_dump(mode="json") | changed
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
