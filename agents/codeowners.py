"""CODEOWNERS: who answers for a path. GitHub's and GitLab's syntax, read by our own small parser.

Owns: where the file lies, what its patterns mean, which owners a path has. Asks no service whether they exist.
Invariants: the last rule that matches wins; in GitLab's sections the last of each section wins and all sections
count; no pattern costs more than linear time for each segment of a path.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

PLACES = (".github/CODEOWNERS", ".gitlab/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""The first that is there counts, as on GitHub; .gitlab is GitLab's own."""
MAX_BYTES = 3 << 20  # GitHub reads none that is larger
MAX_RULES = 10_000
MAX_OWNERS = 500  # characters of the owners of one path

_SECTION = re.compile(r"\^?\[(?P<name>[^\]]+)\](?:\[\d+\])?(?P<owners>(?:\s.*)?)\Z")
_OWNER = re.compile(r"@{1,2}[^\s@#]+|[^\s@#]+@[^\s@#]+\.[^\s@#]+")
_WORD = re.compile(r"(?:\\.|[^\s\\])+")


@dataclass(frozen=True, slots=True)
class _Rule:
    section: str
    anchored: bool
    parts: tuple[str, ...]  # segments of the pattern; "**" spans folders and is never the last
    beneath: bool  # what lies below the match belongs to it too
    excludes: bool
    owners: tuple[str, ...]


class Owners:
    """The rules of one tree. Without a file, or with one that cannot be read, nobody owns anything."""

    def __init__(self, text: str) -> None:
        self._rules = list(islice(_read(text), MAX_RULES))
        self._rules.reverse()  # the last that matches wins

    @classmethod
    def of(cls, tree: Path) -> Owners:
        """Read the rules of a tree. Follows no link and reads no file over MAX_BYTES."""
        for place in PLACES:
            file = tree / place
            if file.is_symlink() or file.parent.is_symlink() or not file.is_file():
                continue
            with file.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
            return cls("" if len(content) > MAX_BYTES else content.decode("utf-8", "replace"))
        return cls("")

    def of_path(self, path: str) -> str:
        """Give the owners of a path, parted by blanks; empty if it has none."""
        segments = tuple(path.split("/"))
        decided: dict[str, tuple[str, ...]] = {}
        barred: set[str] = set()
        for rule in self._rules:
            if rule.section in barred or (rule.section in decided and not rule.excludes):
                continue
            if _matches(rule, segments):
                if rule.excludes:  # GitLab: no later rule of the section brings the path back
                    barred.add(rule.section)
                    decided[rule.section] = ()
                else:
                    decided[rule.section] = rule.owners
        owners = dict.fromkeys(owner for names in reversed(decided.values()) for owner in names)
        return " ".join(owners)[:MAX_OWNERS]


def _read(text: str) -> Iterator[_Rule]:
    section, default = "", _owners("")
    for line in text.replace("\0", "").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        head = _SECTION.match(line)
        if head:
            section, default = head["name"].strip().lower(), _owners(head["owners"])
            continue
        words = _WORD.match(line)
        if words is None:
            continue
        named = _owners(line[words.end() :])
        rule = _rule(words[0], section, named or default)
        if rule is not None:
            yield rule


def _owners(text: str) -> tuple[str, ...]:
    return tuple(_OWNER.findall(re.sub(r"\s#.*", "", text)))


def _rule(pattern: str, section: str, owners: tuple[str, ...]) -> _Rule | None:
    excludes = pattern.startswith("!")
    pattern = re.sub(r"\\(.)", lambda found: found[1] if found[1] in " #!" else found[0], pattern)
    pattern = pattern.removeprefix("!")
    parts = tuple(part for part in pattern.split("/") if part)
    if not parts:
        return _Rule(section, True, ("*",), True, excludes, owners) if pattern == "/" else None
    anchored = pattern.startswith("/") or len(parts) > 1
    if parts[-1] == "**":
        parts, beneath = (*parts[:-1], "*"), True
    elif pattern.endswith("/"):
        parts, beneath = (*parts, "*"), True
    else:  # "docs/*" owns the files of the folder and not those of its folders: GitHub's documentation says so
        beneath = parts[-1] != "*" or not anchored
    return _Rule(section, anchored, parts, beneath, excludes, owners)


def _matches(rule: _Rule, segments: tuple[str, ...]) -> bool:
    parts = rule.parts if rule.anchored else ("**", *rule.parts)
    reached = {0}
    for segment in segments:
        reached = _step(parts, _spread(parts, reached), segment)
        if not reached:
            return False
        if rule.beneath and len(parts) in reached:
            return True
    return len(parts) in reached


def _spread(parts: tuple[str, ...], reached: set[int]) -> set[int]:
    """Also go on past each "**", which may stand for nothing."""
    found = set(reached)
    for place in sorted(reached):
        while place < len(parts) and parts[place] == "**":
            place += 1
            found.add(place)
    return found


def _step(parts: tuple[str, ...], reached: set[int], segment: str) -> set[int]:
    found = set()
    for place in reached:
        if place < len(parts):
            if parts[place] == "**":
                found.add(place)
            elif _fits(parts[place], segment):
                found.add(place + 1)
    return found


@functools.lru_cache(maxsize=4_096)
def _fits(pattern: str, segment: str) -> bool:
    """Match one segment with * and ?, by the greedy method that never goes back more than one star."""
    at = seen = 0
    star, mark = -1, 0
    while seen < len(segment):
        if at < len(pattern) and pattern[at] == "*":
            star, mark = at, seen
            at += 1
        elif at < len(pattern) and pattern[at] in (segment[seen], "?"):
            at, seen = at + 1, seen + 1
        elif star >= 0:
            mark += 1
            at, seen = star + 1, mark
        else:
            return False
    return all(char == "*" for char in pattern[at:])
