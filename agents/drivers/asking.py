"""Start a driver in a process of its own, and read its answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from agents import process
from agents.pythons import newest_with

_Shape = TypeVar("_Shape")


class DriverFailed(Exception):
    """A driver was killed, or said something that cannot be understood; the message tells which."""


def answer_of(
    driver: Path,
    orders: Mapping[str, object],
    shape: type[_Shape],
    *,
    who: str,
    scratch: Path,
    timeout_seconds: float,
    limits: process.Limits | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    parses_with: Sequence[str] | None = None,
) -> _Shape:
    """Give what a driver says to its orders. `who` names it in messages. Raises DriverFailed, StepCancelled.

    `parses_with`: the packages, in pure Python, with which a driver parses Python. It runs under the newest Python
    that can import them, and gets the folders where they lie behind its orders. Without, it runs under ours.
    """
    python, folders = (sys.executable, ()) if parses_with is None else newest_with(*parses_with)
    with TemporaryDirectory(prefix="driver-", dir=scratch) as name:
        folder = Path(name)
        written = folder / "orders.json"
        written.write_text(json.dumps(orders))
        outcome = process.run(
            [python, "-I", str(driver), str(written), *folders],
            cwd=folder,
            scratch=folder,
            timeout_seconds=timeout_seconds,
            limits=limits or process.Limits(),
            cancelled=cancelled,
        )
        if trouble := outcome.trouble():
            raise DriverFailed(f"{who} {trouble}")
        try:
            return TypeAdapter(shape).validate_json(outcome.stdout.read_bytes())
        except ValidationError as error:
            raise DriverFailed(f"{who} gave no valid answer: {error}"[:500]) from error
