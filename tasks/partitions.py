"""Partitions of the event table, one per day of the runs' creation.

A day can be dropped whole. `ensure` makes the day's partition and some days ahead; it is called by the
migration's SQL, by the scheduler, and by submit as the last resort. Needs no PostgreSQL extension.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.db import connection, transaction

DAYS_AHEAD = 3

_known: set[date] = set()


def ensure(day: date, *, ahead: int = DAYS_AHEAD) -> None:
    """Make sure that events of runs created on `day` and some days after have a place."""
    for offset in range(ahead + 1):
        _ensure_day(day + timedelta(days=offset))


def ensure_once(day: date) -> None:
    """Like `ensure` for one day, but asks the database only once per process and day."""
    if day not in _known:
        _ensure_day(day)
        transaction.on_commit(lambda: _known.add(day))  # the caller's rollback takes the partition away again


def _ensure_day(day: date) -> None:
    name = f"tasks_event_{day:%Y%m%d}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return
        # two makers at once: the second waits here and finds it made
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('tasks_event partitions'))")
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF tasks_event FOR VALUES FROM (%s) TO (%s)",
            [day, day + timedelta(days=1)],
        )
