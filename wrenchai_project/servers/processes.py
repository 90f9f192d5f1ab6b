"""Server processes: started in a session of their own, known again by pid file and working directory.

A server is ours when the process named by its pid file works in its data directory: a fact of the kernel
that survives our own death, a reused pid and a changed clock. Ctrl-C in the terminal does not reach it.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from .account import Account
from .errors import ServerFailed

POLL_SECONDS = 0.02
_started: set[int] = set()  # our own children, to be reaped by us


def spawn(argv: Sequence[str], *, account: Account, cwd: Path, log: Path) -> int:
    """Start a server detached from our terminal, its output appended to `log`. Returns its pid."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **account.popen(),
            )
        except OSError as error:
            raise ServerFailed(f"cannot start {argv[0]}: {error.strerror or error}") from None
    process.returncode = 0  # Popen lets go of it: a server may outlive us, which is no reason to warn
    _started.add(process.pid)
    return process.pid


def environment() -> dict[str, str]:
    """Return the environment of a server: nothing of the user's but the search path."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def is_alive(pid: int) -> bool:
    """Tell whether the process runs (a zombie does not). Reaps our own children."""
    if pid in _started and os.waitpid(pid, os.WNOHANG)[0] == pid:
        _started.discard(pid)
        return False
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def working_in(directory: Path, names: Sequence[str]) -> list[int]:
    """Return the pids of live processes with one of these names whose working directory it is."""
    found = []
    for process in psutil.process_iter(["name"]):
        if process.info["name"] in names and _works_in(process.pid, directory):
            found.append(process.pid)
    return found


def serving(pid_file: Path, directory: Path) -> int | None:
    """Return the pid of the live server that the pid file names, or None if it is gone or another's."""
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if is_alive(pid) and _works_in(pid, directory) else None


def end(pids: Sequence[int], first: signal.Signals, *, seconds: float) -> None:
    """End these processes: by `first`, and what is left after `seconds` by SIGKILL. Returns when gone."""
    for send, patience in ((first, seconds), (signal.SIGKILL, 10.0)):
        for pid in (pid for pid in pids if is_alive(pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, send)
        if wait_until(lambda: not any(is_alive(pid) for pid in pids), seconds=patience):
            return
    raise ServerFailed(f"processes {list(pids)} do not end, not even by SIGKILL: the disk may be hanging")


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Return True as soon as the condition holds, False if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def free_port(wanted: int | None = None) -> int:
    """Return `wanted` if nobody listens on it at 127.0.0.1, else a port that the kernel says is free."""
    for port in (wanted, 0) if wanted else (0,):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers themselves do
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise ServerFailed("no free port on 127.0.0.1")


def tail(log: Path, lines: int = 8) -> str:
    """Return the last lines of a log, for an error's text."""
    try:
        content = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join("  " + line for line in content.strip().splitlines()[-lines:])


def _works_in(pid: int, directory: Path) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return Path(psutil.Process(pid).cwd()) == directory
    return False
