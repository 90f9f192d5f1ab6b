"""The heart of a worker: a process of its own that keeps the worker's lease alive, and ends what must end.

It is started by the worker's parent process (`worker.py`), which itself opens no database connection: a heartbeat
thread with a connection in a prefork parent hung the worker under child recycling. It uses psycopg2 alone, no
Django, so that it starts fast and shares no state with the worker.

    parent ──one byte a second──> heart ──every 10 s──> UPDATE session (lease_until)      one row per worker
                                    └────every 1 s───> which attempts run here?
        child dead              -> lost_at       (recover makes the step ready)
        run cancelled           -> SIGUSR2, after the grace SIGKILL
        hard limit passed       -> SIGKILL
        parent shuts down       -> stopping_at; after the grace SIGURG: children release their steps
        parent silent or dead,
        or renewal fails for    -> SIGKILL all children before the lease ends: a worker that cannot prove
        two thirds of a lease      that it lives must not work

Invariant: when the lease has run out, no child of this worker is executing (unless this process is frozen with
it; then the fence refuses what they write).
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import psutil
import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ, make_dsn, parse_dsn

from tasks.interruption import CANCEL_SIGNAL, RELEASE_SIGNAL
from tasks.processes import kill_session

POLL_SECONDS = 1.0
NOT_MIGRATED = ("42P01", "42703")  # SQLSTATE: no such table, no such column
SILENCE_SECONDS = 20.0  # a parent that did not tick for so long is stuck or frozen
STOPPING = b"s"
# what the parent hears, a line each; see pulse.py
ALIVE, RENEWED, FENCED = b".", b"renewed ", b"fenced"

_REGISTER = """
INSERT INTO tasks_workersession (id, hostname, pid, queues, slots, started_at, heartbeat_at, lease_until)
VALUES (%(id)s, %(hostname)s, %(pid)s, %(queues)s, %(slots)s, clock_timestamp(), clock_timestamp(),
        clock_timestamp() + make_interval(secs => %(lease)s))
ON CONFLICT (id) DO UPDATE SET heartbeat_at = EXCLUDED.heartbeat_at, lease_until = EXCLUDED.lease_until
"""
_RENEW = """
UPDATE tasks_workersession SET heartbeat_at = clock_timestamp(),
    lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
WHERE id = %(id)s AND stopped_at IS NULL
"""
_STOPPING = (
    "UPDATE tasks_workersession SET stopping_at = clock_timestamp() WHERE id = %(id)s AND stopping_at IS NULL"
)
_STOPPED = (
    "UPDATE tasks_workersession SET stopped_at = clock_timestamp() WHERE id = %(id)s AND stopped_at IS NULL"
)
_RUNNING = """
SELECT s.id, s.fence::text, a.child_pid, r.cancel_requested_at IS NOT NULL, s.kill_at <= clock_timestamp()
FROM tasks_step s JOIN tasks_attempt a ON a.fence = s.fence JOIN tasks_run r ON r.id = s.run_id
WHERE s.worker_id = %(id)s AND s.state = 'running' AND s.lost_at IS NULL
"""
_LOST = """
UPDATE tasks_step SET lost_at = clock_timestamp() WHERE id = %(step)s AND fence = %(fence)s AND lost_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the parent tells the heart at its start, as JSON in the environment."""

    dsn: str
    session: str
    hostname: str
    pid: int
    queues: list[str]
    slots: int
    heartbeat_seconds: int
    lease_seconds: int
    cancel_grace_seconds: int
    shutdown_grace_seconds: int
    resumes: bool = False  # another heart died: attempts may be running already
    renewed_at: float = 0.0  # then: when the lease was last renewed, on the machine's monotonic clock

    @classmethod
    def from_environment(cls) -> Orders:
        return cls(**json.loads(os.environ["WRENCH_HEART_ORDERS"]))


def say(event: str, **fields: Any) -> None:
    """Write one log line as JSON, as the rest of the project does."""
    sys.stderr.write(json.dumps({"event": event, "logger": "tasks.heart", **fields}) + "\n")


def tell(line: bytes) -> None:
    """Tell the parent. Never waits for it: a frozen parent must not freeze the heart."""
    try:
        os.write(1, line + b"\n")
    except (BlockingIOError, BrokenPipeError):
        return  # it reads no more, or is gone; both are seen elsewhere


@dataclass(slots=True)
class Heart:
    """The state of one heart: what it last heard, proved and sent."""

    orders: Orders
    database: Any = None
    ticked_at: float = field(default_factory=time.monotonic)
    renewed_at: float = field(default_factory=time.monotonic)
    stopping_at: float | None = None
    released: bool = False
    cancelled: dict[str, float] = field(default_factory=dict)  # fence -> when it was told
    fenced_off: bool = False
    next_renewal: float = 0.0
    stopping_told: bool = False
    children: list[int] = field(default_factory=list)  # as last seen; a dead parent has none
    hosts_tried: int = 0

    def beat_until_parent_ends(self) -> None:
        """Live until the parent is gone, then end what it left behind."""
        self._register()
        while os.getppid() == self.orders.pid:
            self._listen()
            self._beat()
        self._parent_gone()

    def _register(self) -> None:
        values = {
            "id": self.orders.session,
            "hostname": self.orders.hostname,
            "pid": self.orders.pid,
            "queues": json.dumps(self.orders.queues),
            "slots": self.orders.slots,
            "lease": self.orders.lease_seconds,
        }
        if self.orders.resumes:
            self.renewed_at = self.orders.renewed_at or self.renewed_at - self.orders.heartbeat_seconds
        began = time.monotonic()
        while not self._execute(_REGISTER, values):
            if os.getppid() != self.orders.pid:
                self._kill_children()
                raise SystemExit(1)
            self.children = _children(self.orders.pid)
            if self.orders.resumes:
                self._fence_off("lease cannot be renewed")
            time.sleep(POLL_SECONDS)
            tell(ALIVE)
            began = time.monotonic()
        self._renewed(began)
        self.next_renewal = self.renewed_at + self.orders.heartbeat_seconds

    def _listen(self) -> None:
        """Wait up to a second for the parent's ticks. An ended pipe says that the parent is going."""
        ready, _, _ = select.select([0], [], [], POLL_SECONDS)
        if not ready:
            return
        heard = os.read(0, 4096)
        if not heard:
            time.sleep(POLL_SECONDS)  # end of file: nothing more will come; do not spin on it
            return
        self.ticked_at = time.monotonic()
        if STOPPING in heard and self.stopping_at is None:
            self.stopping_at = time.monotonic()

    def _beat(self) -> None:
        now = time.monotonic()
        tell(ALIVE)
        self.children = _children(self.orders.pid) or self.children
        # a parent that stops waits for its children and ticks no more
        silent = self.stopping_at is None and now - self.ticked_at > SILENCE_SECONDS
        if now >= self.next_renewal and not silent and self._renew():
            self._renewed(now)
            self.next_renewal = now + self.orders.heartbeat_seconds
        self._fence_off("parent silent" if silent else "lease cannot be renewed")
        self._watch(now)
        if self.stopping_at is not None and not self.stopping_told:
            self.stopping_told = self._execute(_STOPPING, {"id": self.orders.session}) is not None
        if self.stopping_at is not None and not self.released:
            self._release_after_grace(now)

    def _renewed(self, began: float) -> None:
        """Count the lease from before the statement: it may have been carried out at once."""
        self.renewed_at, self.fenced_off = began, False
        tell(RENEWED + f"{began:.3f}".encode())

    def _fence_off(self, reason: str) -> None:
        """Stop the children if the lease is about to end."""
        age = time.monotonic() - self.renewed_at
        if age > self.orders.lease_seconds * 2 / 3 and not self.fenced_off:
            say("worker_fenced_off", reason=reason)
            self._kill_children()
            self.fenced_off = True
            tell(FENCED)

    def _renew(self) -> bool:
        values = {"id": self.orders.session, "lease": self.orders.lease_seconds}
        return bool(self._execute(_RENEW, values))  # no row: the session is over, and so is the lease

    def _watch(self, now: float) -> None:
        """Look at each attempt that runs here, and act on what its row says."""
        rows = self._fetch(_RUNNING, {"id": self.orders.session})
        for step, fence, pid, cancel, overdue in rows:
            if not _is_alive_child(pid, self.orders.pid):
                say("child_lost", step=step, pid=pid)
                kill_session(pid)
                self._execute(_LOST, {"step": step, "fence": fence})
            elif overdue:
                say("attempt_killed", step=step, pid=pid, reason="hard limit")
                kill_session(pid)
            elif cancel:
                self._cancel(step, fence, pid, now)
        current = {row[1] for row in rows}
        self.cancelled = {fence: at for fence, at in self.cancelled.items() if fence in current}

    def _cancel(self, step: int, fence: str, pid: int, now: float) -> None:
        told = self.cancelled.setdefault(fence, now)
        if told == now:
            _send(pid, CANCEL_SIGNAL)
        elif now - told > self.orders.cancel_grace_seconds:
            say("attempt_killed", step=step, pid=pid, reason="cancelled")
            kill_session(pid)

    def _release_after_grace(self, now: float) -> None:
        if self.stopping_at is not None and now - self.stopping_at > self.orders.shutdown_grace_seconds:
            self.released = True
            for row in self._fetch(_RUNNING, {"id": self.orders.session}):
                say("lease_wanted_back", step=row[0], pid=row[2])
                _send(row[2], RELEASE_SIGNAL)

    def _kill_children(self) -> None:
        for child in {*self.children, *_children(self.orders.pid)}:
            kill_session(child)

    def _parent_gone(self) -> None:
        """The parent ended or was killed: nobody reads this worker's bells any more."""
        self._kill_children()  # with all that they started, whether PostgreSQL answers or not
        for row in self._fetch(_RUNNING, {"id": self.orders.session}):
            kill_session(row[2])
        self._execute(_STOPPED, {"id": self.orders.session})

    def _execute(self, statement: str, values: dict[str, Any]) -> int | None:
        """Run one statement. Returns the number of rows, or None when PostgreSQL does not answer."""
        try:
            with self._connected().cursor() as cursor:
                cursor.execute(statement, values)
                self._wait()
                return int(cursor.rowcount)
        except psycopg2.Error as error:
            self._forget(error)
            return None

    def _fetch(self, statement: str, values: dict[str, Any]) -> list[Any]:
        try:
            with self._connected().cursor() as cursor:
                cursor.execute(statement, values)
                self._wait()
                return list(cursor.fetchall())
        except psycopg2.Error as error:
            self._forget(error)
            return []

    def _connected(self) -> Any:
        if self.database is None:
            timeout_ms = int(self._patience() * 1000)
            dsn = _starting_with(self.orders.dsn, self.hosts_tried)
            self.hosts_tried += (
                1  # a silent host may take all our patience: the next time another one comes first
            )
            self.database = psycopg2.connect(dsn, async_=True, options=f"-c statement_timeout={timeout_ms}")
            self._wait()
            self.hosts_tried -= 1
        return self.database

    def _patience(self) -> float:
        return max(1.0, self.orders.lease_seconds / 10)

    def _wait(self) -> None:
        """Wait for PostgreSQL's answer, but never past our patience. Raises OperationalError.

        A blocking call would hang for as long as a frozen server or a cut network is silent, and the children
        would outlive the lease.
        """
        end = time.monotonic() + self._patience()
        while (state := self.database.poll()) != POLL_OK:
            left, handle = max(0.0, end - time.monotonic()), self.database.fileno()
            reads, writes = ([handle], []) if state == POLL_READ else ([], [handle])
            if not any(select.select(reads, writes, [], left)):
                raise psycopg2.OperationalError(f"no answer within {self._patience():g} s")

    def _forget(self, error: psycopg2.Error) -> None:
        tell(ALIVE)
        if error.pgcode in NOT_MIGRATED:
            say(
                "database_not_migrated",
                reason=str(error).strip(),
                hint="run ./wrench serve, or manage.py bootstrap",
            )
        else:
            say("database_away", reason=str(error).strip())
        if self.database is not None:
            self.database.close()
        self.database = None


def _starting_with(dsn: str, number: int) -> str:
    """Let the hosts of a DSN be tried in their order, but from this one on. libpq itself has no patience here."""
    parts = parse_dsn(dsn)
    turned = {}
    for name in {"host", "port"} & set(parts):
        values = parts[name].split(",")
        first = number % len(values)
        turned[name] = ",".join(values[first:] + values[:first])
    return str(make_dsn(dsn, **turned))


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        say("child_gone", pid=pid)  # the next look finds it dead


def _children(parent: int) -> list[int]:
    try:
        own = os.getpid()
        return [child.pid for child in psutil.Process(parent).children() if child.pid != own]
    except psutil.NoSuchProcess:
        return []


def _is_alive_child(pid: int, parent: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.ppid() == parent and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def main() -> None:
    """Beat for the parent that the environment names."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the terminal's Ctrl-C is the parent's; the heart goes last
    os.set_blocking(1, False)
    Heart(Orders.from_environment()).beat_until_parent_ends()


if __name__ == "__main__":
    main()
