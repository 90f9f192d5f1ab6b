"""Turns of real workers whose children die, whose runs are cancelled, that are told to stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from tasks import runs
from tasks.models import Attempt, Run, Step
from tasks.plans import chain, group
from tests.engine.cluster import Cluster, assert_sound, effects, kill_tree, until
from tests.engine.conftest import Submit, purge_bells, work
from tests.engine.invariants import broken
from tests.engine.turns import beside

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _bells(transactional_db: None) -> Iterator[None]:
    purge_bells()
    yield
    purge_bells()


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
        until(lambda wanted=wanted: len(begun(ledger)) > wanted, within=60, what=f"{wanted} have begun")
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
