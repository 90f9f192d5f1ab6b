"""What no longer works for those who use the public API of a project: griffe over both trees, in its own process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agents import process
from agents.conventions import is_migration, is_test
from agents.drivers.asking import DriverFailed, answer_of
from agents.symbols.sources import MAX_FILE_BYTES, Sources

TIMEOUT_SECONDS = 600
MEMORY_BYTES = 3 << 30
_DRIVER = Path(__file__).parents[1] / "drivers" / "breakage_driver.py"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Breakage(_Shape):
    """One change that breaks callers. `what`: the parameter; places are "" and 0 where the side has none."""

    kind: str
    path: str  # qualified name
    what: str
    old: str
    new: str
    old_file: str
    old_line: int
    new_file: str
    new_line: int


class Problem(_Shape):
    """A file that could not be read as Python."""

    path: str
    reason: str


class Compared(_Shape):
    """What the comparison came to; `trouble` says why there is none."""

    griffe: str = ""
    breakages: tuple[Breakage, ...] = ()
    failed: dict[str, tuple[Problem, ...]] = {}
    trouble: str = ""


def compared(
    old: Sources, new: Sources, *, scratch: Path, cancelled: Callable[[], bool] = lambda: False
) -> Compared:
    """Compare two trees. Raises StepCancelled; a reader that did not survive them is told in `trouble`."""
    orders = {"old": _side(old), "new": _side(new), "max_bytes": MAX_FILE_BYTES}
    try:
        return answer_of(
            _DRIVER, orders, Compared, who="the comparison of the APIs", scratch=scratch,
            timeout_seconds=TIMEOUT_SECONDS, limits=process.Limits(memory_bytes=MEMORY_BYTES), cancelled=cancelled,
            parses_with=("griffe",),
        )  # fmt: skip
    except DriverFailed as error:
        return Compared(trouble=str(error)[:500])


def product(sources: Sources) -> dict[str, str]:
    """The modules that people import: name -> path."""
    return {
        name: path for name, path in sources.modules().items() if not is_test(path) and not is_migration(path)
    }


def _side(sources: Sources) -> dict[str, object]:
    return {"root": str(sources.root.resolve()), "modules": product(sources)}
