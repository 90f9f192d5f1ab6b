"""The primary PostgreSQL is killed under load and its standby promoted. Real servers with streaming replication."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import Error, connection

from accounts.models import Project
from tasks import runs
from tasks.models import Attempt, Event, Run, Step, WorkerSession
from tasks.plans import PlannedStep, chain, group, plan_of
from tests.engine.cluster import Cluster, assert_sound, effects, goes_on, until
from tests.engine.conftest import Submit, purge_bells, work
from tests.engine.replication import Pair, replicated, this_process_uses

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.cluster, pytest.mark.timeout(240)]


@pytest.fixture
def pair(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """This process and what it starts use a primary and a standby. The parameter: is replication synchronous?"""
    with replicated(synchronous=request.param) as both:
        ports = f"{both.primary.port},{both.standby.port}"
        with this_process_uses("127.0.0.1,127.0.0.1", ports, target_session_attrs="read-write"):
            yield both


@pytest.fixture
def failing_over(pair: Pair, tmp_path: Path) -> Iterator[Cluster]:
    """Relay, scheduler and worker with both servers in their DATABASE_URL."""
    purge_bells()
    with Cluster(tmp_path, DATABASE_URL=pair.url()) as cluster:
        cluster.relay()
        cluster.scheduler()
        cluster.worker(slots=2)
        yield cluster


def fail_over(pair: Pair) -> None:
    pair.primary.kill()
    if pair.standby.ask("SELECT pg_is_in_recovery()"):
        pair.standby.promote()
    connection.close()


def all_sound(accepted: list[Run]) -> None:
    """Every accepted run is there, has ended well, and stored each step's result once, at one fence each."""
    assert_sound(*accepted)
    for run in accepted:
        assert run.state == "succeeded"
        told = Event.objects.filter(run=run, kind="step.succeeded").values_list("step_id", flat=True)
        assert sorted(told) == sorted(Step.objects.filter(run=run).values_list("pk", flat=True))
    stored = Attempt.objects.filter(outcome="succeeded").values_list("step_id", flat=True)
    assert sorted(stored) == sorted(Step.objects.values_list("pk", flat=True))


def fenced(key: str, ledger: Path, **rest: float | Path) -> PlannedStep:
    return work(key, operation="fenced", ledger=ledger, **rest)


def none_ended(cluster: Cluster) -> bool:
    return all(process.poll() is None for process in cluster.processes.values())


def once_per_fence(ledger: Path) -> None:
    """No fence did its effect twice, and every stored result is of a fence that did it."""
    done = Counter(effects(ledger, kind="fence"))
    assert set(done.values()) == {1}
    stored = Attempt.objects.filter(step__operation="fenced", outcome="succeeded")
    assert {str(fence) for fence in stored.values_list("fence", flat=True)} <= set(done)


@pytest.mark.parametrize("first_frozen", [False, True], ids=["killed", "frozen"])
@pytest.mark.parametrize("pair", [False], indirect=True, ids=["asynchronous"])
def test_runs_that_the_standby_knows_end_after_its_promotion(
    pair: Pair,
    failing_over: Cluster,
    project: Project,
    submit: Submit,
    ledger: Path,
    tmp_path: Path,
    first_frozen: bool,
) -> None:
    """A frozen primary answers nobody; it is ended only after the promotion, as a cautious operator would.

    One run waits at a gate over the whole failover: all others may have ended before it is over.
    """
    gate = tmp_path / "gate"
    lines = [chain(*(fenced(f"s{m}.{n}", ledger, seconds=0.05) for n in range(5))) for m in range(10)]
    accepted = [submit(group(*lines), goal="all at once")]
    accepted += [submit(fenced(f"t{n}", ledger), goal=f"small {n}") for n in range(10)]
    accepted += [submit(chain(fenced("g", ledger, gate=gate), fenced("h", ledger)), goal="waits")]
    until(pair.caught_up, within=20, what="the standby knows the runs")
    until(lambda: len(effects(ledger)) > 5, within=40, what="the work has begun")
    if first_frozen:
        pair.primary.freeze()
        pair.standby.promote()
        known = f"SELECT max(heartbeat_at)::text FROM {WorkerSession._meta.db_table}"
        name = connection.settings_dict["NAME"]
        before = pair.standby.ask(known, name)
        until(
            lambda: pair.standby.ask(known, name) > before,
            within=40,
            what="the heart beats at the new primary",
        )
    fail_over(pair)
    done, promoted_at = len(effects(ledger)), time.monotonic()
    gate.touch()
    goes_on(ledger, since=done, more=2)
    assert time.monotonic() - promoted_at < 15  # with a lease of 4 s, as all bounds of these tests are short
    for run in accepted:
        failing_over.wait_for(run, within=90)
    all_sound(accepted)
    assert set(effects(ledger)) == {step.key for step in Step.objects.all()}
    once_per_fence(ledger)
    assert none_ended(failing_over)


@pytest.mark.parametrize("pair", [False], indirect=True, ids=["asynchronous"])
def test_what_the_standby_never_heard_of_is_lost_and_holds_up_nothing(
    pair: Pair, failing_over: Cluster, project: Project, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    """What asynchronous replication may lose, as docs/operations/faults.md says it; even a deed done "once"."""
    gate = tmp_path / "gate"
    known = submit(chain(fenced("a", ledger), fenced("b", ledger, gate=gate)), goal="known")
    until(lambda: "a" in effects(ledger), within=40, what="the first step of the known run is done")
    until(pair.caught_up, within=20, what="the standby knows the run")
    pair.cut_off()
    unknown = submit(work("c", operation="post", ledger=ledger), goal="unknown", idempotency_key="k")
    failing_over.wait_for(unknown)
    fail_over(pair)
    assert [run.goal for run in Run.objects.all()] == ["known"]
    again = submit(work("c", operation="post", ledger=ledger), goal="unknown", idempotency_key="k")
    gate.touch()
    for run in (known, again):
        failing_over.wait_for(run, within=90)
    all_sound([known, again])
    once_per_fence(ledger)
    assert [key for key in effects(ledger) if key == "c"] == ["c", "c"]
    assert none_ended(failing_over)


class Submitter(threading.Thread):
    """Submits runs, one after the other, and keeps those that it was told are accepted."""

    def __init__(self, project: Project, ledger: Path) -> None:
        super().__init__(name="submitter")
        self.project, self.ledger = project, ledger
        self.accepted: list[int] = []
        self.refused = 0
        self.stop = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            plan = plan_of(chain(fenced("a", self.ledger), work("b")))
            try:
                run, _ = runs.submit(
                    plan, project_id=self.project.pk, owner_id=None, goal=f"number {number}", request={}
                )
                self.accepted.append(run.pk)
            except Error:
                self.refused += 1
                connection.close()
                self.stop.wait(0.2)
            self.stop.wait(0.02)
        connection.close()


@pytest.mark.parametrize("pair", [True], indirect=True, ids=["synchronous"])
def test_nothing_accepted_is_lost_when_replication_is_synchronous(
    pair: Pair, failing_over: Cluster, project: Project, ledger: Path
) -> None:
    submitter = Submitter(project, ledger)
    submitter.start()
    try:
        until(lambda: len(submitter.accepted) > 30, within=40, what="runs are accepted")
        fail_over(pair)
        before = len(submitter.accepted)
        until(lambda: len(submitter.accepted) > before + 10, within=60, what="runs are accepted again")
    finally:
        submitter.stop.set()
        submitter.join(60)
    accepted = list(Run.objects.filter(pk__in=submitter.accepted))
    assert len(accepted) == len(submitter.accepted)
    for run in accepted:
        failing_over.wait_for(run, within=90)
    until(
        lambda: not Run.objects.filter(finished_at=None).exists(),
        within=60,
        what="the unanswered ones end too",
    )
    all_sound(list(Run.objects.all()))
    once_per_fence(ledger)
    assert none_ended(failing_over)
