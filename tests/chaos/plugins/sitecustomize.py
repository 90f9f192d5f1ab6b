"""Mends sleep in processes whose clock libfaketime steps.

Its clock_nanosleep refuses the absolute monotonic times that Python's `time.sleep` gives it (EINVAL, seen with 0.9.10
and FAKETIME_DONT_FAKE_MONOTONIC). `select` takes a relative time and is left alone.
"""

from __future__ import annotations

import os
import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


if os.environ.get("FAKETIME_TIMESTAMP_FILE"):
    time.sleep = _sleep
