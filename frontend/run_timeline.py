"""The timeline of a run: when each step waited and when each of its attempts ran.

Waiting is the time in which all that a step needs was over and no attempt of it ran: for a worker, a retry's delay,
the result of a step that it called, or people. Taken-over steps were done elsewhere and have no row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from frontend.drawing.scale import Axis, Mark, percent
from frontend.rows import StepRow
from frontend.run_graph import Edge
from tasks.models import Attempt, Run
from tasks.states import StepState

MOST_ROWS = 200
LEAST = 0.35  # percent: what ran for a moment is seen, too
_WAITING = {
    StepState.READY.value,
    StepState.WAITING.value,
    StepState.WAITING_RETRY.value,
    StepState.WAITING_APPROVAL.value,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A stretch of a row. `kind` is "wait", or how an attempt ended ("running": it has not)."""

    kind: str
    ordinal: int  # of the attempt, 0 for waiting
    seconds: float
    x: str
    width: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """A step with its stretches in their order."""

    row: StepRow
    bars: list[Bar]
    waited: float
    worked: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What the template draws. `now` is where the present lies, empty when the run is over."""

    rows: list[TimelineRow]
    marks: list[Mark]
    now: str
    left_out: int
    taken: int


@dataclass(slots=True)
class _Stretch:
    kind: str
    ordinal: int
    start: datetime
    end: datetime


def timeline(
    run: Run, steps: Sequence[StepRow], edges: Iterable[Edge], *, now: datetime, rest: float | None = None
) -> Timeline:
    """Draw the steps in the order in which they began. `rest` is in how many seconds the run will be over."""
    attempts: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in Attempt.objects.filter(step__run=run).order_by("step_id", "ordinal"):
        attempts[attempt.step_id].append(attempt)
    needs: dict[int, list[int]] = defaultdict(list)
    for before, behind, _ in edges:
        needs[behind].append(before)
    ended = {row.step.pk: row.step.ended_at for row in steps}
    found = []
    for row in steps:
        ready = _ready_at(row, [ended[pk] for pk in needs[row.step.pk] if pk in ended])
        stretches = _stretches(row, attempts[row.step.pk], ready, now)
        if stretches:
            found.append((row, stretches))
    found.sort(key=lambda pair: (pair[1][0].start, pair[0].step.pk))
    shown = found[-MOST_ROWS:]
    over = run.finished_at is not None
    end = (run.finished_at or now) + timedelta(seconds=0 if over else max(rest or 0.0, 0.0))
    start = min((stretches[0].start for _, stretches in shown), default=run.created_at)
    axis = Axis(start=start, end=max(end, start + timedelta(seconds=1)))
    return Timeline(
        rows=[_row(row, stretches, axis) for row, stretches in shown],
        marks=axis.marks(),
        now="" if over else percent(axis.place(now)),
        left_out=len(found) - len(shown),
        taken=sum(row.step.taken_from_id is not None for row in steps),
    )


def _ready_at(row: StepRow, ends: list[datetime | None]) -> datetime | None:
    """Tell since when nothing but a worker was missing. None: something is missing still."""
    if row.step.state in {StepState.PENDING.value, StepState.SKIPPED.value} or row.step.taken_from_id:
        return None
    return max([row.step.created_at, *(end for end in ends if end is not None)])


def _stretches(
    row: StepRow, attempts: list[Attempt], ready: datetime | None, now: datetime
) -> list[_Stretch]:
    found, since = [], ready
    for attempt in attempts:
        if since is not None and since < attempt.started_at:
            found.append(_Stretch("wait", 0, since, attempt.started_at))
        end = attempt.ended_at or row.step.ended_at or now
        kind = attempt.outcome or ("running" if row.since else "lost")
        found.append(_Stretch(kind, attempt.ordinal, attempt.started_at, max(end, attempt.started_at)))
        since = end
    if since is not None and row.step.state in _WAITING and since < now:
        found.append(_Stretch("wait", 0, since, now))
    return found


def _row(row: StepRow, stretches: list[_Stretch], axis: Axis) -> TimelineRow:
    bars, spent = [], {True: 0.0, False: 0.0}
    for one in stretches:
        seconds = (one.end - one.start).total_seconds()
        spent[one.kind == "wait"] += seconds
        x, width = axis.bar(one.start, one.end, least=0.0 if one.kind == "wait" else LEAST)
        bars.append(Bar(kind=one.kind, ordinal=one.ordinal, seconds=seconds, x=x, width=width))
    return TimelineRow(row=row, bars=bars, waited=spent[True], worked=spent[False])
