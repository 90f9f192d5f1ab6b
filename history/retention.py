"""Pruning versions: what is older than HISTORY_DAYS goes, but for the newest version of each row that is still there.

That one stays however old, so that the next change of its row can tell what was before.
"""

from __future__ import annotations

from collections.abc import Iterator

import pgtrigger
from django.conf import settings
from django.db import connection, transaction

from history.tracking import DELETED, Tracked, tracked_models

ROWS_AT_ONCE = 1_000

_DUE = """
SELECT v.pgh_id FROM "{table}" v
WHERE v.pgh_created_at < now() - make_interval(days => %s)
  AND (v.pgh_label = %s
       OR EXISTS (SELECT FROM "{table}" n WHERE n.pgh_obj_id = v.pgh_obj_id AND n.pgh_id > v.pgh_id))
"""


def prune_some(tracked: Tracked, *, most: int = ROWS_AT_ONCE) -> int:
    """Delete some versions that are due. Returns how many; fewer than `most`: there are no more."""
    table = tracked.versions._meta.db_table
    due = _DUE.format(table=table)
    allowed = pgtrigger.ignore(f"{tracked.versions._meta.label}:append_only")
    with transaction.atomic(), allowed, connection.cursor() as cursor:
        cursor.execute(
            f'DELETE FROM "{table}" WHERE pgh_id IN ({due} ORDER BY v.pgh_id LIMIT %s)',  # noqa: S608 - the table is our own
            [settings.HISTORY_DAYS, DELETED, most],
        )
        return int(cursor.rowcount)


def prune() -> Iterator[tuple[Tracked, int]]:
    """Delete all that are due, some at a time: a step of the iterator is a transaction of its own."""
    for tracked in tracked_models() if settings.HISTORY_DAYS else ():
        gone = ROWS_AT_ONCE
        while gone == ROWS_AT_ONCE:
            gone = prune_some(tracked)
            if gone:
                yield tracked, gone


def due() -> dict[str, int]:
    """Count what is due now, by model of versions."""
    counts: dict[str, int] = {}
    for tracked in tracked_models() if settings.HISTORY_DAYS else ():
        query = _DUE.format(table=tracked.versions._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*) FROM ({query}) d",  # noqa: S608 - the table is our own
                [settings.HISTORY_DAYS, DELETED],
            )
            counts[tracked.versions._meta.label] = int(cursor.fetchone()[0])
    return {label: many for label, many in counts.items() if many}
