"""A person judges findings: what the order must say, which of the rows it may touch, and what became of each.

    fault_of(order)                           what is wrong with the order itself
    with transaction.atomic():
        rows = seen_by(user, ids)             locked
        refused = refusals(user, ids, rows, order.verdict, stamps=...)
        triage.decide(those left, ...)

REST judges all or none; pages judge what can be, and name the rest. Both ask here, so that both allow the same.
`stamp` names what a person has read: who sends it judges only that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from accounts import access
from accounts.models import User
from agents import triage
from agents.findings import Verdict
from agents.models import TrackedFinding

MOST_AT_ONCE = 500
MAX_REASON = 2_000  # characters
LONGEST = timedelta(days=3660)
NOT_TRIAGE = "judging it takes the role developer in the project (finding.triage)"
NOT_DISMISS = "dismissing takes the role maintainer in the project (finding.dismiss)"


class Why(StrEnum):
    """Why a finding is not judged, the least grave first."""

    CHANGED = "changed"  # it is not what the person has read any more
    CONFLICT = "conflict"  # its status does not allow the verdict
    NOT_ALLOWED = "not_allowed"
    UNKNOWN = "unknown"  # there is none that the person may see


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A finding that cannot be judged so, in words for people."""

    finding_id: UUID
    why: Why
    told: str


def fault_of(
    verdict: Verdict, *, reason: str, until: datetime | None, now: datetime
) -> tuple[str, str] | None:
    """Give (field, what is wrong) of an order that nobody could carry out; None if it is sound."""
    if verdict is Verdict.DISMISS and not reason:
        return "reason", "say why it is not to be counted"
    if until is not None and verdict is not Verdict.DISMISS:
        return "until", "only a dismissal ends by itself; leave it out"
    if until is not None and not now < until <= now + LONGEST:
        return "until", "a dismissal ends in the future, within ten years; leave it out for good"
    return None


def seen_by(user: User, ids: Iterable[UUID]) -> list[TrackedFinding]:
    """Give those of the findings that this person may see, locked until the caller's transaction ends."""
    projects = access.projects_for(user, "finding.view")
    seen = TrackedFinding.objects.filter(public_id__in=list(ids), project__in=projects)
    return triage.lock(seen.values_list("pk", flat=True))


def refusals(
    user: User,
    ids: Iterable[UUID],
    rows: Sequence[TrackedFinding],
    verdict: Verdict,
    *,
    stamps: Mapping[UUID, str] | None = None,
) -> list[Refusal]:
    """Give, in the order of the ids, why each finding that cannot be judged so cannot.

    `stamps`: what the person has read of each; one that has another stamp now is refused.
    """
    found = {row.public_id: row for row in rows}
    mine = _project_pks(user, "finding.triage")
    dismissible = _project_pks(user, "finding.dismiss") if verdict is Verdict.DISMISS else mine
    now = stamps_of(rows) if stamps else {}
    told = []
    for finding_id in ids:
        row = found.get(finding_id)
        if row is None:
            told.append(
                _refused(finding_id, Why.UNKNOWN, f"there is no finding {finding_id} that you may see")
            )
        elif row.project_id not in mine:
            told.append(_refused(finding_id, Why.NOT_ALLOWED, NOT_TRIAGE))
        elif row.project_id not in dismissible:
            told.append(_refused(finding_id, Why.NOT_ALLOWED, NOT_DISMISS))
        elif stamps and stamps.get(finding_id, now[row.pk]) != now[row.pk]:
            told.append(_refused(finding_id, Why.CHANGED, "it was changed since you read it; look again"))
        else:
            try:
                triage.check(row, verdict)
            except triage.NothingToReopen as error:
                told.append(_refused(finding_id, Why.CONFLICT, str(error)))
    return told


def stamps_of(rows: Collection[TrackedFinding]) -> dict[int, str]:
    """Give a short name, by primary key, of what people read of each finding: another run or act changes it."""
    last = triage.last_acts(rows)
    return {row.pk: _stamp(row, last.get(row.pk, 0)) for row in rows}


def _stamp(row: TrackedFinding, last_act: int) -> str:
    read = (row.status, row.until, row.fixed_at, row.last_run, row.severity, row.line, row.message, last_act)
    return hashlib.sha256("\0".join(map(str, read)).encode()).hexdigest()[:16]


def _refused(finding_id: UUID, why: Why, told: str) -> Refusal:
    return Refusal(finding_id=finding_id, why=why, told=told)


def _project_pks(user: User, action: str) -> set[int]:
    return set(access.projects_for(user, action).values_list("pk", flat=True))
