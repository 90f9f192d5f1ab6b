"""A thread that acts if the main one is not done in time: its own connection to PostgreSQL, opened only then.

Owns: the thread and the clock. Refuses to know: what it does. Invariant: when a watch is over, its act has either not
begun and never will, or is over.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection


@dataclass(slots=True, eq=False)
class _Duty:
    act: Callable[[], None]
    due: float  # on the monotonic clock
    has_begun: bool = False
    error: BaseException | None = None
    is_over: threading.Event = field(default_factory=threading.Event)

    def do(self) -> None:
        try:
            try:
                self.act()
            finally:
                connection.close()
        except BaseException as error:
            self.error = error
        finally:
            self.is_over.set()  # whatever failed: the main thread waits for it


class Watchman:
    """One thread per process, started when first wanted and again after a fork."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._duty: _Duty | None = None
        self._pid = 0

    @contextmanager
    def watch(self, act: Callable[[], None], *, after_seconds: float) -> Iterator[None]:
        """Call `act` in the thread if the block lasts longer; then wait for its end. Raises what `act` raised."""
        duty = _Duty(act, time.monotonic() + after_seconds)
        self._begin(duty)
        try:
            yield
        finally:
            self._end(duty)
        if duty.error is not None:
            raise duty.error

    def _begin(self, duty: _Duty) -> None:
        if self._pid != os.getpid():
            self._pid, self._condition = os.getpid(), threading.Condition()
            threading.Thread(target=self._keep_watch, name="watchman", daemon=True).start()
        with self._condition:
            self._duty = duty
            self._condition.notify()

    def _end(self, duty: _Duty) -> None:
        with self._condition:
            if self._duty is duty:
                self._duty = None
        if duty.has_begun:
            duty.is_over.wait()

    def _keep_watch(self) -> None:
        condition = self._condition
        while True:
            with condition:
                while self._duty is None or (left := self._duty.due - time.monotonic()) > 0:
                    condition.wait(None if self._duty is None else left)
                duty, self._duty = self._duty, None
                duty.has_begun = True
            duty.do()
