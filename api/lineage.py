"""A run, the reruns before it and those after it, as one graph.

GET /api/v1/runs/<id>/lineage

`runs` are the nodes, each with its `parent`; `steps` are those of the run that was asked for, each with the run that
did it. So a page can show a failed run and its reruns as one graph that turns green in place.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from api import examples, shapes
from api.describe import operation
from api.lookup import find_run
from api.shapes import RunLine, StepShape, Uuid
from tasks import lineage
from tasks.models import Run


class LineageRun(RunLine):
    """A run among its reruns."""

    parent: Annotated[Uuid | None, Field(description="the run that it does again; null: it is the first")]
    taken: Annotated[int, Field(description="steps that it took over")]
    own: Annotated[int, Field(description="steps that it did, or does, itself")]


class LineageStep(StepShape):
    """A step, and who did it."""

    done_by: Annotated[Uuid, Field(description="the run that did it, or is to do it")]


class Lineage(TypedDict):
    """A run among its reruns."""

    run: Annotated[Uuid, Field(description="the one that was asked for")]
    root: Annotated[Uuid, Field(description="the first one that is still there")]
    runs: Annotated[list[LineageRun], Field(description="oldest first, so parents before their reruns")]
    complete: Annotated[bool, Field(description=f"false: there are more than {lineage.MOST_RUNS}")]
    steps: Annotated[list[LineageStep], Field(description="of the run that was asked for")]


_EXAMPLE: Lineage = {
    "run": examples.RERUN_ID,
    "root": examples.RUN_ID,
    "runs": [
        {**examples.RUN_LINE, "state": "failed", "parent": None, "taken": 0, "own": 3},
        {
            **examples.RUN_LINE,
            "id": examples.RERUN_ID,
            "url": f"/runs/{examples.RERUN_ID}",
            "parent": examples.RUN_ID,
            "taken": 1,
            "own": 2,
        },
    ],
    "complete": True,
    "steps": [{**examples.STEP, "done_by": examples.RERUN_ID}],
}


class RunLineageView(APIView):
    """Read a run's lineage."""

    required_action = "run.view"

    @operation("runs_lineage", returns=Lineage, example=_EXAMPLE)
    def get(self, request: Request, run_id: UUID) -> Response:
        """Read the reruns before and after a run as one graph, and which run did each of its steps."""
        return Response(_shape(find_run(request, self, run_id)))


def _shape(run: Run) -> Lineage:
    family = lineage.family(run)
    lines = shapes.run_lines(family.runs)
    shares, done_by = lineage.shares(family.runs), lineage.done_by(run)
    rows = list(run.steps.order_by("pk"))
    return {
        "run": str(run.public_id),
        "root": str(family.runs[0].public_id),
        "runs": [
            _node(row, line, *shares.get(row.pk, (0, 0)))
            for row, line in zip(family.runs, lines, strict=True)
        ],
        "complete": family.complete,
        "steps": [
            {**line, "done_by": str(done_by.get(row.pk, run.public_id))}
            for row, line in zip(rows, shapes.step_lines(run, rows), strict=True)
        ],
    }


def _node(row: Run, line: RunLine, taken: int, own: int) -> LineageRun:
    parent = None if row.parent is None else str(row.parent.public_id)
    return {**line, "parent": parent, "taken": taken, "own": own}
