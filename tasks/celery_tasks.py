"""What Celery finds here: one task per agent, named for its queue, and the worker's heart."""

from __future__ import annotations

from celery import current_app
from django.db import close_old_connections

from tasks.contract import catalog
from tasks.fused import FusedEvents
from tasks.stint import run_next
from tasks.worker import HeartStep


def _answer(queue: str) -> None:
    @current_app.task(name=queue, ignore_result=True)
    def answer_bell() -> str:
        close_old_connections()  # keeps one that works: the first statement asks whether it does
        return run_next(queue, fused=FusedEvents(queue))


for _queue in catalog().queues():
    _answer(_queue.name)

current_app.steps["worker"].add(HeartStep)
