"""Workers: which processes are there, what they serve, and what they do now. For staff.

GET /api/v1/workers   ?state= &ordering= &limit= &cursor=; those that are there, unless `state` says otherwise
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from django.db.models import Case, CharField, Q, QuerySet, Value, When
from django.db.models.functions import Now
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from api.bodies import valid
from api.describe import Page, operation
from api.lists import ListQuery, ManyOf, asked, page_of
from api.shapes import Moment, Uuid, moment
from tasks.models import Step, WorkerSession
from tasks.states import StepState

STATES = ("alive", "stopping", "lost", "stopped")


class RunningStep(TypedDict):
    """A step that a worker does now."""

    run: Uuid
    project: Annotated[str, Field(description="team/slug")]
    step: Annotated[str, Field(description="its key")]
    agent: str
    operation: str
    attempt: int
    started_at: Moment | None


class WorkerShape(TypedDict):
    """One life of one worker process group."""

    id: Uuid
    hostname: str
    pid: int
    state: Annotated[
        str,
        Field(
            description="stopping: it ends what it does and begins nothing; lost: its beat has failed for too long",
            json_schema_extra={"enum": list(STATES)},
        ),
    ]
    queues: list[str]
    slots: Annotated[int, Field(description="steps that it can do at once")]
    started_at: Moment
    heartbeat_at: Annotated[Moment, Field(description="its last beat")]
    stopped_at: Moment | None
    running: list[RunningStep]


class WorkerFilter(ListQuery):
    """The query of the list."""

    orderings = {"started_at": "started_at"}

    state = ManyOf(choices=STATES, required=False, help_text="alive and stopping, if you give none")


_EXAMPLE: WorkerShape = {
    "id": "0192f0c4-6f0e-4b7e-9d4c-3f6a1f0f7a31",
    "hostname": "worker-1",
    "pid": 4711,
    "state": "alive",
    "queues": ["agent.super", "agent.inspector"],
    "slots": 2,
    "started_at": "2026-11-25T08:00:00Z",
    "heartbeat_at": "2026-11-25T09:30:00Z",
    "stopped_at": None,
    "running": [
        {
            "run": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11",
            "project": "acme/shop",
            "step": "inspector.lint",
            "agent": "inspector",
            "operation": "lint",
            "attempt": 1,
            "started_at": "2026-11-25T09:29:58Z",
        }
    ],
}


class WorkersView(APIView):
    """Who does the work on which machine."""

    required_action = "worker.view"

    @operation(
        "workers_list",
        query=WorkerFilter,
        returns=Page[WorkerShape],
        example={"results": [_EXAMPLE], "next": None},
    )
    def get(self, request: Request) -> Response:
        """List the workers that are there, newest first, with what each does now, whosever it is."""
        wanted = valid(WorkerFilter(data=asked(request, WorkerFilter)))
        found = _with_state().filter(Q(state__in=wanted.get("state", ["alive", "stopping"])))
        page = page_of(request, WorkerFilter, found, wanted)
        running = _running(row.pk for row in page.rows)
        return Response({"results": [_shape(row, running[row.pk]) for row in page.rows], "next": page.next})


def _with_state() -> QuerySet[WorkerSession]:
    state = Case(
        When(stopped_at__isnull=False, then=Value("stopped")),
        When(Q(lease_until__lte=Now()), then=Value("lost")),
        When(stopping_at__isnull=False, then=Value("stopping")),
        default=Value("alive"),
        output_field=CharField(),
    )
    return WorkerSession.objects.annotate(state=state)


def _running(workers: Iterable[UUID]) -> dict[UUID, list[RunningStep]]:
    steps = Step.objects.filter(worker__in=list(workers), state=StepState.RUNNING.value)
    found: dict[UUID, list[RunningStep]] = defaultdict(list)
    for step in steps.select_related("run__project__team").defer("input", "output").order_by("pk"):
        assert step.worker_id is not None, "a running step has a worker: the database says so"
        found[step.worker_id].append(
            {
                "run": str(step.run.public_id),
                "project": f"{step.run.project.team.slug}/{step.run.project.slug}",
                "step": step.key,
                "agent": step.agent,
                "operation": step.operation,
                "attempt": step.attempts_made,
                "started_at": moment(step.started_at),
            }
        )
    return found


def _shape(row: WorkerSession, running: list[RunningStep]) -> WorkerShape:
    state: str = row.state  # type: ignore[attr-defined]  # annotated
    return {
        "id": str(row.pk),
        "hostname": row.hostname,
        "pid": row.pid,
        "state": state,
        "queues": row.queues,
        "slots": row.slots,
        "started_at": moment(row.started_at),
        "heartbeat_at": moment(row.heartbeat_at),
        "stopped_at": moment(row.stopped_at),
        "running": running,
    }
