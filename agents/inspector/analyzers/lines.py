"""The lines of a tree's files, for those who judge a claim by what stands around it."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from agents.inspector.analyzers.base import Claim

# Names come into a module in ways that no linter sees: whoever has its table of names may put any in.
_GIVES_GLOBALS = re.compile(r"\bglobals\(\)\s*(?:[,)\]}|]|\.(?:update|setdefault)\b|\[)|=\s*globals\(\)")
_GIVES_LOCALS = re.compile(r"[\w.]+\(.*\blocals\(\)")  # and outside of functions
_RUNS_HERE = re.compile(r"\s*exec\([^,]*\)\s*(?:#.*)?$")  # what it defines is defined here


_DEFERS = re.compile(r"from __future__ import .*\bannotations\b")
_GETS = re.compile(
    r"(?P<into>\*\*?|\b(?:dict|list|set|tuple|sorted|len|bool)\()?\b(?P<name>\w+)\.get\b(?P<call>\(\))?"
    r"(?P<read>\.(?:copy|get|items|keys|values)\()?"
)


class Lines:
    """The lines of a tree's files, read once each."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read = functools.lru_cache(maxsize=16)(self._read_now)
        # asked for each claim of a file, of which there may be thousands
        self.gives_globals = functools.lru_cache(maxsize=16)(self._gives_globals)
        self.defers_types = functools.lru_cache(maxsize=16)(self._defers_types)
        self._reads = functools.lru_cache(maxsize=16)(self._reads_now)

    def _read_now(self, path: str) -> list[str]:
        try:
            return (self._root / path).read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeError):
            return []

    def line(self, path: str, number: int) -> str:
        """One line, or "" if there is none."""
        lines = self._read(path)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def is_only_copied(self, path: str, name: str) -> bool:
        """Tell whether a file gets what a variable holds, and each time only to copy it or to read of it."""
        got, copied = self._reads(path)
        return 0 < got[name] == copied[name]

    def _reads_now(self, path: str) -> tuple[Counter[str], Counter[str]]:
        got, copied = Counter[str](), Counter[str]()
        for found in _GETS.finditer("\n".join(self._read(path))):
            got[found["name"]] += 1
            copied[found["name"]] += bool(found["call"] and (found["into"] or found["read"]))
        return got, copied

    def _defers_types(self, path: str) -> bool:
        """Tell whether nobody reads a file's annotations while it runs, unless he asks for them."""
        return path.endswith(".pyi") or any(map(_DEFERS.match, self._read(path)))

    def _gives_globals(self, path: str) -> bool:
        """Tell whether a module hands its table of names to somebody, who may put names in."""
        return any(
            _GIVES_GLOBALS.search(line) or _RUNS_HERE.match(line) or _GIVES_LOCALS.match(line)
            for line in self._read(path)
        )

    def attributes_of(self, path: str, name: str) -> frozenset[str]:
        """Which attributes of a name a file reads."""
        read = re.compile(rf"(?<![\w.]){re.escape(name)}\.(\w+)")
        return frozenset(word for line in self._read(path) for word in read.findall(line))

    def imports_part(self, path: str, name: str) -> bool:
        """Tell whether a package's own file imports its module of this name, which makes it one of its names."""
        if not path.endswith("__init__.py"):
            return False
        package = path.split("/")[-2] if "/" in path else ""
        part = re.compile(
            rf"\s*(?:import\s+(?:\w+\.)*{re.escape(package)}\.{name}\b|from\s+\.{name}\s+import\b)"
        )
        return bool(package) and any(part.match(line) for line in self._read(path))


def indent_of(text: str) -> int:
    """How far a line is indented."""
    return len(text) - len(text.lstrip())


_BACK = 500  # lines that are looked at before a claim: a file may hold very many


def before(claim: Claim) -> range:
    """The numbers of the lines before a claim, the nearest first."""
    return range(claim.line - 1, max(0, claim.line - 1 - _BACK), -1)


_FOLLOWS = re.compile(r"\s*(?:else|elif|except|finally)\b")
_LEADS = re.compile(r"\s*(?:if|elif|try|except|for|while)\b")


def heads(claim: Claim, lines: Lines) -> Iterator[str]:
    """The first lines of the blocks around, innermost first; of an `else:` those of its `if` as well."""
    indent, follows = indent_of(lines.line(claim.path, claim.line)), False
    for number in before(claim):
        text = lines.line(claim.path, number)
        if text.strip() and (
            indent_of(text) < indent or (follows and indent_of(text) == indent and _LEADS.match(text))
        ):
            indent, follows = indent_of(text), _FOLLOWS.match(text) is not None
            yield text
