"""Claims over the runs of a project, while several runs end at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Membership, Project, Team, User
from accounts.roles import Role
from agents import triage
from agents.findings import Severity, Verdict
from agents.models import Finding, TrackedFinding, TriageAct
from tasks import runs
from tasks.contract import StepResult
from tasks.errors import LeaseLost
from tasks.leases import Lease
from tasks.runs.success import Success
from tests.agents.found import begin, claim, find, found

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    team = Team.objects.create(name="Alice's team", slug="alice")
    return Project.objects.create(team=team, name="Shop", slug="shop")


@pytest.fixture
def alice(project: Project) -> User:
    person = User.objects.create_user("alice")
    Membership.objects.create(user=person, team=project.team, role=Role.OWNER)
    return person


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do these at the same time, each over a connection of its own. Raises what the first of them raises."""
    barrier = threading.Barrier(len(acts))

    def go(act: Callable[[], Any]) -> Any:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            barrier.wait(timeout=20)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(go, act) for act in acts]]


def settling(lease: Lease, result: StepResult) -> Callable[[], Any]:
    return lambda: runs.settle(lease, result)


def claims(*numbers: int) -> list[Any]:
    return [claim(f"r{n}") for n in numbers]


def test_two_runs_that_end_at_once_track_each_claim_once(project: Project) -> None:
    for turn in range(5):
        leases = [begin(project)[1] for _ in range(4)]
        numbers = list(range(turn * 10, turn * 10 + 20))
        told = [found(*claims(*numbers)), found(*claims(*reversed(numbers)))] * 2
        at_once(*map(settling, leases, told))
    assert TrackedFinding.objects.count() == 60
    assert Finding.objects.count() == 5 * 4 * 20
    for row in TrackedFinding.objects.all():
        seen = Finding.objects.filter(fingerprint=row.fingerprint).order_by("created_at")
        first, last = seen.first(), seen.last()
        assert first is not None
        assert last is not None
        assert (row.first_seen_at, row.first_run) == (first.created_at, first.run.public_id)
        assert (row.last_seen_at, row.last_run) == (last.created_at, last.run.public_id)


def test_several_results_in_one_transaction_and_people_cross_without_a_deadlock(
    project: Project, alice: User
) -> None:
    other = Project.objects.create(team=project.team, name="Other", slug="other")
    find(project, *claims(*range(30)))
    find(other, *claims(*range(30)))
    pks = list(TrackedFinding.objects.values_list("pk", flat=True))

    def judge(verdict: Verdict, chosen: list[int]) -> None:
        with transaction.atomic():
            triage.decide(triage.lock(chosen), verdict, reason="x", until=None, by=alice)

    def settle(*homes: Project) -> Callable[[], Any]:
        leases = [begin(home)[1] for home in homes]
        results = [found(*claims(*range(20, 0, -1))), found(*claims(*range(10, 30)))]
        return lambda: runs.settle_all(
            [Success(lease=lease, result=result) for lease, result in zip(leases, results, strict=True)]
        )

    for _ in range(5):
        at_once(
            settle(project, other),
            settle(other, project),
            lambda: judge(Verdict.DISMISS, pks),
            lambda: judge(Verdict.ACCEPT, pks[::-1]),
        )
    assert TrackedFinding.objects.count() == 60
    last = {act.finding_id: act.verdict for act in TriageAct.objects.order_by("pk")}
    status = {row.pk: row.status for row in TrackedFinding.objects.all()}
    assert status == {pk: Verdict(verdict).status.value for pk, verdict in last.items()}


def test_result_that_comes_too_late_is_not_seen(project: Project) -> None:
    _, lease = begin(project)
    runs.settle(lease, found(claim()))
    with pytest.raises(LeaseLost):
        runs.settle(lease, found(claim("other")))
    assert TrackedFinding.objects.get().rule == "sql-injection"


def test_latest_run_says_what_is_told_of_a_claim(project: Project) -> None:
    find(project, claim())
    find(project, claim(severity=Severity.CRITICAL, message="worse", line=3, end_line=4))
    row = TrackedFinding.objects.get()
    assert (row.severity, row.severity_rank, row.message, row.line) == ("critical", 4, "worse", 3)


def test_step_without_findings_waits_for_nobody(project: Project) -> None:
    _, lease = begin(project)
    _, held = begin(project)
    with transaction.atomic():
        runs.settle(held, found(claim()))
        at_once(lambda: runs.settle(lease, StepResult()))
    assert TrackedFinding.objects.count() == 1


def test_rerun_that_takes_findings_over_has_not_seen_them_again(project: Project) -> None:
    old, lease = begin(project, then="mend")
    runs.settle(lease, found(claim()))
    runs.cancel(old.public_id, by="bob")
    newer = find(project, claim(line=50, end_line=50))
    again, _ = runs.rerun_from(old.public_id, "mend", by="bob")
    assert Finding.objects.filter(run=again).count() == 1
    row = TrackedFinding.objects.get()
    assert (row.line, row.first_run, row.last_run) == (50, old.public_id, newer.public_id)
