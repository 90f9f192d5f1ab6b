"""The pages of a tree, and the settings that its code asks for, read in a process of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agents.conventions import is_test
from agents.drivers.asking import DriverFailed, answer_of
from agents.symbols.sources import MAX_FILE_BYTES, Sources

TIMEOUT_SECONDS = 240
ENDINGS = (".md", ".markdown", ".rst")
_DRIVER = Path(__file__).parent / "drivers" / "pages_driver.py"
_HISTORY = re.compile(
    r"(^|/)(change|changes|changelog|history|news|release|releases|upgrading)[^/]*$", re.IGNORECASE
)


class PagesUnreadable(Exception):
    """The reader of pages was killed, or said something that cannot be understood."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Link(_Shape):
    target: str
    line: int


class Span(_Shape):
    """A code span; `is_title` if it stands alone above a block, as the name of the file that the block shows."""

    text: str
    line: int
    is_title: bool = False


class Block(_Shape):
    """A fenced block; `fault` says why it does not parse."""

    language: str
    text: str
    line: int
    end_line: int
    fault: str


class Page(_Shape):
    """A page. `complete` is the line that says that it lists everything, or 0."""

    path: str
    anchors: tuple[str, ...]
    links: tuple[Link, ...]
    spans: tuple[Span, ...]
    blocks: tuple[Block, ...]
    complete: int

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def site_folder(self) -> str:
        """Where its links count from on a site that serves each page as a folder: `guide.md` as `guide/`."""
        stem = self.path.rpartition(".")[0]
        return self.folder if stem.rpartition("/")[2].lower() in ("index", "readme") else stem

    @property
    def is_history(self) -> bool:
        """Tell whether it speaks of the past, in which names were true once."""
        return bool(_HISTORY.search(self.path))


class Setting(_Shape):
    name: str
    path: str
    line: int


class Failed(_Shape):
    path: str
    reason: str


class Pages(_Shape):
    pages: tuple[Page, ...]
    settings: tuple[Setting, ...]
    failed: tuple[Failed, ...]


def wanted(sources: Sources) -> list[str]:
    """The pages that are read: those outside of tests."""
    return [path for path in sources.paths if path.lower().endswith(ENDINGS) and not is_test(path)]


def read(sources: Sources, *, scratch: Path, cancelled: Callable[[], bool] = lambda: False) -> Pages:
    """Read all pages. Raises PagesUnreadable, StepCancelled."""
    orders = {
        "root": str(sources.root.resolve()),
        "pages": wanted(sources),
        "python": [path for path in sources.python if not is_test(path)],
        "max_bytes": MAX_FILE_BYTES,
    }
    try:
        return answer_of(
            _DRIVER, orders, Pages, who="the reader of pages", scratch=scratch, timeout_seconds=TIMEOUT_SECONDS,
            cancelled=cancelled, parses_with=("markdown_it", "yaml"),
        )  # fmt: skip
    except DriverFailed as error:
        raise PagesUnreadable(str(error)) from error
