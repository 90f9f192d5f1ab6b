"""What people decide on tracked findings: accept, dismiss until a day or for good, reopen.

Owns the moves of `TrackedFinding.status` and their history. Refuses to know who may do what.
Invariant: a status changes only together with a `TriageAct`, in one transaction. A dismissal that is over is
`reopened` for every reader from that moment on (`TrackedFindings.with_status`); nothing has to run for it.

    NothingToReopen   the finding counts already, and nobody has judged it
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.db.models.functions import Now

from accounts import audit
from accounts.audit import Act
from accounts.models import User
from agents import tracking
from agents.findings import UNDO, Status, Verdict
from agents.models import TrackedFinding, TriageAct
from tasks import hints


class NothingToReopen(ValueError):
    """Nobody has accepted or dismissed this finding."""


def lock(pks: Iterable[int]) -> list[TrackedFinding]:
    """Give these findings with `status_now`, in the order of ids, locked until the caller's transaction ends."""
    wanted = TrackedFinding.objects.filter(pk__in=list(pks))
    for project_id in wanted.order_by("project_id").values_list("project_id", flat=True).distinct():
        tracking.hold(project_id)
    rows = TrackedFinding.objects.with_status().filter(pk__in=list(wanted.values_list("pk", flat=True)))
    return list(rows.select_related("project__team").order_by("pk").select_for_update(of=("self",)))


def fits(row: TrackedFinding, verdict: Verdict) -> bool:
    """Tell whether a finding can be judged so, as it is."""
    return verdict is not Verdict.REOPEN or row.status != Status.OPEN.value


def check(row: TrackedFinding, verdict: Verdict) -> None:
    """Let pass what fits the finding's status. Raises NothingToReopen."""
    if not fits(row, verdict):
        raise NothingToReopen("nobody has accepted or dismissed it: it is open and counts")


def decide(
    rows: Sequence[TrackedFinding],
    verdict: Verdict,
    *,
    reason: str,
    until: datetime | None,
    by: User,
    sweep: int | None = None,
) -> list[TrackedFinding]:
    """Judge locked findings. Returns those that this changed: the same again by the same person adds nothing.

    `sweep`: the key of the sweep that this is a batch of; it has told the audit. Raises NothingToReopen before
    anything is written.
    """
    for row in rows:
        check(row, verdict)
    said = _said(verdict, reason, until, by)
    again = already(rows, verdict, reason=reason, until=until, by=by)
    changed = [row for row in rows if row.pk not in again]
    acts = [
        TriageAct(finding=row, at=Now(), sweep=sweep, was=row.status, was_until=row.until, **said)
        for row in changed
    ]
    TriageAct.objects.bulk_create(acts)
    pks = [row.pk for row in changed]
    TrackedFinding.objects.filter(pk__in=pks).update(status=verdict.status.value, until=until)
    if verdict is Verdict.DISMISS and sweep is None:
        _tell_audit(changed, reason, until, by)
    _tell_projects(changed, verdict.value)
    return changed


def take_back(done: Sequence[tuple[TrackedFinding, TriageAct]], *, by: User, sweep: int) -> None:
    """Let locked findings be what they were before their last act. What was dismissed is so again, for its reason."""
    was = defaultdict[tuple[str, datetime | None], list[TrackedFinding]](list)
    for row, act in done:
        was[act.was, act.was_until].append(row)
    for (status, until), rows in was.items():
        dismissed = status == Status.DISMISSED.value
        reasons = _reasons_before(rows) if dismissed else {}
        TriageAct.objects.bulk_create(
            TriageAct(
                finding=row, at=Now(), sweep=sweep, was=row.status, was_until=row.until, until=until,
                verdict=Verdict.DISMISS.value if dismissed else UNDO, reason=reasons.get(row.pk, ""),
                by=by.get_username(), by_user=by.pk,
            )
            for row in rows
        )  # fmt: skip
        TrackedFinding.objects.filter(pk__in=[row.pk for row in rows]).update(status=status, until=until)
    _tell_projects([row for row, _ in done], UNDO)


def _reasons_before(rows: Sequence[TrackedFinding]) -> dict[int, str]:
    """Give why each of these was dismissed before the last act."""
    acts = (
        TriageAct.objects.filter(finding__in=rows)
        .order_by("finding", "pk")
        .values_list("finding", "verdict", "reason")
    )
    said = defaultdict[int, list[str]](list)
    for finding, verdict, reason in acts:
        said[finding].append(reason if verdict == Verdict.DISMISS.value else "")
    return {
        finding: next((one for one in reversed(reasons[:-1]) if one), "") for finding, reasons in said.items()
    }


def _tell_projects(rows: Sequence[TrackedFinding], verdict: str) -> None:
    for project_id in {row.project_id for row in rows}:
        hints.tell_project(project_id, "findings.judged", verdict=verdict)


def already(
    rows: Sequence[TrackedFinding], verdict: Verdict, *, reason: str, until: datetime | None, by: User
) -> set[int]:
    """Give the keys of those of which this person has said exactly this last."""
    said = _said(verdict, reason, until, by)
    last = TriageAct.objects.filter(finding__in=rows).order_by("finding", "-pk").distinct("finding")
    return {act.finding_id for act in last if {name: getattr(act, name) for name in said} == said}


def _said(verdict: Verdict, reason: str, until: datetime | None, by: User) -> dict[str, Any]:
    return {
        "verdict": verdict.value,
        "reason": reason,
        "until": until,
        "by": by.get_username(),
        "by_user": by.pk,
    }


def last_acts(rows: Collection[TrackedFinding]) -> dict[int, int]:
    """Give the newest act of each finding that has one, both by primary key."""
    acts = TriageAct.objects.filter(finding__in=[row.pk for row in rows]).order_by()
    return dict(acts.values_list("finding").annotate(last=Max("pk")))


def _tell_audit(rows: Sequence[TrackedFinding], reason: str, until: datetime | None, by: User) -> None:
    """A dismissal takes findings out of reports and gates: one record per project, whoever asks later."""
    for project_id in sorted({row.project_id for row in rows}):
        here = [row for row in rows if row.project_id == project_id]
        subject = f"finding:{here[0].public_id}" if len(here) == 1 else f"findings:{len(here)}"
        audit.record(
            Act.FINDING_DISMISSED,
            subject=subject,
            project_id=project_id,
            details={
                "findings": [str(row.public_id) for row in here],
                "reason": reason,
                "until": until.isoformat() if until else None,
            },
            by=by,
        )
