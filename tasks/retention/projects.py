"""Deleting all that a project has run: at a person's word, whatever a policy says, and nothing while a run is live.

    empty: schedules gone, runs hidden ─> clear: their rows, some at a time ─> the project itself, by whoever asked

A process that is killed in between leaves hidden runs, which the daily round deletes, and a project without a past,
which may be deleted again. Stored bytes that nobody names any more are the next round's.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from tasks.models import Event, Run, Schedule, Upload
from tasks.retention import hidden
from tasks.retention.policies import FINAL
from tasks.retention.rounds import alone
from tasks.retention.rows import delete

ROWS_AT_ONCE: Final = 2_000


def count(project_ids: Collection[int]) -> dict[str, int]:
    """Tell what would go with these projects: found runs, schedules, uploads."""
    return {
        "runs": Run.objects.filter(project__in=project_ids).count(),
        "schedules": Schedule.objects.filter(project__in=project_ids).count(),
        "uploads": Upload.objects.filter(project__in=project_ids).count(),
    }


def live(project_ids: Collection[int]) -> int:
    """Tell how many runs of these projects are not over."""
    return Run.objects.filter(project__in=project_ids).exclude(state__in=FINAL).count()


def left(project_ids: Collection[int]) -> int:
    """Tell how many runs there still are, hidden ones included."""
    return Run.every.filter(project__in=project_ids).count()


def empty(project_ids: Collection[int]) -> int:
    """Delete the schedules, and take the runs that are over out of everybody's sight. Returns how many runs.

    In the caller's transaction, with the projects' rows locked so that nobody submits a run meanwhile.
    """
    delete(Schedule.objects.filter(project__in=project_ids))
    runs = Run.objects.filter(project__in=project_ids, state__in=FINAL).order_by("pk").select_for_update()
    chosen = list(runs.values_list("pk", flat=True))
    Run.objects.filter(pk__in=chosen).update(hidden_at=Now(), idempotency_key=None)
    return len(chosen)


def clear(project_ids: Collection[int], *, seconds: float) -> bool:
    """Delete rows of hidden runs for so long at most. True: these projects have no run any more.

    False at once if another pruner is at work: it does the same.
    """
    until = time.monotonic() + seconds
    with alone() as is_alone:
        while is_alone and left(project_ids):
            if time.monotonic() >= until or not _delete_some(project_ids):
                break
    return not left(project_ids)


def _delete_some(project_ids: Collection[int]) -> bool:
    going = Run.every.filter(project__in=project_ids, hidden_at__isnull=False).order_by("pk")
    for day, pk in going.values_list("created_day", "pk")[: hidden.RUNS_AT_ONCE]:
        with transaction.atomic():  # events have no foreign key that would take them along
            delete(Event.objects.filter(run_day=day, run=pk))
    return hidden.delete_some(ROWS_AT_ONCE, _Told())


class _Told:
    """What was deleted is told by `count`, before."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, deleted: Mapping[str, int]) -> None:
        self.counts.update(deleted)
