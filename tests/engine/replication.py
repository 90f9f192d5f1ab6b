"""A PostgreSQL of the test's own, and a physical standby that follows it: streaming replication as in production.

Both begin as a base backup of the server that all tests use, so the tables are there at once. They run with the same
binaries and as the same account. Nothing but the binaries of the wheel is needed.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
from django.db import connection

from tasks import partitions
from tests import private_servers
from tests.engine.cluster import until
from tests.engine.test_broker import free_port
from wrenchai_project import servers

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "200",  # a recovery refuses fewer than the server had that wrote the log
    "fsync": "off",  # a killed process loses nothing by it
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass
class Server:
    """One PostgreSQL: its data directory, and the process while it runs."""

    binaries: Path
    uid: int
    data: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def copy(self, port: int, *options: str, name: str = "copy") -> None:
        """Fill the data directory with a base backup of the server at this port."""
        p = connection.settings_dict
        source = f"host=127.0.0.1 port={port} user={p['USER']} application_name={name}"
        argv = [
            self.binaries / "pg_basebackup",
            "-D",
            self.data,
            "-d",
            source,
            "-c",
            "fast",
            "--no-sync",
            *options,
        ]
        done = subprocess.run(
            argv,
            **self._account(),
            env=os.environ | {"PGPASSWORD": p["PASSWORD"]},
            cwd=self.data.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def start(self, **settings: str) -> None:
        """Start it, without waiting for anything."""
        wanted = SETTINGS | {"port": str(self.port)} | settings
        argv: list[Any] = [self.binaries / "postgres", "-D", self.data]
        argv += [part for key, value in wanted.items() for part in ("-c", f"{key}={value}")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                argv,
                **self._account(),
                cwd=self.data,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def url(self) -> str:
        """DATABASE_URL with this server alone."""
        p = connection.settings_dict
        return f"postgresql://{p['USER']}:{p['PASSWORD']}@127.0.0.1:{self.port}/{p['NAME']}"

    @property
    def log(self) -> Path:
        return self.data.with_suffix(".log")

    def ask(self, statement: str, database: str = "postgres") -> Any:
        """Give the first column of the first row; None if the server does not answer, or has no rows."""
        p = connection.settings_dict
        place = {"host": "127.0.0.1", "port": self.port, "dbname": database}
        try:
            asked = psycopg2.connect(**place, user=p["USER"], password=p["PASSWORD"], connect_timeout=5)
        except psycopg2.OperationalError:
            return None
        asked.autocommit = True
        with contextlib.closing(asked), asked.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return None if row is None else row[0]

    def wait_until_it_answers(self) -> None:
        try:
            until(lambda: self.ask("SELECT 1"), within=30, what=f"{self.data.name} answers")
        except AssertionError as error:
            raise AssertionError(f"{error}; its log ends {self.log.read_text()[-2000:]}") from None

    def kill(self) -> None:
        """End it with all its processes at once, as when its host is gone."""
        if self.process is None:
            return
        family = self.freeze()  # first: none may act while others die
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait()
        psutil.wait_procs([one for one in family if one.pid != self.process.pid], timeout=10)
        self.process = None

    def freeze(self) -> list[psutil.Process]:
        """Stop all its processes where they are; its kernel goes on to acknowledge what is sent to it."""
        assert self.process is not None
        try:
            family = [
                psutil.Process(self.process.pid),
                *psutil.Process(self.process.pid).children(recursive=True),
            ]
        except psutil.NoSuchProcess:
            return []
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGSTOP)
        return family

    def promote(self) -> None:
        """Make the standby the primary; returns when it takes writes."""
        assert self.ask("SELECT pg_promote()") is True

    def _account(self) -> dict[str, Any]:
        return {} if os.geteuid() != 0 else {"user": self.uid, "group": self.uid, "extra_groups": []}


@dataclass
class Pair:
    """A primary and its standby."""

    primary: Server
    standby: Server

    def url(self) -> str:
        """DATABASE_URL with both, the primary first."""
        p = connection.settings_dict
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://{p['USER']}:{p['PASSWORD']}@{hosts}/{p['NAME']}"

    def caught_up(self) -> bool:
        """Tell whether the standby has everything that the primary has written until now."""
        wrote = self.primary.ask("SELECT pg_current_wal_flush_lsn()")
        return bool(self.standby.ask(f"SELECT pg_last_wal_replay_lsn() >= '{wrote}'"))

    def cut_off(self) -> None:
        """Let the standby receive nothing more, as behind a slow or broken line."""
        self.standby.ask("ALTER SYSTEM SET primary_conninfo = ''")
        self.standby.ask("SELECT pg_reload_conf()")
        until(
            lambda: not self.primary.ask("SELECT count(*) FROM pg_stat_replication"),
            within=20,
            what="the standby is cut off",
        )


@contextlib.contextmanager
def own_server(name: str) -> Iterator[Server]:
    """Give an empty place for a server, and remove it with its processes afterwards. Skips where none can run."""
    if not private_servers.ARE_EMBEDDED:
        pytest.skip("needs the embedded PostgreSQL, to be copied: DATABASE_URL or REDIS_URL is set")
    pid = servers.status(private_servers.STATE).postgres_pid
    assert pid is not None
    # in the common server, not in its copy alone: this process asks only once whether the day has one
    partitions.ensure(datetime.now(UTC).date())
    running = psutil.Process(pid)
    binaries = Path(running.exe()).parent
    if not (binaries / "pg_basebackup").exists():
        pytest.skip(f"needs pg_basebackup, which is not in {binaries}")
    folder = servers.data_home(private_servers.STATE) / f"own-{name}-{os.getpid()}"
    folder.mkdir(mode=0o700)
    os.chown(folder, running.uids().real, -1)
    server = Server(binaries, running.uids().real, folder / name)
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder)


@contextlib.contextmanager
def replicated(*, synchronous: bool) -> Iterator[Pair]:
    """A primary with the tables of the tests' database, and a standby that has caught up."""
    with own_server("primary") as primary, own_server("standby") as standby:
        primary.copy(int(connection.settings_dict["PORT"]))
        names = {"synchronous_standby_names": "standby"} if synchronous else {}
        primary.start(**names)
        primary.wait_until_it_answers()
        standby.copy(primary.port, "-R", name="standby")
        standby.start()
        pair = Pair(primary, standby)
        until(pair.caught_up, within=30, what="the standby has caught up")
        state = "sync" if synchronous else "async"
        until(
            lambda: primary.ask("SELECT sync_state FROM pg_stat_replication") == state,
            within=20,
            what=f"replication is {state}",
        )
        yield pair


@contextlib.contextmanager
def this_process_uses(host: str, port: str, **options: str) -> Iterator[None]:
    """Let Django's connection of this process lead there."""
    known = connection.settings_dict
    kept = {"HOST": known["HOST"], "PORT": known["PORT"], "OPTIONS": known["OPTIONS"]}
    connection.close()
    known |= {"HOST": host, "PORT": port, "OPTIONS": known["OPTIONS"] | options}
    try:
        yield
    finally:
        connection.close()
        known |= kept


def gated(server: Server, gate: Path) -> dict[str, str]:
    """Settings by which a server that recovers is "starting up" until the gate is a file: it asks for an archive."""
    (server.data / "recovery.signal").touch()
    os.chown(server.data / "recovery.signal", server.uid, -1)
    wait = f"while [ ! -e {shlex.quote(str(gate))} ]; do sleep 0.1; done; exit 1"
    return {"restore_command": f"sh -c {shlex.quote(wait)}"}
