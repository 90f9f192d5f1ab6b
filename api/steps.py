"""The steps of a run, one by one, with all that their attempts came to.

GET /api/v1/runs/<id>/steps                    in the order of the run; ?state= &agent= &limit= &cursor=
GET /api/v1/runs/<id>/steps/<step>             with input, output and its newest attempts
GET /api/v1/runs/<id>/steps/<step>/attempts    all of them; ?limit= &cursor=

<step> is the step's key, or its ordinal.
"""

from __future__ import annotations

import re
from typing import Annotated, Any
from uuid import UUID

from django.http import Http404
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from api import examples, shapes
from api.bodies import valid
from api.describe import Page, operation
from api.lists import ListQuery, ManyOf, asked, page_of
from api.lookup import find_run
from api.shapes import Moment, StepShape, Uuid, moment
from tasks.models import Attempt, Run, Step
from tasks.states import AttemptOutcome, StepState

SHOWN_ATTEMPTS = 20
ORDINAL = re.compile(r"[1-9][0-9]{0,8}\Z")


class AttemptShape(TypedDict):
    """One try of a step by one worker."""

    ordinal: Annotated[int, Field(description="1 is the first try")]
    worker: Annotated[str | None, Field(description="host of the worker; null: its record was removed")]
    pid: Annotated[int, Field(description="of the worker's process that did it")]
    started_at: Moment
    ended_at: Moment | None
    duration_seconds: float | None
    outcome: Annotated[
        str | None,
        Field(description="null: it goes on", json_schema_extra={"enum": [*map(str, AttemptOutcome), None]}),
    ]
    error: Annotated[dict[str, Any] | None, Field(description="`kind` and `message`, if it did not succeed")]


class Origin(TypedDict):
    """The step of an earlier run whose success a step stands for."""

    run: Uuid
    step: Annotated[str, Field(description="its key there")]


class StepWhole(StepShape):
    """A step with what it was given, what it gave, and its newest attempts."""

    queue: str
    priority: Annotated[int, Field(description="0 is most urgent, 9 least")]
    effect: Annotated[str, Field(description="what it does outside: read, idempotent or once")]
    timeout_seconds: int
    created_at: Moment
    available_at: Annotated[Moment, Field(description="it begins no earlier than this")]
    deadline_at: Moment | None
    input: Annotated[
        dict[str, Any], Field(description="`{$ref: key}` stands for the output of a step before")
    ]
    output: Annotated[dict[str, Any] | None, Field(description="null: it has not succeeded")]
    added_by: Annotated[str | None, Field(description="key of the step that added it to the run")]
    taken_from: Annotated[Origin | None, Field(description="null: this run did it itself")]
    latest_attempts: Annotated[
        list[AttemptShape], Field(description=f"the last {SHOWN_ATTEMPTS}, oldest first")
    ]


class StepFilter(ListQuery):
    """The query of the list."""

    orderings = {"ordinal": "pk"}
    newest_first = False

    state = ManyOf(choices=[s.value for s in StepState], required=False, help_text="any of these")
    agent = serializers.CharField(required=False, max_length=60, help_text="only of this agent")


class AttemptFilter(ListQuery):
    """The query of the attempts."""

    orderings = {"ordinal": "ordinal"}
    newest_first = False


_ATTEMPT: AttemptShape = {
    "ordinal": 1,
    "worker": "worker-1",
    "pid": 4711,
    "started_at": "2026-11-25T09:30:05Z",
    "ended_at": "2026-11-25T09:30:47Z",
    "duration_seconds": 42.0,
    "outcome": "succeeded",
    "error": None,
}
_STEP: StepWhole = {
    **examples.STEP,
    "queue": "agent.inspector",
    "priority": 5,
    "effect": "read",
    "timeout_seconds": 600,
    "created_at": "2026-11-25T09:30:04Z",
    "available_at": "2026-11-25T09:30:04Z",
    "deadline_at": None,
    "input": {"snapshot": "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"},
    "output": {"findings": 3},
    "added_by": "super.plan",
    "taken_from": None,
    "latest_attempts": [_ATTEMPT],
}
_NO_STEP = {404: "There is no such run that you may see, or it has no such step."}


class StepsView(APIView):
    """List the steps of a run."""

    required_action = "run.view"

    @operation(
        "steps_list",
        query=StepFilter,
        returns=Page[StepShape],
        example={"results": [examples.STEP], "next": None},
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """List the steps of a run, in its order."""
        wanted = valid(StepFilter(data=asked(request, StepFilter)))
        run = find_run(request, self, run_id)
        found = Step.objects.filter(run=run)
        if "state" in wanted:
            found = found.filter(state__in=wanted["state"])
        if "agent" in wanted:
            found = found.filter(agent=wanted["agent"])
        page = page_of(request, StepFilter, found, wanted)
        return Response({"results": shapes.step_lines(run, page.rows), "next": page.next})


class StepView(APIView):
    """Read one step of a run."""

    required_action = "run.view"

    @operation("steps_read", returns=StepWhole, example=_STEP, errors=_NO_STEP)
    def get(self, request: Request, run_id: UUID, step: str) -> Response:
        """Read a step: what it was given, what it gave, and how it was tried. It is named by its key or ordinal."""
        run = find_run(request, self, run_id)
        return Response(step_whole(run, find_step(run, step)))


class AttemptsView(APIView):
    """List the attempts of a step."""

    required_action = "run.view"

    @operation(
        "steps_attempts",
        query=AttemptFilter,
        returns=Page[AttemptShape],
        example={"results": [_ATTEMPT], "next": None},
        errors=_NO_STEP,
    )
    def get(self, request: Request, run_id: UUID, step: str) -> Response:
        """List how a step was tried: by which worker, when, and how each try ended."""
        wanted = valid(AttemptFilter(data=asked(request, AttemptFilter)))
        row = find_step(find_run(request, self, run_id), step)
        found = Attempt.objects.filter(step=row).select_related("worker")
        page = page_of(request, AttemptFilter, found, wanted)
        return Response({"results": [attempt_shape(one) for one in page.rows], "next": page.next})


def find_step(run: Run, name: str) -> Step:
    """Give a run's step by its key, else by its ordinal. Raises Http404."""
    steps = Step.objects.filter(run=run).select_related("added_by", "taken_from__run")
    row = None if "\0" in name else steps.filter(key=name).first()
    if row is None and ORDINAL.match(name):
        place = int(name)
        row = next(iter(steps.order_by("pk")[place - 1 : place]), None)
    if row is None:
        raise Http404(f"this run has no step {name[:120]!r}; name it by its key, or by its ordinal from 1")
    return row


def step_whole(run: Run, row: Step) -> StepWhole:
    """A step in JSON with all that belongs to it."""
    (line,) = shapes.step_lines(run, [row])
    latest = Attempt.objects.filter(step=row).select_related("worker").order_by("-ordinal")[:SHOWN_ATTEMPTS]
    return {
        **line,
        "queue": row.queue,
        "priority": row.priority,
        "effect": row.effect,
        "timeout_seconds": row.timeout_seconds,
        "created_at": moment(row.created_at),
        "available_at": moment(row.available_at),
        "deadline_at": moment(row.deadline_at),
        "input": row.input,
        "output": row.output,
        "added_by": row.added_by.key if row.added_by else None,
        "taken_from": _origin(row.taken_from),
        "latest_attempts": [attempt_shape(one) for one in reversed(latest)],
    }


def attempt_shape(row: Attempt) -> AttemptShape:
    """An attempt in JSON."""
    return {
        "ordinal": row.ordinal,
        "worker": row.worker.hostname if row.worker else None,
        "pid": row.child_pid,
        "started_at": moment(row.started_at),
        "ended_at": moment(row.ended_at),
        "duration_seconds": shapes.seconds(row.started_at, row.ended_at),
        "outcome": row.outcome or None,
        "error": row.error,
    }


def _origin(row: Step | None) -> Origin | None:
    return None if row is None else {"run": str(row.run.public_id), "step": row.key}
