"""The agents and their queues, as pages show them: what waits, for how long, and who serves it.

Never whose work it is. The same figures as `GET /api/v1/queues`, from `tasks.loads`.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.catalog import current_registry
from tasks.loads import Load, loads
from tasks.models import Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """An agent with its queue. `state`: open, paused, disabled; `oldest` in seconds, None if nothing waits."""

    agent: str
    title: str
    queue: str
    state: str
    load: Load
    oldest: float | None

    @property
    def is_unserved(self) -> bool:
        """Whether work waits that no live worker would take."""
        return self.load.depth > 0 and not self.load.workers


def queue_rows() -> list[QueueRow]:
    """Give every agent that has a queue, in the order of their names."""
    known, titles = loads(), {agent.name: agent.title for agent in current_registry().agents.values()}
    return [_row(queue, known.get(queue.name, Load()), titles) for queue in Queue.objects.order_by("agent")]


def _row(queue: Queue, load: Load, titles: dict[str, str]) -> QueueRow:
    state = "disabled" if not queue.enabled else "open" if queue.paused_at is None else "paused"
    wait = load.oldest_wait
    return QueueRow(
        agent=queue.agent,
        title=titles.get(queue.agent, queue.agent),
        queue=queue.name,
        state=state,
        load=load,
        oldest=None if wait is None else max(wait.total_seconds(), 0.0),
    )
