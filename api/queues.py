"""Queues: where work waits. There is one for each agent.

GET  /api/v1/queues                 how much waits, for how long, and who serves them
GET  /api/v1/queues/<name>
POST /api/v1/queues/<name>/pause    {}: no step of it begins, for staff
POST /api/v1/queues/<name>/resume   {}

Everybody who is signed in sees how much there is to do; whose work it is, nobody sees here.
"""

from __future__ import annotations

from typing import Annotated

from django.http import Http404
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from api.bodies import valid
from api.control import EmptyOrder
from api.describe import Page, operation
from api.lists import ListQuery, page_of
from api.shapes import Moment, moment
from tasks import runs
from tasks.loads import Load, loads
from tasks.models import Queue

STATES = ("open", "paused", "disabled")


class QueueShape(TypedDict):
    """A queue, and how much there is to do in it. Counts are of steps."""

    name: str
    agent: str
    state: Annotated[
        str,
        Field(
            description="paused: by staff, for now; disabled: its agent is switched off",
            json_schema_extra={"enum": list(STATES)},
        ),
    ]
    paused_at: Moment | None
    priority: Annotated[int, Field(description="0 is most urgent, 9 least; runs may ask for another")]
    limit: Annotated[int | None, Field(description="steps that may run at once; null: as many as slots")]
    depth: Annotated[int, Field(description="that could begin now, but for limits or a pause of the queue")]
    held: Annotated[int, Field(description="that wait because their run is paused")]
    delayed: Annotated[int, Field(description="that will be ready later: retries, and what is set to a time")]
    running: int
    oldest_wait_seconds: Annotated[
        float | None, Field(description="how long the oldest of `depth` has been ready; null: there is none")
    ]
    workers: Annotated[int, Field(description="live workers that serve it")]
    slots: Annotated[int, Field(description="steps that they can do at once, of all queues that they serve")]


class QueueFilter(ListQuery):
    """The query of the list."""

    orderings = {"name": "pk"}
    newest_first = False


EXAMPLE: QueueShape = {
    "name": "agent.inspector",
    "agent": "inspector",
    "state": "open",
    "paused_at": None,
    "priority": 5,
    "limit": None,
    "depth": 12,
    "held": 0,
    "delayed": 1,
    "running": 4,
    "oldest_wait_seconds": 8.25,
    "workers": 2,
    "slots": 4,
}


class QueuesView(APIView):
    """Where work waits."""

    required_action = "queue.view"

    @operation(
        "queues_list",
        query=QueueFilter,
        returns=Page[QueueShape],
        example={"results": [EXAMPLE], "next": None},
    )
    def get(self, request: Request) -> Response:
        """List the queues: how much waits in each, for how long, and how many workers serve it."""
        wanted = valid(QueueFilter(data=request.query_params.dict()))
        page = page_of(request, QueueFilter, Queue.objects.all(), wanted)
        known = loads()
        return Response(
            {
                "results": [queue_shape(row, known.get(row.name, Load())) for row in page.rows],
                "next": page.next,
            }
        )


class QueueView(APIView):
    """Where an agent's work waits."""

    required_action = "queue.view"

    @operation("queues_read", returns=QueueShape, example=EXAMPLE)
    def get(self, request: Request, name: str) -> Response:
        """Read how much waits in a queue."""
        return Response(_told(name))


class QueuePauseView(APIView):
    """Holding a queue."""

    required_action = "queue.manage"

    @operation(
        "queues_pause",
        body=EmptyOrder,
        sends={},
        returns=QueueShape,
        example={**EXAMPLE, "state": "paused", "paused_at": "2026-11-25T09:30:00Z"},
    )
    def post(self, request: Request, name: str) -> Response:
        """Let no step of this queue begin, of any project. What runs goes on to its end. Twice is as good as once."""
        valid(EmptyOrder(data=request.data))
        runs.pause_queue(_find(name).name, by=request.user.get_username())
        return Response(_told(name))


class QueueResumeView(APIView):
    """Letting a queue go on."""

    required_action = "queue.manage"

    @operation("queues_resume", body=EmptyOrder, sends={}, returns=QueueShape, example=EXAMPLE)
    def post(self, request: Request, name: str) -> Response:
        """Serve this queue again. Twice is as good as once."""
        valid(EmptyOrder(data=request.data))
        runs.resume_queue(_find(name).name, by=request.user.get_username())
        return Response(_told(name))


def state_of(queue: Queue) -> str:
    """Tell whether steps of this queue may begin."""
    if not queue.enabled:
        return "disabled"
    return "open" if queue.paused_at is None else "paused"


def queue_shape(queue: Queue, load: Load) -> QueueShape:
    """A queue in JSON."""
    return {
        "name": queue.name,
        "agent": queue.agent,
        "state": state_of(queue),
        "paused_at": moment(queue.paused_at),
        "priority": queue.priority,
        "limit": queue.concurrency_limit,
        "depth": load.depth,
        "held": load.held,
        "delayed": load.delayed,
        "running": load.running,
        "oldest_wait_seconds": seconds(load),
        "workers": load.workers,
        "slots": load.slots,
    }


def seconds(load: Load) -> float | None:
    """Give how long the oldest step has been ready, to the millisecond."""
    return None if load.oldest_wait is None else round(max(load.oldest_wait.total_seconds(), 0.0), 3)


def _find(name: str) -> Queue:
    found = None if "\0" in name else Queue.objects.filter(name=name).first()
    if found is None:
        names = ", ".join(Queue.objects.order_by("name").values_list("name", flat=True))
        raise Http404(f"there is no queue {name!r}; there are: {names}")
    return found


def _told(name: str) -> QueueShape:
    queue = _find(name)
    return queue_shape(queue, loads().get(queue.name, Load()))
