"""The questions that `./wrench doctor` asks, one function each; every answer names the command that mends it."""

import hashlib
import importlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wrenchai_project import env, servers, services, supervisor
from wrenchai_project.servers import external, postgres, processes, redis

MIB = 1024 * 1024
FULL_MIB, TIGHT_MIB = 500, 3000  # the environment is 300 MB, the database and workspaces grow
Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One line of the check-up."""

    level: Level
    topic: str
    text: str


def all_answers(state_dir: Path, environ: Mapping[str, str]) -> list[Answer]:
    """Ask everything."""
    return [
        python(),
        requirements(),
        settings(),
        database(state_dir, environ.get("DATABASE_URL", "")),
        broker(state_dir, environ.get("REDIS_URL", "")),
        writable(state_dir),
        space(state_dir),
        web_port(state_dir),
        git(),
        sample(),
        running(state_dir),
    ]


def python() -> Answer:
    """Which Python works here?"""
    version = ".".join(map(str, sys.version_info[:3]))
    advice = (
        ""
        if sys.version_info < (3, 13)
        else ": no Redis wheel for it, 3.12 has one (or install redis-server)"
    )
    return Answer(level="ok", topic="Python", text=f"{version} ({sys.executable}){advice}")


def requirements() -> Answer:
    """Is what is installed what is locked?"""
    locked = hashlib.sha256((services.ROOT / "requirements.txt").read_bytes()).hexdigest()
    stamp = Path(sys.prefix) / ".wrench-stamp.json"
    try:
        installed = json.loads(stamp.read_text())["requirements"]
    except (OSError, ValueError, KeyError):
        return Answer(
            level="warn",
            topic="Packages",
            text=f"{sys.prefix} was not made by ./wrench; start ./wrench to install what is locked",
        )
    if installed == locked:
        return Answer(level="ok", topic="Packages", text="as locked in requirements.txt")
    return Answer(
        level="warn",
        topic="Packages",
        text="older than requirements.txt: any ./wrench brings them up to date",
    )


def settings() -> Answer:
    """Can every variable that is set be used?"""
    importlib.import_module("wrenchai_project.settings")  # reading them finds the faults
    told = "; ".join(f"{fault.name}: {fault.message}; {fault.hint}" for fault in env.faults(launching=True))
    return Answer(level="fail" if told else "ok", topic="Settings", text=told or "each can be used")


def database(state_dir: Path, url: str) -> Answer:
    """Which PostgreSQL would be used, and does it answer?"""

    def embedded() -> str:
        if not (found := postgres.find()):
            raise servers.ServerMissing(
                "no embedded PostgreSQL for this platform: set DATABASE_URL to one of yours"
            )
        data = servers.data_home(state_dir) / "postgres"
        return f"embedded PostgreSQL {postgres.major(found[0])}, data in {data}, {_runs(postgres, state_dir)}"

    return _server(
        "PostgreSQL", embedded, lambda: external.check_postgres(url), given=bool(url), name="DATABASE_URL"
    )


def broker(state_dir: Path, url: str) -> Answer:
    """Which Redis would be used, and does it answer?"""

    def embedded() -> str:
        return f"{redis.find()}, {_runs(redis, state_dir)}"

    return _server("Redis", embedded, lambda: external.check_redis(url), given=bool(url), name="REDIS_URL")


def writable(state_dir: Path) -> Answer:
    """May we write where the state lies?"""
    existing = next(path for path in (state_dir, *state_dir.parents) if path.exists())
    if os.access(existing, os.W_OK | os.X_OK):
        return Answer(level="ok", topic="State", text=str(state_dir))
    return Answer(
        level="fail",
        topic="State",
        text=f"{existing} is not writable: give yourself the right to, or set WRENCH_STATE_DIR to your own directory",
    )


def space(state_dir: Path) -> Answer:
    """Is there room on the disk?"""
    existing = next(path for path in (state_dir, *state_dir.parents) if path.exists())
    free = shutil.disk_usage(existing).free // MIB
    level: Level = "ok" if free >= TIGHT_MIB else "warn" if free >= FULL_MIB else "fail"
    advice = "" if level == "ok" else ": make room, ./wrench reset deletes what WrenchAI keeps"
    return Answer(level=level, topic="Disk", text=f"{free:,} MiB free{advice}")


def web_port(state_dir: Path) -> Answer:
    """Is the usual port free?"""
    if processes.free_port(8000) == 8000 or _serving(state_dir):
        return Answer(level="ok", topic="Port", text="8000 is free or ours")
    return Answer(
        level="warn", topic="Port", text="8000 is in use: ./wrench serve takes the next free one, or --port N"
    )


def git() -> Answer:
    """Is there a git, for repositories given by URL?"""
    if path := shutil.which("git"):
        return Answer(level="ok", topic="git", text=path)
    text = "not found; needed only for repositories given by URL: install it (Debian: apt install git)"
    return Answer(level="warn", topic="git", text=text)


def sample() -> Answer:
    """Is the bundled sample there?"""
    if services.SAMPLE.is_dir():
        return Answer(level="ok", topic="Sample", text=str(services.SAMPLE))
    text = f"{services.SAMPLE} is missing: ./wrench run needs a path; git checkout samples brings it back"
    return Answer(level="warn", topic="Sample", text=text)


def running(state_dir: Path) -> Answer:
    """What runs now, and what did a killed start leave behind?"""
    alive = supervisor.alive(state_dir)
    told = [
        f"{one['role']} (process {one['pid']}{', ' + url if (url := one['facts'].get('url')) else ''})"
        for one in alive
    ]
    dead = len(supervisor.recorded(state_dir)) - len(alive)
    if dead:
        text = f"{dead} that was killed may have left processes behind: ./wrench stop ends them"
        return Answer(level="warn", topic="Running", text=text)
    if not alive and any(servers.urls_from_state(state_dir)) and not servers.status(state_dir).owners:
        text = "servers that nobody uses any more: ./wrench stop ends them"
        return Answer(level="warn", topic="Running", text=text)
    return Answer(level="ok", topic="Running", text=", ".join(told) or "nothing")


def _server(
    topic: str, embedded: Callable[[], str], check: Callable[[], None], *, given: bool, name: str
) -> Answer:
    try:
        if given:
            check()
        text = f"answers (given by {name})" if given else embedded()
    except servers.ServersError as error:
        return Answer(level="fail", topic=topic, text=str(error))
    return Answer(level="ok", topic=topic, text=text)


def _runs(server: object, state_dir: Path) -> str:
    pid = postgres.running(state_dir) if server is postgres else redis.running(state_dir)
    return f"runs (process {pid})" if pid else "not running now"


def _serving(state_dir: Path) -> bool:
    return any(one["role"] == "serve" for one in supervisor.alive(state_dir))
