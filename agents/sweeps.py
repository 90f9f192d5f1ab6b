"""Judging all findings that match at once: by the filter and the moment that a person saw (`agents.sights`).

    order ─> RUNNING ──(batches)──> DONE         judged <= expected: what was changed since is left as it is
                 └── cancel ──> CANCELLED        what was judged until then stays judged
    undo  ─> a sweep of its own: what the first has changed, and nobody has touched since, is what it was before

Each batch is a transaction: the sweep's row is locked, then the projects, then the findings (ADR-0025). It goes on
behind the last key that was looked at, so whoever comes next goes on there: the request that ordered it works for
WORK_SECONDS, the scheduler's chore does the rest. Rights are asked anew for each batch.

    TooMany       more than `sights.MOST` match
    NotJudged     nothing of what was seen may be judged by this person
    CannotUndo    the sweep is under way, is undone already, or is too long ago
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import Count, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts import access, audit
from accounts.audit import Act
from accounts.models import User
from agents import judging, sights, triage
from agents.findings import UNDO, Verdict
from agents.models import Sweep, SweepState, TriageAct
from agents.sights import Sight

log = structlog.get_logger(__name__)

BATCH: Final = 1_000  # findings; a project's other writers wait for about 0.2 s
WORK_SECONDS: Final = 2.0  # of the request; what takes longer goes on behind it
CHORE_SECONDS: Final = 30.0  # of one sweep, before others have their turn
UNDO_WITHIN: Final = timedelta(days=1)


class TooMany(ValueError):
    """More match than are judged at once."""


class NotJudged(PermissionError):
    """This person may judge none of it so."""


class NotUndone(StrEnum):
    """Why a sweep cannot be taken back, in words for programs."""

    UNDOES_ITSELF = "it takes something back itself"
    UNDER_WAY = "it is under way: cancel it first"
    TOO_OLD = "it is more than a day ago: judge the findings anew"


class CannotUndo(ValueError):
    """There is nothing to take back, or not any more."""

    def __init__(self, why: NotUndone) -> None:
        super().__init__(why.value)
        self.why = why


def order(user: User, sight: Sight, verdict: Verdict, *, reason: str, until: datetime | None) -> Sweep:
    """Begin to judge what was seen. Ordered again with the same sight by the same person it is the same sweep.

    Raises TooMany and NotJudged.
    """
    if sight.is_too_much:
        raise TooMany(
            f"at most {sights.MOST:,} findings are judged at once, and {sight.count:,} match; narrow it down"
        )
    projects = _allowed(user, sight.projects, verdict.value)
    if not projects:
        raise NotJudged(judging.NOT_DISMISS if verdict is Verdict.DISMISS else judging.NOT_TRIAGE)
    with transaction.atomic():
        sweep, is_new = Sweep.objects.get_or_create(
            by_user=user.pk,
            ticket=sight.ticket,
            defaults={
                "verdict": verdict.value,
                "reason": reason,
                "until": until,
                "by": user.get_username(),
                "seen": sights.told(sight),
                "projects": projects,
                "expected": sight.count,
                "at": timezone.now(),
            },
        )
        if is_new:
            _tell_audit(sweep, user)
    return sweep


def undo(user: User, sweep: Sweep) -> Sweep:
    """Begin to take back what a sweep has changed. Ordered again it is the same. Raises CannotUndo, NotJudged."""
    with transaction.atomic():
        sweep = Sweep.objects.select_for_update().get(pk=sweep.pk)
        if known := undone_by(sweep):
            return known
        if why := why_not_undone(sweep):
            raise CannotUndo(why)
        projects = _allowed(user, sweep.projects, sweep.verdict)
        if not projects:
            raise NotJudged(judging.NOT_TRIAGE)
        taken_back = Sweep.objects.create(
            ticket=f"undo:{sweep.public_id}", verdict=UNDO, by=user.get_username(), by_user=user.pk, seen=sweep.seen,
            projects=projects, undoes=sweep, expected=TriageAct.objects.filter(sweep=sweep.pk).count(),
            at=timezone.now(),
        )  # fmt: skip
        _tell_audit(taken_back, user)
    return taken_back


def undone_by(sweep: Sweep) -> Sweep | None:
    """Give the sweep that took this one back, if any has."""
    return Sweep.objects.filter(undoes=sweep).first()


def why_not_undone(sweep: Sweep) -> NotUndone | None:
    """Say why a sweep cannot be taken back (any more); None if it can."""
    if sweep.verdict == UNDO:
        return NotUndone.UNDOES_ITSELF
    if sweep.state == SweepState.RUNNING:
        return NotUndone.UNDER_WAY
    if sweep.ended_at is not None and timezone.now() - sweep.ended_at > UNDO_WITHIN:
        return NotUndone.TOO_OLD
    return None


def cancel(sweep: Sweep) -> None:
    """Let a sweep end after the batch that is being judged. One that is over stays as it is."""
    running = Sweep.objects.filter(pk=sweep.pk, state=SweepState.RUNNING)
    running.update(state=SweepState.CANCELLED, ended_at=Now())


def work(sweep: Sweep, *, seconds: float | None = None) -> Sweep:
    """Judge batch after batch, for so long at most (WORK_SECONDS). Returns the sweep as it is then."""
    until = time.monotonic() + (WORK_SECONDS if seconds is None else seconds)
    while _batch(sweep.pk) and time.monotonic() < until:
        pass
    sweep.refresh_from_db()
    return sweep


def _batch(pk: int) -> bool:
    """Judge some more. Returns False if there is nothing more to do for the caller: it is over, or another's turn."""
    with transaction.atomic():
        running = Sweep.objects.select_for_update(skip_locked=True).filter(pk=pk, state=SweepState.RUNNING)
        sweep = running.first()
        if sweep is None:
            return False
        user = User.objects.filter(pk=sweep.by_user).first()
        of = sweep.undoes
        verdict = of.verdict if of else sweep.verdict
        projects = _allowed(user, sweep.projects, verdict) if user else []
        if user is None or not projects:
            last, judged = None, 0
        else:
            last, judged = _take_back(sweep, of, user, projects) if of else _judge(sweep, user, projects)
        sweep.judged += judged
        sweep.after = sweep.after if last is None else last
        if last is None:
            sweep.state, sweep.ended_at = SweepState.DONE, timezone.now()
        sweep.save(update_fields=["judged", "after", "state", "ended_at"])
    return last is not None


def _judge(sweep: Sweep, user: User, projects: Iterable[int]) -> tuple[int | None, int]:
    """Judge the next ones. Returns the last key that was looked at (None: all were), and how many are so judged."""
    found = sights.matching(replace(sights.read(sweep.seen), projects=tuple(projects)))
    pks = list(found.filter(pk__gt=sweep.after).order_by("pk").values_list("pk", flat=True)[:BATCH])
    if not pks:
        return None, 0
    locked = triage.lock(pks)
    still = set(
        found.filter(pk__in=pks).values_list("pk", flat=True)
    )  # somebody may have been before the lock
    verdict = Verdict(sweep.verdict)
    rows = [row for row in locked if row.pk in still and triage.fits(row, verdict)]
    triage.decide(rows, verdict, reason=sweep.reason, until=sweep.until, by=user, sweep=sweep.pk)
    return pks[-1], len(rows)


def _take_back(sweep: Sweep, of: Sweep, user: User, projects: Iterable[int]) -> tuple[int | None, int]:
    """Take the next acts back, where nobody and no run has changed the status since."""
    acts = list(TriageAct.objects.filter(sweep=of.pk, pk__gt=sweep.after).order_by("pk")[:BATCH])
    if not acts:
        return None, 0
    by_finding = {act.finding_id: act for act in acts}
    mine = set(projects)
    locked = [row for row in triage.lock(by_finding) if row.project_id in mine]
    last = triage.last_acts(locked)
    status = Verdict(of.verdict).status.value
    rows = [row for row in locked if last[row.pk] == by_finding[row.pk].pk and row.status == status]
    triage.take_back([(row, by_finding[row.pk]) for row in rows], by=user, sweep=sweep.pk)
    return acts[-1].pk, len(rows)


def _allowed(user: User, projects: Iterable[int], verdict: str) -> list[int]:
    """Give those of the projects in which this person may judge so."""
    may = access.projects_for(user, "finding.triage").filter(pk__in=list(projects))
    if verdict == Verdict.DISMISS.value:
        may = may.filter(pk__in=access.projects_for(user, "finding.dismiss").values("pk"))
    return sorted(may.values_list("pk", flat=True))


class Chore:
    """The scheduler's chore: sees to it that sweeps which took longer than a request go on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self) -> int:
        """Look whether one is under way; the work is another thread's. Returns 0."""
        with self._lock:
            if self._thread is None and _running().exists():
                self._thread = threading.Thread(target=self._run, name="sweeps", daemon=True)
                self._thread.start()
        return 0

    def _run(self) -> None:
        try:
            for sweep in _running().order_by("pk"):
                _go_on(sweep)
        except (DatabaseError, InterfaceError) as error:
            log.warning("sweeps_wait", reason=str(error).strip())
        finally:
            connection.close()
            with self._lock:
                self._thread = None


def _go_on(sweep: Sweep) -> None:
    """Work on one for a while. One that fails does not keep the others waiting."""
    try:
        work(sweep, seconds=CHORE_SECONDS)
    except (DatabaseError, InterfaceError) as error:
        log.warning("sweep_waits", sweep=str(sweep.public_id), reason=str(error).strip())
        connection.close()


def _running() -> QuerySet[Sweep]:
    """Those that no request is at any more, or for the last moment."""
    return Sweep.objects.filter(
        state=SweepState.RUNNING, at__lt=timezone.now() - timedelta(seconds=WORK_SECONDS)
    )


def _tell_audit(sweep: Sweep, user: User) -> None:
    """One record per project, in the transaction that orders it: how many were seen. The sweep tells how many were
    judged."""
    details: dict[str, Any] = {
        "verdict": sweep.verdict,
        "sweep": str(sweep.public_id),
        "undoes": str(sweep.undoes.public_id) if sweep.undoes else None,
        "matching": {
            name: value if isinstance(value, list) else str(value)
            for name, value in sweep.seen["wanted"].items()
        },
        "run": sweep.seen["run"],
        "reason": sweep.reason,
        "until": sweep.until.isoformat() if sweep.until else None,
    }
    is_dismissal = sweep.verdict == Verdict.DISMISS.value
    act = Act.FINDING_DISMISSED if is_dismissal else Act.FINDINGS_SWEPT
    for project_id, count in sorted(_by_project(sweep).items()):
        audit.record(act, subject=f"findings:{count}", project_id=project_id, details=details, by=user)


def _by_project(sweep: Sweep) -> dict[int, int]:
    """Count what a sweep is about in each project that it concerns."""
    if len(sweep.projects) == 1:
        return {sweep.projects[0]: sweep.expected}
    if sweep.undoes:
        done = TriageAct.objects.filter(sweep=sweep.undoes.pk, finding__project__in=sweep.projects).order_by()
        return dict(done.values_list("finding__project").annotate(n=Count("pk")))
    found = sights.matching(replace(sights.read(sweep.seen), projects=tuple(sweep.projects))).order_by()
    return dict(found.values_list("project").annotate(n=Count("pk")))
