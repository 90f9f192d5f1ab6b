"""Child processes: started, watched, restarted when they crash, ended in order.

Each child is the leader of a session of its own, so that Ctrl-C reaches only us and a kill reaches its whole
family; on Linux the kernel ends it when we die (PR_SET_PDEATHSIG). What runs is recorded in
`.wrench/processes.json`, so that `./wrench stop` works from another terminal and cleans up after a
supervisor that was killed.

    start(spec) -> wait_ready() -> tend() ... tend() -> stop()
                                    └ a crashed child is started again, later each time

Knows no Django and no PostgreSQL. Invariant: after stop() no process that a child started is left, unless
it outlived SIGKILL.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from wrenchai_project.servers import state

PROCESSES_FILE = "processes.json"
GRACE_SECONDS = 12.0  # a worker waits 8 s for its attempts
POLL_SECONDS = 0.05
FIRST_BACKOFF = 0.5  # seconds before a crashed child is started again; doubles to the last
LAST_BACKOFF = 30.0
SETTLED_SECONDS = 60.0  # a child that ran so long starts with the first backoff again
START_TOLERANCE = 2.0  # seconds: a start time is computed from the boot time, which clock changes move


class SupervisorError(Exception):
    """The base: its text is complete and written for the person at the terminal."""


class ChildFailed(SupervisorError):
    """A child ended, or was not ready in time, while the whole was being started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How one child is started and how it is known to be ready."""

    name: str
    argv: Sequence[str]
    stage: int
    """Children end by stage, the lowest first, those of one stage together."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Laid over the supervisor's environment."""
    ready: Callable[[Path], bool] = lambda log: True
    """Asked again and again with the child's log until it says yes."""


@dataclass(slots=True, kw_only=True)
class _Child:
    spec: ChildSpec
    log: Path
    process: "subprocess.Popen[bytes]"
    started: float
    crashes: int = 0
    restart_at: float | None = None
    is_ready: bool = False


class Supervisor:
    """Holds the children of one `run`, `serve` or `worker`. Use it as a context manager: leaving stops them."""

    def __init__(
        self,
        state_dir: Path,
        *,
        role: str,
        environ: Mapping[str, str],
        cwd: Path,
        say: Callable[[str], None],
    ) -> None:
        self.state_dir = state_dir
        self.cwd = cwd  # ours, never the user's: Python would import from there
        self.role = role
        self.environ = environ
        self.facts: dict[str, str] = {}
        self._say = say
        self._children: dict[str, _Child] = {}

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self, spec: ChildSpec) -> None:
        """Start a child; its output goes to `.wrench/logs/<name>.log`, which begins anew."""
        log = self.state_dir / "logs" / f"{spec.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
        self._children[spec.name] = _Child(
            spec=spec, log=log, process=self._spawn(spec, log), started=time.monotonic()
        )
        self._record()

    def publish(self, **facts: str) -> None:
        """Tell other processes what they may want to know, such as the web's URL."""
        self.facts.update(facts)
        self._record()

    def wait_ready(self, names: Sequence[str] | None = None, *, seconds: float) -> None:
        """Return when these children (all by default) are ready. Raises ChildFailed with the end of the log."""
        waiting = [self._children[name] for name in (self._children if names is None else names)]
        deadline = time.monotonic() + seconds
        while waiting := [child for child in waiting if not self._becomes_ready(child)]:
            for child in waiting:
                if (code := child.process.poll()) is not None:
                    raise ChildFailed(self._obituary(child, f"ended with {_said(code)} while starting"))
            if time.monotonic() > deadline:
                raise ChildFailed(self._obituary(waiting[0], f"was not ready within {seconds:.0f} s"))
            time.sleep(POLL_SECONDS)

    def tend(self) -> None:
        """Look after the children once: start a crashed one again when its time has come."""
        now = time.monotonic()
        for child in self._children.values():
            if child.restart_at is None and (code := child.process.poll()) is not None:
                if now - child.started > SETTLED_SECONDS:
                    child.crashes = 0
                _signal_group(child.process.pid, signal.SIGKILL)  # what it had started itself
                delay = min(FIRST_BACKOFF * 2**child.crashes, LAST_BACKOFF)
                child.crashes += 1
                child.restart_at = now + delay
                self._say(f"{child.spec.name} ended with {_said(code)}; starting it again in {delay:.1f} s")
            elif child.restart_at is not None and now >= child.restart_at:
                child.process, child.started = self._spawn(child.spec, child.log), now
                child.restart_at = None
                self._record()

    def crashed(self) -> str | None:
        """Return a sentence on the first child that ended, or None while all run."""
        for child in self._children.values():
            if (code := child.process.poll()) is not None:
                return self._obituary(child, f"ended with {_said(code)}")
        return None

    def stop(self) -> None:
        """End all children, stage by stage: SIGTERM, and SIGKILL for what is left after the grace.

        A second Ctrl-C meanwhile kills at once.
        """
        families = {name: _family(child.process.pid) for name, child in self._children.items()}
        try:
            deadline = time.monotonic() + GRACE_SECONDS
            for stage in sorted({child.spec.stage for child in self._children.values()}):
                _end([c.process for c in self._children.values() if c.spec.stage == stage], deadline)
        except KeyboardInterrupt:
            self._say("stopping at once")
        finally:
            for name, child in self._children.items():
                _kill_family(child.process.pid, families[name])
                child.process.wait()
                _wait_ended(families[name], seconds=5)
            self._children.clear()
            self._record()

    def _becomes_ready(self, child: _Child) -> bool:
        if not child.is_ready and child.process.poll() is None:
            child.is_ready = child.spec.ready(child.log)
        return child.is_ready and child.process.poll() is None

    def _spawn(self, spec: ChildSpec, log: Path) -> "subprocess.Popen[bytes]":
        with log.open("ab") as output:
            try:
                return subprocess.Popen(
                    list(spec.argv),
                    cwd=self.cwd,
                    env={**self.environ, **spec.environ},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=_die_with(os.getpid()),  # safe: we have one thread
                )
            except OSError as error:
                raise ChildFailed(f"cannot start {spec.name}: {spec.argv[0]}: {error.strerror}") from None

    def _obituary(self, child: _Child, what: str) -> str:
        lines = child.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-15:]
        said = "\n".join("  " + line for line in lines) or "  (it wrote nothing)"
        return f"{child.spec.name} {what}; its log {child.log} ends with:\n{said}"

    def _record(self) -> None:
        with state.locked(self.state_dir, "processes.lock"):
            others = [one for one in recorded(self.state_dir) if one["pid"] != os.getpid()]
            mine = {
                "role": self.role,
                "facts": self.facts,
                **_identity(os.getpid()),
                "children": [
                    {"name": name, **_identity(child.process.pid)} for name, child in self._children.items()
                ],
            }
            supervisors = [*others, mine] if self._children else others
            state.write_json(self.state_dir / PROCESSES_FILE, {"supervisors": supervisors})


def recorded(state_dir: Path) -> list[dict[str, Any]]:
    """Return the supervisors that the state knows, dead ones too: role, facts, pid, created, children."""
    found = state.read_json(state_dir / PROCESSES_FILE).get("supervisors", [])
    return found if isinstance(found, list) else []


def alive(state_dir: Path) -> list[dict[str, Any]]:
    """Return the records of the supervisors that run now."""
    return [one for one in recorded(state_dir) if _is_same(one)]


def bury(state_dir: Path) -> list[str]:
    """End the children that a killed supervisor left behind; return their names."""
    dead = [one for one in recorded(state_dir) if not _is_same(one)]
    if not dead:
        return []
    left = [child for one in dead for child in one["children"] if _is_same(child) or _is_gone(child)]
    families = {child["pid"]: _family(child["pid"]) for child in left}
    for pid in families:
        _signal_group(pid, signal.SIGTERM)
    everybody = [one for family in families.values() for one in family]
    _wait_ended(everybody, seconds=GRACE_SECONDS)
    for pid, family in families.items():
        _kill_family(pid, family)
    _wait_ended(everybody, seconds=5)
    with state.locked(state_dir, "processes.lock"):
        state.write_json(state_dir / PROCESSES_FILE, {"supervisors": alive(state_dir)})
    return [child["name"] for child in left if families[child["pid"]]]


def stop_supervisors(state_dir: Path, *, seconds: float = GRACE_SECONDS + 10) -> list[str]:
    """Ask the supervisors that run to end, and wait for it; then bury what is left. Returns what ended."""
    running = alive(state_dir)
    processes = []
    for one in running:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(one["pid"])
            process.terminate()
            processes.append(process)
    for process in _wait_ended(processes, seconds=seconds):
        with contextlib.suppress(psutil.Error):
            process.kill()
    _wait_ended(processes, seconds=5)
    return [one["role"] for one in running] + bury(state_dir)


def _die_with(parent: int) -> Callable[[], None] | None:
    """Return what a child runs before exec so that the kernel ends it with us; None where there is no such."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: after the fork only the call is safe

    def arrange() -> None:
        prctl(1, signal.SIGTERM)  # 1 is PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def _end(processes: Sequence["subprocess.Popen[bytes]"], deadline: float) -> None:
    """Send SIGTERM to these and wait until they ended or the deadline passed."""
    for process in processes:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _family(pid: int) -> list[psutil.Process]:
    """Return a session leader, its descendants, and those of its session whose parent is dead."""
    family = {}
    with contextlib.suppress(psutil.Error):
        leader = psutil.Process(pid)
        family = {process.pid: process for process in (leader, *leader.children(recursive=True))}
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                family.setdefault(process.pid, process)
    return list(family.values())


def _kill_family(pid: int, family: Sequence[psutil.Process]) -> None:
    """Kill what is left of a child: its process group, and the descendants that left the group."""
    _signal_group(pid, signal.SIGKILL)
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()  # psutil compares the start time: a reused pid is not hit


def _wait_ended(processes: Sequence[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    """Wait until these ended; return those that did not in time. A zombie has ended: only its parent sleeps."""
    deadline = time.monotonic() + seconds
    left = list(processes)
    while (left := [one for one in left if _runs(one)]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return left


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _signal_group(pid: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, what)


def _identity(pid: int) -> dict[str, Any]:
    try:
        return {"pid": pid, "created": psutil.Process(pid).create_time()}
    except psutil.Error:
        return {"pid": pid, "created": 0.0}


def _is_same(one: Mapping[str, Any]) -> bool:
    """Tell whether the recorded process still runs (its number may have been given to another)."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(one["pid"])
        return _runs(process) and abs(process.create_time() - one["created"]) < START_TOLERANCE
    return False


def _is_gone(one: Mapping[str, Any]) -> bool:
    """Tell whether no process has the recorded number now; its session may still have members."""
    return not psutil.pid_exists(one["pid"])


def _said(code: int) -> str:
    """Return an exit code in words."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
