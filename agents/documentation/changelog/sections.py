"""Commits into sections: by their types where the project writes those, else by the part that they touch."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.conventions import is_test
from agents.documentation.changelog.conventional import ORDER, Entry, entry, is_used
from agents.workspace.history import Commit

TESTS, ROOT, NOTHING = "tests", "the project itself", "no file"
_HOLDERS = frozenset(("src", "lib", "packages", "python"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """Heading -> entries, in the order of telling, newest first within each."""

    conventional: bool
    entries: dict[str, list[Entry]]

    @property
    def breaking(self) -> list[Entry]:
        """Those whose authors say that they break something."""
        return [one for listed in self.entries.values() for one in listed if one.breaking]


def sections(commits: Sequence[Commit]) -> Sections:
    """Group the commits of a span."""
    entries = [entry(one) for one in commits]
    grouped: dict[str, list[Entry]] = defaultdict(list)
    conventional = is_used(entries)
    for commit, one in zip(commits, entries, strict=True):
        grouped[one.section if conventional else area_of(commit.paths)].append(one)
    if conventional:
        names = [name for name in ORDER if name in grouped]
    else:
        names = sorted(grouped, key=lambda name: (name in (TESTS, ROOT, NOTHING), -len(grouped[name]), name))
    return Sections(conventional=conventional, entries={name: grouped[name] for name in names})


def area_of(paths: Iterable[str]) -> str:
    """The part of a project that most of some paths lie in."""
    counts = Counter(map(area, paths))
    if not counts:
        return NOTHING
    product = {name: count for name, count in counts.items() if name != TESTS} or counts
    return max(sorted(product), key=lambda name: product[name])


def area(path: str) -> str:
    """The top-level package or folder of a path."""
    if is_test(path):
        return TESTS
    parts = path.split("/")[:-1]
    while len(parts) > 1 and parts[0] in _HOLDERS:
        parts = parts[1:]
    return parts[0] if parts else ROOT
