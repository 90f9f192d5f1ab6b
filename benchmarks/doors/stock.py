"""Fill a database for the times of pages: one real run of the sample, and copies of it. Prints what to ask for.

Run as a program in the server's environment: `python -m benchmarks.doors.stock RUNS FINDINGS`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

SHOP = Path(__file__).resolve().parents[2] / "samples" / "shop"
PASSWORD = "a long enough password"
DAYS = 90  # over which the copies are spread


def main() -> None:
    """Store so many runs and findings in one project; print JSON: a run's id, a finding's, the project, a name."""
    django.setup()
    count, findings = (int(text) for text in sys.argv[1:3])
    run, project = _real_run()
    _copy_runs(run, count - 1)
    _copy_findings(project, findings)
    print(json.dumps(_facts(run, project)))


def _real_run() -> tuple[int, int]:
    """Let the agents inspect the sample in this process. Returns ids of the run and its project."""
    from django.utils import timezone

    from accounts.models import Membership, Project, RateRule, Team, User
    from accounts.roles import Role
    from agents import requests
    from agents.workspace import parse_target
    from tasks import interruption, partitions, stint
    from tasks.contract import catalog
    from tasks.models import WorkerSession

    now = timezone.now()
    for back in range(2):
        partitions.ensure((now - timedelta(days=back)).date())
    RateRule.objects.update(burst=1_000_000, rate="10000/s")  # the cost of an answer, not of a refusal
    user = User.objects.create_user("bench", password=PASSWORD)
    team = Team.objects.create(name="Bench", slug="bench")
    Membership.objects.create(user=user, team=team, role=Role.OWNER)
    project = Project.objects.create(team=team, name="Shop", slug="shop")
    queues = [queue.name for queue in catalog().queues()]
    interruption.install()
    session = WorkerSession.objects.create(
        hostname="bench", pid=os.getpid(), queues=queues, slots=1, started_at=now, heartbeat_at=now,
        lease_until=now + timedelta(hours=1),
    )  # fmt: skip
    os.environ[stint.SESSION_VARIABLE] = str(session.pk)
    wanted = requests.Request(
        goal="What should we fix before the release?",
        target=parse_target({"kind": "path", "path": str(SHOP)}),
    )
    run, _ = requests.submit(wanted, project_id=project.pk, owner_id=user.pk)
    while not all(stint.run_next(queue).endswith("nothing to do") for queue in queues):
        pass
    return run.pk, project.pk


def _copy_runs(run: int, count: int) -> None:
    """Copies with steps, attempts and quality, spread over the past days; the real one stays the newest."""
    from django.db import connection, transaction

    back = f"(n * interval '{DAYS * 86_400 // max(count, 1)} seconds')"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # copies pass no states
        cursor.execute(
            "CREATE TEMP TABLE copies AS SELECT n, nextval('tasks_run_id_seq') AS id, gen_random_uuid() AS public_id"
            " FROM generate_series(1, %s) AS n ORDER BY n DESC",
            [count],
        )
        times = {name: f"t.{name} - {back}" for name in ("created_at", "started_at", "finished_at")}
        _copy("tasks_run", {
            "id": "c.id", "public_id": "c.public_id", "idempotency_key": "NULL", "goal": "t.goal || ' ' || c.n",
            "created_day": f"(t.created_at - {back})::date", **times,
        }, "t.id = %s", [run])  # fmt: skip
        _copy("tasks_step", {
            "id": "nextval('tasks_step_id_seq')", "run_id": "c.id", "added_by_id": "NULL", "worker_id": "NULL",
        }, "t.run_id = %s", [run])  # fmt: skip
        _copy("agents_runquality", {
            "id": "nextval('agents_runquality_id_seq')", "run": "c.public_id", "at": f"t.at - {back}",
        }, "t.project_id = (SELECT project_id FROM tasks_run WHERE id = %s)", [run])  # fmt: skip
        cursor.execute("ANALYZE tasks_run, tasks_step, agents_runquality")


def _copy(table: str, changed: Mapping[str, str], which: str, given: list[int]) -> None:
    from django.db import connection

    with connection.cursor() as asked:
        asked.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = '' ORDER BY attnum",
            [table],
        )
        names = [name for (name,) in asked.fetchall()]
        chosen = ", ".join(changed.get(name, f't."{name}"') for name in names)
        columns = ", ".join(f'"{name}"' for name in names)
        asked.execute(
            f"INSERT INTO {table} ({columns}) SELECT {chosen} FROM {table} t CROSS JOIN copies c WHERE {which}",
            given,
        )


def _copy_findings(project: int, count: int) -> None:
    """Claims of many rules, paths and owners; a tenth fixed, a tenth dismissed."""
    from django.db import connection, transaction

    from agents.models import TrackedFinding

    own = TrackedFinding.objects.filter(project=project).count()
    changed = {
        "id": "nextval('agents_trackedfinding_id_seq')", "public_id": "gen_random_uuid()",
        "fingerprint": "md5(n::text || t.fingerprint) || md5(t.fingerprint)",
        "line": "1 + mod(n, 700)", "end_line": "1 + mod(n, 700)",
        "path": "'src/part' || mod(n, 40) || '/module' || mod(n, 900) || '.py'",
        "rule": "CASE WHEN mod(n, 3) = 0 THEN t.rule ELSE 'R' || mod(n, 150) END", "owner": "'@team' || mod(n, 12)",
        "title": "t.title", "status": "CASE WHEN mod(n, 10) = 1 THEN 'dismissed' ELSE 'open' END", "until": "NULL",
        "first_seen_at": f"t.first_seen_at - (mod(n, {DAYS})) * interval '1 day'",
        "fixed_at": "CASE WHEN mod(n, 10) = 2 THEN t.last_seen_at END",
        "fixed_run": "CASE WHEN mod(n, 10) = 2 THEN t.last_run END",
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DROP TABLE IF EXISTS copies")
        cursor.execute(
            "CREATE TEMP TABLE copies AS SELECT n FROM generate_series(1, %s) AS n", [count // own]
        )
        _copy("agents_trackedfinding", changed, "t.project_id = %s", [project])
        cursor.execute("ANALYZE agents_trackedfinding")


def _facts(run: int, project: int) -> dict[str, str]:
    from agents.models import TrackedFinding
    from tasks.models import Run, Step

    worst = TrackedFinding.objects.filter(project=project, last_run=Run.objects.get(pk=run).public_id)
    worst = worst.order_by("-worst_rank", "pk")
    return {
        "run": str(Run.objects.get(pk=run).public_id),
        "finding": str(worst.values_list("public_id", flat=True)[0]),
        "project": "bench/shop",
        "name": "bench",
        "password": PASSWORD,
        "stored": ", ".join(
            f"{rows.objects.count():,} {rows.__name__}" for rows in (Run, Step, TrackedFinding)
        ),
        "at": datetime.now(UTC).isoformat(),
    }


if __name__ == "__main__":
    main()
