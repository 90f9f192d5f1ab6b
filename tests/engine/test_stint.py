"""The turns of a bell: how many steps they take, what breaks them up, and what one step does to its neighbours."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Project, Team
from tasks import interruption, leases, outbox, runs, stint
from tasks.contract import StepResult, catalog
from tasks.leases import Claimant, Lease
from tasks.models import Attempt, Event, Run, Step, WorkerSession
from tasks.plans import After, chain, group, plan_of
from tasks.states import EdgeCondition, StepState
from tests.engine.cluster import Cluster, assert_sound, effects, kill_tree, until
from tests.engine.conftest import Submit, drain, purge_bells, work
from tests.engine.invariants import broken
from tests.engine.test_fused import Heard

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

QUEUE = "agent.probe"


@pytest.fixture(autouse=True)
def _bells(transactional_db: None) -> Iterator[None]:
    purge_bells()
    yield
    purge_bells()


@pytest.fixture
def quick() -> Iterator[None]:
    """The queue's last steps were quick: a turn has as many as it may."""
    pace = stint._paces[QUEUE] = stint._Pace()
    for _ in range(stint.REMEMBERED):
        pace.took(0.0001)
    yield
    stint._paces.clear()


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


# --- What is claimed together -----------------------------------------------------------------------------


def test_queue_begins_with_one_step_and_takes_more_as_they_prove_quick() -> None:
    pace = stint._Pace()
    grown = [pace.most()]
    for _ in range(20):
        pace.took(0.0001)
        grown.append(pace.most())
    assert grown[:4] == [1, 2, 4, 6]
    assert grown[-1] == settings.MOST_IN_TURN


@pytest.mark.parametrize(("seconds", "most"), [(0.002, 5), (0.0049, 2), (0.02, 1), (60.0, 1)])
def test_turn_is_as_long_as_the_slowest_but_a_tenth_allow(seconds: float, most: int) -> None:
    pace = stint._Pace()
    for _ in range(28):
        pace.took(0.0001)
    for _ in range(4):
        pace.took(seconds)
    assert pace.most() == most


def test_turn_does_its_steps_in_their_order_in_one_transaction_each_way(
    submit: Submit, worker, quick
) -> None:
    run = submit(beside(10))
    heard = Heard()
    stint.run_next(QUEUE, fused=heard)
    assert starts_of(run) == [f"s{n}" for n in range(10)]
    assert len(heard.lines) == 9
    assert len(heard.bells) == 9  # the own bell was taken by nobody: there was none
    assert_sound(run)
    assert broken(at_rest=True) == []


def test_bell_has_a_bounded_number_of_steps_in_turns_too(
    submit: Submit, worker, quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stint, "MOST_FUSED", 4)
    submit(chain(work("first"), beside(20)))
    heard = Heard()
    stint.run_next(QUEUE, fused=heard)
    assert len(heard.begun) == 4
    assert Step.objects.filter(state="succeeded").count() == 5


@pytest.mark.parametrize("last_attempt", [False, True])
def test_step_that_must_not_be_lost_is_claimed_alone(submit: Submit, worker, last_attempt: bool) -> None:
    """A neighbour that kills the child must not cost a step its only attempt, nor raise a doubt about a deed."""
    operation = {} if last_attempt else {"operation": "post"}
    submit(group(work("a", **operation), work("b", **operation)))
    if last_attempt:
        Step.objects.update(max_attempts=1)
    assert len(claim(worker, 8)) == 1


def test_claim_of_several_keeps_nothing_from_others_that_it_does_not_take(
    submit: Submit, worker, other_worker
) -> None:
    """Else the bell of the others is spent on nothing, while their step waits for the sweep."""
    submit(group(work("a", operation="post"), work("b", operation="post")))
    found: list[Lease] = []

    def claim_too() -> None:
        other = Claimant(worker=other_worker, pid=1, name="other")
        found.extend(runs.start_several(QUEUE, other, most=8))
        connection.close()

    with transaction.atomic():
        (mine,) = leases.claim(QUEUE, worker=worker.pk, pid=1, most=8)
        thread = threading.Thread(target=claim_too)
        thread.start()
        thread.join()
    assert [mine.key, *(lease.key for lease in found)] == ["a", "b"]


def one_by_one(worker: WorkerSession, most: int) -> list[str]:
    """What as many claims, one after the other, would take."""
    with transaction.atomic():
        found = [lease.key for _ in range(most) for lease in claim(worker, 1)]
        transaction.set_rollback(True)
    return found


def waited(minutes: int, **which: Any) -> None:
    since = timezone.now() - timedelta(minutes=minutes)
    for step in Step.objects.filter(**which):
        Step.objects.filter(pk=step.pk).update(
            available_at=since, rank=since + timedelta(minutes=step.priority)
        )


@pytest.mark.parametrize(
    "case", ["priorities", "unequal loads", "waited", "own urgent one", "three projects"]
)
def test_claim_of_several_takes_what_one_by_one_would_take(
    case: str, submit: Submit, project: Project, worker, other_worker
) -> None:
    other = Project.objects.create(team=Team.objects.get(), name="Library", slug="library")
    third = Project.objects.create(team=Team.objects.get(), name="Third", slug="third")

    def theirs(prefix: str, count: int, whose: Project = other, **options: Any) -> None:
        steps = group(*(work(f"{prefix}{n}", **options) for n in range(count)))
        runs.submit(plan_of(steps), project_id=whose.pk, owner_id=None, goal="g", request={})

    if case == "priorities":
        submit(group(work("a0", priority=0), work("a9", priority=9), work("a8", priority=8)))
        theirs("b", 3, priority=5)
    if case == "own urgent one":
        submit(group(work("a0", priority=0), work("a9", priority=9), work("a8", priority=8)))
        theirs("b", 3, priority=0)
    if case == "unequal loads":
        submit(beside(8))
        for _ in range(4):
            runs.start(QUEUE, worker=other_worker, pid=1, worker_name="other")
        theirs("b", 2)
    if case == "waited":
        submit(beside(6))
        theirs("b", 6, priority=4)
        waited(3, project_id=project.pk)
    if case == "three projects":
        submit(beside(3))
        theirs("b", 3)
        theirs("c", 1, third)
    for most in range(2, 9):
        wanted = one_by_one(worker, most)
        with transaction.atomic():
            taken = [lease.key for lease in claim(worker, most)]
            transaction.set_rollback(True)
        assert taken
        assert sorted(taken) == sorted(wanted[: len(taken)]), (most, wanted)


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


# --- Children that die ------------------------------------------------------------------------------------


def test_child_killed_in_a_turn_costs_each_of_its_steps_one_attempt(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    """All of the turn are tried again, each by itself: who killed the child cannot cost the others more."""
    cluster.relay()
    cluster.scheduler()
    warm = submit(beside(40))
    cluster.worker(slots=1)
    cluster.wait_for(warm)
    gate = tmp_path / "gate"
    run = submit(*(work(f"s{n}", ledger=ledger) for n in range(12)), work("long", ledger=ledger, gate=gate))
    pid = int(
        until(
            lambda: [
                line.split()[3]
                for line in (ledger.read_text().splitlines() if ledger.exists() else [])
                if line.startswith("begin long")
            ],
            within=30,
            what="the long one begins",
        )[0]
    )
    kill_tree(pid)
    gate.touch()
    cluster.wait_for(run)
    assert_sound(run)
    spent = dict(Step.objects.filter(run=run).values_list("key", "attempts_spent"))
    assert spent["long"] == 1
    assert all(count <= 1 for count in spent.values())
    assert set(effects(ledger)) == {f"s{n}" for n in range(12)} | {"long"}
    assert broken(at_rest=True) == []


def flood(submit: Submit, ledger: Path, *, steps: int = 80, seconds: float = 0.0, **gates: Path) -> list[Run]:
    """Runs of short steps, a join behind each, which may have a gate: turns are full of them."""
    return [
        submit(
            chain(
                group(
                    *(work(f"s{n}", ledger=ledger, note=f"r{number}", seconds=seconds) for n in range(steps))
                ),
                work("join", ledger=ledger, note=f"r{number}", gate=gates.get(f"r{number}", "")),
            ),
            goal=f"r{number}",
        )
        for number in range(4)
    ]


def begun(ledger: Path) -> list[tuple[str, ...]]:
    """(run, step, attempt) of each operation that began, in order."""
    lines = [line.split() for line in ledger.read_text().splitlines()] if ledger.exists() else []
    return [(line[4], line[1], line[2]) for line in lines if line[0] == "begin"]


def children_of(worker_pid: int) -> list[int]:
    """The worker's children that answer bells, as far as they live."""
    living = [c for c in psutil.Process(worker_pid).children() if c.status() != psutil.STATUS_ZOMBIE]
    return [child.pid for child in living if "tasks.heart" not in child.cmdline()]


def test_children_killed_among_turns_end_no_run_twice_or_never(
    cluster: Cluster, submit: Submit, ledger: Path
) -> None:
    cluster.relay()
    cluster.scheduler()
    worker = cluster.worker(slots=2)
    cluster.wait_for(submit(beside(40)))
    flooded = flood(submit, ledger, seconds=0.003)
    kills = (40, 90, 140)
    for wanted in kills:
        until(lambda wanted=wanted: len(begun(ledger)) > wanted, within=60, what=f"{wanted} have begun")  # type: ignore[misc]
        kill_tree(until(lambda: children_of(worker.pid), within=30, what="a child lives")[0])
    for run in flooded:
        cluster.wait_for(run)
    assert_sound(*flooded)
    assert {run.state for run in flooded} == {"succeeded"}
    assert len(begun(ledger)) == len(set(begun(ledger)))  # no attempt was executed by two
    lost = Attempt.objects.filter(outcome__in=["lost", "stale"]).count()
    assert lost <= len(kills) * settings.MOST_IN_TURN
    assert broken(at_rest=True) == []


def test_heart_cancels_one_run_among_turns_and_costs_the_others_nothing(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    cluster.relay()
    cluster.scheduler()
    cluster.worker(slots=2)
    cluster.wait_for(submit(beside(40)))
    flooded = flood(submit, ledger, r2=tmp_path / "gate")
    until(lambda: [one for one in begun(ledger) if one[0] == "r2"], within=60, what="r2 is under way")
    runs.cancel(flooded[2].public_id, by="alice")
    for run in flooded:
        cluster.wait_for(run)
    assert_sound(*flooded)
    assert [run.state for run in flooded] == ["succeeded", "succeeded", "cancelled", "succeeded"]
    assert Step.objects.filter(attempts_spent__gt=0).count() == 0
    assert len(begun(ledger)) == len(set(begun(ledger)))
    assert broken(at_rest=True) == []


def test_worker_that_stops_gives_its_turn_back(cluster: Cluster, submit: Submit, ledger: Path) -> None:
    cluster.relay()
    cluster.scheduler()
    leaving = cluster.worker("leaving", slots=2)
    cluster.wait_for(submit(beside(40)))
    flooded = flood(submit, ledger)
    until(lambda: len(begun(ledger)) > 60, within=60, what="turns go on")
    leaving.terminate()
    leaving.wait(60)
    assert not Step.objects.filter(state="running").exists()
    assert Step.objects.filter(attempts_spent__gt=0).count() == 0
    cluster.worker("coming", slots=2)
    for run in flooded:
        cluster.wait_for(run)
    assert_sound(*flooded)
    assert len(begun(ledger)) == len(set(begun(ledger)))
    assert broken(at_rest=True) == []
