"""The worker parent's side of its heart: starts it, ticks for it, and watches that it beats.

    heart ──"." each beat, "renewed <monotonic>" after each renewal──> parent, read at each tick
        nothing heard for SILENCE_OF_LEASE  -> the heart is frozen: killed, another one started
        no renewal for FENCE_OF_LEASE       -> the children are stopped here, before the lease ends: a heart that is
                                               dead or frozen cannot do it
Both clocks are the machine's monotonic one, so that a line that was read late is not taken for a fresh one.

Owns: the heart's process and its pipes. Opens no database connection. Invariant: as long as the parent ticks, no
child works past the end of a lease that nobody renewed. Celery goes on with the ticks, in a thread, while a
warm shutdown waits for the children.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import asdict, replace

import psutil
import structlog
from django.conf import settings

from tasks import heart
from tasks.processes import kill_session

log = structlog.get_logger(__name__)

SILENCE_OF_LEASE = 1 / 3  # soon enough that another heart can renew before the lease ends
LEAST_SILENCE_SECONDS = 5.0  # a heart on a busy machine may be late; leases of a few seconds are for tests
FENCE_OF_LEASE = 5 / 6  # the heart itself does it at two thirds, if it can
OWN_GAP_OF_LEASE, LEAST_OWN_GAP_SECONDS = (
    1 / 6,
    3.0,
)  # between two ticks: more, and this process was frozen itself
AFTER_GAP_SECONDS = 2.0  # then the heart, which was frozen too, may first renew


class Pulse:
    """One worker's heart, replaced whenever it stops."""

    def __init__(self, orders: heart.Orders) -> None:
        self.orders = orders
        self._stopping = False
        self._lines = b""
        self._renewed_at = 0.0
        self._fenced_off = False
        self._process = self._spawn()
        self._heard_at = self._ticked_at = time.monotonic()
        self._lenient_until = 0.0

    def wait_until_ready(self, seconds: float) -> bool:
        """Wait until the session is stored. Returns whether it is."""
        end = time.monotonic() + seconds
        while not self._renewed_at and self._process.poll() is None:
            left = end - time.monotonic()
            if left <= 0 or self._process.stdout is None:
                break
            select.select([self._process.stdout], [], [], left)
            self._hear()
        self._ticked_at = time.monotonic()
        return bool(self._renewed_at)

    def tick(self) -> None:
        """Tell the heart that this process lives, and see that the heart does. To be called about once a second."""
        self._forgive_own_gap()
        self._hear()
        too_late = self._stop_children_in_time()
        if self._process.poll() is not None:
            log.error("heart_died", status=self._process.returncode)
            self._replace()
        elif too_late or time.monotonic() - self._heard_at > self._silence_seconds():
            log.error("heart_silent", seconds=round(time.monotonic() - self._heard_at, 1))
            self._process.kill()
            self._process.wait()
            self._replace()
        self._write(b".")

    def begin_shutdown(self) -> None:
        """Tell the heart that no new bells are taken and that the leases go back after a grace."""
        self._stopping = True
        self._write(heart.STOPPING)

    def _forgive_own_gap(self) -> None:
        """A worker that was frozen as a whole has no sick heart: what its children do late, the fence refuses."""
        now, before = time.monotonic(), self._ticked_at
        self._ticked_at = now
        if now - before > max(LEAST_OWN_GAP_SECONDS, self.orders.lease_seconds * OWN_GAP_OF_LEASE):
            self._heard_at, self._lenient_until = now, now + AFTER_GAP_SECONDS

    def _silence_seconds(self) -> float:
        return max(LEAST_SILENCE_SECONDS, self.orders.lease_seconds * SILENCE_OF_LEASE)

    def _stop_children_in_time(self) -> bool:
        """Do what the heart should have done by now. Returns whether it was necessary: this heart is of no use."""
        age = time.monotonic() - self._renewed_at
        if time.monotonic() < self._lenient_until:
            return False
        if self._fenced_off or age <= self.orders.lease_seconds * FENCE_OF_LEASE:
            return False
        self._fenced_off = True
        log.error("worker_fenced_off", reason="the heart does not renew the lease", age=round(age, 1))
        for child in psutil.Process().children():
            if child.pid != self._process.pid:
                kill_session(child.pid)
        return True

    def _replace(self) -> None:
        self._close_pipes()
        self.orders = replace(self.orders, resumes=True, renewed_at=self._renewed_at)
        self._process = self._spawn()
        self._heard_at = time.monotonic()
        if self._stopping:
            self._write(heart.STOPPING)

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._lines = b""
        process = subprocess.Popen(
            [sys.executable, "-m", "tasks.heart"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=settings.BASE_DIR,
            env=os.environ | {"WRENCH_HEART_ORDERS": json.dumps(asdict(self.orders))},
            start_new_session=True,  # a Ctrl-C in the terminal must not reach it
        )
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        return process

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _hear(self) -> None:
        """Read what the heart said since the last look."""
        assert self._process.stdout is not None
        heard = self._process.stdout.read(65536)  # None: nothing new; empty: it ended
        if not heard:
            return
        *lines, self._lines = (self._lines + heard).split(b"\n")
        for line in lines:
            self._heard_at = time.monotonic()
            if line.startswith(heart.RENEWED):
                self._renewed_at = float(line.removeprefix(heart.RENEWED))
                self._fenced_off = False
            elif line == heart.FENCED:
                self._fenced_off = True  # it has stopped the children itself

    def _write(self, byte: bytes) -> None:
        if self._process.stdin is None:
            return
        try:
            os.write(self._process.stdin.fileno(), byte)
        except (BlockingIOError, BrokenPipeError):
            return  # full: it will read; broken: the next tick finds it dead and starts another
