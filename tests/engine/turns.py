"""What the tests of turns share: who claims, what was begun, and an act in the middle of a step."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tasks import runs
from tasks.contract import catalog
from tasks.leases import Claimant, Lease
from tasks.models import Attempt, Event, Run, WorkerSession
from tasks.plans import group
from tests.engine.conftest import work

QUEUE = "agent.probe"


def me(worker: WorkerSession) -> Claimant:
    return Claimant(worker=worker.pk, pid=os.getpid(), name="t")


def claim(worker: WorkerSession, most: int, queue: str = QUEUE) -> tuple[Lease, ...]:
    return runs.start_several(queue, me(worker), most=most)


def beside(count: int, **options: Any) -> Any:
    return group(*(work(f"s{n}", **options) for n in range(count)))


def outcomes() -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for key, outcome in Attempt.objects.order_by("step_id", "ordinal").values_list("step__key", "outcome"):
        told.setdefault(key, []).append(outcome)
    return told


def starts_of(run: Run) -> list[str]:
    return [event.data["key"] for event in Event.objects.filter(run=run, kind="step.started").order_by("seq")]


def sends(monkeypatch: pytest.MonkeyPatch, key: str, act: Callable[[], None]) -> None:
    """Let `act` happen in the middle of the step of this key."""
    kind = type(catalog())
    real = kind.execute

    def execute(self: Any, request: Any, context: Any) -> Any:
        result = real(self, request, context)
        if request.step_key == key and request.attempt == 1:
            act()
        return result

    monkeypatch.setattr(kind, "execute", execute)
