"""The ground that all contenders stand on: one PostgreSQL with fsync, one Redis, databases of their own.

Everything lies below `.wrench/bench/` of the checkout (WRENCH_BENCH_STATE_DIR names another place), so neither the
product's lock nor a running installation is touched. The servers are started as `./wrench` starts them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg2

from wrenchai_project import servers
from wrenchai_project.servers import postgres

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "benchmarks"
STATE = Path(os.environ.get("WRENCH_BENCH_STATE_DIR") or ROOT / ".wrench" / "bench").absolute()
TEMPLATE = "bench_template"  # the product's schema, migrated once
SMALLEST_FREE = (
    8 * 1024**3
)  # bytes: 10 million events take about 3 GB, and as much again while they are loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Servers that answer, and where contenders write."""

    database_url: str
    redis_url: str
    peers: Path | None  # the Python of the peers' environment

    def url(self, database: str) -> str:
        """Give the URL of another database of the same server."""
        return f"{self.database_url.rsplit('/', 1)[0]}/{database}"

    def environment(self, database: str, **more: str) -> dict[str, str]:
        """Give the environment of a process of the product that works on this database."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("WRENCH_")},
            "DATABASE_URL": self.url(database),
            "REDIS_URL": self.redis_url,
            "WRENCH_STATE_DIR": str(STATE),
            "SECRET_KEY": hashlib.sha256(str(STATE).encode()).hexdigest(),
            "DJANGO_SETTINGS_MODULE": "wrenchai_project.settings",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE / "plugins")]),
            "PYTHONUNBUFFERED": "1",
            "BENCH_MARKS": str(STATE / "marks"),
            "BENCH_RINGS": str(STATE / "rings"),
            "BENCH_DATABASE": self.url(database),
            "BENCH_BROKER": self.redis_url.rsplit("/", 1)[0] + "/1",
            **more,
        }

    def make(self, database: str, *, template: str = "template0") -> None:
        """Make a database anew."""
        with self._admin() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')

    def drop(self, database: str) -> None:
        """Delete a database."""
        with self._admin() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def settings(self) -> dict[str, str]:
        """Give the settings of PostgreSQL that decide about speed and safety."""
        names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
        with self._admin() as cursor:
            found = {}
            for name in names:
                cursor.execute(f"SHOW {name}")
                found[name] = str(cursor.fetchone()[0])
        return found

    def server_processes(self) -> list[psutil.Process]:
        """Give the two servers, with all their processes."""
        status = servers.status(STATE)
        found = []
        for pid in (status.postgres_pid, status.redis_pid):
            if pid is not None:
                found += [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return found

    @contextlib.contextmanager
    def _admin(self) -> Iterator[psycopg2.extensions.cursor]:
        connection = psycopg2.connect(self.url("postgres"))
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            yield cursor


@contextlib.contextmanager
def prepared(*, with_peers: bool) -> Iterator[Ground]:
    """Start the servers, migrate the template, make the peers' environment; end the servers at the end."""
    STATE.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(STATE).free < SMALLEST_FREE:
        raise SystemExit(f"{STATE} has less than {SMALLEST_FREE // 1024**3} GiB free: name another place")
    found = servers.ensure(STATE, environ={}, durable=True)
    try:
        ground = Ground(
            database_url=found.database_url,
            redis_url=found.redis_url,
            peers=_peers() if with_peers else None,
        )
        ground.make(TEMPLATE)
        migrate = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
        run(migrate, ground.environment(TEMPLATE))
        yield ground
    finally:
        servers.release(STATE)


def run(argv: list[str], environment: Mapping[str, str], *, seconds: float = 900) -> str:
    """Run a program to its end and give what it printed. Raises SystemExit with what it said when it fails."""
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def pgbench() -> str:
    """Give the path of pgbench, which the embedded PostgreSQL brings."""
    return str(next(path / "pgbench" for path in postgres.find() if (path / "pgbench").exists()))


def machine() -> dict[str, str]:
    """Describe the machine, without its name."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 1024**3:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}",
        "load average at the start": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "busiest other processes": _others() or "none above 5 % of a core",
    }


def _others() -> str:
    """Name what else uses the processors now: it disturbs what is measured."""
    ours = {process.pid for process in (psutil.Process(), *psutil.Process().parents())}
    watched = [process for process in psutil.process_iter() if process.pid not in ours]
    for process in watched:
        with contextlib.suppress(psutil.Error):
            process.cpu_percent()
    psutil.cpu_percent(interval=1.0)
    busy = []
    for process in watched:
        with contextlib.suppress(psutil.Error):
            percent = process.cpu_percent()
            if percent >= 5:
                busy.append((percent, process.name()))
    return ", ".join(f"{name} {percent:.0f} %" for percent, name in sorted(busy, reverse=True)[:6])


def _peers() -> Path:
    """Make the peers' environment unless it fits its requirements, and give its Python."""
    requirements = HERE / "requirements.txt"
    place, stamp = STATE / "venv", STATE / "venv" / "requirements.sha256"
    python = place / "bin" / "python"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        print("making the environment of the peers", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(place)], os.environ)
        run([str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)], os.environ)
        stamp.write_text(wanted)
    return python
