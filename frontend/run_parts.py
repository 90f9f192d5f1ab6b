"""What a run's page shows to whoever sees the run, with an account or by a shared link: no control, no person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from frontend import rows, run_graph, run_progress, run_timeline
from frontend.rows import StepRow
from tasks.models import Run
from tasks.states import StepState

STEPS_SHOWN = 1_000  # rows of the table
_QUIET = {StepState.PENDING.value, StepState.SUCCEEDED.value, StepState.SKIPPED.value}


def shown(run: Run, *, whole: bool, steps_at: str) -> dict[str, Any]:
    """Give the values of the parts. `steps_at` and a step's key are where a step leads; `whole` draws each step."""
    row, steps, edges = rows.run_row(run), rows.step_rows(run), run_graph.edges_of(run)
    progress = run_progress.progress_of(run, steps, edges)
    return {
        "row": row,
        "run": run,
        "steps": steps,
        "table": table_of(steps),
        "progress": progress,
        "steps_at": steps_at,
        "graph": run_graph.plan_graph(steps, edges, whole=whole, steps_at=steps_at),
        "timeline": run_timeline.timeline(run, steps, edges, now=progress.now, rest=progress.seconds),
        "findings": rows.finding_rows(row.summary),
        "skipped": rows.skipped_rows(row.summary),
    }


def table_of(steps: Sequence[StepRow]) -> Sequence[StepRow]:
    """Give the steps that the table shows, in their order: all, or of very many those in which something happens."""
    if len(steps) <= STEPS_SHOWN:
        return steps
    loud = [row for row in steps if row.step.state not in _QUIET]
    quiet = [row for row in steps if row.step.state in _QUIET]
    chosen = {row.step.pk for row in [*loud, *quiet][:STEPS_SHOWN]}
    return [row for row in steps if row.step.pk in chosen]
