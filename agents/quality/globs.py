"""Patterns of paths that cannot blow up: `*`, `?` and `**`, matched in time that grows with path times pattern.

    docs            every file or folder of that name, wherever it is, with all that it holds
    /docs, a/b      from the root of the tree
    *.min.js        `*` and `?` stay within a name
    src/**/gen.py   `**` is any number of folders, none included

No regular expression is built of what a repository says: a pattern is cut at its slashes and walked through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

MAX_PATTERN = 300  # characters
MAX_FOLDERS = 40  # parts between slashes

T = TypeVar("T")


def fault_of(pattern: str) -> str:
    """Say what is wrong with a pattern, or ""."""
    if not pattern.strip("/"):
        return "a pattern names a file or a folder"
    if len(pattern) > MAX_PATTERN or pattern.count("/") > MAX_FOLDERS:
        return f"a pattern has at most {MAX_PATTERN} characters and {MAX_FOLDERS} slashes"
    if not pattern.isprintable() or "\\" in pattern:
        return "a pattern has no control characters and no backslashes; folders are parted by '/'"
    if ".." in pattern.split("/"):
        return "a pattern does not climb: leave out '..'"
    return ""


class Globs:
    """Some patterns as one question: is this path meant?"""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [_parts(pattern) for pattern in patterns]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def match(self, path: str) -> bool:
        """Tell whether a pattern means this file, or a folder that it lies in. The path is relative, with `/`."""
        folders = path.split("/")
        return any(_walk(pattern, folders, star="**", same=_same_name) for pattern in self._patterns)


def name_matches(pattern: str, name: str) -> bool:
    """Tell whether a name without folders, such as a rule's, fits a pattern of `*` and `?`."""
    return _same_name(pattern, name)


def _parts(pattern: str) -> list[str]:
    anchored = "/" in pattern.rstrip("/")
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    return [*([] if anchored else ["**"]), *parts, "**"]


def _same_name(pattern: str, name: str) -> bool:
    return _walk(pattern, name, star="*", same=lambda one, other: one in ("?", other))


def _walk(pattern: Sequence[T], given: Sequence[T], *, star: T, same: Callable[[T, T], bool]) -> bool:
    """Match greedily; on a mismatch only the latest star is stretched, which is enough: no exponential search."""
    at = here = 0
    latest, stretched = -1, 0
    while here < len(given):
        if at < len(pattern) and pattern[at] == star:
            latest, stretched = at, here
            at += 1
        elif at < len(pattern) and same(pattern[at], given[here]):
            at, here = at + 1, here + 1
        elif latest >= 0:
            stretched += 1
            at, here = latest + 1, stretched
        else:
            return False
    return all(part == star for part in pattern[at:])
