"""Going on without a bell: what is fused, what must not be, and what Flower sees of it."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import OperationalError
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Project, Team
from tasks import interruption, leases, outbox, runs, stint
from tasks.contract import Fence, StepResult
from tasks.leases import Claimant
from tasks.models import Event, LimitRule, Step, WorkerSession
from tasks.plans import chain, group, plan_of
from tasks.stint import MOST_FUSED
from tests.engine.cluster import Cluster, assert_sound, effects, until
from tests.engine.conftest import Submit, drain, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


class Heard:
    """A `FusedSteps` that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.begun: set[Fence] = set()
        self.under_way: set[Fence] = set()
        self.bells: list[str] = []
        self.unsaid = False

    def take_over(self, bells: Sequence[str]) -> None:
        self.bells.extend(bells)

    def began(self, fence: Fence) -> None:
        assert fence not in self.begun
        self.begun.add(fence)
        self.under_way.add(fence)
        self.unsaid = True

    def over(self, fence: Fence) -> None:
        self.under_way.remove(fence)

    def ended(self, fence: Fence, told: str) -> None:
        assert fence in self.begun - self.under_way
        self.lines.append(told)
        self.unsaid = True

    def broke(self) -> None:
        self.lines.append("broke")

    def flush(self) -> None:
        self.unsaid = False


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queues rung, instead of bells in Redis."""
    queues: list[str] = []
    monkeypatch.setattr(outbox, "ring", lambda bells: queues.extend(bell.queue for bell in bells))
    return queues


def claimed(worker: WorkerSession) -> leases.Lease:
    lease = runs.start("agent.probe", worker=worker.pk, pid=os.getpid(), worker_name="t")
    assert lease is not None
    return lease


def me(worker: WorkerSession) -> Claimant:
    return Claimant(worker=worker.pk, pid=os.getpid(), name="t")


def test_chain_is_done_by_one_bell(submit: Submit, worker, ledger, rung) -> None:
    run = submit(chain(*(work(f"s{n}", ledger=ledger) for n in range(10))))
    assert rung == ["agent.probe"]
    heard = Heard()
    line = stint.run_next("agent.probe", fused=heard)
    assert line == f"run {run.public_id} step s0 attempt 1: succeeded"
    assert heard.lines == [f"run {run.public_id} step s{n} attempt 1: succeeded" for n in range(1, 10)]
    assert (len(heard.begun), heard.unsaid, rung) == (9, False, ["agent.probe"])
    assert effects(ledger) == [f"s{n}" for n in range(10)]
    assert_sound(run)
    told = [event.kind for event in Event.objects.filter(run=run).order_by("seq")]
    assert told[-4:] == ["step.ready", "step.started", "step.succeeded", "run.finished"]


def test_fan_out_rings_for_all_but_the_one_that_it_goes_on_with(submit: Submit, worker, rung) -> None:
    run = submit(chain(work("a"), group(work("b"), work("c"), work("d", agent="second", priority=9))))
    rung.clear()
    lease = claimed(worker)
    following = runs.settle(lease, StepResult(), then=me(worker))
    assert following is not None
    assert (following.key, following.attempt, following.run_pk) == ("b", 1, run.pk)
    assert sorted(rung) == ["agent.probe", "agent.second"]


def test_any_step_of_the_queue_that_waits_is_gone_on_with(submit: Submit, worker, rung) -> None:
    submit(group(work("a"), work("b")))
    submit(chain(work("c", priority=0), work("d", agent="second", priority=9)))
    rung.clear()
    following = runs.settle(claimed(worker), StepResult(), then=me(worker))
    assert following is not None
    assert (following.key, rung) == ("a", ["agent.second"])


def test_more_urgent_step_of_another_queue_of_the_worker_is_not_overtaken(
    submit: Submit, worker, rung
) -> None:
    submit(group(work("a"), work("b")))
    lease = claimed(worker)
    submit(work("urgent", agent="second", priority=0))
    assert runs.settle(lease, StepResult(), then=me(worker)) is None


def test_queue_that_another_worker_serves_does_not_matter(submit: Submit, worker, rung) -> None:
    WorkerSession.objects.filter(pk=worker.pk).update(queues=["agent.probe"])
    submit(group(work("a"), work("b")))
    lease = claimed(worker)
    submit(work("urgent", agent="second", priority=0))
    assert runs.settle(lease, StepResult(), then=me(worker)) is not None


def test_more_urgent_step_of_another_run_is_not_overtaken(submit: Submit, worker, rung) -> None:
    first = submit(chain(work("a"), work("b")))
    lease = claimed(worker)
    second = submit(work("urgent", priority=0))
    rung.clear()
    settled = runs.settle_all([runs.Success(lease=lease, result=StepResult())], then=me(worker))
    (following,) = settled.following
    assert (following.key, following.run_pk) == ("urgent", second.pk)
    assert (rung, settled.spare_bells) == (
        ["agent.probe"],
        (0,),
    )  # the urgent one's own bell is for nothing now
    second.refresh_from_db()
    assert second.state == "running"
    last = runs.settle(following, StepResult(), then=me(worker))
    assert last is not None
    assert (last.key, last.run_pk) == ("b", first.pk)
    assert runs.settle(last, StepResult(), then=me(worker)) is None
    assert_sound(first, second)


def test_other_project_that_waits_goes_before(project, submit: Submit, worker, rung) -> None:
    other = Project.objects.create(team=Team.objects.get(), name="Library", slug="library")
    submit(chain(work("a"), work("b")))
    lease = claimed(worker)
    runs.submit(plan_of(work("theirs")), project_id=other.pk, owner_id=None, goal="g", request={})
    following = runs.settle(lease, StepResult(), then=me(worker))
    assert following is not None
    assert following.key == "theirs"


def test_limit_holds_for_fused_steps(submit: Submit, worker, rung) -> None:
    LimitRule.objects.create(name="no b", key="b", most=0)
    submit(chain(work("a"), work("b", limit_key="b")))
    rung.clear()
    assert runs.settle(claimed(worker), StepResult(), then=me(worker)) is None
    assert rung == ["agent.probe"]


def test_fusing_ends_when_the_worker_stops(submit: Submit, worker, rung) -> None:
    submit(chain(work("a"), work("b")))
    lease = claimed(worker)
    WorkerSession.objects.filter(pk=worker.pk).update(stopping_at=Now())
    rung.clear()
    assert runs.settle(lease, StepResult(), then=me(worker)) is None
    assert rung == ["agent.probe"]


def test_bell_has_a_bounded_number_of_steps(
    submit: Submit, worker, rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stint, "STINT_SECONDS", 60)
    submit(chain(*(work(f"s{n}") for n in range(MOST_FUSED + 5))))
    heard = Heard()
    stint.run_next("agent.probe", fused=heard)
    assert (len(heard.lines), heard.unsaid) == (MOST_FUSED, False)
    assert Step.objects.filter(state="succeeded").count() == MOST_FUSED + 1
    assert rung[:2] == ["agent.probe", "agent.probe"]  # the submission's, and one for who goes on


def test_fusing_can_be_switched_off(submit: Submit, worker, rung, settings) -> None:
    settings.FUSE = False
    run = submit(chain(work("a"), work("b")))
    assert len(drain()) == 2
    assert_sound(run)


def test_failed_fused_step_waits_for_its_retry(submit: Submit, worker, rung) -> None:
    submit(chain(work("a"), work("b", fail_times=1), work("c")))
    heard = Heard()
    stint.run_next("agent.probe", fused=heard)
    assert [line.rsplit(": ")[-1] for line in heard.lines] == ["failed, will be tried again"]
    assert dict(Step.objects.values_list("key", "state")) == {
        "a": "succeeded",
        "b": "waiting_retry",
        "c": "pending",
    }


def test_claim_in_a_commit_without_answer_is_given_back(
    submit: Submit, worker, rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settling commit went through, its answer was lost: the fused step's fence is known to nobody."""
    run = submit(chain(work("a"), work("b")))
    real = runs.settle_all
    answers = iter([OperationalError("server closed the connection")])

    def settle(*args: Any, **options: Any) -> Any:
        following = real(*args, **options)
        for lost in answers:
            raise lost
        return following

    monkeypatch.setattr(runs, "settle_all", settle)
    line = stint.run_next("agent.probe")
    assert line.endswith("step a attempt 1: succeeded")
    step = Step.objects.get(key="b")
    assert (step.state, step.attempts_made, step.attempts_spent) == ("ready", 1, 0)
    drain()
    assert_sound(run)
    assert Step.objects.get(key="b").attempts_made == 2


def test_cancel_signal_during_the_settling_reaches_the_fused_step(
    submit: Submit, worker, rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit(chain(work("a"), work("b")))
    real = runs.settle_all

    def settle(*args: Any, **options: Any) -> Any:
        settled = real(*args, **options)
        if settled.following:
            runs.cancel(run.public_id, by="alice")
            os.kill(os.getpid(), interruption.CANCEL_SIGNAL)
        return settled

    monkeypatch.setattr(runs, "settle_all", settle)
    heard = Heard()
    stint.run_next("agent.probe", fused=heard)
    assert [line.rsplit(": ")[-1] for line in heard.lines] == ["cancelled"]
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert_sound(run)


def test_waiting_nine_is_not_starved_by_a_chain(submit: Submit, worker, rung) -> None:
    submit(work("nine", priority=9))
    submit(chain(work("a", priority=0), work("b", priority=0)))
    lease = claimed(worker)
    assert lease.key == "a"
    waited = timezone.now() - timedelta(seconds=541)
    Step.objects.filter(key="nine").update(available_at=waited, rank=waited + timedelta(seconds=540))
    following = runs.settle(lease, StepResult(), then=me(worker))
    assert following is not None
    assert following.key == "nine"


def test_flower_hears_of_each_fused_step(cluster: Cluster, submit: Submit, ledger) -> None:
    """Each step, fused or not, is one task of its queue in Celery's event stream."""
    heard: list[dict[str, Any]] = []
    with current_app.connection_for_read() as broker:
        receiver = current_app.events.Receiver(broker, handlers={"*": heard.append})
        stop = threading.Event()

        def listen() -> None:
            with receiver.consumer_context(wakeup=False) as (listening, _, _):
                while not stop.is_set():
                    try:
                        listening.drain_events(timeout=0.2)
                    except TimeoutError:
                        continue

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            cluster.relay()
            cluster.worker(slots=1)
            until(lambda: [e for e in heard if e["type"].startswith("worker-")], within=30, what="heard")
            run = submit(chain(*(work(f"s{n}", ledger=ledger) for n in range(6))))
            cluster.wait_for(run)
            lines = {f"'run {run.public_id} step s{n} attempt 1: succeeded'" for n in range(6)}
            until(
                lambda: lines <= {e["result"] for e in heard if e["type"] == "task-succeeded"},
                within=20,
                what="Flower hears of all six",
            )
        finally:
            stop.set()
            thread.join()
    done = {e["uuid"] for e in heard if e["type"] == "task-succeeded" and e["result"] in lines}
    assert len(done) == 6
    kinds = Counter(e["type"] for e in heard if e.get("uuid") in done)
    assert kinds == {f"task-{kind}": 6 for kind in ("sent", "received", "started", "succeeded")}
    sent = [e for e in heard if e["type"] == "task-sent" and e["uuid"] in done]
    assert {(e["name"], e["queue"], e["routing_key"]) for e in sent} == {("agent.probe",) * 3}
    assert {e["hostname"] for e in heard if e["type"] == "task-succeeded"} == {"worker@test"}
