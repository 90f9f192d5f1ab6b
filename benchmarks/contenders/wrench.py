"""The product: runs of one step, or of a chain of ten, submitted as its API does it."""

from __future__ import annotations

from collections.abc import Sequence

import django

django.setup()

from celery import current_app
from django.db import connection

from accounts.models import Project, Team
from benchmarks.contenders.common import LINKS, main
from benchmarks.marks import rang
from tasks import outbox, runs
from tasks.models import OutboxMessage, Run
from tasks.plans import PlannedStep, chain, plan_of

_ring = outbox.ring
_number = 0
_project = 0


def ring(bells: Sequence[outbox.Bell]) -> None:
    """Ring as the product does, and say when."""
    rang(_number, link=1)
    _ring(bells)


def submit(kind: str, number: int) -> None:
    """Submit one run."""
    global _number, _project
    _number = number
    _project = _project or Project.objects.get(slug="bench").pk
    count = LINKS if kind == "chain" else 1
    steps = [
        PlannedStep(key=f"s{link}", agent="bench", operation="noop", input={"number": number, "link": link})
        for link in range(count)
    ]
    rang(number)
    runs.submit(plan_of(chain(*steps)), project_id=_project, owner_id=None, goal="nothing", request={})


def prepare() -> None:
    """Make the project, and throw away what is left of the round before."""
    team, _ = Team.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    Project.objects.get_or_create(team=team, slug="bench", defaults={"name": "Bench"})
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {Run._meta.db_table}, {OutboxMessage._meta.db_table}, tasks_event CASCADE")
    with current_app.connection_for_write() as broker:
        broker.default_channel.queue_purge("agent.bench")


if __name__ == "__main__":
    outbox.ring = ring
    main(submit, prepare=prepare)
