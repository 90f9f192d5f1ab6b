"""Ending processes: a worker child leads a session of its own, and whatever it starts stays in that session."""

from __future__ import annotations

import os
import signal

import psutil


def kill_session(leader: int, *, spare_leader: bool = False) -> int:
    """SIGKILL every process of the session that `leader` leads. Returns how many. Other sessions are not touched."""
    killed = 0
    for process in psutil.pids():
        try:
            if os.getsid(process) != leader or (spare_leader and process == leader):
                continue
            os.kill(process, signal.SIGKILL)
            killed += 1
        except (ProcessLookupError, PermissionError):
            continue  # gone meanwhile, or another user's: not ours
    return killed


def kill_strays() -> int:
    """End what an attempt left running behind, if this process leads its session. Returns how many."""
    own = os.getpid()
    return kill_session(own, spare_leader=True) if os.getsid(0) == own else 0
