"""What a repository is made of, read from its files alone.

Owns: the walk and the facts. Executes nothing, follows no link, reads every file once and few beyond its lines.
Invariant: the same tree gives the same profile.

A fact is "kind:name", such as "language:python" or "tests:pytest"; an operation's `requires` names facts.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from agents import languages as known_languages
from agents.base import Schema
from agents.superagent.markers import CONTENTS, DEPENDENCIES, MANIFESTS, PATHS

MAX_FILE_BYTES = 5 * 1024 * 1024  # larger ones are data; their lines say nothing about the code
MAX_MARKER_BYTES = 256 * 1024
_NAME = re.compile(r"[A-Za-z@][\w.@/-]*")
_JSON_PARTS = ("dependencies", "devDependencies", "require", "require-dev")
_SKIPPED_FOLDERS = {".git", "node_modules", "__pycache__", ".venv", "venv", "vendor", "third_party"}


class Language(Schema):
    """One language of the repository, by its files' endings."""

    name: str
    files: int
    lines: int

    @property
    def title(self) -> str:
        return known_languages.title(self.name)


class Profile(Schema):
    """What a repository is made of; languages with most lines first, other kinds by name."""

    files: int = 0
    lines: int = 0
    languages: tuple[Language, ...] = ()
    frameworks: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    migrations: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    ci: tuple[str, ...] = ()
    docs: tuple[str, ...] = ()

    @property
    def facts(self) -> frozenset[str]:
        """All that operations may require, as "kind:name"."""
        kinds = {
            "language": tuple(language.name for language in self.languages), "framework": self.frameworks,
            "tests": self.tests, "database": self.databases, "migrations": self.migrations,
            "containers": self.containers, "ci": self.ci, "docs": self.docs,
        }  # fmt: skip
        return frozenset(f"{kind}:{name}" for kind, names in kinds.items() for name in names)


def profile_tree(root: Path) -> Profile:
    """Profile a tree: about a second for 100,000 lines. Files that cannot be read are passed over."""
    files: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    facts: set[str] = set()
    total = total_lines = 0
    for path, relative in _files(root):
        total += 1
        content = _content(path)
        count = content.count(b"\n") + (not content.endswith(b"\n") and bool(content))
        is_text = b"\0" not in content[:1024]
        total_lines += count if is_text else 0
        language = _language(relative, content)
        if language and is_text:
            files[language] += 1
            lines[language] += count
        facts.update(_facts_of(relative, content))
    languages = tuple(
        Language(name=n, files=files[n], lines=lines[n]) for n in sorted(files, key=lambda n: (-lines[n], n))
    )
    return _profile(total, total_lines, languages, facts)


def _profile(files: int, lines: int, languages: tuple[Language, ...], facts: Iterable[str]) -> Profile:
    kinds: dict[str, list[str]] = defaultdict(list)
    for fact in sorted(set(facts)):
        kind, _, name = fact.partition(":")
        kinds[kind].append(name)
    return Profile(
        files=files, lines=lines, languages=languages,
        frameworks=tuple(kinds["framework"]), tests=tuple(kinds["tests"]), databases=tuple(kinds["database"]),
        migrations=tuple(kinds["migrations"]), containers=tuple(kinds["containers"]), ci=tuple(kinds["ci"]),
        docs=tuple(kinds["docs"]),
    )  # fmt: skip


def _language(relative: str, content: bytes) -> str:
    found = known_languages.of(relative, content)
    return "" if found in known_languages.DATA.values() else found


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path, path.relative_to(root).as_posix()


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return b""
        return path.read_bytes()
    except OSError:
        return b""


def _facts_of(relative: str, content: bytes) -> Iterator[str]:
    lowered = relative.lower()
    for pattern, facts in PATHS:
        if pattern.fullmatch(lowered):
            yield from facts
    text: str | None = None
    for path_pattern, content_pattern, facts in CONTENTS:
        if path_pattern.fullmatch(lowered):
            text = _text(content) if text is None else text
            if content_pattern.search(text):
                yield from facts
    if MANIFESTS.fullmatch(lowered):
        for name in _dependencies(lowered, content) & DEPENDENCIES.keys():
            yield from DEPENDENCIES[name]


def _dependencies(path: str, content: bytes) -> set[str]:
    """Name what a manifest depends on. JSON is parsed; of other forms every word is a candidate."""
    text = _text(content)
    words: Iterable[str] = _NAME.findall(text)
    if path.endswith(".json"):
        try:
            manifest = json.loads(text)
        except ValueError:
            return set()
        parts = [manifest.get(part) for part in _JSON_PARTS] if isinstance(manifest, dict) else []
        words = [str(name) for part in parts if isinstance(part, dict) for name in part]
    return {word.lower().replace("_", "-").rstrip(".-/") for word in words}


def _text(content: bytes) -> str:
    return content[:MAX_MARKER_BYTES].decode("utf-8", "replace")
