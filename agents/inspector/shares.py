"""How many analyzers a step may run at once, so that all steps of a host together do not outnumber its cores.

A step always may run one. Each further one needs a token, and a host has one token fewer than cores: a lock on a
file, taken without waiting, which the kernel frees when its holder dies. So an idle host gives one step all cores,
and a busy one gives each step its own.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Shares:
    """The tokens of one step. Without a folder nothing is shared, and `most` alone counts."""

    def __init__(self, folder: Path | None, *, most: int = 0) -> None:
        self._most = most or cores()
        self._folder = folder
        self._held: list[int] = []

    @property
    def most(self) -> int:
        """How many may run at once at best."""
        return self._most

    def allow(self, running: int) -> bool:
        """Tell whether one more may start beside those that run; takes a token for it if it must."""
        if running >= self._most:
            return False
        if running == 0 or self._folder is None or len(self._held) >= running:
            return True
        return self._take()

    def release(self, running: int) -> None:
        """Give back the tokens that those who still run do not need."""
        while len(self._held) > max(0, running - 1):
            os.close(self._held.pop())

    def _take(self) -> bool:
        assert self._folder is not None
        self._folder.mkdir(parents=True, exist_ok=True)
        for number in range(cores() - 1):
            descriptor = os.open(
                self._folder / f"core-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            self._held.append(descriptor)
            return True
        return False
