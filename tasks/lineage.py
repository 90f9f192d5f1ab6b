"""Where a run comes from and what came of it: reruns before and after, and which run did each step.

    first ─rerun─> second ─rerun─> third        root = first
              └──> other                        a step of third was done in the run that its `taken_from` leads to

Reads rows only. Runs that are being deleted are not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from tasks.models import Run

MOST_RUNS = 500

# up to the first run that is still there, then down to all that came of it, those before their reruns
_FAMILY = """
WITH RECURSIVE up AS (
    SELECT id, parent_id, 0 AS depth FROM tasks_run WHERE id = %(run)s
    UNION ALL
    SELECT r.id, r.parent_id, up.depth + 1 FROM up JOIN tasks_run r ON r.id = up.parent_id AND r.hidden_at IS NULL
), down AS (
    (SELECT id, 0 AS depth FROM up ORDER BY up.depth DESC LIMIT 1)
    UNION ALL
    SELECT r.id, down.depth + 1 FROM down JOIN tasks_run r ON r.parent_id = down.id AND r.hidden_at IS NULL
)
SELECT id, id IN (SELECT id FROM up) AS is_line FROM down ORDER BY is_line DESC, depth, id LIMIT %(most)s
"""
_DONE_BY = """
WITH RECURSIVE back AS (
    SELECT id AS step, taken_from_id, run_id, 0 AS depth FROM tasks_step WHERE run_id = %(run)s
    UNION ALL
    SELECT back.step, s.taken_from_id, s.run_id, back.depth + 1
    FROM back JOIN tasks_step s ON s.id = back.taken_from_id
    JOIN tasks_run r ON r.id = s.run_id AND r.hidden_at IS NULL
)
SELECT DISTINCT ON (back.step) back.step, r.public_id FROM back JOIN tasks_run r ON r.id = back.run_id
ORDER BY back.step, back.depth DESC
"""
_SHARES = """
SELECT run_id, count(*) FILTER (WHERE taken_from_id IS NOT NULL), count(*) FROM tasks_step
WHERE run_id = ANY (%(runs)s) GROUP BY run_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A run with all reruns before and after, parents first. `complete`: there are no more than these."""

    runs: list[Run]
    complete: bool


def family(run: Run) -> Family:
    """Give the runs that `run` comes from and all that came of these, at most MOST_RUNS; its own line goes before."""
    with connection.cursor() as cursor:
        cursor.execute(_FAMILY, {"run": run.pk, "most": MOST_RUNS + 1})
        pks = [pk for pk, _ in cursor.fetchall()]
    rows = Run.objects.select_related("project", "owner", "parent").in_bulk(pks[:MOST_RUNS])
    return Family(runs=[rows[pk] for pk in sorted(rows)], complete=len(pks) <= MOST_RUNS)


def done_by(run: Run) -> Mapping[int, UUID]:
    """Tell, by the step's id, which run did each step of a run: itself, or the one that it was taken over from."""
    with connection.cursor() as cursor:
        cursor.execute(_DONE_BY, {"run": run.pk})
        return dict(cursor.fetchall())


def shares(runs: list[Run]) -> Mapping[int, tuple[int, int]]:
    """Count, by the run's id, the steps that were taken over and those that were its own."""
    with connection.cursor() as cursor:
        cursor.execute(_SHARES, {"runs": [run.pk for run in runs]})
        return {run_pk: (taken, steps - taken) for run_pk, taken, steps in cursor.fetchall()}
