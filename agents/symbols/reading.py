"""Start griffe over a tree in a process of its own, and read its answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agents import process
from agents.drivers.asking import DriverFailed, answer_of
from agents.symbols.model import Symbols
from agents.symbols.sources import MAX_FILE_BYTES, Sources

TIMEOUT_SECONDS = 420
MEMORY_BYTES = 3 << 30
_DRIVER = Path(__file__).with_name("driver.py")


class SymbolsUnreadable(Exception):
    """The reader was killed, or said something that cannot be understood; the message tells which."""


def read(sources: Sources, *, scratch: Path, cancelled: Callable[[], bool] = lambda: False) -> Symbols:
    """Read all Python of a tree: 100,000 lines in about 20 s. Raises SymbolsUnreadable, StepCancelled.

    A file that does not parse is named in `failed`; it spoils no other.
    """
    orders = {
        "root": str(sources.root.resolve()),
        "modules": sources.modules(),
        "max_bytes": MAX_FILE_BYTES,
    }
    try:
        return answer_of(
            _DRIVER, orders, Symbols, who="the reader of symbols", scratch=scratch, timeout_seconds=TIMEOUT_SECONDS,
            limits=process.Limits(memory_bytes=MEMORY_BYTES), cancelled=cancelled, parses_with=("griffe",),
        )  # fmt: skip
    except DriverFailed as error:
        raise SymbolsUnreadable(str(error)) from error
