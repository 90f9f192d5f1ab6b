"""What breaks the turns of a bell up, and what one step does to its neighbours."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from tasks import interruption, outbox, runs, stint
from tasks.contract import StepResult, catalog
from tasks.leases import Lease
from tasks.models import Attempt, Step, WorkerSession
from tasks.plans import After, chain, group
from tasks.states import EdgeCondition, StepState
from tests.engine.cluster import assert_sound, until
from tests.engine.conftest import Submit, drain, purge_bells, work
from tests.engine.invariants import broken
from tests.engine.test_fused import Heard
from tests.engine.turns import QUEUE, beside, outcomes, sends

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _bells(transactional_db: None) -> Iterator[None]:
    purge_bells()
    yield
    purge_bells()


# --- What breaks a turn up --------------------------------------------------------------------------------


def test_one_long_step_holds_up_no_neighbour(submit: Submit, worker, quick, tmp_path: Path) -> None:
    """Those not begun are given back and those done are stored, while the long one goes on."""
    gate = tmp_path / "gate"
    run = submit(group(work("a"), work("long", gate=gate), work("b"), work("c")))
    seen: dict[str, str] = {}

    def look() -> None:
        try:
            until(
                lambda: Attempt.objects.filter(step__key__in=["b", "c"], outcome="released").count() == 2,
                within=20,
                what="given back",
            )
            seen.update(Step.objects.values_list("key", "state"))
        finally:
            gate.touch()
            connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    heard = Heard()
    stint.run_next(QUEUE, fused=heard)
    thread.join()
    assert seen == {"a": "succeeded", "long": "running", "b": "ready", "c": "ready"}
    assert heard.under_way == set()
    drain()
    assert outcomes() == {
        "a": ["succeeded"], "long": ["succeeded"],
        "b": ["released", "succeeded"], "c": ["released", "succeeded"],
    }  # fmt: skip
    assert set(Step.objects.values_list("attempts_spent", flat=True)) == {0}
    assert_sound(run)
    assert broken(at_rest=True) == []


def test_cancel_of_a_neighbour_ends_that_one_alone(
    submit: Submit, worker, quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heart signals the child for a step that it has not begun: the one under way hears nothing of it."""
    run, other = submit(beside(3)), submit(group(work("x"), work("y")))

    def cancel() -> None:
        runs.cancel(other.public_id, by="alice")
        os.kill(os.getpid(), interruption.CANCEL_SIGNAL)

    sends(monkeypatch, "s1", cancel)
    stint.run_next(QUEUE)
    other.refresh_from_db()
    assert other.state == "cancelled"
    drain()
    assert outcomes() == {
        "s0": ["succeeded"], "s1": ["succeeded"], "s2": ["released", "succeeded"],
        "x": ["cancelled"], "y": ["cancelled"],
    }  # fmt: skip
    assert_sound(run, other)


@pytest.mark.parametrize("when", ["in a step", "between two steps", "after the claim", "in the settling"])
def test_release_signal_leaves_nothing_begun_and_spends_nothing(
    when: str, submit: Submit, worker, quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit(chain(beside(4), group(work("x"), work("y"))))
    told: list[str] = []

    def release() -> None:
        if not told:
            told.append(when)
            WorkerSession.objects.filter(pk=worker.pk).update(stopping_at=Now())
            os.kill(os.getpid(), interruption.RELEASE_SIGNAL)

    def before(module: Any, name: str) -> None:
        real = getattr(module, name)

        def act(*args: Any, **options: Any) -> Any:
            if name != "start_several":
                release()
            given = real(*args, **options)
            if name == "start_several":
                release()
            return given

        monkeypatch.setattr(module, name, act)

    if when == "in a step":
        sends(monkeypatch, "s1", release)
    if when == "between two steps":
        before(stint._Turn, "end")
    if when == "after the claim":
        before(runs, "start_several")
    if when == "in the settling":
        before(runs, "settle_all")
    stint.run_next(QUEUE)
    assert not Step.objects.filter(state="running").exists()
    assert set(Step.objects.values_list("attempts_spent", flat=True)) == {0}
    expected = {"in a step": 1, "between two steps": 1, "after the claim": 0, "in the settling": 4}
    assert Step.objects.filter(state="succeeded").count() == expected[when]
    WorkerSession.objects.filter(pk=worker.pk).update(stopping_at=None)
    drain()
    assert_sound(run)
    assert broken(at_rest=True) == []


def test_cancel_that_came_early_in_a_turn_reaches_the_step_it_is_for(
    submit: Submit, worker, quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heart tells each attempt once: before the neighbours are given back it is not known which one it means."""
    run, other = submit(group(work("a"), work("long", seconds=30), work("b"))), submit(beside(2))

    def cancel() -> None:
        runs.cancel(run.public_id, by="alice")
        os.kill(os.getpid(), interruption.CANCEL_SIGNAL)

    kind = type(catalog())
    real = kind.execute

    def execute(self: Any, request: Any, context: Any) -> Any:
        if request.step_key == "long":
            cancel()
        return real(self, request, context)

    monkeypatch.setattr(kind, "execute", execute)
    began = time.monotonic()
    stint.run_next(QUEUE)
    assert time.monotonic() - began < 20
    drain()
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert outcomes()["long"] == ["cancelled"]
    assert_sound(run, other)


def test_release_signal_right_after_the_claim_ends_a_long_step(
    submit: Submit, worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came before the operation began; the heart sends it once, and the operation may take hours."""
    submit(work("long", seconds=30))
    real = runs.start_several

    def start(*args: Any, **options: Any) -> Any:
        found = real(*args, **options)
        os.kill(os.getpid(), interruption.RELEASE_SIGNAL)
        return found

    monkeypatch.setattr(runs, "start_several", start)
    assert stint.run_next(QUEUE).endswith("attempt 1: released")


# --- One bad step among good ones -------------------------------------------------------------------------


def test_output_that_cannot_be_stored_costs_no_neighbour(
    submit: Submit, worker, quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit(beside(4))
    kind = type(catalog())
    real = kind.execute

    def execute(self: Any, request: Any, context: Any) -> Any:
        if request.step_key == "s2":
            return StepResult(output={"value": math.nan})
        return real(self, request, context)

    monkeypatch.setattr(kind, "execute", execute)
    heard = Heard()
    stint.run_next(QUEUE, fused=heard)
    states = dict(Step.objects.values_list("key", "state"))
    assert states == {"s0": "succeeded", "s1": "succeeded", "s2": "dead", "s3": "succeeded"}
    assert [line.rsplit(": ")[-1] for line in heard.lines] == ["succeeded", "dead", "succeeded"]
    assert_sound(run)
    assert broken(at_rest=True) == []


def test_agents_rows_that_cannot_be_stored_cost_no_neighbour(
    submit: Submit, worker, quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(beside(4))
    kind = type(catalog())
    real = kind.record

    def record(self: Any, step: Any, result: Any) -> None:
        if step.step_key == "s2":
            raise ValueError("no such finding")
        real(self, step, result)

    monkeypatch.setattr(kind, "record", record)
    heard = Heard()
    stint.run_next(QUEUE, fused=heard)
    assert dict(Step.objects.values_list("key", "state")) == {
        "s0": "succeeded", "s1": "succeeded", "s2": "waiting_retry", "s3": "succeeded",
    }  # fmt: skip
    assert outcomes()["s2"] == ["failed"]


def test_lease_lost_before_a_bad_result_is_refused_costs_no_neighbour(
    submit: Submit, worker, quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease goes between the refused settling and the failure's own transaction."""
    run = submit(beside(4))
    kind = type(catalog())

    def record(self: Any, step: Any, result: Any) -> None:
        if step.step_key == "s2":
            raise ValueError("no such finding")

    monkeypatch.setattr(kind, "record", record)
    real = runs.fail

    def fail(lease: Lease, **options: Any) -> StepState:
        Step.objects.filter(pk=lease.step_pk).update(lost_at=Now())
        assert runs.recover() == 1
        return real(lease, **options)

    monkeypatch.setattr(runs, "fail", fail)
    stint.run_next(QUEUE)
    assert outcomes()["s2"][0] == "stale"
    assert {key: told for key, told in outcomes().items() if key != "s2"} == {
        f"s{n}": ["succeeded"] for n in (0, 1, 3)
    }
    monkeypatch.undo()
    monkeypatch.setenv(stint.SESSION_VARIABLE, str(worker.pk))
    drain()
    assert_sound(run)


def test_steps_of_a_turn_that_are_not_common_are_settled_by_themselves(submit: Submit, worker, quick) -> None:
    """A plan, a dependent to be skipped, a paused run and a join in one turn."""
    grows = submit(work("grow", operation="grow", grow=2))
    skips = submit(group(work("a"), work("on-failure", after=(After(key="a", on=EdgeCondition.FAILED),))))
    joins = submit(chain(beside(3), work("join")))
    stint.run_next(QUEUE)
    drain()
    assert_sound(grows, skips, joins)
    assert Step.objects.get(key="on-failure").state == "skipped"
    assert Step.objects.filter(run=grows, state="succeeded").count() == 3
    assert broken(at_rest=True) == []


# --- Bells ------------------------------------------------------------------------------------------------


def test_queue_is_not_left_silent_when_bells_were_lost(
    submit: Submit, worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stint takes back the bell that it has rung itself: then nobody else is on his way."""
    monkeypatch.setattr(stint, "MOST_FUSED", 4)
    monkeypatch.setattr(stint, "TURN_SECONDS", 60)  # one step, then two, then two
    stint._paces.clear()
    submit(chain(work("a", priority=0), group(work("b"), work("c"), work("d"))))
    submit(beside(10))
    purge_bells()  # as when Redis was wiped
    stint.run_next(QUEUE)
    assert Step.objects.filter(state="succeeded").count() == 5
    assert Step.objects.filter(state="ready").exists()
    assert outbox.waiting_bells(QUEUE) > 0
