"""A run among its reruns, as a drawing: each run a node in its state."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext, ngettext

from frontend import rows
from frontend.drawing.layers import Measures, draw
from frontend.run_graph import Arrow, Node, shorten
from frontend.templatetags.wrench import duration, words
from tasks import lineage
from tasks.models import Run
from tasks.states import RunState

MEASURES = Measures(width=214, height=46, across=52, between=14, bend=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """What the template draws. `complete`: there are no more runs than these; `goes_on`: one of them is not over."""

    nodes: list[Node]
    arrows: list[Arrow]
    width: int
    height: int
    complete: bool
    goes_on: bool


def lineage_of(run: Run, *, has_reruns: bool) -> Lineage | None:
    """Draw the reruns before and after a run. None: there are none."""
    if run.parent_id is None and not has_reruns:
        return None
    family = lineage.family(run)
    shares = lineage.shares(family.runs)
    edges = [(one.parent_id, one.pk) for one in family.runs if one.parent_id is not None]
    drawing = draw([one.pk for one in family.runs], edges, MEASURES)
    nodes = [
        _node(one, number, shares.get(one.pk, (0, 0)), here=one.pk == run.pk, x=box.x, y=box.y)
        for number, (one, box) in enumerate(zip(family.runs, drawing.boxes.values(), strict=True), start=1)
    ]
    return Lineage(
        nodes=nodes,
        arrows=[
            Arrow(
                source=f"run-{line.source}",
                target=f"run-{line.target}",
                condition="succeeded",
                path=line.path,
            )
            for line in drawing.lines
        ],
        width=drawing.width,
        height=drawing.height,
        complete=family.complete,
        goes_on=any(not RunState(one.state).is_final for one in family.runs),
    )


def _node(run: Run, number: int, share: tuple[int, int], *, here: bool, x: int, y: int) -> Node:
    taken, own = share
    label = gettext("first run") if number == 1 else gettext("run %(number)d") % {"number": number}
    if here:
        label = gettext("this run")
    steps = ngettext("%(own)d step", "%(own)d steps", own) % {"own": own}
    if taken:
        steps += gettext(", %(taken)d taken over") % {"taken": taken}
    who = run.owner.get_username() if run.owner else "–"
    seconds = rows.seconds(run.started_at or run.created_at, run.finished_at)
    return Node(
        name=f"run-{run.pk}",
        key="",
        href=reverse("frontend:run", args=[run.public_id]),
        title=f"{label}: {words(run.state)}; {who}, {run.created_at:%Y-%m-%d %H:%M} UTC; {steps}",
        label=shorten(label, 24),
        detail=shorten(steps, 22),
        state=run.state,
        count=1,
        took=duration(seconds),
        since=None if run.finished_at else run.started_at,
        x=x,
        y=y,
        here=here,
    )
