"""The command line that all contenders share."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable

from benchmarks.marks import numbers

LINKS = 10
Submit = Callable[[str, int], None]  # kind ("single" or "chain"), number


def main(submit: Submit, *, prepare: Callable[[], None], work: Callable[[], None] | None = None) -> None:
    """Do what the arguments say."""
    verb, *rest = sys.argv[1:]
    if verb == "prepare":
        prepare()
    elif verb == "work" and work is not None:
        work()
    elif verb == "fill":
        for number in numbers(rest[1]):
            submit(rest[0], number)
    elif verb == "pace":
        _pace(submit, rest[0], numbers(rest[1]), float(rest[2]))
    else:
        raise SystemExit(f"{sys.argv[0]}: what is {verb!r}?")


def _pace(submit: Submit, kind: str, wanted: Iterable[int], seconds: float) -> None:
    """Submit one after the other, `seconds` apart, whatever the time that submitting takes."""
    due = time.monotonic()
    for number in wanted:
        time.sleep(max(0.0, due - time.monotonic()))
        due += seconds
        submit(kind, number)
