"""The heart without its worker: what it does when PostgreSQL is silent, and for whom it answers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from django.db import connection

from tasks.heart import Heart, Orders
from tasks.models import WorkerSession
from tests import private_servers
from tests.engine.cluster import ROOT, database_url, kill_tree, until
from tests.engine.test_heart import is_gone

NOBODY = "host=127.0.0.1 port=1 dbname=none user=none"
PARENT = """
import subprocess, sys, time
from pathlib import Path
child = subprocess.Popen(["sh", "-c", "sleep 300 & echo $! > $0; wait", sys.argv[1]], start_new_session=True)
if len(sys.argv) > 2:
    subprocess.Popen([sys.executable, "-m", "tasks.heart"], start_new_session=True, stdin=subprocess.PIPE)
time.sleep(300)
"""


def orders(**changes: object) -> Orders:
    known = Orders(
        dsn=NOBODY,
        session=str(uuid.uuid4()),
        hostname="test",
        pid=os.getpid(),
        queues=[],
        slots=1,
        heartbeat_seconds=1,
        lease_seconds=3,
        cancel_grace_seconds=1,
        shutdown_grace_seconds=1,
    )
    return replace(known, **changes)


def grandchild(note: Path) -> int:
    until(lambda: note.exists() and note.read_text().strip(), within=10, what="the grandchild lives")
    return int(note.read_text())


@pytest.mark.skipif(not private_servers.ARE_EMBEDDED, reason="needs a PostgreSQL that the test may freeze")
@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(40, func_only=True)  # not the making of a database before it
def test_heart_does_not_hang_on_a_frozen_server() -> None:
    heart = Heart(orders(dsn=database_url()))
    heart._register()
    assert heart._renew()
    backend = heart.database.get_backend_pid()
    os.kill(backend, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        assert not heart._renew()
        assert time.monotonic() - begun < 3
        assert heart._renew()  # by a new connection
    finally:
        os.kill(backend, signal.SIGCONT)
    WorkerSession.objects.update(stopped_at=WorkerSession.objects.get().started_at)
    assert not heart._renew()
    heart.database.close()
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_heart_gets_past_a_host_that_is_silent() -> None:
    """libpq would wait for the first one for good: its own timeout holds for blocking connections only."""
    p = connection.settings_dict
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts, nobody answers
        ports = f"{silent.getsockname()[1]},{p['PORT']}"
        dsn = f"host=127.0.0.1,127.0.0.1 port={ports} dbname={p['NAME']} user={p['USER']} password={p['PASSWORD']}"
        heart = Heart(orders(dsn=f"{dsn} target_session_attrs=read-write", pid=os.getppid()))
        heart._register()
        assert heart._renew()
        heart.database.close()
        heart.database = None
        tried = heart.hosts_tried
        assert heart._renew()  # it starts with the one that answered last: the other takes all its patience
        assert heart.hosts_tried == tried
        heart.database.close()


def test_parent_gone_and_database_away_leave_no_process(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(note)])
    try:
        left = grandchild(note)
        heart = Heart(orders(pid=parent.pid))
        heart._beat()
        parent.kill()
        parent.wait()
        heart._parent_gone()
        until(lambda: is_gone(left), within=5, what="what the child started is ended")
    finally:
        kill_tree(parent.pid)
        parent.wait()


def test_heart_that_replaces_another_stops_the_children_before_the_lease_ends(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = PARENT.replace("if len", "import os, json\nif len").replace(
        "    subprocess",
        "    told = json.loads(os.environ['ORDERS']) | {'pid': os.getpid()}\n"
        "    os.environ['WRENCH_HEART_ORDERS'] = json.dumps(told)\n    subprocess",
    )
    told = json.dumps(asdict(orders(resumes=True)))
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(note), "heart"], cwd=ROOT, env=os.environ | {"ORDERS": told}
    )
    try:
        left = grandchild(note)
        until(lambda: is_gone(left), within=15, what="the heart stops what it cannot answer for")
    finally:
        kill_tree(parent.pid)
        parent.wait()


@pytest.mark.django_db(transaction=True)
def test_parent_that_stops_may_be_silent(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(note)])
    try:
        child = grandchild(note)
        heart = Heart(orders(dsn=database_url(), pid=parent.pid))
        heart._register()
        long_ago = time.monotonic() - 25
        heart.ticked_at = heart.renewed_at = heart.stopping_at = long_ago
        heart.next_renewal = 0.0
        heart._beat()
        assert not is_gone(child)
        assert heart.renewed_at > long_ago
        assert WorkerSession.objects.get().stopping_at is not None
        heart.database.close()
    finally:
        kill_tree(parent.pid)
        parent.wait()
