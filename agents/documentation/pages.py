"""The Markdown pages of a tree, and the settings that its code asks for, read in a process of its own."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict, ValidationError

from agents import process
from agents.conventions import is_test
from agents.symbols.sources import MAX_FILE_BYTES, Sources

TIMEOUT_SECONDS = 240
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
    text: str
    line: int


class Block(_Shape):
    """A fenced block; `fault` says why it does not parse."""

    language: str
    text: str
    line: int
    end_line: int
    fault: str


class Page(_Shape):
    """A Markdown page. `complete` is the line that says that it lists everything, or 0."""

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
    """The pages that are read: Markdown outside of tests."""
    return [
        path for path in sources.paths if path.lower().endswith((".md", ".markdown")) and not is_test(path)
    ]


def read(sources: Sources, *, scratch: Path, cancelled: Callable[[], bool] = lambda: False) -> Pages:
    """Read all pages. Raises PagesUnreadable, StepCancelled."""
    with TemporaryDirectory(prefix="pages-", dir=scratch) as folder:
        orders = Path(folder) / "orders.json"
        told = {
            "root": str(sources.root.resolve()),
            "pages": wanted(sources),
            "python": [path for path in sources.python if not is_test(path)],
            "max_bytes": MAX_FILE_BYTES,
        }
        orders.write_text(json.dumps(told))
        outcome = process.run(
            [sys.executable, "-I", str(_DRIVER), str(orders)],
            cwd=Path(folder),
            scratch=Path(folder),
            timeout_seconds=TIMEOUT_SECONDS,
            cancelled=cancelled,
        )
        trouble = outcome.trouble()
        if trouble:
            raise PagesUnreadable(f"the reader of pages {trouble}")
        try:
            return Pages.model_validate_json(outcome.stdout.read_bytes())
        except ValidationError as error:
            raise PagesUnreadable(f"the reader of pages gave no valid answer: {error}"[:500]) from error
