"""Partitions of the event table, one per day of the runs' creation.

A day can be dropped whole (`drop`, called by `retention`). `ensure` makes the day's partition and some days ahead;
it is called by the migration's SQL, by the scheduler, and by submit as the last resort. No extension is needed.
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


def days() -> list[date]:
    """Give the days that have a partition, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'tasks_event'::regclass ORDER BY 1"
        )
        names = [row[0].removeprefix("tasks_event_") for row in cursor.fetchall()]
    return [date(int(name[:4]), int(name[4:6]), int(name[6:8])) for name in names]


def hold_still(day: date) -> int:
    """Let nobody append to a day's partition until this transaction ends. Returns how many events it has."""
    name = _name(day)
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {name} IN SHARE MODE")
        cursor.execute(f"SELECT count(*) FROM {name}")  # noqa: S608 - the name is made of a date
        return int(cursor.fetchone()[0])


def drop(day: date) -> None:
    """Drop a day's events. Waits for everybody who reads or writes events: set a lock_timeout before."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {_name(day)}")
        transaction.on_commit(lambda: _known.discard(day))


def _name(day: date) -> str:
    return f"tasks_event_{day:%Y%m%d}"


def _ensure_day(day: date) -> None:
    name = _name(day)
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
