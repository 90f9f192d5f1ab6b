"""From a tree to its components, read in a process of its own.

Owns: which files there are, the process, and what the files say together. Invariant: every file that declares
dependencies ends as read, failed with a reason, or skipped; a file on which the reading process dies fails alone.

What a folder's lock file names is not told again by the files that people write there (requirements.txt may be
either); those only say which components are direct.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from agents import process
from agents.dependencies.component import Component
from agents.dependencies.formats import reader_of

TIMEOUT_SECONDS = 240
MEMORY_BYTES = 1536 << 20
MAX_FILES = 2_000
MAX_WALKED = 200_000
RESTARTS = 10  # after that many deaths of the reading process the rest counts as failed
DRIVER = Path(__file__).with_name("driver.py")
OWN = Path(__file__).parents[2]
SKIPPED_FOLDERS = frozenset(
    {
        ".git", ".hg", ".svn", "node_modules", "bower_components", "site-packages", "vendor", "third_party",
        ".venv", "venv", ".tox", ".nox", "__pycache__",
    }
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Reading:
    """What a tree declares. `failed` and `notes` are by path; `skipped` counts files by reason."""

    components: list[Component] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0


def read_tree(
    tree: Path, *, scratch: Path, paths: Sequence[str] = (), cancelled: Callable[[], bool] = lambda: False
) -> Reading:
    """Read all files of the tree that declare dependencies. Raises StepCancelled."""
    reading = Reading()
    waiting = _files(tree, paths, reading)
    deaths = 0
    while waiting:
        waiting, trouble = _run(tree, waiting, reading, scratch=scratch, cancelled=cancelled)
        if waiting:
            deaths += 1
            reading.failed[waiting.pop(0)] = f"the reading process {trouble}"
        if deaths > RESTARTS:
            reading.failed.update(
                dict.fromkeys(waiting, f"not read: the reading process {trouble} on others")
            )
            break
    reading.components = _together(reading.components)
    return reading


def _files(tree: Path, paths: Sequence[str], reading: Reading) -> list[str]:
    found: list[str] = []
    walked = 0
    for parent, folders, names in os.walk(tree):
        folders[:] = sorted(one for one in folders if one not in SKIPPED_FOLDERS)
        walked += len(names)
        if walked > MAX_WALKED:
            reading.failed["."] = f"only the first {MAX_WALKED:,} files were looked through"
            break
        for name in sorted(names):
            path = os.path.relpath(os.path.join(parent, name), tree)
            if reader_of(path) is None or not _is_wanted(path, paths):
                continue
            if os.path.islink(os.path.join(parent, name)):
                reading.skipped["symbolic link"] = reading.skipped.get("symbolic link", 0) + 1
            elif len(found) >= MAX_FILES:
                reading.failed[path] = f"not read: the tree has more than {MAX_FILES:,} such files"
            else:
                found.append(path)
    return [one for one in found if _is_speakable(one, reading)]


def _is_wanted(path: str, paths: Sequence[str]) -> bool:
    return not paths or any(one in (".", path) or path.startswith(f"{one.rstrip('/')}/") for one in paths)


def _is_speakable(path: str, reading: Reading) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        reading.failed[path.encode("utf-8", "replace").decode()] = "its name is not UTF-8"
        return False
    return True


def _run(
    tree: Path, paths: list[str], reading: Reading, *, scratch: Path, cancelled: Callable[[], bool]
) -> tuple[list[str], str]:
    """Read these files; give those that are left when the process ended, and why it did."""
    listed = scratch / "dependency-files"
    listed.write_bytes(b"".join(one.encode() + b"\0" for one in paths))
    folder = scratch / "dependency-reading"
    folder.mkdir(exist_ok=True)
    outcome = process.run(
        [sys.executable, "-I", str(DRIVER), str(OWN), str(tree), str(listed)],
        cwd=tree,
        scratch=folder,
        timeout_seconds=TIMEOUT_SECONDS,
        limits=process.Limits(memory_bytes=MEMORY_BYTES),
        cancelled=cancelled,
    )
    reading.seconds += outcome.seconds
    reading.cpu_seconds += outcome.cpu_seconds
    reading.peak_rss_bytes = max(reading.peak_rss_bytes, outcome.peak_rss_bytes)
    done = 0
    with open(outcome.stdout, encoding="utf-8") as answers:
        for line in answers:
            try:
                _take(json.loads(line), reading)
            except ValueError:
                break  # cut off in the middle
            done += 1
    for one in (listed, outcome.stdout):
        one.unlink(missing_ok=True)
    return paths[done:], outcome.trouble() or "ended early"


def _take(answer: dict[str, Any], reading: Reading) -> None:
    path = answer["path"]
    if answer["fault"]:
        reading.failed[path] = answer["fault"]
        return
    reading.read.append(path)
    if answer["notes"]:
        reading.notes[path] = answer["notes"]
    for one in answer["components"]:
        reading.components.append(Component(**{**one, "requires": tuple(one["requires"])}))


def _together(components: list[Component]) -> list[Component]:
    """Put what people wrote and what their tools locked together, folder by folder."""
    locked: dict[tuple[str, str], set[str]] = {}
    direct: dict[tuple[str, str], set[str]] = {}
    for one in components:
        place = (os.path.dirname(one.path), one.ecosystem)
        (locked if one.is_lock else direct).setdefault(place, set()).add(_key(one))
    found: dict[Component, None] = {}
    for one in components:
        place, key = (os.path.dirname(one.path), one.ecosystem), _key(one)
        if one.is_lock:
            if one.direct is None and place in direct:
                one = replace(one, direct=key in direct[place])
        elif key in locked.get(place, ()):
            continue
        found.setdefault(one)
    return sorted(found, key=lambda one: (one.path, one.line, one.ecosystem, one.name, one.version))


def _key(one: Component) -> str:
    return canonicalize_name(one.name) if one.ecosystem == "PyPI" else one.name
