"""One round of pruning: by a person with a command, or daily by the scheduler, a slice of time in each sweep.

At most one pruner at a time: a lock of PostgreSQL's, held while it deletes. A round's report is stored before its
first batch and counts along, so a round whose process was killed is told, and gone on with by the next scheduler.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from psycopg2.errors import LockNotAvailable

from history import retention as history_retention
from tasks.errors import ArtifactStoreForeign, PrunerBusy
from tasks.models import PruneReport
from tasks.retention import files, hidden, rows
from tasks.retention.report import Account, LoggedAccount, StoredAccount
from tasks.runs.moves import database_now

log = structlog.get_logger(__name__)

EVERY = timedelta(days=1)
SLICE_SECONDS = 0.5  # of a sweep's second; a batch that was begun is ended
FIRST_ROWS = 200  # that go at once, before it is known how long that takes here
PATIENCE = 5  # so often a batch tries for a lock that others hold; then it is left for the next round
LOOK_SECONDS = 30.0  # between two looks whether a round is due
_LOCK = "hashtext('wrench pruner')"


def prune() -> PruneReport:
    """Do a whole round now. Raises PrunerBusy if another pruner is at work; ArtifactStoreForeign, with all but the
    files done, if they are another's."""
    with alone() as is_alone:
        if not is_alone:
            raise PrunerBusy(
                "another pruner is at work; try again when it is done (its report is in the admin)"
            )
        report = PruneReport.objects.create(started_at=database_now())
        try:
            for _ in _batches(StoredAccount(report)):
                pass
        except (DatabaseError, ArtifactStoreForeign) as error:
            _end(report, str(error).strip())
            raise
        return _end(report)


class Daily:
    """The scheduler's part: a round a day, a slice of it in each sweep."""

    def __init__(self) -> None:
        self._work: Iterator[None] | None = None
        self._report: PruneReport | None = None
        self._look_at = 0.0

    def __call__(self) -> int:
        """Do a slice if a round is due or under way. Returns how many batches were done."""
        if self._work is None and time.monotonic() < self._look_at:
            return 0
        with alone() as is_alone:
            if not is_alone:
                return 0
            if self._work is None and not self._begin():
                return self._delete_discarded()
            return self._slice()

    def _delete_discarded(self) -> int:
        """Between two rounds: delete some rows of runs that people have deleted. Returns how many portions."""
        until, done = time.monotonic() + SLICE_SECONDS, 0
        try:
            while hidden.delete_some(FIRST_ROWS, LoggedAccount()):
                done += 1
                if time.monotonic() >= until:
                    return done
        except (OperationalError, InterfaceError):
            raise
        except DatabaseError:
            log.exception("discarded_runs_not_deleted")
        self._look_at = time.monotonic() + LOOK_SECONDS
        return done

    def _begin(self) -> bool:
        """Start a round, or go on with one that was left. Tells whether there is one."""
        latest = PruneReport.objects.order_by("-started_at", "-pk").first()
        if latest is None or latest.started_at < database_now() - EVERY:
            if latest is not None and latest.ended_at is None:
                _end(latest, "not finished within a day")
            latest = PruneReport.objects.create(started_at=database_now())
        elif latest.ended_at is not None:
            return False
        self._report, self._work = latest, _batches(StoredAccount(latest))
        return True

    def _slice(self) -> int:
        assert self._work is not None
        assert self._report is not None
        until, done = time.monotonic() + SLICE_SECONDS, 0
        try:
            for _ in self._work:
                done += 1
                if time.monotonic() >= until:
                    return done
        except (OperationalError, InterfaceError):
            self._work = None  # PostgreSQL is away: the round goes on when it is back
            raise
        except ArtifactStoreForeign as error:
            log.error("files_not_pruned", reason=str(error))
            _end(self._report, str(error))
        except DatabaseError as error:
            log.exception("prune_failed", report=self._report.pk)
            _end(self._report, str(error).strip())
        else:
            _end(self._report)
        self._work = None
        return done


def _batches(account: Account) -> Iterator[None]:
    """Do a round, a batch per step of the iterator. Raises ArtifactStoreForeign when all but files is done."""
    with contextlib.suppress(ArtifactStoreForeign):
        files.own_store()  # now, while there are rows that say so
    for day in rows.due_days():
        rows.drop_day(day, account)
        yield
    yield from _prune_runs(account)
    yield from _while(partial(rows.prune_uploads, account))
    yield from _while(partial(rows.prune_own, account))
    for tracked, gone in history_retention.prune():
        account.add({tracked.versions._meta.label: gone})
        yield
    yield from files.prune_files(account)


def _prune_runs(account: Account) -> Iterator[None]:
    pace = _Pace()
    yield from _delete_hidden(pace, account)  # what a round that was killed has left
    after: int | None = 0
    while after is not None:
        found, after = rows.candidates(after)
        yield
        with_artifacts = [run.pk for run in found if run.artifacts]
        if with_artifacts:
            yield from _while(partial(rows.prune_artifacts, with_artifacts, account))
        for run in found:
            if run.logs:
                yield from _while(partial(rows.prune_logs, run.pk, account))
            if run.events:
                yield from _while(partial(rows.prune_events, run.pk, run.day, account))
        whole = [run.pk for run in found if run.whole]
        if whole:
            hidden.hide(whole)
            yield
            yield from _delete_hidden(pace, account)


def _delete_hidden(pace: _Pace, account: Account) -> Iterator[None]:
    is_more = True
    while is_more:
        begun = time.monotonic()
        is_more = hidden.delete_some(pace.rows, account)
        pace.learn(time.monotonic() - begun)
        yield


@dataclass(slots=True)
class _Pace:
    """How many rows go at once: learned from how long the last took, since that depends on how many there are.

    For each step that goes PostgreSQL looks for steps that refer to it, among all steps.
    """

    rows: int = field(default_factory=lambda: min(FIRST_ROWS, hidden.MOST_ROWS))

    def learn(self, seconds: float) -> None:
        """Aim at SLICE_SECONDS / 2 for the next portion."""
        fitting = int(self.rows * min(2.0, SLICE_SECONDS / 2 / max(seconds, 0.001)))
        self.rows = max(1, min(hidden.MOST_ROWS, fitting))


def _while(batch: Callable[[], bool]) -> Iterator[None]:
    """Do a batch again and again while it says that there may be more."""
    tries = 0
    while True:
        try:
            more = batch()
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            tries, more = tries + 1, tries + 1 < PATIENCE
            log.info("batch_waits", reason="others hold what it needs", tries=tries)
        yield
        if not more:
            return


def _end(report: PruneReport, error: str = "") -> PruneReport:
    """Close a report and tell of it."""
    report.ended_at, report.error = database_now(), error
    report.save(update_fields=["ended_at", "error"])
    seconds = round((report.ended_at - report.started_at).total_seconds(), 1)
    log.info("pruned", report=report.pk, seconds=seconds, counts=report.counts, error=error)
    return report


@contextlib.contextmanager
def alone() -> Iterator[bool]:
    """Be the only pruner for a while, if nobody is. A process that dies gives the place back with its connection."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_lock({_LOCK})")
        got = bool(cursor.fetchone()[0])
    try:
        yield got
    finally:
        if got:
            with contextlib.suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
                cursor.execute(f"SELECT pg_advisory_unlock({_LOCK})")
