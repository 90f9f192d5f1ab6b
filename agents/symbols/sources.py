"""Which files a tree has, for whoever documents it; the reasons for leaving one out.

Owns: the walk and the names of modules. Follows no link; never reads more of a file than MAX_FILE_BYTES.
Invariant: every regular file is listed or counted under a reason.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from agents.conventions import is_test

MAX_FILE_BYTES = 2 << 20  # hand-written source stays far below
MAX_FILES = 200_000
MAX_NAMESPACES = 2_000  # names that packages may have by the folders above them
MAX_ASKED = 5_000  # files that are asked how they import those

LINK = "symbolic link"
NO_FILE = "no regular file"
TOO_LARGE = f"larger than {MAX_FILE_BYTES >> 20} MB"
NOT_TEXT = "not UTF-8 text"
UNREADABLE = "cannot be read"
VENDORED = "installed packages or vendored code"
TOO_MANY = f"beyond the first {MAX_FILES:,} files"

_FOLDERS = frozenset(
    (".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")
)
_VENDORED = frozenset(
    (
        ".tox",
        ".nox",
        ".venv",
        "venv",
        "node_modules",
        "bower_components",
        "site-packages",
        "vendor",
        "third_party",
    )
)
_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+([A-Za-z_][\w.]*)", re.MULTILINE)
_NOT_IN_A_NAME = re.compile(r"\W")


@dataclass(slots=True, kw_only=True)
class Sources:
    """The files of a tree, relative with `/`, sorted; `counts` tells why others are missing."""

    root: Path
    paths: list[str] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    def text(self, path: str) -> str | None:
        """Read a listed file. None if it is too large, no text, or gone; the reason is counted."""
        text, why = _text_of(self.root / path)
        if why:
            self.counts[why] += 1
        return text

    @property
    def python(self) -> list[str]:
        """The Python files."""
        return [path for path in self.paths if path.endswith(".py")]

    def modules(self) -> dict[str, str]:
        """Name each Python file's module: name -> path. Of two files for one name, the later gets its whole path."""
        packages = {str(PurePosixPath(path).parent) for path in self.python if path.endswith("/__init__.py")}
        begins = self._namespaces(packages)
        found: dict[str, str] = {}
        for path in sorted(self.python, key=lambda path: (is_test(path), path)):
            name = _module_name(path, packages, begins)
            if name in found:
                name = _dotted(PurePosixPath(path).with_suffix(""))
            if name and name not in found:
                found[name] = path
        return dict(sorted(found.items()))

    def _namespaces(self, packages: set[str]) -> dict[str, str]:
        """Topmost package -> the folder where its name begins, for packages that imports of the tree name longer.

        `src/ns/pkg` is `ns.pkg` if some file imports it so (PEP 420), else `pkg`: a folder alone does not tell.
        """
        asked: dict[str, str] = {}  # dotted name -> topmost package
        for package in sorted(packages):
            pure = PurePosixPath(package)
            parts = pure.parts[1:] if pure.parts[0] in ("src", "lib") else pure.parts
            if str(pure.parent) in packages or len(parts) < 2 or not all(map(str.isidentifier, parts)):
                continue
            asked.update((".".join(parts[start:]), package) for start in range(len(parts) - 1))
            if len(asked) > MAX_NAMESPACES:
                break
        said = _imported(self.root, self.python, asked) if asked else set[str]()
        found: dict[str, str] = {}
        for name in sorted(said, key=len):  # the longest wins
            pure = PurePosixPath(asked[name])
            found[asked[name]] = str(PurePosixPath(*pure.parts[: len(pure.parts) - name.count(".") - 1]))
        return found


def _text_of(file: Path) -> tuple[str | None, str]:
    """The text of a file, or the reason why there is none."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError:
        return None, UNREADABLE
    if len(content) > MAX_FILE_BYTES:
        return None, TOO_LARGE
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None, NOT_TEXT
    return (None, NOT_TEXT) if "\0" in text else (text, "")


def _imported(root: Path, files: list[str], names: Iterable[str]) -> set[str]:
    """Those of some dotted names that files import."""
    wanted = set(names)
    found: set[str] = set()
    for path in files[:MAX_ASKED]:
        for line in _IMPORT.findall(_text_of(root / path)[0] or ""):
            parts = line.split(".")
            found.update(wanted.intersection(".".join(parts[:end]) for end in range(2, len(parts) + 1)))
    return found


def listed(root: Path) -> Sources:
    """Walk the tree."""
    found = Sources(root=root)
    waiting = [(os.fspath(root), "")]
    while waiting:
        folder, prefix = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            found.counts[UNREADABLE] += 1
            continue
        for entry in entries:
            path = prefix + entry.name
            if not _is_text(path):
                found.counts["its name is not UTF-8"] += 1
            elif entry.is_symlink():
                found.counts[LINK] += 1
            elif entry.is_dir(follow_symlinks=False):
                if entry.name in _VENDORED or os.path.lexists(os.path.join(entry.path, "pyvenv.cfg")):
                    found.counts[VENDORED] += 1
                elif entry.name not in _FOLDERS:
                    found.folders.add(path)
                    waiting.append((entry.path, f"{path}/"))
            else:
                _add(entry, path, found)
    found.paths.sort()
    return found


def _add(entry: os.DirEntry[str], path: str, found: Sources) -> None:
    if len(found.paths) >= MAX_FILES:
        found.counts[TOO_MANY] += 1
    elif not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
        found.counts[NO_FILE] += 1
    else:
        found.paths.append(path)


def _is_text(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _module_name(path: str, packages: set[str], begins: Mapping[str, str]) -> str:
    """Name a module from the topmost package above it, as `import` would see it from beside that package."""
    pure = PurePosixPath(path)
    above = [parent for parent in pure.parents if str(parent) in packages]
    if above:
        pure = pure.relative_to(begins.get(str(above[-1]), above[-1].parent))
    elif pure.parts[0] in ("src", "lib") and len(pure.parts) > 1:
        pure = pure.relative_to(pure.parts[0])
    return _dotted(pure.with_suffix(""))


def _dotted(pure: PurePosixPath) -> str:
    parts = [_NOT_IN_A_NAME.sub("_", part) for part in pure.parts]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    return ".".join(parts)
