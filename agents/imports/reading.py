"""Start the reader of imports in a process of its own, and read its answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agents import process

TIMEOUT_SECONDS = 240
_DRIVER = Path(__file__).with_name("driver.py")
When = Literal["load", "deferred", "types"]
Fact = tuple[str, int, tuple[str, ...], int, When]


class ImportsUnreadable(Exception):
    """The reader was killed, or said something that cannot be understood; the message tells which."""


class Failed(BaseModel):
    """A file that could not be read as Python."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    reason: str


class Facts(BaseModel):
    """The imports of each file: module, level, names, line, and when they happen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    facts: dict[str, tuple[Fact, ...]]
    failed: tuple[Failed, ...] = ()


def read(
    root: Path,
    files: Iterable[str],
    *,
    max_bytes: int,
    scratch: Path,
    cancelled: Callable[[], bool] = lambda: False,
) -> Facts:
    """Read the imports of files below root: 100,000 lines in about 3 s. Raises ImportsUnreadable, StepCancelled."""
    with TemporaryDirectory(prefix="imports-", dir=scratch) as folder:
        orders = Path(folder) / "orders.json"
        orders.write_text(
            json.dumps({"root": str(root.resolve()), "files": list(files), "max_bytes": max_bytes})
        )
        outcome = process.run(
            [sys.executable, "-I", str(_DRIVER), str(orders)],
            cwd=Path(folder),
            scratch=Path(folder),
            timeout_seconds=TIMEOUT_SECONDS,
            cancelled=cancelled,
        )
        if trouble := outcome.trouble():
            raise ImportsUnreadable(f"the reader of imports {trouble}")
        try:
            return Facts.model_validate_json(outcome.stdout.read_bytes())
        except ValidationError as error:
            raise ImportsUnreadable(f"the reader of imports gave no valid answer: {error}"[:500]) from error
