"""What is measured inside one process of the product: `python -m benchmarks.inside SECTION`, prints JSON.

profile   where the time of a step goes: this process does what a worker child does, bell by bell
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import statistics
import sys
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
import psutil

django.setup()

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Project, Team
from tasks import events, fused, interruption, leases, partitions, runs, stint
from tasks.models import Run, WorkerSession
from tasks.plans import PlannedStep, chain, group, plan_of

QUEUE = "agent.bench"
SERVER_LOG = Path(settings.STATE_DIR) / "logs" / "postgres.log"
STATEMENT = re.compile(
    r"\[(\d+)\] LOG:  duration: ([\d.]+) ms  statement: (.*?)(?=\n\d{4}-\d\d-\d\d |\Z)", re.S
)


def worker_session() -> None:
    """Be a worker with one child, which is this process."""
    interruption.install()
    now = timezone.now()
    session = WorkerSession.objects.create(
        hostname="bench",
        pid=os.getpid(),
        queues=[QUEUE],
        slots=1,
        started_at=now,
        heartbeat_at=now,
        lease_until=now + timedelta(days=1),
    )
    os.environ[stint.SESSION_VARIABLE] = str(session.pk)
    fused.watch("bench@here")


def project(slug: str = "bench") -> Project:
    """Give the project of this name, made if need be."""
    team, _ = Team.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    return Project.objects.get_or_create(team=team, slug=slug, defaults={"name": slug})[0]


def submit(links: int, number: int, owner: Project) -> None:
    """Submit one run of so many steps in a chain."""
    steps = (
        PlannedStep(key=f"s{link}", agent="bench", operation="noop", input={"number": number, "link": link})
        for link in range(links)
    )
    runs.submit(plan_of(chain(*steps)), project_id=owner.pk, owner_id=None, goal="nothing", request={})


def profile(count: int = 100) -> dict[str, Any]:
    """Give time, CPU, round trips, statements per step: of chains of ten, fused and bell by bell; of single steps."""
    worker_session()
    owner = project()
    told = {}
    for name, links, fuse in (("single", 1, True), ("chain", 10, True), ("chain by bells", 10, False)):
        settings.FUSE, settings.MOST_IN_TURN = fuse, 32 if fuse else 1
        for number in range(5):  # the first ones open connections and fill caches
            submit(links, number, owner)
        drain()
        wanted = count if links == 1 else count // links
        with watched(wanted) as submitted:
            for number in range(wanted):
                submit(links, number, owner)
        with watched(wanted * links) as done:
            drain()
        told[name] = {"step": done, "submit": submitted}
    return told


def drain() -> None:
    """Do what is ready until there is nothing; the bells stay where they are."""
    while not stint.run_next(QUEUE, fused=fused.FusedEvents(QUEUE)).endswith("nothing to do"):
        continue


@contextmanager
def watched(count: int) -> Iterator[dict[str, Any]]:
    """Fill a dictionary with what the block cost for each of `count` things."""
    found: dict[str, Any] = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
        cursor.execute("SET log_min_duration_statement = 0")
    before, began = SERVER_LOG.stat().st_size, time.perf_counter()
    cpu, theirs = time.process_time(), sum(backend.cpu_times()[:2])
    switches = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
    yield found
    found["wall_ms"] = 1e3 * (time.perf_counter() - began) / count
    found["python_cpu_ms"] = 1e3 * (time.process_time() - cpu) / count
    found["postgres_cpu_ms"] = 1e3 * (sum(backend.cpu_times()[:2]) - theirs) / count
    found["waits"] = (resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - switches) / count
    with connection.cursor() as cursor:
        cursor.execute("SET log_min_duration_statement = -1")
    with SERVER_LOG.open("rb") as file:
        file.seek(before)
        lines = file.read().decode("utf-8", "replace")
    spent: Counter[str] = Counter()
    times: defaultdict[str, float] = defaultdict(float)
    for pid, milliseconds, text in STATEMENT.findall(lines):
        if int(pid) == backend.pid:
            if text.startswith("EXECUTE"):
                text = "EXECUTE " + " + ".join(re.findall(r"EXECUTE wrench_(\w+?)_\d+ ", text))
            name = " ".join(re.sub(r"[\d'-]{6,}|'.*?'", "?", text[:200]).split())[:56]
            spent[name] += 1
            times[name] += float(milliseconds)
    found["round_trips"] = sum(spent.values()) / count
    found["postgres_wall_ms"] = sum(times.values()) / count
    found["statements"] = {
        name: {"each": round(spent[name] / count, 2), "ms": round(times[name] / count, 3)}
        for name in sorted(times, key=lambda name: -times[name])
    }


def plan(steps: int = 5000, rounds: int = 3) -> dict[str, Any]:
    """Give the seconds in which plans are accepted: a group between two steps, and a chain."""
    owner = project()
    told: dict[str, Any] = {"steps": steps}
    middle = [_noop(f"m{n}") for n in range(steps - 2)]
    shapes = {
        "group": chain(_noop("first"), group(*middle), _noop("last")),
        "chain": chain(*(_noop(f"s{n}") for n in range(steps))),
    }
    for name, shape in shapes.items():
        wanted, took, cpu = plan_of(shape), [], time.process_time()
        for _ in range(rounds):
            began = time.perf_counter()
            runs.submit(wanted, project_id=owner.pk, owner_id=None, goal="nothing", request={})
            took.append(time.perf_counter() - began)
        told[name] = {
            "median": statistics.median(took),
            "min": min(took),
            "max": max(took),
            "cpu": (time.process_time() - cpu) / rounds,
        }
    return told


def _noop(key: str) -> PlannedStep:
    return PlannedStep(key=key, agent="bench", operation="noop", input={"number": 0})


# Half of the stored steps are final, a quarter waits for others, a quarter is ready: in ten projects, for ten minutes
STORE = """
INSERT INTO tasks_step (run_id, project_id, key, agent, operation, queue, input, reason, state, priority,
    available_at, rank, pending_deps, attempts_made, attempts_spent, max_attempts, timeout_seconds, effect,
    limit_key, held, summary, created_at, started_at, served_at, ended_at)
SELECT r.id, r.project_id, 'f' || n, 'bench', 'noop', 'agent.bench', '{"number": 0, "link": 0}', '',
    CASE n %% 4 WHEN 0 THEN 'ready' WHEN 1 THEN 'pending' ELSE 'succeeded' END, n %% 10,
    now() - make_interval(secs => n %% 600), now() - make_interval(secs => n %% 600 - 60 * (n %% 10)),
    CASE n %% 4 WHEN 1 THEN 1 ELSE 0 END, CASE WHEN n %% 4 > 1 THEN 1 ELSE 0 END, 0, 3, 60, 'read', '', false, '',
    now(), CASE WHEN n %% 4 > 1 THEN now() END, CASE WHEN n %% 4 > 1 THEN now() END,
    CASE WHEN n %% 4 > 1 THEN now() END
FROM generate_series(%(first)s, %(last)s) n
JOIN unnest(%(runs)s::bigint[]) WITH ORDINALITY AS u (id, place) ON u.place = 1 + n %% 10
JOIN tasks_run r ON r.id = u.id
"""


def claim(sizes: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000), times: int = 200) -> dict[str, Any]:
    """Give the milliseconds of claims, rolled back, among so many stored steps; and the plan among the most."""
    worker_session()
    owners = [project(f"bench-{n}") for n in range(10)]
    submitted = []
    for owner in owners:
        run, _ = runs.submit(
            plan_of(_noop("first")), project_id=owner.pk, owner_id=None, goal="nothing", request={}
        )
        submitted.append(run.pk)
    stored, told = 0, {}
    for size in sizes:
        with connection.cursor() as cursor:
            cursor.execute(STORE, {"first": stored, "last": size - 1, "runs": submitted})
            cursor.execute("VACUUM ANALYZE tasks_step")  # as autovacuum would have done
        stored = size
        took = []
        for _ in range(times):
            with transaction.atomic():
                began = time.perf_counter()
                lease = leases.claim(QUEUE, worker=_session(), pid=os.getpid())
                took.append(1e3 * (time.perf_counter() - began))
                transaction.set_rollback(True)
            assert lease is not None
        told[str(size)] = {"p50": statistics.median(took), "p95": _percentile(took, 0.95)}
    return {"ms": told, "plan": _claims_plan()}


def _claims_plan() -> list[str]:
    values = {
        "queue": QUEUE,
        "worker": _session(),
        "pid": os.getpid(),
        "grace": 15,
        "ageing": 60,
        "held": [],
        "most": 1,
        "again": False,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan; " + leases.CLAIM.prepare("explained"))
        for _ in range(2):
            cursor.execute("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) " + leases.CLAIM.call("explained"), values)
            lines = [row[0] for row in cursor.fetchall()]
        transaction.set_rollback(True)
    return lines


def _session() -> uuid.UUID:
    return uuid.UUID(os.environ[stint.SESSION_VARIABLE])


FILL_EVENTS = """
INSERT INTO tasks_event (run_day, run_id, seq, at, kind, step_id, data)
SELECT %(day)s, r.run, s.seq, now(), 'step.progress', NULL,
    '{"key": "s1", "attempt": 1, "done": 1, "total": 2, "message": "half of it"}'
FROM generate_series(%(first)s, %(last)s) AS r (run), generate_series(1, %(each)s) AS s (seq)
"""


def since(most: int = 10_000_000, each: int = 2_000, days: int = 5, times: int = 1000) -> dict[str, Any]:
    """Give the milliseconds of `since()`: random pages of 500, and the newest few as sockets read them."""
    owner, today = project(), timezone.now().date()
    count = most // each
    with connection.cursor() as cursor:
        for back in range(days):
            day = today - timedelta(days=back)
            partitions.ensure(day, ahead=0)
            first = 1 + back * count // days
            values = {"day": day, "first": first, "last": (back + 1) * count // days, "each": each}
            cursor.execute(FILL_EVENTS, values)
        cursor.execute("VACUUM ANALYZE tasks_event")
        cursor.execute("SELECT count(*) FROM tasks_event")
        stored = cursor.fetchone()[0]
    drawn = random.Random(1)  # the same places in each run
    pages, tails = [], []
    for _ in range(times):
        place = drawn.randrange(count)
        run = Run(pk=1 + place, project=owner, created_day=today - timedelta(days=place * days // count))
        cursor_at = drawn.randrange(each - 500)
        for took, seq, wanted in ((pages, cursor_at, 500), (tails, each - 3, 3)):
            began = time.perf_counter()
            found = events.since(run, seq)
            took.append(1e3 * (time.perf_counter() - began))
            assert [event.seq for event in found] == list(range(seq + 1, seq + 1 + wanted))
    return {
        "events": stored,
        "pages of 500, ms": {"p50": statistics.median(pages), "p99": _percentile(pages, 0.99)},
        "the newest 3, ms": {"p50": statistics.median(tails), "p99": _percentile(tails, 0.99)},
    }


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


SECTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "profile": profile,
    "plan": plan,
    "claim": claim,
    "since": since,
}

if __name__ == "__main__":
    small = len(sys.argv) > 2  # a smoke test
    sizes: dict[str, dict[str, Any]] = {
        "profile": {"count": 10},
        "plan": {"steps": 100, "rounds": 1},
        "claim": {"sizes": (100, 1000), "times": 10},
        "since": {"most": 40_000, "times": 20},
    }
    print(json.dumps(SECTIONS[sys.argv[1]](**(sizes[sys.argv[1]] if small else {})), indent=1))
