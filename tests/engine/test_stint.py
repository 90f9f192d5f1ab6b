"""The turns of a bell: how many steps they take, and which."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Project, Team
from tasks import leases, runs, stint
from tasks.leases import Claimant, Lease
from tasks.models import Step, WorkerSession
from tasks.plans import chain, group, plan_of
from tests.engine.cluster import assert_sound
from tests.engine.conftest import Submit, purge_bells, work
from tests.engine.invariants import broken
from tests.engine.test_fused import Heard
from tests.engine.turns import QUEUE, beside, claim, starts_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _bells(transactional_db: None) -> Iterator[None]:
    purge_bells()
    yield
    purge_bells()


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
