"""What a run's page shows to whoever sees the run, with an account or by a shared link: no control, no person."""

from __future__ import annotations

from typing import Any

from frontend import rows, run_graph, run_progress, run_timeline
from tasks.models import Run


def shown(run: Run, *, whole: bool, steps_at: str) -> dict[str, Any]:
    """Give the values of the parts. `steps_at` and a step's key are where a step leads; `whole` draws each step."""
    row, steps, edges = rows.run_row(run), rows.step_rows(run), run_graph.edges_of(run)
    progress = run_progress.progress_of(run, steps, edges)
    return {
        "row": row,
        "run": run,
        "steps": steps,
        "progress": progress,
        "steps_at": steps_at,
        "graph": run_graph.plan_graph(steps, edges, whole=whole, steps_at=steps_at),
        "timeline": run_timeline.timeline(run, steps, edges, now=progress.now, rest=progress.seconds),
        "findings": rows.finding_rows(row.summary),
        "skipped": rows.skipped_rows(row.summary),
    }
