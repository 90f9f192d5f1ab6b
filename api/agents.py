"""Agents: who there is, what each can do, and whether somebody works for it now.

GET /api/v1/agents          all of them, each with the names of its operations
GET /api/v1/agents/<name>   one, with the JSON Schemas of what its operations take and give
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from django.http import Http404
from pydantic import BaseModel, Field
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from agents.base import Agent, Operation
from agents.catalog import current_registry
from api.describe import operation
from api.queues import seconds
from tasks.loads import Load, loads
from tasks.models import Queue

AVAILABILITY = ("available", "no_worker", "paused", "disabled")


class OperationLine(TypedDict):
    """One thing that an agent can do."""

    name: str
    title: str
    description: str
    examples: Annotated[list[str], Field(description="goals in people's words that it serves")]
    timeout_seconds: Annotated[int, Field(description="its own; operators may set another for the agent")]
    attempts: Annotated[int, Field(description="tries at most, its own; as above")]
    effect: Annotated[
        str,
        Field(
            description="on the world outside: none, one that may be repeated, or one that must not be",
            json_schema_extra={"enum": ["read", "idempotent", "once"]},
        ),
    ]


class AgentLine(TypedDict):
    """An agent."""

    name: str
    title: str
    description: str
    queue: str
    priority: Annotated[int, Field(description="0 is most urgent, 9 least")]
    availability: Annotated[
        str,
        Field(
            description="whether somebody works for it; no_worker: nobody serves its queue",
            json_schema_extra={"enum": list(AVAILABILITY)},
        ),
    ]
    slots: Annotated[int, Field(description="steps that live workers can do at once, of all that they serve")]
    depth: Annotated[int, Field(description="steps that wait for it")]
    running: Annotated[int, Field(description="steps that it does now")]
    oldest_wait_seconds: float | None
    operations: list[OperationLine]


class OperationWhole(OperationLine):
    """One thing that an agent can do, with what it takes and gives."""

    input_schema: Annotated[
        dict[str, Any] | None, Field(description="JSON Schema; null: it cannot be written as one")
    ]
    output_schema: dict[str, Any] | None
    needs: Annotated[list[str], Field(description="facts that a plan must have before it")]
    gives: Annotated[list[str], Field(description="facts that it adds")]
    requires: Annotated[list[str], Field(description="what a repository must have, as language:python")]
    waived_by: Annotated[list[str], Field(description="inputs that, once given, make `requires` moot")]


class AgentWhole(AgentLine):
    """An agent, with the schemas of its operations and what operators have set."""

    operations: list[OperationWhole]  # type: ignore[misc]  # the same, with more
    limit: Annotated[int | None, Field(description="steps that may run at once; null: as many as slots")]
    timeout_seconds: Annotated[int | None, Field(description="of each operation; null: its own")]
    max_attempts: Annotated[int | None, Field(description="of each operation; null: its own")]


class BrokenShape(TypedDict):
    """A plugin that could not be loaded."""

    name: str
    reason: str


class AgentList(TypedDict):
    """All agents."""

    agents: list[AgentLine]
    broken: Annotated[list[BrokenShape], Field(description="plugins that were left out")]


_OPERATION: OperationLine = {
    "name": "lint",
    "title": "Find bugs and dead code",
    "description": "Find bugs and dead code.",
    "examples": ["find bugs"],
    "timeout_seconds": 600,
    "attempts": 3,
    "effect": "read",
}
_AGENT: AgentLine = {
    "name": "inspector",
    "title": "Inspector",
    "description": "Reads code and says what is wrong with it.",
    "queue": "agent.inspector",
    "priority": 5,
    "availability": "available",
    "slots": 4,
    "depth": 12,
    "running": 4,
    "oldest_wait_seconds": 8.25,
    "operations": [_OPERATION],
}
_WHOLE = {
    **_AGENT,
    "operations": [
        {
            **_OPERATION,
            "input_schema": {"type": "object", "properties": {"snapshot": {"type": "object"}}},
            "output_schema": {"type": "object", "properties": {"summary": {"type": "string"}}},
            "needs": ["snapshot"],
            "gives": ["findings"],
            "requires": ["language:python"],
            "waived_by": [],
        }
    ],
    "limit": None,
    "timeout_seconds": None,
    "max_attempts": None,
}


class AgentsView(APIView):
    """Who does the work."""

    required_action = "agent.view"

    @operation("agents_list", returns=AgentList, example={"agents": [_AGENT], "broken": []})
    def get(self, request: Request) -> Response:
        """List the agents with their operations, and whether somebody works for them now."""
        registry = current_registry()
        known, queues = loads(), {queue.name: queue for queue in Queue.objects.all()}
        told: AgentList = {
            "agents": [
                agent_line(agent, queues.get(agent.queue()), known.get(agent.queue(), Load()))
                for agent in registry.agents.values()
            ],
            "broken": [{"name": plugin.name, "reason": plugin.reason} for plugin in registry.broken],
        }
        return Response(told)


class AgentView(APIView):
    """One of those who do the work."""

    required_action = "agent.view"

    @operation("agents_read", returns=AgentWhole, example=_WHOLE)
    def get(self, request: Request, name: str) -> Response:
        """Read about an agent: what each of its operations takes and gives, as JSON Schema."""
        agents = current_registry().agents
        agent = agents.get(name)
        if agent is None:
            raise Http404(f"there is no agent {name!r}; there are: {', '.join(agents)}")
        queue = Queue.objects.filter(name=agent.queue()).first()
        return Response(_whole(agent, queue, loads().get(agent.queue(), Load())))


def agent_line(agent: Agent, queue: Queue | None, load: Load) -> AgentLine:
    """An agent in JSON, without the schemas."""
    return {
        "name": agent.name,
        "title": agent.title,
        "description": agent.description,
        "queue": agent.queue(),
        "priority": agent.priority if queue is None else queue.priority,
        "availability": _availability(queue, load.slots),
        "slots": load.slots,
        "depth": load.depth,
        "running": load.running,
        "oldest_wait_seconds": seconds(load),
        "operations": [_operation(one) for one in agent.operations().values()],
    }


def _whole(agent: Agent, queue: Queue | None, load: Load) -> dict[str, Any]:
    return {
        **agent_line(agent, queue, load),
        "operations": [
            {
                **_operation(one),
                "input_schema": _schema(one.input),
                "output_schema": _schema(one.output),
                "needs": sorted(one.needs),
                "gives": sorted(one.gives),
                "requires": sorted(one.requires),
                "waived_by": sorted(one.waived_by),
            }
            for one in agent.operations().values()
        ],
        "limit": queue.concurrency_limit if queue else None,
        "timeout_seconds": queue.timeout_seconds if queue else None,
        "max_attempts": queue.max_attempts if queue else None,
    }


def _availability(queue: Queue | None, slots: int) -> str:
    if queue is not None and not queue.enabled:
        return "disabled"
    if queue is not None and queue.paused_at is not None:
        return "paused"
    return "available" if slots else "no_worker"


def _operation(one: Operation) -> OperationLine:
    return {
        "name": one.name,
        "title": one.title,
        "description": one.description,
        "examples": list(one.examples),
        "timeout_seconds": one.timeout_seconds,
        "attempts": one.attempts,
        "effect": one.effect,
    }


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any] | None:
    """Write what an operation takes or gives as JSON Schema; a plugin's own types may have none."""
    try:
        return model.model_json_schema()
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        return None
