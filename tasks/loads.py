"""How much there is to do, and who does it: per queue what waits and runs, and the slots of live workers.

Only counts rows: PostgreSQL is the truth, and a queue's length in Redis says how many bells wait, not how many steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, Min, Q, QuerySet
from django.db.models.functions import Now

from tasks.models import Run, Step, WorkerSession
from tasks.states import StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What waits in a queue and what is done about it. Counts are of steps."""

    depth: int = 0  # ready: a worker could begin them now, unless a limit holds them back
    held: int = 0  # ready, in paused runs
    delayed: int = 0  # will be ready at a time that is set: retries, and what was told to come later
    running: int = 0
    oldest_wait: timedelta | None = None  # of those that count for `depth`
    workers: int = 0  # live ones that serve the queue
    slots: int = 0  # attempts that they can run at once, of this queue and of others that they serve


def loads() -> dict[str, Load]:
    """Give the load of every queue that has any, in few queries that indexes answer."""
    waiting: dict[str, Mapping[str, Any]] = {row["queue"]: row for row in _waiting()}
    held = _in_paused()
    retries = _by_queue(Step.objects.filter(state=StepState.WAITING_RETRY.value))
    running = _by_queue(Step.objects.filter(worker__isnull=False))
    sessions = live_sessions()
    served = Counter(queue for session in sessions for queue in session.queues)
    slots = slots_by_queue(sessions)
    return {
        queue: Load(
            depth=waiting.get(queue, _NONE)["ready_now"],
            held=held[queue],
            delayed=waiting.get(queue, _NONE)["later"] + retries[queue],
            running=running[queue],
            oldest_wait=waiting.get(queue, _NONE)["oldest"],
            workers=served[queue],
            slots=slots.get(queue, 0),
        )
        for queue in {*waiting, *held, *retries, *running, *served}
    }


def live_sessions() -> list[WorkerSession]:
    """Give the workers that are there."""
    return list(WorkerSession.objects.filter(stopped_at=None, lease_until__gt=Now()))


def slots_by_queue(sessions: Iterable[WorkerSession] | None = None) -> dict[str, int]:
    """Count, per queue, the attempts that live workers can run at once."""
    slots: dict[str, int] = {}
    for session in live_sessions() if sessions is None else sessions:
        for queue in session.queues:
            slots[queue] = slots.get(queue, 0) + session.slots
    return slots


_NONE: dict[str, Any] = {"ready_now": 0, "later": 0, "oldest": None}


def _waiting() -> Iterable[Mapping[str, Any]]:
    due = Q(available_at__lte=Now())
    return (
        Step.objects.filter(state=StepState.READY.value, held=False)  # as the claim's index has them
        .order_by()
        .values("queue")
        .annotate(
            ready_now=Count("pk", filter=due),
            later=Count("pk", filter=~due),
            oldest=ExpressionWrapper(Now() - Min("available_at", filter=due), output_field=DurationField()),
        )
    )


def _in_paused() -> Counter[str]:
    """Count what is held, by way of the paused runs: no index has these steps, and most steps are of old runs."""
    paused = Run.objects.filter(paused_at__isnull=False, finished_at=None)
    return _by_queue(Step.objects.filter(run__in=paused, state=StepState.READY.value, held=True))


def _by_queue(steps: QuerySet[Step]) -> Counter[str]:
    return Counter(dict(steps.order_by().values_list("queue").annotate(n=Count("pk"))))
