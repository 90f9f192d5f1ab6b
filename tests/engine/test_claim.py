"""Whose step is next: fair shares, ageing, limits; and what the claim costs among many steps."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from accounts.models import Project, Team
from tasks import leases, runs
from tasks.contract import StepResult
from tasks.leases import Lease
from tasks.models import LimitRule, OutboxMessage, Queue, Run, Step, WorkerSession
from tasks.plans import group, plan_of
from tests.engine.conftest import work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

_MANY = """
INSERT INTO tasks_step (run_id, project_id, key, agent, operation, queue, input, reason, state, priority,
    available_at, rank, pending_deps, attempts_made, attempts_spent, max_attempts, timeout_seconds, effect,
    limit_key, held, summary, created_at)
SELECT %(run)s, %(project)s, %(prefix)s || n, 'probe', 'work', 'agent.probe', '{}', '', 'ready', 5,
    now() - interval '1 second', now() + interval '299 seconds' + n * interval '1 microsecond', 0, 0, 0, 3, 60,
    'read', '', %(held)s, '', now()
FROM generate_series(1, %(count)s) n
"""


def start(worker: WorkerSession, queue: str = "agent.probe") -> Lease | None:
    return runs.start(queue, worker=worker.pk, pid=1, worker_name="t")


def started(worker: WorkerSession) -> Lease:
    lease = start(worker)
    assert lease is not None
    return lease


def many(run: Run, count: int, *, held: bool = False, prefix: str = "many") -> None:
    """Store waiting steps by SQL: as many through `submit` would take minutes."""
    values = {"run": run.pk, "project": run.project_id, "count": count, "held": held, "prefix": prefix}
    with connection.cursor() as cursor:
        cursor.execute(_MANY, values)
    Run.objects.filter(pk=run.pk).update(open_steps=run.open_steps + count, step_count=run.step_count + count)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.fixture
def other_project(project: Project) -> Project:
    return Project.objects.create(team=Team.objects.get(), name="Library", slug="library")


def submitted(project: Project, *parts: Any, **options: Any) -> Run:
    run, _ = runs.submit(
        plan_of(*parts), project_id=project.pk, owner_id=None, goal="g", request={}, **options
    )
    return run


# --- Fair share -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [1, 3])
def test_crowd_of_one_project_delays_another_by_the_running_steps_only(
    project, other_project, worker, slots
) -> None:
    many(submitted(project, work("first")), 10_000)
    busy = [started(worker) for _ in range(slots)]
    # all began long ago and the crowd has waited for hours: that must not count, it was served meanwhile
    Step.objects.filter(state="running").update(served_at=timezone.now() - timedelta(hours=1))
    Step.objects.filter(state="ready").update(available_at=timezone.now() - timedelta(hours=3))
    submitted(other_project, work("newcomer"))
    runs.settle(busy[0], StepResult())
    assert started(worker).key == "newcomer"


def test_projects_with_crowds_take_turns(project, other_project, worker) -> None:
    many(submitted(project, work("first")), 100, prefix="a")
    many(submitted(other_project, work("second")), 100, prefix="b")
    owners = []
    for _ in range(20):
        lease = started(worker)
        owners.append(Step.objects.get(pk=lease.step_pk).project_id)
        runs.settle(lease, StepResult())
    assert owners == [project.pk, other_project.pk] * 10


def test_waiting_nine_overtakes_fresh_zeros_of_another_project(project, other_project, worker) -> None:
    submitted(other_project, work("nine", priority=9))
    submitted(project, group(*(work(f"zero{n}", priority=0) for n in range(4))))
    assert started(worker).key == "zero0"
    waited = timezone.now() - timedelta(seconds=539)
    Step.objects.filter(key="nine").update(available_at=waited, rank=waited + timedelta(seconds=540))
    assert started(worker).key == "zero1"
    waited = timezone.now() - timedelta(seconds=541)
    Step.objects.filter(key="nine").update(available_at=waited, rank=waited + timedelta(seconds=540))
    assert started(worker).key == "nine"


def test_nine_does_not_starve_beside_a_long_step_of_its_own_project(project, other_project, worker) -> None:
    submitted(other_project, work("long", priority=0))
    started(worker)
    submitted(other_project, work("nine", priority=9))
    submitted(project, work("zero", priority=0))
    ago = timezone.now() - timedelta(seconds=605)
    Step.objects.filter(key="long").update(served_at=ago)
    Step.objects.filter(key="nine").update(available_at=ago, rank=ago + timedelta(seconds=540))
    assert started(worker).key == "nine"


def test_inside_a_project_the_rank_decides_over_all_limit_keys(project, worker) -> None:
    for n, (key, limit_key) in enumerate([("a", "x"), ("b", None), ("c", "y"), ("d", "x"), ("e", None)]):
        submitted(project, work(key, limit_key=limit_key, priority=(n * 2) % 5))
    order = list(Step.objects.order_by("rank", "pk").values_list("key", flat=True))
    assert [started(worker).key for _ in range(5)] == order


def test_held_steps_and_those_of_a_cancelled_run_are_not_claimed(project, worker) -> None:
    many(submitted(project, work("first")), 10, held=True)
    cancelled = submitted(project, work("second"))
    Run.objects.filter(pk=cancelled.pk).update(cancel_requested_at=timezone.now())  # the step still ready
    assert started(worker).key == "first"
    assert start(worker) is None


# --- Cost -----------------------------------------------------------------------------------------------------


def test_claim_reads_few_rows_among_many(project, worker) -> None:
    """Index scans only, and what is read grows with the groups, not with the steps."""
    team = Team.objects.get()
    crowd = submitted(project, work("first"))
    many(crowd, 50_000)
    many(crowd, 10_000, held=True, prefix="held")
    for n in range(200):
        other = Project.objects.create(team=team, name=f"P{n}", slug=f"p{n}")
        many(submitted(other, work("first")), 5)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_step")
        values = {
            "queue": "agent.probe",
            "worker": worker.pk,
            "pid": 1,
            "grace": 1,
            "ageing": 60,
            "held": [],
            "most": 1,
            "again": False,
        }
        with transaction.atomic():  # the plan that a worker child keeps: made for any values
            cursor.execute(
                "SET LOCAL plan_cache_mode = force_generic_plan; " + leases.CLAIM.prepare("explained")
            )
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + leases.CLAIM.call("explained"), values)
            found = cursor.fetchone()[0]
        cursor.execute("DEALLOCATE explained")
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    of_steps = [node for node in nodes(plan) if node.get("Relation Name") == "tasks_step"]
    scans = {node["Node Type"] for node in of_steps} - {"ModifyTable"}
    assert scans <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
    read = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in of_steps]
    assert max(read) <= 2, "each probe of the index reads the row that it looks for"
    sorts = [node for node in nodes(plan) if "Sort" in node["Node Type"]]
    assert max(node["Actual Rows"] for node in sorts) <= 201


# --- Limits ---------------------------------------------------------------------------------------------------


def test_full_group_does_not_hold_up_others(project, other_project, worker) -> None:
    LimitRule.objects.create(name="one of each key", each="key", most=1)
    submitted(project, group(*(work(f"x{n}", limit_key="x") for n in range(3)), work("y", limit_key="y")))
    submitted(other_project, work("free"))
    keys = {started(worker).key for _ in range(3)}
    assert keys == {"x0", "y", "free"}
    assert start(worker) is None


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        ({"agent": "probe"}, True, True),
        ({"agent": "second"}, False, False),
        ({"key": "x"}, True, False),
        ({"each": "project"}, True, True),
        ({"each": "key"}, True, False),
        ({"each": "all", "enabled": False}, False, False),
    ],
)
def test_rule_covers_the_steps_that_fit_it(project, worker, rule, first, second) -> None:
    LimitRule.objects.create(name="none", most=0, **rule)
    submitted(project, work("first", limit_key="x", priority=0))
    submitted(project, work("second"))
    free = {key for key, is_held in (("first", first), ("second", second)) if not is_held}
    assert {lease.key for lease in iter(lambda: start(worker), None)} == free


def test_rule_of_one_project_leaves_the_others_alone(project, other_project, worker) -> None:
    LimitRule.objects.create(name="shop", project=project, most=1)
    for owner in (project, other_project):
        submitted(owner, group(*(work(f"s{n}") for n in range(3))))
    leased = list(iter(lambda: start(worker), None))
    assert Counter(Step.objects.get(pk=lease.step_pk).project_id for lease in leased) == {
        project.pk: 1,
        other_project.pk: 3,
    }


def test_freed_place_rings_for_the_other_queue_that_waits_for_it(project, worker, monkeypatch) -> None:
    LimitRule.objects.create(name="one", project=project, most=1)
    submitted(project, work("mine"))
    submitted(project, work("held", agent="second"))
    lease = started(worker)
    assert start(worker, "agent.second") is None  # its bell is spent
    rung: list[str] = []
    monkeypatch.setattr("tasks.outbox.ring", lambda bells: rung.extend(bell.queue for bell in bells))
    runs.settle(lease, StepResult())
    assert rung == ["agent.second"]
    assert start(worker, "agent.second") is not None
    assert OutboxMessage.objects.count() == 0


def test_admin_shows_how_many_run_under_a_rule(project, other_project, worker, admin_client) -> None:
    LimitRule.objects.create(name="alike", each="project", most=5)
    LimitRule.objects.create(name="all", most=5)
    submitted(project, group(*(work(f"s{n}") for n in range(2))))
    submitted(other_project, work("s"))
    for _ in range(3):
        started(worker)
    page = admin_client.get("/admin/tasks/limitrule/").content.decode()
    assert "3, the fullest 2" in page
    assert '<td class="field-running_now">3</td>' in page


@pytest.mark.parametrize(
    ("rules", "concurrency_limit"),
    [
        ([{"agent": "probe", "most": 3}], None),
        ([{"each": "project", "most": 2}], None),
        ([{"key": "x", "most": 1}, {"each": "project", "most": 2}, {"most": 3}], None),
        ([{"each": "key", "most": 1}], None),
        ([{"each": "key", "most": 2}], 3),
    ],
)
def test_never_over_the_limit_with_eight_claimers(
    project, other_project, worker, rules, concurrency_limit
) -> None:
    """Eight connections claim and settle; each counts all rules in a transaction of its own after every claim."""
    for n, rule in enumerate(rules):
        LimitRule.objects.create(name=f"rule {n}", **rule)
    Queue.objects.filter(name="agent.probe").update(concurrency_limit=concurrency_limit)
    for owner in (project, other_project):
        submitted(owner, group(*(work(f"s{n}", limit_key=(None, "x", "y")[n % 3]) for n in range(45))))
    faults: list[str] = []
    together = Counter[int]()

    def look() -> None:
        running = list(Step.objects.filter(state="running").values_list("project_id", "agent", "limit_key"))
        together[len(running)] += 1
        if concurrency_limit is not None and len(running) > concurrency_limit:
            faults.append(f"{len(running)} in a queue of {concurrency_limit}")
        for rule in rules:
            covered = [
                (owner, key) for owner, _, key in running if rule.get("key", key) == key
                and (key or rule.get("each") != "key")
            ]  # fmt: skip
            places = {"project": 0, "key": 1}
            place = places.get(str(rule.get("each")))
            counts = Counter(None if place is None else row[place] for row in covered)
            faults.extend(f"{rule}: {group} has {n}" for group, n in counts.items() if n > rule["most"])

    def work_off() -> None:
        try:
            while Step.objects.filter(state__in=["ready", "running"]).exists() and not faults:
                lease = start(worker)
                look()
                if lease is not None:
                    runs.settle(lease, StepResult())
        except Exception as error:  # a thread's error would be lost
            faults.append(repr(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work_off) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert set(Step.objects.values_list("state", flat=True)) == {"succeeded"}
    assert max(together) > 1  # else nothing was shown
