"""The system under test: its own PostgreSQL and Redis, and every process of an installation behind proxies.

    web-1 web-2  relay-1 relay-2  scheduler-1 scheduler-2
    mill-1 (agent.mill)  mixed-2 (agent.mill, agent.errand)  errand-3 (agent.errand, agent.glutton)

Each process leads a session of its own, and is started again a second after its end, as an orchestrator would.
All carry CHAOS_TOKEN in their environment, by which whatever they leave behind is found.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg2
import psycopg2.extensions
import redis

from tests.chaos.machine import Machine
from tests.chaos.proxy import Link, Proxies
from tests.chaos.timing import Timing
from wrenchai_project import crew, servers, services
from wrenchai_project.servers import processes

RESTART_SECONDS = 1.0
READY_SECONDS = 120.0  # of a loaded machine
STOP_SECONDS = 25.0
HEART_ENDS_SECONDS = 5.0  # two beats of a second, and what PostgreSQL is given to answer
QUEUES = ("agent.mill", "agent.errand", "agent.glutton")
WORKERS = {
    "mill-1": ("agent.mill",),
    "mixed-2": ("agent.mill", "agent.errand"),
    "errand-3": ("agent.errand", "agent.glutton"),
}
SLOTS = 2
CLOCKED = ("web-2", "relay-2", "scheduler-2", "mixed-2")  # those whose clocks can be stepped
BOUNDED = "errand-3"  # the one whose memory is bounded
PLUGINS = Path(__file__).parent / "plugins"


@dataclass(slots=True)
class Party:
    """One process of the installation, with all that it starts."""

    name: str
    kind: str
    argv: list[str]
    environment: dict[str, str]
    database: Link
    broker: Link
    log: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    is_wanted: bool = True
    ended_at: float | None = None
    starts: int = 0
    busy: threading.Lock = field(default_factory=threading.Lock)  # one fault at a time

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def family(self) -> list[psutil.Process]:
        """Give the process and its descendants that live."""
        try:
            leader = psutil.Process(self.pid)
            return [leader, *leader.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


class World:
    """Starts everything on entering, and leaves nothing behind."""

    def __init__(
        self, folder: Path, timing: Timing, machine: Machine, *, off: str = "", is_durable: bool = True
    ) -> None:
        self.folder, self.timing, self.machine, self.off = folder, timing, machine, off
        self.is_durable = is_durable
        self.token = uuid.uuid4().hex
        self.state = folder / "state"
        self.artifacts = folder / "artifacts"
        self.ledger = folder / "ledger"
        self.proxies = Proxies()
        self.parties: dict[str, Party] = {}
        self.access_token = ""
        self.survivors: list[str] = []
        self.postgres_busy, self.redis_busy = threading.Lock(), threading.Lock()
        self._stop = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> World:
        with contextlib.ExitStack() as stack:
            self.state.mkdir(parents=True)
            self.artifacts.mkdir()
            self.ledger.touch()
            stack.callback(self._remove_data)
            found = servers.ensure(self.state, environ={}, durable=self.is_durable)
            stack.callback(servers.stop, self.state)
            self.database_url, self.redis_url = found.database_url, found.redis_url
            self.access_token = crew.bootstrap(self._environment(found)).token
            self.machine.mount_small(self.artifacts)
            stack.callback(self.machine.unmount, self.artifacts)
            stack.enter_context(self.proxies)
            self._describe(self._environment(found))
            stack.callback(self.stop)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._exit.close()

    def start(self, *names: str) -> None:
        """Start these parties, or all, and wait until they are ready."""
        wanted = [self.parties[name] for name in names] or list(self.parties.values())
        for party in wanted:
            self.spawn(party)
        if not self._supervisor.is_alive():
            self._supervisor.start()
        self.wait_ready(wanted)

    def wait_ready(self, wanted: list[Party], *, within: float = READY_SECONDS) -> None:
        """Wait until these serve. Raises AssertionError with the end of a log."""
        end = time.monotonic() + within
        while waiting := [party for party in wanted if not self.is_ready(party)]:
            if time.monotonic() > end:
                raise AssertionError(f"{waiting[0].name} is not ready: {processes.tail(waiting[0].log, 30)}")
            time.sleep(0.1)

    def is_ready(self, party: Party) -> bool:
        """Tell whether it does its work now."""
        if party.process is None or party.process.poll() is not None:
            return False
        if party.kind == "web":
            return services.answers(f"http://127.0.0.1:{party.port}/readyz")
        if party.kind == "worker":
            return bool(
                self.query(
                    "SELECT 1 FROM tasks_workersession WHERE pid = %s AND stopped_at IS NULL"
                    " AND lease_until > now()",
                    party.pid,
                )
            )
        return b'"started"' in party.log.read_bytes()

    def spawn(self, party: Party) -> None:
        """Start one party."""
        with party.log.open("ab") as log:
            party.process = subprocess.Popen(
                party.argv,
                cwd=services.ROOT,
                env=party.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        party.is_wanted, party.ended_at = True, None
        party.starts += 1
        if party.name == BOUNDED:
            self.machine.bound_memory(party.pid)

    def revive(self, party: Party) -> None:
        """Start a party again that was to stay away, unless it runs."""
        if party.process is None or party.process.poll() is not None:
            self.spawn(party)

    def kill(self, party: Party, *, whole_tree: bool) -> None:
        """SIGKILL the process, or at once everything that it started too, as when its host dies."""
        for process in party.family() if whole_tree else [psutil.Process(party.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def freeze(self, party: Party) -> list[psutil.Process]:
        """SIGSTOP the party with all that it started; give what was frozen."""
        family = party.family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        return family

    def thaw(self, family: list[psutil.Process]) -> None:
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def stop(self) -> None:
        """End the supervisor and every party."""
        self._stop.set()
        if self._supervisor.is_alive():
            self._supervisor.join(30)
        self.end_parties()

    def end_parties(self) -> None:
        """End every party in the order of an installation; what survived is told in `survivors`, and killed."""
        running = [party for party in self.parties.values() if party.process is not None]
        for party in running:
            party.is_wanted = False
        for kinds in (("web",), ("worker",), ("relay", "scheduler")):
            _end([party.process for party in running if party.kind in kinds and party.process is not None])
        # a heart sees the end of its parent at its next beat, and then ends the worker's session
        _, left = psutil.wait_procs(self.members(), timeout=HEART_ENDS_SECONDS)
        self.survivors += [f"{one.pid} {' '.join(one.cmdline())[:120]}" for one in left]
        for one in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        for party in running:
            if party.process is not None:
                party.process.wait(10)

    def kill_parties(self) -> None:
        """SIGKILL every party with all that it started; nothing is asked of them any more."""
        for party in self.parties.values():
            party.is_wanted = False
        for one in self.members():
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.end_parties()

    def begin_anew(self, *, off: str) -> None:
        """Kill all parties and forget what they did; those that are started next have this part taken out."""
        self.kill_parties()
        self.query(
            "TRUNCATE tasks_run, tasks_event, tasks_workersession, tasks_outboxmessage RESTART IDENTITY CASCADE"
        )
        client = self.redis()
        client.flushall()
        client.close()
        self.ledger.write_text("")
        self.survivors = []
        for party in self.parties.values():
            party.environment["CHAOS_OFF"] = off

    def members(self) -> list[psutil.Process]:
        """Give every live process that carries our token."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                environment = Path(f"/proc/{process.pid}/environ").read_bytes()
                if self.token.encode() in environment and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    @contextlib.contextmanager
    def database(self) -> Iterator[psycopg2.extensions.connection]:
        """Open a connection of the harness's own, past the proxies, outside of transactions."""
        connection = psycopg2.connect(self.database_url, connect_timeout=5, application_name="chaos")
        connection.autocommit = True
        try:
            yield connection
        finally:
            connection.close()

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask PostgreSQL, past the proxies."""
        with self.database() as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall()) if cursor.description else []

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url, socket_timeout=5, socket_connect_timeout=5)

    def wipe_redis(self) -> None:
        """Delete what Redis keeps on disk. It must not run."""
        data = servers.data_home(self.state) / "redis"
        for path in data.iterdir():
            if path.name.startswith("appendonly"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            elif path.suffix == ".rdb":
                path.unlink()

    def arm(self, failpoint: str, parties: Iterable[str] | None = None) -> None:
        """Arm failpoints in these parties, or all; "" disarms."""
        for name in self.parties if parties is None else parties:
            fresh = self.folder / f"{name}.failpoints.new"
            fresh.write_text(failpoint)
            fresh.replace(fresh.with_suffix(""))

    def fired(self) -> list[tuple[int, float]]:
        """Give (pid, when) of the processes that failpoints have killed so far, the first first."""
        files = self.folder.glob("*.failpoints.fired")
        lines = [line.split() for file in files for line in file.read_text().splitlines()]
        return sorted(((int(pid), float(at)) for _, pid, at in lines), key=lambda one: one[1])

    def _supervise(self) -> None:
        while not self._stop.wait(0.1):
            now = time.monotonic()
            for party in self.parties.values():
                if party.process is None or not party.is_wanted or party.process.poll() is None:
                    continue
                if party.ended_at is None:
                    party.ended_at = now
                elif now - party.ended_at > RESTART_SECONDS:
                    self.spawn(party)

    def _environment(self, found: servers.Servers) -> dict[str, str]:
        return services.environment(found, roots=()) | {
            **self.timing.environment(),
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "CHAOS_TOKEN": self.token,
            "CHAOS_OFF": self.off,
            "WRENCH_ARTIFACTS_DIR": str(self.artifacts),
            "PYTHONPATH": os.pathsep.join([str(services.ROOT), str(PLUGINS)]),
            "LOG_LEVEL": "INFO",
        }

    def _describe(self, environment: dict[str, str]) -> None:
        for number in (1, 2):
            port = processes.free_port()
            argv = [
                *(
                    sys.executable,
                    "-m",
                    "uvicorn",
                    "wrenchai_project.asgi:application",
                    "--host",
                    "127.0.0.1",
                ),
                *("--port", str(port), "--no-access-log", "--log-level", "warning"),
                *("--timeout-graceful-shutdown", "3"),
            ]
            self._add(f"web-{number}", "web", argv, environment, port=port)
            for kind in ("relay", "scheduler"):
                self._add(f"{kind}-{number}", kind, services.manage(kind), environment)
        for name, queues in WORKERS.items():
            argv = [
                *services.CELERY,
                *("worker", "-Q", ",".join(queues), "-c", str(SLOTS), "-n", f"{name}@chaos", "-E"),
                *("--without-gossip", "--without-mingle", "-l", "INFO"),
            ]
            self._add(name, "worker", argv, environment)

    def _add(
        self, name: str, kind: str, argv: list[str], environment: dict[str, str], *, port: int = 0
    ) -> None:
        database = self.proxies.link(urlsplit(self.database_url).port or 0)
        broker = self.proxies.link(urlsplit(self.redis_url).port or 0)
        own = environment | {
            "DATABASE_URL": _through(self.database_url, database.port),
            "REDIS_URL": _through(self.redis_url, broker.port),
            "WRENCH_FAILPOINTS": f"@{self.folder / name}.failpoints",
        }
        if name in CLOCKED:
            own |= self.machine.clock(self.folder / f"{name}.clock")
        self.parties[name] = Party(
            name=name,
            kind=kind,
            argv=argv,
            environment=own,
            database=database,
            broker=broker,
            log=self.folder / f"{name}.log",
            port=port,
        )

    def _remove_data(self) -> None:
        home = servers.data_home(self.state)
        shutil.rmtree(home, ignore_errors=True)


def _end(ending: list[subprocess.Popen[bytes]]) -> None:
    """SIGTERM these processes and give them as long as an installation does."""
    for process in ending:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    for process in ending:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, end - time.monotonic()))


def _through(url: str, port: int) -> str:
    parts = urlsplit(url)
    place = f"{parts.netloc.rpartition(':')[0]}:{port}"
    return urlunsplit(parts._replace(netloc=place))
