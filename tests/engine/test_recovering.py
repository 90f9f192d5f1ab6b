"""Started while PostgreSQL recovers from a crash: it says "the database system is starting up" (57P03)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from django.db import connection

from accounts.models import Project, Team
from tasks import runs
from tasks.plans import plan_of
from tests.engine.cluster import Cluster, assert_sound, effects, until
from tests.engine.conftest import purge_bells, work
from tests.engine.replication import Server, gated, own_server, this_process_uses
from tests.engine.test_database import again
from tests.engine.test_startup import QUIETLY, WORKER, none_ended, start_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.cluster, pytest.mark.timeout(180)]

STARTING_UP = "the database system is starting up"


@pytest.fixture
def recovering(transactional_db: None, tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A server with the tests' tables that recovers until a file is there: (the server, the file)."""
    # the archive that it asks may be read by its account, so the gate lies with its data
    with own_server("recovering") as server:
        gate = server.data.parent / "gate"
        server.copy(int(connection.settings_dict["PORT"]))
        server.start(**gated(server, gate))
        until(lambda: STARTING_UP in refusal(server), within=20, what="the server says that it starts up")
        yield server, gate


def refusal(server: Server) -> str:
    """What the server says to who connects."""
    try:
        psycopg2.connect(server.url(), connect_timeout=5).close()
    except psycopg2.OperationalError as error:
        return str(error)
    return ""


def test_all_wait_for_the_recovery_and_go_on(
    recovering: tuple[Server, Path], ledger: Path, tmp_path: Path
) -> None:
    server, gate = recovering
    purge_bells()
    with Cluster(tmp_path, DATABASE_URL=server.url()) as cluster:
        _, ready = start_all(cluster)
        until(lambda: (ready() or {}).get("postgresql") == "unreachable", within=40, what="the web says so")
        assert (ready() or {}).get("status") == "503"
        for name in ("worker", "relay", "scheduler"):
            until(lambda name=name: STARTING_UP in cluster.log(name), within=40, what=f"{name} says so")
            assert "database_away" in cluster.log(name)
            assert "Traceback" not in cluster.log(name)
        assert none_ended(cluster)
        gate.touch()
        server.wait_until_it_answers()
        recovers = "SELECT pg_is_in_recovery()"  # it may be read before it may be written
        until(lambda: server.ask(recovers) is False, within=30, what="the recovery ends")
        back_at = time.monotonic()
        with this_process_uses("127.0.0.1", str(server.port)):
            again()
            team = Team.objects.create(name="Alice's team", slug="alice")
            project = Project.objects.create(team=team, name="Shop", slug="shop")
            plan = plan_of(work("a", ledger=ledger))
            run, _ = runs.submit(plan, project_id=project.pk, owner_id=None, goal="a goal", request={})
            cluster.wait_for(run, within=30)
            assert time.monotonic() - back_at < 20
            assert_sound(run)
            assert effects(ledger) == ["a"]
            until(lambda: (ready() or {}).get("status") == "200", within=10, what="the web is ready")
            assert none_ended(cluster)


def test_bootstrap_waits_for_the_recovery(recovering: tuple[Server, Path], tmp_path: Path) -> None:
    server, gate = recovering
    with Cluster(tmp_path, DATABASE_URL=server.url()) as cluster:
        bootstrap = cluster.start("bootstrap", "manage.py", "bootstrap")
        until(lambda: STARTING_UP in cluster.log("bootstrap"), within=40, what="it says what it waits for")
        gate.touch()
        assert bootstrap.wait(timeout=60) == 0, cluster.log("bootstrap")
        assert "project default" in cluster.log("bootstrap")


def test_bootstrap_waits_no_longer_than_its_patience(recovering: tuple[Server, Path], tmp_path: Path) -> None:
    server, _ = recovering
    with Cluster(tmp_path, DATABASE_URL=server.url(), WRENCH_START_PATIENCE_SECONDS="3") as cluster:
        assert cluster.start("bootstrap", "manage.py", "bootstrap").wait(timeout=60) == 1
        *_, last = cluster.log("bootstrap").strip().splitlines()
        assert last.startswith("CommandError: PostgreSQL did not answer within 3 s")
        assert STARTING_UP in cluster.log("bootstrap")
        assert "Traceback" not in cluster.log("bootstrap")


def test_worker_waits_for_a_recovery_no_longer_than_its_patience(
    recovering: tuple[Server, Path], tmp_path: Path
) -> None:
    server, _ = recovering
    with Cluster(tmp_path, DATABASE_URL=server.url(), WRENCH_START_PATIENCE_SECONDS="3") as cluster:
        worker = cluster.start("worker", *WORKER, *QUIETLY)
        assert worker.wait(timeout=60) != 0
        log = cluster.log("worker")
        assert STARTING_UP in log
        assert log.count("database_unreachable") == 1
        assert "Traceback" not in log
