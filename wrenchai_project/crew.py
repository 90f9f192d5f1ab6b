"""The crew: servers, web, workers, relay and scheduler brought up together for one command.

There is one crew per state directory, held by a lock: the workers of two would take each other's steps
without being allowed to read each other's directories. A `run` beside a `serve` is a client of its crew.
"""

import contextlib
import fcntl
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wrenchai_project import servers, services
from wrenchai_project.servers import processes
from wrenchai_project.servers.errors import StateForbidden
from wrenchai_project.supervisor import Supervisor, SupervisorError, alive, bury

READY_SECONDS = 60.0
LOCK_FILE = "crew.lock"


class CrewError(SupervisorError):
    """The crew cannot be brought up; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What `manage.py bootstrap` hands out for entering the local installation."""

    admin: str
    password: str | None = field(repr=False)
    """Only when the account was made just now; it is kept nowhere in clear."""
    token: str = field(repr=False)
    project: str
    link: str | None = field(default=None, repr=False)
    """Path of a page that signs in once; only if it was wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """A crew that is up."""

    supervisor: Supervisor
    servers: servers.Servers
    environ: Mapping[str, str]
    entry: Entry
    url: str


def serving(state_dir: Path) -> dict[str, str] | None:
    """Return the facts (url, roots, pid) of a `serve` that is up, or None."""
    for one in alive(state_dir):
        if one["role"] == "serve" and "url" in one["facts"]:
            return {**one["facts"], "pid": str(one["pid"])}
    return None


@contextlib.contextmanager
def only_one(state_dir: Path, *, role: str, say: Callable[[str], None]) -> Iterator[dict[str, str] | None]:
    """Hold the crew's lock; yields None. Beside a `serve`, a run gets its facts instead, and no lock.

    Waits for another run to end. Raises CrewError for a second `serve`.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    try:
        file = (state_dir / LOCK_FILE).open("a")
    except OSError as error:
        raise StateForbidden(
            f"cannot write in {state_dir}: {error.strerror}; WRENCH_STATE_DIR can name another"
        ) from None
    with file:
        told = False
        while not _locks(file.fileno()):
            if (facts := serving(state_dir)) is not None:
                if role == "serve":
                    raise CrewError(f"it is up already at {facts['url']}: ./wrench stop ends it")
                yield facts
                return
            if not told:
                say("another ./wrench works in this checkout; waiting for it (Ctrl-C gives up) ...")
                told = True
            time.sleep(0.2)
        bury(state_dir)
        yield None


@contextlib.contextmanager
def up(
    state_dir: Path,
    *,
    role: str,
    port: int | None = None,
    roots: Sequence[Path] = (),
    flower: str = "",
    say: Callable[[str], None],
) -> Iterator[Crew]:
    """Bring the crew up, the web at `port` (any free one without); on leaving, end all that was started.

    `flower`: the address of Flower for the web, with its password, if there will be one.

    The web is ready when this yields; the workers may still be starting: steps wait for them.
    """
    port = port or processes.free_port()
    url = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        stack.callback(servers.release, state_dir)
        say("starting PostgreSQL and Redis")
        found = servers.ensure(state_dir)
        environ = services.environment(found, roots=roots, base_url=url)
        say("preparing the database")
        entry = bootstrap(environ, for_people=role == "serve")
        supervisor = stack.enter_context(
            Supervisor(state_dir, role=role, environ=environ, cwd=services.ROOT, say=say)
        )
        say("starting web and workers")
        for spec in (services.web(port, flower=flower), *services.engine(), *services.workers()):
            supervisor.start(spec)
        supervisor.wait_ready(["web"], seconds=READY_SECONDS)
        yield Crew(supervisor=supervisor, servers=found, environ=environ, entry=entry, url=url)


def bootstrap(environ: Mapping[str, str], *, for_people: bool = False) -> Entry:
    """Migrate the database, make the first account when there is none, and return the way in.

    For people there is a link that signs in once; a password, if there is none yet; and a first run to look at.
    """
    done = subprocess.run(
        services.manage("bootstrap", "--json", *(["--password", "--link"] if for_people else [])),
        cwd=services.ROOT,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # Ctrl-C is ours to handle: a migration is not cut in the middle
    )
    try:
        told = json.loads(done.stdout.strip().splitlines()[-1]) if done.returncode == 0 else {}
        return Entry(
            admin=told["admin"],
            password=told.get("password"),
            token=told["token"],
            project=told.get("project", "default"),
            link=told.get("link"),
        )
    except (ValueError, IndexError, KeyError):
        said = "\n".join("  " + line for line in (done.stderr or done.stdout).strip().splitlines()[-15:])
        raise CrewError(
            f"the database could not be prepared (exit code {done.returncode}):\n{said}"
        ) from None


def renewed_token(environ: Mapping[str, str]) -> str:
    """Return a fresh access token: they live for minutes, a run may take longer."""
    return bootstrap(environ).token


def client_environment(state_dir: Path) -> dict[str, str]:
    """Return the environment for `bootstrap` beside a `serve` of this state directory."""
    database_url, redis_url = servers.urls_from_state(state_dir)
    found = servers.Servers(
        state_dir=state_dir,
        database_url=os.environ.get("DATABASE_URL") or database_url or "",
        redis_url=os.environ.get("REDIS_URL") or redis_url or "",
        embedded=(),
    )
    return services.environment(found, roots=())


def _locks(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
