"""Agents: who there is, what each can do, and whether somebody works for it now.

GET /api/v1/agents
"""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Now
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agents.base import Agent, Operation
from agents.catalog import current_registry
from tasks.models import Queue, WorkerSession


class AgentsView(APIView):
    """List the agents with their operations."""

    required_action = "agent.view"

    @extend_schema(operation_id="agents_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        registry = current_registry()
        slots = slots_by_queue()
        queues = {queue.name: queue for queue in Queue.objects.all()}
        return Response(
            {
                "agents": [
                    _agent(agent, queues.get(agent.queue()), slots.get(agent.queue(), 0))
                    for agent in registry.agents.values()
                ],
                "broken": [{"name": plugin.name, "reason": plugin.reason} for plugin in registry.broken],
            }
        )


def slots_by_queue() -> dict[str, int]:
    """Count, per queue, the attempts that live workers can run at once."""
    slots: dict[str, int] = {}
    for session in WorkerSession.objects.filter(stopped_at=None, lease_until__gt=Now()):
        for queue in session.queues:
            slots[queue] = slots.get(queue, 0) + session.slots
    return slots


def _agent(agent: Agent, queue: Queue | None, slots: int) -> dict[str, Any]:
    return {
        "name": agent.name,
        "title": agent.title,
        "description": agent.description,
        "queue": agent.queue(),
        "priority": agent.priority if queue is None else queue.priority,
        "availability": _availability(queue, slots),
        "slots": slots,
        "operations": [_operation(operation) for operation in agent.operations().values()],
    }


def _availability(queue: Queue | None, slots: int) -> str:
    if queue is not None and not queue.enabled:
        return "disabled"
    if queue is not None and queue.paused_at is not None:
        return "paused"
    return "available" if slots else "no_worker"


def _operation(operation: Operation) -> dict[str, Any]:
    return {
        "name": operation.name,
        "title": operation.title,
        "description": operation.description,
        "examples": list(operation.examples),
        "timeout_seconds": operation.timeout_seconds,
        "attempts": operation.attempts,
        "effect": operation.effect,
    }
