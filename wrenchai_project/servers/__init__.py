"""PostgreSQL and Redis for a laptop: started, shared, stopped; or the ones that the user gave by URL.

Owns the embedded servers below a state directory (`.wrench/`) and knows no Django. What is where:

    secrets.json                 what the installation generates for itself (keys.py; 0600)
    servers.json, servers.lock   ports, passwords, owners (state.py; 0600)
    data/ or /var/tmp/wrenchai-* the data (account.py says which and why)
    logs/postgres.log, redis.log

    ensure() ──> owner registered ──> started or reused ──> answers
    release() ─> owner gone ──> was it the last one? ──> both stopped

Each process that needs the servers is an owner. The last one out stops them; an owner that was killed no
longer counts, because owners are compared with the live processes (pid and start). Invariant: at most one
PostgreSQL and one Redis per state directory, whoever starts them at once.
"""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from . import account, external, keys, postgres, redis, state
from .errors import ServerFailed, ServerMissing, ServersError, ServerUnreachable, StateForbidden
from .keys import Secrets

__all__ = [
    "Secrets",
    "ServerFailed",
    "ServerMissing",
    "ServerUnreachable",
    "Servers",
    "ServersError",
    "StateForbidden",
    "Status",
    "data_home",
    "ensure",
    "make_secrets",
    "master_key_from_state",
    "release",
    "secret_from_state",
    "start_postgres",
    "start_redis",
    "status",
    "stop",
    "stop_postgres",
    "stop_redis",
    "urls_from_state",
]

START_TOLERANCE = 2.0  # seconds: a start time is computed from the boot time, which clock changes move


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Two servers that answered a moment ago."""

    state_dir: Path
    database_url: str
    redis_url: str
    embedded: tuple[str, ...]
    """Which of "postgres" and "redis" are ours; the others came by URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What runs now. A pid is None when the embedded server does not run."""

    postgres_pid: int | None
    redis_pid: int | None
    owners: tuple[int, ...]


def ensure(
    state_dir: Path,
    *,
    environ: Mapping[str, str] | None = None,
    durable: bool = True,
    owner: int | None = None,
) -> Servers:
    """Make both servers answer and register `owner` (a pid; this process by default).

    DATABASE_URL and REDIS_URL of `environ` win over the embedded servers (an empty mapping means: embedded).
    What runs and answers is reused. Undo it with `release`. Raises ServersError, see errors.py.
    """
    given = os.environ if environ is None else environ
    database_url, redis_url = given.get("DATABASE_URL", ""), given.get("REDIS_URL", "")
    if database_url:
        external.check_postgres(database_url)
    if redis_url:
        external.check_redis(redis_url)
    embedded = tuple(name for name, url in (("postgres", database_url), ("redis", redis_url)) if not url)
    if embedded:
        with state.locked(state_dir):
            _register(state_dir, owner or os.getpid())
            try:
                redis_url = redis_url or redis.start(state_dir, durable=durable)
                database_url = database_url or postgres.start(state_dir, durable=durable)
            except BaseException:  # Ctrl-C as well: half a pair is of no use
                _deregister(state_dir, owner or os.getpid())
                raise
    return Servers(state_dir=state_dir, database_url=database_url, redis_url=redis_url, embedded=embedded)


def release(state_dir: Path, *, owner: int | None = None) -> bool:
    """Give the servers up; the last owner stops them. Returns whether they were stopped."""
    if not (state_dir / state.SERVERS_FILE).exists():
        return False
    with state.locked(state_dir):
        return _deregister(state_dir, owner or os.getpid())


def stop(state_dir: Path) -> list[str]:
    """Stop the embedded servers, whoever owns them; return the names of those that ran."""
    if not state_dir.is_dir():
        return []
    with state.locked(state_dir):
        stopped = _stop_both(state_dir)
        record = state.load(state_dir)
        if record.owners:
            record.owners = []
            state.save(state_dir, record)
    return stopped


def status(state_dir: Path) -> Status:
    """Return which embedded servers run and who uses them. Takes no lock, starts nothing."""
    record = state.load(state_dir)
    return Status(
        postgres_pid=postgres.running(state_dir),
        redis_pid=redis.running(state_dir),
        owners=tuple(one["pid"] for one in record.owners if _lives(one)),
    )


def urls_from_state(state_dir: Path) -> tuple[str | None, str | None]:
    """Return (database URL, Redis URL) of the embedded servers; None for one that does not run.

    Cheap: a small file and two process look-ups, no subprocess, no connection. Never fails: another
    user's state counts as none.
    """
    try:
        record = state.load(state_dir)
    except StateForbidden:
        return None, None
    return (
        postgres.url(record.postgres) if record.postgres and postgres.running(state_dir) else None,
        redis.url(record.redis) if record.redis and redis.running(state_dir) else None,
    )


def data_home(state_dir: Path) -> Path:
    """Return the directory that holds the servers' data (it may lie outside the state directory)."""
    return account.data_home(state_dir)


def start_postgres(state_dir: Path, *, durable: bool = True) -> str:
    """Start the embedded PostgreSQL, on its last port if that is free; return its URL."""
    with state.locked(state_dir):
        return postgres.start(state_dir, durable=durable)


def stop_postgres(state_dir: Path, *, how: signal.Signals = signal.SIGINT) -> bool:
    """Stop PostgreSQL; `how=signal.SIGKILL` kills the postmaster, as a crash would. Returns if it ran."""
    with state.locked(state_dir):
        return postgres.stop(state_dir, how=how)


def start_redis(state_dir: Path, *, durable: bool = True) -> str:
    """Start the embedded Redis, on its last port if that is free; return its URL."""
    with state.locked(state_dir):
        return redis.start(state_dir, durable=durable)


def stop_redis(state_dir: Path, *, how: signal.Signals = signal.SIGTERM) -> bool:
    """Stop Redis; `how=signal.SIGKILL` kills it, as a crash would. Returns if it ran."""
    with state.locked(state_dir):
        return redis.stop(state_dir, how=how)


def make_secrets(state_dir: Path) -> Secrets:
    """Return the installation's own secrets; generate those that are missing."""
    return keys.make(state_dir)


def master_key_from_state(state_dir: Path) -> str | None:
    """Return the generated master key, or None before the first start."""
    return keys.master_key(state_dir)


def secret_from_state(state_dir: Path) -> str | None:
    """Return the generated SECRET_KEY, or None before the first start."""
    return keys.secret_key(state_dir)


def _stop_both(state_dir: Path) -> list[str]:
    stopped = ["redis"] if redis.stop(state_dir) else []
    return stopped + (["postgres"] if postgres.stop(state_dir) else [])


def _register(state_dir: Path, pid: int) -> None:
    record = state.load(state_dir)
    record.owners = [one for one in record.owners if one["pid"] != pid and _lives(one)]
    record.owners.append({"pid": pid, "created": psutil.Process(pid).create_time()})
    state.save(state_dir, record)


def _deregister(state_dir: Path, pid: int) -> bool:
    """Remove one owner and the dead ones; with none left, stop the servers. Returns if they were stopped."""
    record = state.load(state_dir)
    record.owners = [one for one in record.owners if one["pid"] != pid and _lives(one)]
    state.save(state_dir, record)
    return not record.owners and bool(_stop_both(state_dir))


def _lives(owner: state.Owner) -> bool:
    try:
        started = psutil.Process(owner["pid"]).create_time()
    except psutil.Error:
        return False
    return abs(started - owner["created"]) < START_TOLERANCE
