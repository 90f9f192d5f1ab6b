"""The plan of a run as a drawing: each step a node in its state, each condition a line.

Steps that are alike (same agent, operation, and steps before and behind) become one node where a graph would have
more than WHOLE_UP_TO of them; the whole is drawn on demand. The table of steps says the same in words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from unicodedata import east_asian_width

from django.utils.translation import gettext

from frontend.drawing.layers import Drawing, Measures, draw
from frontend.rows import StepRow
from frontend.templatetags.wrench import duration, words
from tasks.models import Run, StepDependency
from tasks.states import StepState

WHOLE_UP_TO = 60  # steps; above that, alike ones are drawn as one
ALIKE_FROM = 4
MOST_NODES = 1_000
LABEL, DETAIL, AGENT = 24, 32, 20  # columns of a node's two lines, and of the second beside a time
WHOLE = "?graph=whole#part-graph"
MEASURES = Measures(width=214, height=46, across=52, between=14, bend=12)

# what a node of several shows: the first of these that one of them is in
_TELLING = (
    StepState.DEAD,
    StepState.WAITING_APPROVAL,
    StepState.RUNNING,
    StepState.WAITING_RETRY,
    StepState.WAITING,
    StepState.READY,
    StepState.PENDING,
    StepState.CANCELLED,
    StepState.SUCCEEDED,
    StepState.SKIPPED,
)

Edge = tuple[int, int, str]
"""A step that is needed, the one that waits for it (ids), and the condition; "added" if it was only added by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A step, or several alike. `key` is empty for several. `x` and `y` are the upper left corner."""

    name: str
    key: str
    href: str
    title: str
    label: str
    detail: str
    state: str
    count: int
    took: str
    since: datetime | None
    x: int
    y: int
    here: bool = False  # it is what the page is about


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A line between two nodes, by their names."""

    source: str
    target: str
    condition: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What the template draws. `alike`: steps are drawn together, and the whole can be asked for."""

    nodes: list[Node]
    arrows: list[Arrow]
    width: int
    height: int
    alike: bool
    whole: bool
    steps: int

    @property
    def is_drawn(self) -> bool:
        return bool(self.nodes)


def edges_of(run: Run) -> list[Edge]:
    """Read the edges of a run."""
    rows = StepDependency.objects.filter(step__run=run).order_by("pk")
    return list(rows.values_list("needs_id", "step_id", "condition"))


def plan_graph(
    steps: Sequence[StepRow], edges: Iterable[Edge], *, whole: bool = False, steps_at: str = "#"
) -> Graph:
    """Lay out the steps of a run. A step's link leads to `steps_at` and its key.

    A graph of more than MOST_NODES has no nodes: nobody could read it.
    """
    lines = _lines(steps, edges)
    groups = [[step] for step in steps]
    joined = [] if whole or len(steps) <= WHOLE_UP_TO else _alike(steps, lines)
    if joined:
        groups = joined
    if len(groups) > MOST_NODES:
        groups = []
    names = {row.step.pk: str(group[0].step.pk) for group in groups for row in group}
    conditions: dict[tuple[str, str], str] = {}
    for needs, waits, condition in lines:
        if needs in names and waits in names and names[needs] != names[waits]:
            conditions.setdefault((names[needs], names[waits]), condition)
    drawing = draw([str(group[0].step.pk) for group in groups], conditions, MEASURES)
    return Graph(
        nodes=[_node(group, drawing, steps_at) for group in groups],
        arrows=[
            Arrow(
                source=line.source,
                target=line.target,
                condition=conditions[line.source, line.target],
                path=line.path,
            )
            for line in drawing.lines
        ],
        width=drawing.width,
        height=drawing.height,
        alike=any(len(group) > 1 for group in groups),
        whole=whole,
        steps=len(steps),
    )


def shorten(text: str, columns: int) -> str:
    """Cut a text to this many columns; letters of East Asian scripts have two."""
    used = 0
    for at, letter in enumerate(text):
        used += 2 if east_asian_width(letter) in "WF" else 1
        if used > columns:
            return text[: max(0, at - 1)] + "…"
    return text


def _lines(steps: Sequence[StepRow], edges: Iterable[Edge]) -> list[Edge]:
    """Give the edges, and for a step without any who added it."""
    lines = list(edges)
    led_to = {waits for _, waits, _ in lines}
    adders = [
        (row.step.added_by_id, row.step.pk, "added")
        for row in steps
        if row.step.added_by_id is not None and row.step.pk not in led_to
    ]
    return lines + adders


def _alike(steps: Sequence[StepRow], lines: Iterable[Edge]) -> list[list[StepRow]]:
    """Put steps together that do the same between the same steps."""
    before: dict[int, set[int]] = defaultdict(set)
    behind: dict[int, set[int]] = defaultdict(set)
    for needs, waits, _ in lines:
        before[waits].add(needs)
        behind[needs].add(waits)
    groups: dict[object, list[StepRow]] = defaultdict(list)
    for row in steps:
        pk, step = row.step.pk, row.step
        groups[step.agent, step.operation, frozenset(before[pk]), frozenset(behind[pk])].append(row)
    return [
        part
        for group in groups.values()
        for part in ([group] if len(group) >= ALIKE_FROM else [[row] for row in group])
    ]


def _node(group: list[StepRow], drawing: Drawing[str], steps_at: str) -> Node:
    row, name = group[0], str(group[0].step.pk)
    box, several = drawing.boxes[name], len(group) > 1
    counts = Counter(StepState(one.step.state) for one in group)
    states = [state for state in _TELLING if counts[state]]
    told = (
        [f"{counts[state]} {words(state.value)}" for state in states] if several else [words(states[0].value)]
    )
    label = f"{row.step.operation} × {len(group)}" if several else row.step.key
    taken = not several and row.step.taken_from_id is not None
    if taken:
        told.append(gettext("taken over"))
    return Node(
        name=name,
        key="" if several else row.step.key,
        href=WHOLE if several else f"{steps_at}{row.step.key}",
        title=f"{label}: {', '.join(told)}",
        label=shorten(label, LABEL),
        detail=shorten(" · ".join(told) if several else _doer(row, taken), DETAIL),
        state=states[0].value,
        count=len(group),
        took="" if several or taken else duration(row.seconds),
        since=None if several else row.since,
        x=box.x,
        y=box.y,
    )


def _doer(row: StepRow, taken: bool) -> str:
    return f"{row.agent} · {gettext('taken over')}" if taken else shorten(row.agent, AGENT)
