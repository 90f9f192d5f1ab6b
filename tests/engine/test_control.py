"""Runs and queues that people pause, resume and hurry."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest
from django.db import connection, connections

from tasks import events, runs, stint
from tasks.contract import StepResult
from tasks.errors import ControlRefused, RunIsOver, RunNotFound
from tasks.models import Queue, Step
from tasks.outbox import waiting_bells
from tasks.plans import Plan, chain
from tests.engine.cluster import assert_sound
from tests.engine.conftest import drain, purge_bells, work

pytestmark = pytest.mark.django_db(transaction=True)


def claim(worker):
    lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
    assert lease is not None
    return lease


def kinds(run) -> list[str]:
    return [event.kind for event in events.since(run, 0)]


def test_paused_run_begins_nothing_and_goes_on_after_resume(submit, worker) -> None:
    run = submit(chain(work("a"), work("b")))
    assert runs.pause(run.public_id, by="bob", reason="wait").state == "paused"
    assert drain() == []
    purge_bells()
    resumed = runs.resume(run.public_id, by="bob")
    assert (resumed.state, resumed.paused_at, waiting_bells("agent.probe")) == ("running", None, 1)
    assert drain()
    assert_sound(run)
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert kinds(run).count("run.resumed") == 1


def test_pause_and_resume_may_be_repeated(submit, worker) -> None:
    run = submit(work("a"))
    for _ in range(2):
        runs.pause(run.public_id, by="bob")
    for _ in range(2):
        runs.resume(run.public_id, by="bob")
    assert (kinds(run).count("run.paused"), kinds(run).count("run.resumed")) == (1, 1)


def test_pause_lets_the_running_attempt_end_and_holds_what_it_adds(submit, worker) -> None:
    run = submit(chain(work("a"), work("b")))
    lease = claim(worker)
    runs.pause(run.public_id, by="bob")
    runs.settle(lease, StepResult(plan=Plan((work("added"),))))
    assert drain() == []
    assert set(Step.objects.filter(run=run, held=True).values_list("key", flat=True)) == {"a", "b", "added"}
    runs.resume(run.public_id, by="bob")
    assert drain()
    assert_sound(run)


def test_run_that_ends_while_paused_is_over(submit, worker) -> None:
    run = submit(work("a"))
    lease = claim(worker)
    runs.pause(run.public_id, by="bob")
    runs.settle(lease, StepResult())
    run.refresh_from_db()
    assert run.state == "succeeded"
    with pytest.raises(RunIsOver, match="is succeeded and cannot be resumed"):
        runs.resume(run.public_id, by="bob")


def test_paused_run_can_be_cancelled(submit, worker) -> None:
    run = submit(chain(work("a"), work("b")))
    runs.pause(run.public_id, by="bob")
    assert runs.cancel(run.public_id, by="bob").state == "cancelled"
    assert_sound(run)


def test_unknown_run_is_named(project) -> None:
    with pytest.raises(RunNotFound):
        runs.pause(uuid4(), by="bob")


def test_pause_races_with_a_result_that_adds_steps(submit, worker) -> None:
    """Whatever comes first, no step of a paused run stays claimable."""
    for n in range(10):
        run = submit(chain(work(f"a{n}"), work("b")))
        lease = claim(worker)
        both = threading.Barrier(2)

        def settle(lease=lease, both=both) -> None:
            both.wait()
            runs.settle(lease, StepResult(plan=Plan((work("added"),))))
            connections.close_all()

        thread = threading.Thread(target=settle)
        thread.start()
        both.wait()
        runs.pause(run.public_id, by="bob")
        thread.join()
        assert drain() == []
        runs.resume(run.public_id, by="bob")
        drain()
        assert_sound(run)
    connection.ensure_connection()


def test_priority_moves_what_waits(submit, worker) -> None:
    slow = submit(work("slow"), goal="slow")
    submit(work("other"), goal="other")
    hurried = submit(chain(work("urgent"), work("later")), goal="urgent")
    runs.set_priority(hurried.public_id, 0, by="bob")
    assert claim(worker).run_pk == hurried.pk
    assert set(Step.objects.filter(run=hurried, state="pending").values_list("priority", flat=True)) == {0}
    runs.set_priority(slow.public_id, 9, by="bob")
    assert claim(worker).key == "other"
    assert kinds(hurried).count("run.priority_changed") == 1


def test_priority_out_of_range_is_refused(submit) -> None:
    run = submit(work("a"))
    with pytest.raises(ControlRefused, match="10 is no priority"):
        runs.set_priority(run.public_id, 10, by="bob")


def test_paused_queue_keeps_its_steps_and_rings_when_it_goes_on(submit, worker) -> None:
    submit(work("a"), work("b"))
    assert (runs.pause_queue("agent.probe", by="bob"), runs.pause_queue("agent.probe", by="bob")) == (
        True,
        False,
    )
    assert stint.run_next("agent.probe").endswith("nothing to do")
    purge_bells()
    assert runs.resume_queue("agent.probe", by="bob")
    assert waiting_bells("agent.probe") == 2
    assert Queue.objects.get(name="agent.probe").paused_at is None
    with pytest.raises(ControlRefused, match="there is no queue"):
        runs.pause_queue("agent.nobody", by="bob")
