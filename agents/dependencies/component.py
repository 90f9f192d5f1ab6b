"""One dependency as some file declares it, and what a reader works with. Knows neither Django nor processes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from packageurl import PackageURL

MAX_NAME = 300
MAX_TEXT = 300
MAX_COMPONENTS = 100_000  # of one file

_PURL_TYPES = {
    "PyPI": "pypi",
    "npm": "npm",
    "Go": "golang",
    "crates.io": "cargo",
    "RubyGems": "gem",
    "Packagist": "composer",
    "Maven": "maven",
    "conda": "conda",
}


class Unreadable(ValueError):
    """A file is not of its form; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A dependency. `version` is exact or "" (then `requirement` has what is asked for); lines count from 1.

    `direct` is None where the file does not tell. `requires` are names of components of the same file.
    `origin` is "" for the ecosystem's registry, else "path", "url" or "git": no advisory speaks of such code by name.
    """

    ecosystem: str
    name: str
    version: str = ""
    requirement: str = ""
    path: str
    line: int = 1
    direct: bool | None = None
    scope: str = "runtime"  # or "dev"
    licence: str = ""
    requires: tuple[str, ...] = ()
    origin: str = ""
    is_lock: bool = False

    @property
    def purl(self) -> str:
        """The package URL, without a version if that is not known."""
        kind = _PURL_TYPES.get(self.ecosystem, "generic")
        namespace, name = "", self.name
        if kind == "maven":
            namespace, _, name = self.name.partition(":")
        elif kind in ("npm", "golang", "composer"):
            namespace, _, name = self.name.rpartition("/")
        return PackageURL(
            type=kind, namespace=namespace or None, name=name or self.name, version=self.version or None
        ).to_string()


@dataclass(slots=True, kw_only=True)
class Page:
    """A file that is being read: its path and text, its lines by what stands on them, and the files beside it.

    `open_beside` gives the path and text of another file of the tree by its path relative to this one, or None.
    """

    path: str
    text: str
    open_beside: Callable[[str], Page | None] = lambda name: None
    notes: list[str] = field(default_factory=list)
    _lines: dict[str, int] | None = None

    def line_of(self, *words: str) -> int:
        """Give the first line where one of these words stands in quotes or as a key; 1 if none does."""
        if self._lines is None:
            self._lines = {}
            for number, line in enumerate(self.text.split("\n"), 1):
                for word in _words(line[:20_000]):
                    self._lines.setdefault(word, number)
        return next((self._lines[word] for word in words if word in self._lines), 1)


_QUOTED = re.compile(r"\"([^\"]{1,300})\"|'([^']{1,300})'")
_KEY = re.compile(r"\s*([A-Za-z0-9_.@/-]{1,200})\s*[=:]")


def _words(line: str) -> Iterator[str]:
    for double, single in _QUOTED.findall(line):
        yield double or single
    key = _KEY.match(line)
    if key:
        yield key[1]


def clean(value: object, most: int = MAX_TEXT) -> str:
    """Make a text of a repository fit for storing and showing: one line, bounded, without control characters."""
    if not isinstance(value, str):
        return ""
    whole = value[: most * 4].encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in whole).split())[:most]


def texts(value: object) -> list[str]:
    """Give the texts of a list; anything else has none."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def table(value: object) -> dict[str, object]:
    """Give a mapping with names for keys; anything else is empty."""
    return {str(key): one for key, one in value.items()} if isinstance(value, dict) else {}
