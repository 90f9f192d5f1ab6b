"""Deleting rows, in batches that a sweep can afford: each is one transaction, bounded in what it touches.

Each function does one batch and says whether there was something to do. A row that somebody holds is left for
the next round; so is a batch that would have to wait for a lock longer than LOCK_MILLISECONDS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import structlog
from django.db import OperationalError, connection, transaction
from django.db.models import Count, Exists, F, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from psycopg2.errors import LockNotAvailable

from tasks import partitions
from tasks.models import (
    Artifact,
    Attempt,
    Event,
    LogChunk,
    OutboxMessage,
    Run,
    ScheduleFire,
    Step,
    Upload,
    WorkerSession,
)
from tasks.retention.policies import (
    due_runs,
    due_uploads,
    is_due,
    live_runs,
    named_by,
    runs_that_keep_artifacts,
)
from tasks.retention.report import Account
from tasks.runs.moves import database_now
from tasks.states import StepState

log = structlog.get_logger(__name__)

LOCK_MILLISECONDS = 200
RUNS_LOOKED_AT = 200
ROWS_AT_ONCE = 5_000
OUTBOX_KEPT = timedelta(
    days=7
)  # a bell promised so long ago is rung by the sweep anyway, if its step still waits
SESSIONS_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A run of which something is due. Each flag says that there is something, and that it may go."""

    pk: int
    day: date
    artifacts: bool
    logs: bool
    events: bool
    whole: bool


def candidates(after: int) -> tuple[list[Candidate], int | None]:
    """Look at the next due runs behind `after`. Gives those with work, and how far it looked; None: at the end."""
    due = due_runs("keep_artifacts_days") | due_runs("keep_events_days")
    flags = {
        "has_artifacts": Exists(Artifact.objects.filter(run=OuterRef("pk"))),
        "has_logs": Exists(LogChunk.objects.filter(step__run=OuterRef("pk"))),
        "has_events": Exists(Event.objects.filter(run_day=OuterRef("created_day"), run=OuterRef("pk"))),
        "artifacts_due": Exists(due_runs("keep_artifacts_days").filter(pk=OuterRef("pk"))),
        "events_due": Exists(due_runs("keep_events_days").filter(pk=OuterRef("pk"))),
        "whole": Exists(due_runs("keep_runs_days").filter(pk=OuterRef("pk"))),
    }
    names = ("pk", "created_day", *flags)
    looked_at = list(
        due.filter(pk__gt=after).annotate(**flags).order_by("pk").values(*names)[:RUNS_LOOKED_AT]
    )
    found = [
        Candidate(
            pk=row["pk"],
            day=row["created_day"],
            artifacts=row["has_artifacts"] and row["artifacts_due"],
            logs=row["has_logs"] and row["events_due"],
            events=row["has_events"] and row["events_due"],
            whole=row["whole"],
        )
        for row in looked_at
    ]
    with_work = [one for one in found if one.artifacts or one.logs or one.events or one.whole]
    return with_work, looked_at[-1]["pk"] if looked_at else None


def prune_artifacts(run_pks: Sequence[int], account: Account) -> bool:
    """Delete artifact rows of due runs, but for those that a live run names. True: there may be more."""
    with transaction.atomic():
        _forbid_new_runs()
        named = named_by(live_runs())
        rows = Artifact.objects.filter(run__in=due_runs("keep_artifacts_days").filter(pk__in=run_pks))
        chosen = list(rows.exclude(digest__in=named).values_list("pk", flat=True)[:ROWS_AT_ONCE])
        deleted = delete(Artifact.objects.filter(pk__in=chosen))
        account.add(deleted)
    return len(chosen) == ROWS_AT_ONCE


def prune_logs(run_pk: int, account: Account) -> bool:
    """Delete log chunks of a due run. True: there may be more."""
    with transaction.atomic():
        if not hold(due_runs("keep_events_days").filter(pk=run_pk)):
            return False
        chosen = LogChunk.objects.filter(step__run=run_pk).values("pk")[:ROWS_AT_ONCE]
        deleted = delete(LogChunk.objects.filter(pk__in=chosen))
        account.add(deleted)
    return sum(deleted.values()) == ROWS_AT_ONCE


def prune_events(run_pk: int, day: date, account: Account) -> bool:
    """Delete a due run's events, the oldest first. True: there may be more."""
    with transaction.atomic():
        if not hold(due_runs("keep_events_days").filter(pk=run_pk)):
            return False
        mine = Event.objects.filter(run_day=day, run=run_pk)
        first = mine.order_by("seq").values_list("seq", flat=True).first()
        if first is None:
            return False
        deleted = delete(mine.filter(seq__lt=first + ROWS_AT_ONCE))
        account.add(deleted)
        return mine.exists()


def due_days() -> list[date]:
    """Give the days whose partition holds no event that is kept."""
    due = Count("pk", filter=Q(pk__in=due_runs("keep_events_days").values("pk")))
    by_day = Run.objects.order_by().values("created_day").annotate(all=Count("pk"), due=due)
    kept = {row["created_day"] for row in by_day if row["due"] < row["all"]}
    last = database_now().date() - timedelta(days=2)  # the days around now are for runs to come
    return [day for day in partitions.days() if day <= last and day not in kept]


def drop_day(day: date, account: Account) -> bool:
    """Drop a day's partition if nothing of it is kept. False: it is kept, or somebody is at work in it."""
    try:
        with transaction.atomic():
            _lock_quickly()
            count = partitions.hold_still(day)
            runs = Run.objects.filter(created_day=day)
            if runs.count() != due_runs("keep_events_days").filter(created_day=day).count():
                return False
            partitions.drop(day)
            account.add({Event._meta.label: count, "partitions": 1})
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        log.info(
            "partition_kept", day=str(day), reason="somebody is at work in it; the next round tries again"
        )
        return False
    return True


def prune_uploads(account: Account) -> bool:
    """Delete uploads that are due and that nothing names: no live run, no schedule, no run younger than they."""
    due = due_uploads()
    oldest = due.order_by("created_at").values_list("created_at", flat=True).first()
    if oldest is None:
        return False
    young = named_by(runs_that_keep_artifacts())
    with transaction.atomic():
        _forbid_new_runs()
        free = due.exclude(digest__in=young | named_by(live_runs())).values_list("pk", flat=True)
        chosen = list(free[:ROWS_AT_ONCE])
        account.add(delete(Upload.objects.filter(pk__in=chosen)))
    return len(chosen) == ROWS_AT_ONCE


def prune_own(account: Account) -> bool:
    """Delete what belongs to the engine itself: promises long kept by the sweep, workers long gone, old fires."""
    told: Counter[str] = Counter()
    for rows, most in own_rows():
        with transaction.atomic():
            chosen: list[Any] = list(rows.values_list("pk", flat=True)[:most])
            deleted = delete(rows.model._base_manager.filter(pk__in=chosen))
            account.add(deleted)
            told.update({rows.model._meta.label: 1 if len(chosen) == most else 0})
    return any(told.values())


Due = Callable[[], tuple[QuerySet[Any], int]]
"""Gives rows that are due and belong to no run's policy, with how many of them may go at once."""

_of_others: dict[str, Due] = {}


def prune_too(name: str, due: Due) -> None:
    """Let a round delete rows of another package as well. Under the same name the newer one counts."""
    _of_others[name] = due


def own_rows() -> Iterable[tuple[QuerySet[Any], int]]:
    """Give the engine's own rows that are due, and those of other packages, with how many may go at once."""
    running = Step.objects.filter(worker=OuterRef("pk"), state=StepState.RUNNING.value)
    yield OutboxMessage.objects.filter(created_at__lt=Now() - OUTBOX_KEPT), ROWS_AT_ONCE
    yield (
        WorkerSession.objects.filter(lease_until__lt=Now() - SESSIONS_KEPT)
        .exclude(Exists(Attempt.objects.filter(worker=OuterRef("pk"))))
        .exclude(Exists(running)),
        50,  # each makes PostgreSQL look through the steps for it
    )
    yield (
        ScheduleFire.objects.filter(run=None)
        .exclude(outcome=ScheduleFire.Outcome.WAITING)
        .filter(is_due("keep_runs_days", F("fired_at"), project="schedule__project")),
        ROWS_AT_ONCE,
    )
    for due in _of_others.values():
        yield due()


def hold(rows: QuerySet[Run]) -> list[int]:
    """Lock these runs, so that nobody makes a rerun of them meanwhile; those that somebody holds are left out."""
    locked = rows.order_by("pk").select_for_update(skip_locked=True, of=("self",))
    return list(locked.values_list("pk", flat=True))


def _forbid_new_runs() -> None:
    """Let nobody submit a run until this transaction ends, some milliseconds: it could name what is being deleted.

    Raises OperationalError if the lock is not there soon.
    """
    _lock_quickly()
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE tasks_run, tasks_schedule IN SHARE ROW EXCLUSIVE MODE")


def _lock_quickly() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")


def delete(rows: QuerySet[Model]) -> dict[str, int]:
    """Delete rows, and by cascade what belongs to them. Returns how many by model."""
    return rows.delete()[1]
