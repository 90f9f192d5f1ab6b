"""All that there is about one finding: its evidence, the runs that saw it, the fixes, and what people decided.

Owns: which of the many rows of a claim tell it best. Refuses to know HTTP and how it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from agents.models import Finding, Fix, TrackedFinding, TriageAct

OCCURRENCES_SHOWN = 100
ACTS_SHOWN = 100
FIXES_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A claim over its runs, newest first. `last`: as the last run that is kept made it; None if none is kept."""

    last: Finding | None
    evidence: Sequence[dict[str, Any]]
    fixes: Sequence[Fix]
    seen: Sequence[Finding]  # at most OCCURRENCES_SHOWN, without evidence
    seen_count: int
    acts: Sequence[TriageAct]


def story_of(row: TrackedFinding) -> Story:
    """Give what is known of a finding."""
    found = Finding.objects.filter(
        project=row.project_id, fingerprint=row.fingerprint, run__hidden_at=None
    ).select_related("run", "step")
    last = found.filter(run__public_id=row.last_run).order_by("-pk").first() or found.order_by("-pk").first()
    seen = found.order_by("-pk").defer("evidence", "message", "step__input", "step__output")
    offered = Fix.objects.filter(project=row.project_id, fingerprint=row.fingerprint, run__hidden_at=None)
    return Story(
        last=last,
        evidence=_evidence(found.filter(run=last.run_id)) if last else [],
        fixes=list(offered.select_related("run").order_by("-pk")[:FIXES_SHOWN]),
        seen=list(seen[:OCCURRENCES_SHOWN]),
        seen_count=found.count(),
        acts=list(row.acts.order_by("-pk")[:ACTS_SHOWN]),
    )


def _evidence(rows: QuerySet[Finding]) -> list[dict[str, Any]]:
    """What makes the claim in one run: of each tool once, whichever of the run's steps made it."""
    shown: list[dict[str, Any]] = []
    for said in rows.order_by("severity_weight", "agent", "pk").values_list("evidence", flat=True):
        known = {one["tool"] for one in shown}
        shown += [one for one in said if one["tool"] not in known]
    return shown
