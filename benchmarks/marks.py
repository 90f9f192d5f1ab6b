"""Marks: what every contender's no-op writes, so that all are timed by the same clock in the same way.

A record of 16 bytes, appended by one write: number of the task, link of the chain, time. The clock is the machine's
monotonic one, the same for all processes. Imports nothing but the standard library: it runs in every environment.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterable
from pathlib import Path

RECORD = struct.Struct("<iid")
MARKS = "BENCH_MARKS"  # the file of the no-ops
RINGS = "BENCH_RINGS"  # the file of whoever submits, for latency
_handles: dict[str, int] = {}


def mark(number: int, link: int = 0) -> None:
    """Say that this task begins now."""
    _write(os.environ[MARKS], number, link)


def rang(number: int, *, link: int = 0) -> None:
    """Say that this task is handed over now. Link 0: before the call; link 1: when the broker is told."""
    _write(os.environ[RINGS], number, link)


def read(path: Path) -> dict[tuple[int, int], float]:
    """Give the time of each (number, link); of the first, if there are more."""
    found: dict[tuple[int, int], float] = {}
    content = path.read_bytes() if path.exists() else b""
    for number, link, at in RECORD.iter_unpack(content[: len(content) // RECORD.size * RECORD.size]):
        found.setdefault((number, link), at)
    return found


def _write(path: str, number: int, link: int) -> None:
    handle = _handles.get(path)
    if handle is None:
        handle = _handles[path] = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(handle, RECORD.pack(number, link, time.monotonic()))


def numbers(text: str) -> Iterable[int]:
    """Read `first:count` as the numbers to submit."""
    first, _, count = text.partition(":")
    return range(int(first), int(first) + int(count))
