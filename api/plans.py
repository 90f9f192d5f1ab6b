"""What a request would do, without doing it.

POST /api/v1/plans    {"goal", "target", "project"?}: the body that submits a run; nothing is stored

The planner reads the goal as it would in a run. What fits the target is known only to who has fetched it, and a
preview fetches nothing: it goes by what the project's latest planning of the same target found out, and says so, or
gives candidates.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from agents import previews, requests
from agents.previews import Preview
from agents.workspace.targets import parse_target
from api import examples
from api.bodies import valid
from api.describe import operation
from api.lookup import find_project
from api.runs import RunOrder
from api.shapes import Moment, Uuid, moment
from tasks.plans import PlannedStep


class Duration(TypedDict):
    """How long a step of this kind took before in the project."""

    seconds: Annotated[
        float | None, Field(description="the median, from first start to success; null: not known yet")
    ]
    steps: Annotated[int, Field(description="of how many past steps it is; 0: nobody has done one here")]


class PlannedShape(TypedDict):
    """A step that the run would have."""

    key: str
    agent: str
    operation: str
    title: Annotated[str, Field(description="what it does, for people; empty for planning and report")]
    reason: Annotated[str, Field(description="why it is there")]
    after: Annotated[list[str], Field(description="keys of the steps that come before it")]
    certain: Annotated[
        bool, Field(description="false: a candidate; whether it fits is known when the target is")
    ]
    estimate: Duration


class Omission(TypedDict):
    """Something that is not done, and why."""

    what: str
    why: str


class BasisShape(TypedDict):
    """The earlier planning of the same target that the preview goes by."""

    run: Uuid
    revision: str
    planned_at: Moment
    exact: Annotated[bool, Field(description="the target cannot have changed since: it is an archive")]


class PlanShape(TypedDict):
    """What a request would do."""

    goal: str
    target: str
    complete: Annotated[
        bool, Field(description="false: the target was never looked at, so some are candidates")
    ]
    note: Annotated[str, Field(description="what this preview is based on, in words")]
    based_on: BasisShape | None
    answer: Annotated[str | None, Field(description="set if the goal leads to no analysis")]
    steps: list[PlannedShape]
    estimated_seconds: Annotated[
        float | None,
        Field(description="the longest way through the steps, with a free worker for each; null: not known"),
    ]
    not_estimated: Annotated[list[str], Field(description="keys of the steps of which no time is known yet")]
    left_out: list[Omission]
    uncovered: Annotated[list[Omission], Field(description="parts of the target that no step looks at")]


_EXAMPLE: PlanShape = {
    "goal": examples.ORDER["goal"],
    "target": examples.ORDER["target"]["url"],
    "complete": True,
    "note": "As the target was on 2026-11-25 at 09:30 UTC; the run fetches it again and may plan other steps.",
    "based_on": {
        "run": examples.RUN_ID,
        "revision": "1f0c9a2b7d3e4f5061728394a5b6c7d8e9f00112",
        "planned_at": "2026-11-25T09:30:04Z",
        "exact": False,
    },
    "answer": None,
    "steps": [
        {
            "key": "inspector.security",
            "agent": "inspector",
            "operation": "security",
            "title": "Dangerous code",
            "reason": "1,204 lines of Python; the goal names 'security problems'",
            "after": ["super.plan"],
            "certain": True,
            "estimate": {"seconds": 41.5, "steps": 12},
        }
    ],
    "estimated_seconds": 48.2,
    "not_estimated": [],
    "left_out": [],
    "uncovered": [{"what": "310 lines of CSS", "why": "no chosen analysis knows this language"}],
}


class PlansView(APIView):
    """Preview a plan."""

    required_action = "plan.preview"

    @operation("plans_preview", body=RunOrder, sends=examples.ORDER, returns=PlanShape, example=_EXAMPLE)
    def post(self, request: Request) -> Response:
        """Preview what a request would do: its steps, the reason of each, how long they will take.

        Nothing is stored and nothing is fetched. What fits the target is taken from the project's latest planning of
        the same target; without one, `complete` is false and the steps that depend on it are candidates. Times are
        medians of past steps of the same kind in the project; what nobody has done yet is `null`.
        """
        order = valid(RunOrder(data=request.data))
        project = find_project(request, order["project"])
        self.check_object_permissions(request, project)
        wanted = requests.Request(goal=order["goal"], target=parse_target(order["target"]))
        return Response(plan_shape(order["goal"], previews.preview(wanted, project_id=project.pk)))


def plan_shape(goal: str, made: Preview) -> PlanShape:
    """A preview in JSON."""
    basis = made.basis
    return {
        "goal": goal,
        "target": made.target,
        "complete": made.complete,
        "note": _note(made),
        "based_on": None
        if basis is None
        else {
            "run": str(basis.run),
            "revision": basis.revision,
            "planned_at": moment(basis.planned_at),
            "exact": basis.exact,
        },
        "answer": made.answer,
        "steps": [_step(step, made) for step in made.plan],
        "estimated_seconds": made.seconds,
        "not_estimated": [key for key, one in made.estimates.items() if one.seconds is None],
        "left_out": [{"what": left.what, "why": left.why} for left in made.left_out],
        "uncovered": [{"what": left.what, "why": left.why} for left in made.uncovered],
    }


def _note(made: Preview) -> str:
    if not made.complete:
        return (
            "The target must be fetched to know what fits it, and this project has not planned for it yet:"
            " the run's first step does that. Candidates may be left out then, and what they need is added."
        )
    if made.basis is None:
        return "The goal leads to no analysis, whatever the target is."
    if made.basis.exact:
        return "The target is an archive that was planned for before: the run will plan the same."
    at = made.basis.planned_at.strftime("%Y-%m-%d at %H:%M UTC")
    return f"As the target was on {at}; the run fetches it again and may plan other steps."


def _step(step: PlannedStep, made: Preview) -> PlannedShape:
    known = made.estimates[step.key]
    return {
        "key": step.key,
        "agent": step.agent,
        "operation": step.operation,
        "title": made.titles.get(step.key, ""),
        "reason": step.reason,
        "after": [edge.key for edge in step.after],
        "certain": step.key not in made.candidates,
        "estimate": {"seconds": known.seconds, "steps": known.steps},
    }
