"""How far a run is, and how long the rest will take: said only where it is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from agents.requests import PLANNER
from frontend.rows import StepRow
from frontend.run_graph import Edge
from tasks import estimates
from tasks.models import Run
from tasks.states import StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Steps that are over, of how many, and the rest in seconds.

    `why` says why no time is told: "over", "paused", "stopping", "planning", "asking", "unknown"; empty if one is.
    """

    now: datetime
    done: int
    total: int
    seconds: float | None
    why: str
    unknown: str
    late: tuple[str, ...]
    based_on: int
    states: list[tuple[str, int]]


def progress_of(run: Run, steps: Sequence[StepRow], edges: Sequence[Edge]) -> Progress:
    """Tell how far a run is now. One query while it is open."""
    now = timezone.now()
    counts = Counter(row.step.state for row in steps)
    rest = None
    if run.finished_at is None:
        rest = estimates.of_rest(
            [row.step for row in steps],
            [(needs, waits) for needs, waits, _ in edges],
            project_id=run.project_id,
            now=now,
        )
    why = _why(run, steps, rest)
    return Progress(
        now=now,
        done=sum(counts[state.value] for state in StepState if state.is_final),
        total=len(steps),
        seconds=rest.seconds if rest and not why else None,
        why=why,
        unknown=".".join(rest.unknown[0]) if rest and rest.unknown else "",
        late=rest.late if rest else (),
        based_on=rest.based_on if rest else 0,
        states=[(state.value, counts[state.value]) for state in StepState if counts[state.value]],
    )


def _why(run: Run, steps: Sequence[StepRow], rest: estimates.Rest | None) -> str:
    if rest is None:
        return "over"
    if run.cancel_requested_at is not None:
        return "stopping"
    if run.paused_at is not None:
        return "paused"
    if rest.waits:
        return "asking"
    if any((row.step.agent, row.step.operation) == PLANNER and row.step.ended_at is None for row in steps):
        return "planning"
    return "unknown" if rest.unknown else ""
