"""Run a foreign command so that it can neither outlive, outgrow nor outtalk the worker that wants it.

Owns: start, limits, watch and end of one command. Knows nothing of what the command means.
Invariant: when `run` returns or raises, no process of the command is left; when the worker is killed,
the kernel tells the warden, which kills the command's whole group.

    worker child ── run() ──> warden (own process group) ──> command ──> its children
                       kill: SIGTERM to the group, GRACE_SECONDS, then SIGUSR2 to the warden, then SIGKILL

The command gets an argument list (no shell), a clean environment without any secret, no standard input, no
network where the kernel allows that, a cap on address space and on every file that it writes. Its output goes
to two files, never to memory. It stays in the worker's session, in a process group of its own.

`run` waits; `start` does not, for those who watch several at once. Call either from the thread that lives as long as
the work: the kernel's death signal follows the thread.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import struct_rusage
from tempfile import mkdtemp

from agents import warden
from tasks.contract import StepCancelled

GRACE_SECONDS = 2.0  # between SIGTERM and SIGKILL
POLL_SECONDS = 0.02  # while a command is being ended
LOOK_SECONDS = 0.1  # between two looks at the time; a command's end is seen at once
CANCEL_POLL_SECONDS = 0.5  # cancelled() may ask a database
STDERR_TAIL_BYTES = 4096
NETWORK_OPEN = "the kernel did not allow to cut the network off"
_LAST_STEPS = 0.0005  # seconds between the closing of a dying process's pipes and its end
_HERE = str(Path(__file__).parent)
_OUT_OF_MEMORY = ("MemoryError", "memory allocation of", "Cannot allocate memory", "out of memory")


class ProcessWillNotDie(Exception):
    """A process hangs in the kernel (a dead network disk, for example); nothing in user space can end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What each process of a command may use. `network=True` leaves it the worker's network."""

    memory_bytes: int = 2 << 30  # address space, so a little more than what it really touches
    file_bytes: int = 256 << 20  # of every file it writes, its output included
    network: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended. `exit_code` is negative for a signal, None when it could not be started."""

    command: tuple[str, ...]
    exit_code: int | None
    timed_out: bool
    killed_by_memory: bool
    output_truncated: bool
    stdout: Path
    stderr_tail: str
    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    notes: tuple[str, ...]

    def trouble(self, good_codes: frozenset[int] = frozenset({0})) -> str:
        """Say in words why the run is no good, or return an empty string. `good_codes` are the tool's own."""
        if self.exit_code is None:
            return f"could not be started: {self.stderr_tail}"
        if self.timed_out:
            return f"did not finish within {self.seconds:.0f} s"
        if self.killed_by_memory:
            return "ran out of the memory it may use"
        if self.output_truncated:
            return "wrote more output than it may"
        if self.exit_code in good_codes:
            return ""
        how = f"signal {-self.exit_code}" if self.exit_code < 0 else f"exit code {self.exit_code}"
        return f"ended with {how}: {self.stderr_tail.strip()[-600:] or 'it said nothing'}"


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    scratch: Path,
    timeout_seconds: float,
    limits: Limits = Limits(),
    environment: Mapping[str, str] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Run the command and wait for its end; `scratch` holds its output and is its home.

    Raises StepCancelled when `cancelled()` says so. Any exception, also one raised by a signal handler
    such as a soft time limit, ends the command first.
    """
    running = start(
        command,
        cwd=cwd,
        scratch=scratch,
        timeout_seconds=timeout_seconds,
        limits=limits,
        environment=environment,
    )
    ask_again = 0.0
    try:
        while (outcome := running.poll()) is None:
            now = time.monotonic()
            if now >= ask_again:
                ask_again = now + CANCEL_POLL_SECONDS
                if cancelled():
                    raise StepCancelled("nobody wants the result any more")
            wait([running], LOOK_SECONDS)
        return outcome
    finally:
        running.end()


def start(
    command: Sequence[str],
    *,
    cwd: Path,
    scratch: Path,
    timeout_seconds: float,
    limits: Limits = Limits(),
    environment: Mapping[str, str] | None = None,
) -> Running:
    """Start the command and come back at once. The caller polls it, and calls `end` whatever happens."""
    folder = Path(mkdtemp(prefix="run-", dir=scratch))
    read_end, write_end = os.pipe()
    orders = (os.getpid(), write_end, limits.memory_bytes, limits.file_bytes, int(limits.network))
    python = command[0] if warden.is_ours(list(command)) else sys.executable
    started = time.monotonic()
    try:
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            process = subprocess.Popen(
                [python, "-I", "-S", "-c", warden.START, _HERE, *map(str, orders), "--", *command],
                cwd=cwd,
                env=_environment(folder, environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                process_group=0,
                pass_fds=(write_end,),
            )
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    return Running(
        command=tuple(command),
        process=process,
        folder=folder,
        report_fd=read_end,
        started=started,
        deadline=started + timeout_seconds,
        limits=limits,
    )


def wait(running: Sequence[Running], seconds: float) -> None:
    """Wait until one of them may have ended, but no longer than this: the report's pipe closes with its warden."""
    ends = select.poll()
    for one in running:
        if one.outcome is None:
            ends.register(one.report_fd, 0)  # no event but the end of the pipe
    if ends.poll(seconds * 1000):
        time.sleep(_LAST_STEPS)


def _environment(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Name every variable that the command sees: nothing of the worker's own environment passes."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        **extra,
    }


@dataclass(slots=True, kw_only=True)
class Running:
    """A command that was started: its warden, its time, its books."""

    command: tuple[str, ...]
    process: subprocess.Popen[bytes]
    folder: Path
    report_fd: int
    started: float
    deadline: float
    limits: Limits
    outcome: Outcome | None = None

    def poll(self) -> Outcome | None:
        """Tell how the command ended, or None while it runs. One whose time is over is ended here."""
        if self.outcome is not None:
            return self.outcome
        usage = self._reap()
        timed_out = usage is None and time.monotonic() >= self.deadline
        if timed_out:
            usage = self._force()
        if usage is not None:
            self._settle(usage, timed_out=timed_out)
        return self.outcome

    def ask(self) -> None:
        """Ask the whole group to end, without waiting; `end` waits and forces."""
        if self.outcome is None:
            self._signal(signal.SIGTERM)

    def end(self) -> None:
        """End it if it still runs. When this returns, nothing of the command is left. Safe to call twice."""
        if self.outcome is None:
            self._settle(self._force(), timed_out=False)

    def _settle(self, usage: struct_rusage, *, timed_out: bool) -> None:
        with os.fdopen(self.report_fd, "rb") as report:
            lines = report.read().decode("utf-8", "replace").split("\n")
            said = dict(line.split("=", 1) for line in lines if line)
        self.outcome = _outcome(
            self.command,
            folder=self.folder,
            said=said,
            usage=usage,
            timed_out=timed_out,
            seconds=time.monotonic() - self.started,
            limits=self.limits,
        )

    def _force(self) -> struct_rusage:
        """Ask, then force, the whole group to end."""
        for number, patience in (
            (signal.SIGTERM, GRACE_SECONDS),
            (signal.SIGUSR2, 1.0),  # the warden also knows those who left the group
            (signal.SIGKILL, 60.0),
        ):
            self._signal(number)
            until = time.monotonic() + patience
            while time.monotonic() < until:
                if (usage := self._reap()) is not None:
                    return usage
                time.sleep(POLL_SECONDS)
        raise ProcessWillNotDie(f"process {self.process.pid} survives SIGKILL: it hangs in the kernel")

    def _signal(self, number: signal.Signals) -> None:
        if self.process.returncode is not None:
            return
        if number is signal.SIGUSR2:
            os.kill(self.process.pid, number)
        else:
            os.killpg(self.process.pid, number)

    def _reap(self) -> struct_rusage | None:
        """Collect the warden if it has ended; while it is a zombie its group's number cannot be reused."""
        pid = self.process.pid
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        self._signal(signal.SIGKILL)  # whoever is left if the warden itself was killed
        _, status, usage = os.wait4(pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return usage


def _outcome(
    command: tuple[str, ...],
    *,
    folder: Path,
    said: Mapping[str, str],
    usage: struct_rusage,
    timed_out: bool,
    seconds: float,
    limits: Limits,
) -> Outcome:
    stdout, stderr = folder / "stdout", folder / "stderr"
    exit_code = int(said["exit_code"]) if "exit_code" in said else None
    tail = said.get("cannot_start") or _tail(stderr)
    if exit_code is None and "cannot_start" not in said:
        exit_code = -signal.SIGKILL  # the warden was killed before it could tell
    notes = () if limits.network or said.get("network_cut") == "1" else (NETWORK_OPEN,)
    return Outcome(
        command=command,
        exit_code=exit_code,
        timed_out=timed_out,
        killed_by_memory=not timed_out and _looks_out_of_memory(exit_code, tail),
        output_truncated=stdout.stat().st_size >= limits.file_bytes,
        stdout=stdout,
        stderr_tail=tail,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_rss_bytes=int(said.get("peak_rss", 0)) * (1024 if sys.platform.startswith("linux") else 1),
        notes=notes,
    )


def _looks_out_of_memory(exit_code: int | None, stderr: str) -> bool:
    """Guess from the end: the kernel gives no word of its own for a refused allocation."""
    if exit_code in (0, None):
        return False
    return exit_code == -signal.SIGKILL or any(words in stderr for words in _OUT_OF_MEMORY)


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - STDERR_TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
