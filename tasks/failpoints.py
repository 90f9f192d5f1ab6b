"""Failpoints: named places where a test may kill or stop this process. Never for production.

    WRENCH_FAILPOINTS=after_claim:kill:0.02,before_commit:stop:0.1    SIGKILL, SIGSTOP with this probability
    WRENCH_FAILPOINTS=@/path/of/a/file                                the same list, read at each passage

With a file, a test arms and disarms processes that run; each end appends "name pid time" to `<file>.fired` first.
Owns: the names. Refuses to know: what happens there. Invariant: without the setting nothing happens at any of them,
for the price of one comparison.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

NAMES = frozenset(
    {
        "after_claim",  # the lease is committed, nothing is executed yet
        "before_commit",  # an attempt's result is written, the commit is not sent
        "after_commit_before_publish",  # bells are promised, none is rung
        "after_publish_before_delete",  # bells are rung, the promise still stands
        "webhook_sent",  # a receiver has answered, nothing is recorded yet
    }
)
ACTIONS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
FILE_MARK = "@"

Armed = Mapping[str, tuple[signal.Signals, float]]
"""What happens at a failpoint, and how probably."""


class FailpointsInvalid(ValueError):
    """The setting names no failpoint that there is."""


def parse(text: str) -> Armed:
    """Read "name:action:probability, ..." Raises FailpointsInvalid."""
    armed = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, rest = entry.partition(":")
        action, _, probability = rest.partition(":")
        try:
            chance = float(probability or "1")
        except ValueError:
            chance = -1.0
        if name not in NAMES or action not in ACTIONS or not 0 <= chance <= 1:
            raise FailpointsInvalid(
                f"WRENCH_FAILPOINTS: {entry!r} is none; write name:action:probability with a name of"
                f" {', '.join(sorted(NAMES))}, the action kill or stop, and a probability from 0 to 1"
            )
        armed[name] = (ACTIONS[action], chance)
    return armed


def failpoint(name: str) -> None:
    """Die or stop here, if a test wants that."""
    if _armed is None:
        return
    action, chance = _armed_now(_armed).get(name, (signal.SIGKILL, 0.0))
    if chance and random.random() < chance:  # noqa: S311 - no secret
        _fire(name, action)


def _read(setting: str) -> Path | Armed | None:
    if not setting:
        return None
    return Path(setting[1:]) if setting.startswith(FILE_MARK) else parse(setting)


def _armed_now(armed: Path | Armed) -> Armed:
    if not isinstance(armed, Path):
        return armed
    try:
        return parse(armed.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def _fire(name: str, action: signal.Signals) -> None:
    if isinstance(_armed, Path):
        handle = os.open(f"{_armed}.fired", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, f"{name} {os.getpid()} {time.time():.3f}\n".encode())
    os.kill(os.getpid(), action)


_armed = _read(settings.FAILPOINTS)
