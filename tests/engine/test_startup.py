"""Each process started while a server is down or the tables are missing: it waits and goes on, or says why not."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg2
import pytest
from django.db import connection

from tasks.models import WorkerSession
from tests import private_servers
from tests.engine.cluster import Cluster, assert_sound, database_url, effects, until
from tests.engine.conftest import Submit, purge_bells, work
from tests.engine.test_broker import free_port, no_bells_from_here, private_redis  # noqa: F401 - fixtures
from tests.engine.test_database import again
from wrenchai_project import servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.cluster, pytest.mark.timeout(240)]

WORKER = (
    "-m",
    "celery",
    "-A",
    "wrenchai_project",
    "worker",
    "-Q",
    "agent.probe",
    "-c",
    "1",
    "-n",
    "w@test",
    "-E",
)
QUIETLY = ("--without-gossip", "--without-mingle", "-l", "INFO")


def start_all(cluster: Cluster) -> tuple[int, Callable[[], dict[str, str] | None]]:
    """Start web, worker, relay and scheduler without waiting. Returns the web's port and a reader of /readyz."""
    port = free_port()
    cluster.relay()
    cluster.scheduler()
    cluster.start("worker", *WORKER, *QUIETLY)
    cluster.start("web", *("-m", "uvicorn", "wrenchai_project.asgi:application", "--port", str(port)))

    def ready() -> dict[str, str] | None:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10)
        except httpx.TransportError:
            return None
        return {**answer.json()["servers"], "status": str(answer.status_code)}

    return port, ready


def none_ended(cluster: Cluster) -> bool:
    return all(process.poll() is None for process in cluster.processes.values())


@pytest.mark.skipif(not private_servers.ARE_EMBEDDED, reason="needs a PostgreSQL that the test may stop")
def test_started_without_postgres_all_wait_and_go_on(cluster: Cluster, submit: Submit, ledger: Path) -> None:
    servers.stop_postgres(private_servers.STATE, how=signal.SIGKILL)
    try:
        _, ready = start_all(cluster)
        until(lambda: (ready() or {}).get("postgresql") == "unreachable", within=40, what="the web says so")
        for name in ("worker", "relay", "scheduler"):
            until(lambda name=name: "database_away" in cluster.log(name), within=40, what=f"{name} says so")
        assert none_ended(cluster)
    finally:
        servers.start_postgres(private_servers.STATE, durable=False)
        again()
    back_at = time.monotonic()
    run = submit(work("a", ledger=ledger))
    cluster.wait_for(run, within=30)
    assert time.monotonic() - back_at < 20
    until(lambda: (ready() or {}).get("status") == "200", within=10, what="the web is ready")
    assert_sound(run)


def test_started_without_redis_all_wait_and_go_on(
    private_redis: tuple[Path, str],  # noqa: F811 - the fixture
    no_bells_from_here: None,  # noqa: F811 - the fixture
    project: object,
    submit: Submit,
    ledger: Path,
    tmp_path: Path,
) -> None:
    state, url = private_redis
    servers.stop_redis(state, how=signal.SIGKILL)
    with Cluster(tmp_path, redis_url=url) as cluster:
        _, ready = start_all(cluster)
        run = submit(work("a", ledger=ledger))
        until(lambda: (ready() or {}).get("redis") == "unreachable", within=40, what="the web says so")
        for name in ("worker", "relay"):
            until(lambda name=name: "broker_away" in cluster.log(name), within=40, what=f"{name} says so")
        session = WorkerSession.objects.get()
        until(
            lambda: WorkerSession.objects.get().heartbeat_at > session.heartbeat_at,
            within=10,
            what="the worker's heart beats all the same",
        )
        assert none_ended(cluster)
        assert servers.start_redis(state, durable=False) == url
        back_at = time.monotonic()
        cluster.wait_for(run, within=30)
        assert time.monotonic() - back_at < 20
        assert_sound(run)
        assert effects(ledger) == ["a"]


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The URL of a database without a table."""
    name = f"{connection.settings_dict['NAME']}_empty"
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    yield database_url().rpartition("/")[0] + f"/{name}"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_started_before_the_migrations_all_wait_and_say_so(
    transactional_db: None, empty_database: str, tmp_path: Path
) -> None:
    purge_bells()
    with Cluster(tmp_path, DATABASE_URL=empty_database) as cluster:
        _, ready = start_all(cluster)
        until(lambda: (ready() or {}).get("postgresql") == "not migrated", within=40, what="the web says so")
        for name in ("worker", "relay", "scheduler"):
            until(
                lambda name=name: "database_not_migrated" in cluster.log(name),
                within=40,
                what=f"{name} says so",
            )
        assert none_ended(cluster)
        migrated = cluster.start("migrate", "manage.py", "migrate", "--verbosity", "0")
        assert migrated.wait(timeout=120) == 0, cluster.log("migrate")
        del cluster.processes["migrate"]

        def sessions() -> int:
            with psycopg2.connect(empty_database) as other, other.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM tasks_workersession")
                return int(cursor.fetchone()[0])

        until(sessions, within=30, what="the worker registers")
        until(lambda: (ready() or {}).get("status") == "200", within=20, what="the web is ready")
        assert none_ended(cluster)


def test_worker_that_never_reaches_postgres_ends_with_one_sentence(
    transactional_db: None, tmp_path: Path
) -> None:
    """After its bound, which is a minute; shorter here."""
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    with Cluster(tmp_path, DATABASE_URL=nowhere, WRENCH_START_PATIENCE_SECONDS="3") as cluster:
        worker = cluster.start("worker", *WORKER, *QUIETLY)
        assert worker.wait(timeout=60) != 0
        assert cluster.log("worker").count("database_unreachable") == 1
        assert "check DATABASE_URL" in cluster.log("worker")
        assert "Traceback" not in cluster.log("worker")
