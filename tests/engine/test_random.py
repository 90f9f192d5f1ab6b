"""Whatever happens in whatever order: random operations by several connections, then the invariants, by SQL.

The seed is printed and names the test; `WRENCH_TEST_SEED` repeats one. Threads make the interleaving differ even so:
a failing seed is a hint, not a recording.
"""

from __future__ import annotations

import os
import random
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.db.models.functions import Now
from django.utils import timezone

from tasks import runs
from tasks.contract import StepResult
from tasks.database import resilient
from tasks.errors import LeaseLost, PlanInvalid
from tasks.leases import Lease
from tasks.models import Run, Step, WorkerSession
from tasks.plans import After, Plan
from tasks.states import EdgeCondition
from tests.engine.cluster import assert_sound
from tests.engine.conftest import Submit, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(100, func_only=True)]

SECONDS = 5.0
THREADS = 4
RUNS = 12
CONDITIONS = [EdgeCondition.SUCCEEDED] * 3 + [EdgeCondition.ALWAYS, EdgeCondition.FAILED]

INVARIANTS = {
    "open_steps counts the steps that are not final": """
        SELECT r.id, r.open_steps FROM tasks_run r WHERE r.open_steps <>
            (SELECT count(*) FROM tasks_step s WHERE s.run_id = r.id AND s.ended_at IS NULL)""",
    "step_count counts the steps": """
        SELECT r.id FROM tasks_run r
        WHERE r.step_count <> (SELECT count(*) FROM tasks_step s WHERE s.run_id = r.id)""",
    "pending_deps counts the edges from steps that are not final": """
        SELECT s.id, s.key, s.pending_deps FROM tasks_step s WHERE s.state = 'pending' AND s.pending_deps <>
            (SELECT count(*) FROM tasks_stepdependency d JOIN tasks_step n ON n.id = d.needs_id
             WHERE d.step_id = s.id AND n.ended_at IS NULL)""",
    "no step started before a step that it waits for had ended as its edge demands": """
        SELECT s.id, s.key, n.key, n.state FROM tasks_step s
        JOIN tasks_stepdependency d ON d.step_id = s.id JOIN tasks_step n ON n.id = d.needs_id
        WHERE s.attempts_made > 0 AND (n.ended_at IS NULL OR n.state = 'cancelled'
            OR (d.condition = 'succeeded' AND n.state <> 'succeeded')
            OR (d.condition = 'failed' AND n.state <> 'dead'))""",
    "every attempt has one outcome": """
        SELECT a.id FROM tasks_attempt a WHERE a.outcome = '' OR a.ended_at IS NULL""",
    "a step that succeeded has one attempt that did, others have none": """
        SELECT s.id, s.state FROM tasks_step s WHERE (CASE WHEN s.state = 'succeeded' THEN 1 ELSE 0 END) <>
            (SELECT count(*) FROM tasks_attempt a WHERE a.step_id = s.id AND a.outcome = 'succeeded')""",
    "a step becomes final by one event": """
        SELECT e.step_id, count(*) FROM tasks_event e
        WHERE e.kind IN ('step.succeeded', 'step.dead', 'step.skipped', 'step.cancelled')
        GROUP BY e.step_id HAVING count(*) <> 1""",
    "a run ends by one event": """
        SELECT e.run_id, count(*) FROM tasks_event e WHERE e.kind = 'run.finished'
        GROUP BY e.run_id HAVING count(*) <> 1""",
    "a cancelled run is one that somebody cancelled, and the other way round": """
        SELECT r.id, r.state FROM tasks_run r
        WHERE (r.state = 'cancelled') <> (r.cancel_requested_at IS NOT NULL)""",
}  # fmt: skip


def random_plan(dice: random.Random, prefix: str, stored: list[str]) -> Plan:
    """A small graph whose steps may also wait for steps that the run has already."""
    keys: list[str] = []
    steps = []
    for n in range(dice.randint(1, 5)):
        before = dice.sample(keys, min(len(keys), dice.randint(0, 2)))
        before += dice.sample(stored, min(len(stored), dice.randint(0, 1)))
        after = tuple(After(key=key, on=dice.choice(CONDITIONS)) for key in before)
        keys.append(f"{prefix}{n}")
        steps.append(work(keys[-1], after=after, priority=dice.randint(0, 9)))
    return Plan(tuple(steps))


class Actor(threading.Thread):
    """One of several processes that do what comes to their mind."""

    def __init__(self, seed: int, number: int, session: WorkerSession, run_ids: list[int]) -> None:
        super().__init__(daemon=True)
        self.dice = random.Random(seed * 100 + number)
        self.number, self.session, self.run_ids = number, session, run_ids
        self.held: list[Lease] = []
        self.done, self.errors = 0, list[BaseException]()

    def run(self) -> None:
        end = time.monotonic() + SECONDS
        try:
            while time.monotonic() < end:
                self.step()
                self.done += 1
        except BaseException as error:
            self.errors.append(error)
        finally:
            connections.close_all()

    def step(self) -> None:
        act = self.dice.choices(
            [self.claim, self.end_one, self.lose, self.sweep, self.cancel, self.expire],
            [8, 12, 1, 3, 0.15, 0.15],
        )[0]
        resilient(act, what="random act")

    def claim(self) -> None:
        lease = runs.start(
            "agent.probe", worker=self.session.pk, pid=self.number, worker_name=f"w{self.number}"
        )
        if lease is not None:
            self.held.append(lease)

    def end_one(self) -> None:
        if not self.held:
            return
        lease = self.held.pop(self.dice.randrange(len(self.held)))
        act = self.dice.choices(
            [self.settle, self.settle_more, self.fail, self.postpone, runs.release], [8, 3, 4, 1, 1]
        )[0]
        try:
            resilient(lambda: act(lease), what="end an attempt")
        except LeaseLost:
            resilient(lambda: runs.record_stale(lease), what="record stale")

    def settle(self, lease: Lease) -> None:
        runs.settle(lease, StepResult())

    def settle_more(self, lease: Lease) -> None:
        stored = list(Step.objects.filter(run_id=lease.run_pk).values_list("key", flat=True))
        few = len(stored) < 40
        plan = random_plan(self.dice, f"{lease.step_pk}.", stored) if few else None
        try:
            runs.settle(lease, StepResult(plan=plan))
        except PlanInvalid as error:  # by chance a circle through stored steps: what the executor makes of it
            runs.fail(lease, kind="bad_plan", message=str(error), retriable=False)

    def fail(self, lease: Lease) -> None:
        runs.fail(lease, kind="failed", message="by chance", retriable=self.dice.random() < 0.5)

    def postpone(self, lease: Lease) -> None:
        runs.postpone(lease, message="by chance", delay_seconds=0.01)

    def lose(self) -> None:
        if self.held:
            Step.objects.filter(fence=self.dice.choice(self.held).fence).update(lost_at=Now())

    def sweep(self) -> None:
        runs.promote_due()
        runs.recover()

    def cancel(self) -> None:
        run = Run.objects.get(pk=self.dice.choice(self.run_ids))
        runs.cancel(run.public_id, by="chance")

    def expire(self) -> None:
        Run.objects.filter(pk=self.dice.choice(self.run_ids)).update(
            deadline_at=timezone.now() - timedelta(seconds=1)
        )
        runs.expire()


def quiesce(session: WorkerSession) -> None:
    """Let the workers be lost, and another do the rest without faults."""
    Step.objects.filter(state="running").update(lost_at=Now())
    for _ in range(2000):
        runs.recover()
        Step.objects.filter(state="waiting_retry").update(available_at=Now())
        runs.promote_due()
        lease = runs.start("agent.probe", worker=session.pk, pid=0, worker_name="last")
        if lease is not None:
            runs.settle(lease, StepResult())
        elif not Step.objects.filter(state__in=["running", "waiting_retry"]).exists():
            return
    raise AssertionError("the work does not come to an end")


@pytest.mark.parametrize("seed", [int(os.environ.get("WRENCH_TEST_SEED") or 20_260_101)])
def test_random_operations_leave_sound_runs(
    submit: Submit, worker: WorkerSession, settings: object, seed: int
) -> None:
    print(f"seed {seed}")
    settings.RETRY_BASE_SECONDS = 0
    dice = random.Random(seed)
    every = [submit(random_plan(dice, "s", []), goal=f"run {n}") for n in range(RUNS)]
    ids = [run.pk for run in every]
    actors = [Actor(seed, n, worker, ids) for n in range(1, THREADS + 1)]
    for actor in actors:
        actor.start()
    for actor in actors:
        actor.join(60)
    assert [error for actor in actors for error in actor.errors] == []
    assert sum(actor.done for actor in actors) > 100
    quiesce(worker)
    with connection.cursor() as cursor:
        for told, query in INVARIANTS.items():
            cursor.execute(query)
            assert (told, cursor.fetchall()) == (told, [])
    assert_sound(*every)
