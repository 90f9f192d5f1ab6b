"""Ending processes: a worker child leads a session of its own, and whatever it starts stays in that session."""

from __future__ import annotations

import os
import resource
import signal
import sys

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
    if not _may_have_forked():
        return 0
    return kill_session(own, spare_leader=True) if os.getsid(0) == own else 0


_reaped = 0  # page faults of children that were waited for, when last looked


def _may_have_forked() -> bool:
    """Tell whether this process may have had children since it last asked.

    Looking at every process of the machine after every attempt is dear. A stray descends from a child, and a child
    is either still there or was waited for, which adds its page faults to ours.
    """
    global _reaped
    before, _reaped = _reaped, resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    return _reaped != before or _has_children()


def _has_children() -> bool:
    if sys.platform != "linux":
        return True  # macOS has no waitid(2) in Python before 3.13
    try:
        os.waitid(
            os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT
        )  # looks only: whoever waits for one still can
    except ChildProcessError:
        return False
    return True
