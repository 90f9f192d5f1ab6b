"""Quality in PostgreSQL: written with the report step's success, read by planning, gates, the API.

    settle: the report step moved -> record(step, output) -> commit

Owns: what a run is compared with, and which of its findings are new. Refuses to know how they are judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from agents.findings import FindingData, one_of_each
from agents.models import IS_DISMISSED, Finding, TrackedFinding
from agents.quality.gate import Counted
from agents.quality.model import Dimension, GateState, Quality
from agents.quality.records import RunQuality
from tasks.contract import RecordedStep
from tasks.models import Run
from tasks.plans import JsonObject

REPORTER = ("super", "report")


def record(step: RecordedStep, output: JsonObject) -> None:
    """Store what a report step says of quality; other steps say nothing. Runs in the caller's transaction."""
    told = output.get("quality")
    if (step.agent, step.operation) != REPORTER or told is None:
        return
    quality = Quality.model_validate(told)
    letters = {name.value: rated.rating for name, rated in quality.ratings.items()}
    measures = quality.measures
    RunQuality.objects.create(
        run=step.run_id,
        project_id=step.project_id,
        at=Now(),
        revision=quality.revision[:100],
        snapshot=quality.snapshot,
        is_default_branch=quality.is_default_branch,
        operations=list(quality.operations),
        gate=quality.gate.state.value,
        security=letters[Dimension.SECURITY.value],
        reliability=letters[Dimension.RELIABILITY.value],
        maintainability=letters[Dimension.MAINTAINABILITY.value],
        debt_minutes=quality.debt.minutes,
        debt_percent=quality.debt.ratio_percent,
        code_lines=measures.product.code if measures else None,
        duplicated_percent=measures.duplication.percent if measures and measures.duplication else None,
        whole=told,
    )


def baselines(project_id: int, operations: Iterable[str]) -> dict[str, RunQuality]:
    """Give what each operation is compared with: the latest run on the default branch in which it ended whole and
    whose gate did not fail. An operation that was never done so has none.
    """
    rows = RunQuality.objects.filter(project_id=project_id, is_default_branch=True)
    rows = rows.exclude(gate=GateState.FAILED.value).order_by("-at", "-id")
    found = {}
    for operation in operations:
        row = rows.filter(operations__contains=[operation]).first()
        if row is not None:
            found[operation] = row
    return found


def counted(run_id: UUID, compared: Mapping[str, RunQuality]) -> list[Counted]:
    """Give the findings of a run that people have not dismissed, each with whether its baseline lacked it."""
    claims = TrackedFinding.objects.filter(project=OuterRef("project"), fingerprint=OuterRef("fingerprint"))
    rows = Finding.objects.filter(run__public_id=run_id).exclude(Exists(claims.filter(IS_DISMISSED)))
    rows = rows.select_related("step").order_by("severity_weight", "path", "line", "id")
    known = {row.run: _known_in(row) for row in compared.values()}
    found: list[FindingData] = []
    fresh: set[str] = set()
    old: set[str] = set()
    for row in rows.iterator(chunk_size=1000):
        base = compared.get(f"{row.step.agent}.{row.step.operation}")
        if row.is_new is not None:  # it was compared with the base of a change
            (fresh if row.is_new else old).add(row.fingerprint)
        elif base is not None:
            (old if row.fingerprint in known[base.run] else fresh).add(row.fingerprint)
        found.append(
            FindingData.model_validate({name: getattr(row, name) for name in FindingData.model_fields})
        )
    new = fresh - old  # two operations may say the same: what one of them knew is not new
    return [Counted(finding=one, is_new=one.fingerprint in new) for one in one_of_each(found)]


def _known_in(base: RunQuality) -> set[str]:
    """Fingerprints that a baseline had: its own findings, or, once retention took these, all seen until then."""
    if Run.objects.filter(public_id=base.run).exists():
        return set(Finding.objects.filter(run__public_id=base.run).values_list("fingerprint", flat=True))
    seen = TrackedFinding.objects.filter(project=base.project_id, first_seen_at__lte=base.at)
    return set(seen.values_list("fingerprint", flat=True))
