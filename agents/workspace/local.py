"""A folder on the worker's own disk.

Owns: which folders may be read, and what git says of them. Git itself is never run there: the folder's own
configuration could make it execute commands, so the few facts are read from its files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from agents.workspace.errors import PathMissing, PathRefused
from agents.workspace.targets import is_archive_name
from agents.workspace.tree import Tree

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_MAX_PACKED_REFS = 8 * 1024 * 1024


def open_folder(path: str, local_roots: Iterable[Path]) -> Tree:
    """Give the tree at a path. Raises PathRefused, PathMissing."""
    roots = [Path(root).resolve() for root in local_roots]
    if not roots:
        raise PathRefused(
            f"local paths are off, so {path!r} is not read; "
            "an operator can allow folders by the setting WRENCH_LOCAL_ROOTS"
        )
    real = Path(os.path.realpath(path))
    if not any(real.is_relative_to(root) for root in roots):
        named = ", ".join(str(root) for root in roots)
        raise PathRefused(
            f"{path!r} lies outside the folders that may be read ({named}); see the setting WRENCH_LOCAL_ROOTS"
        )
    if not real.exists():
        raise PathMissing(f"there is nothing at {path!r} on the worker's host; check the path")
    if not real.is_dir():
        advice = "upload it as an archive" if is_archive_name(path) else "give the folder that holds it"
        raise PathRefused(f"{path!r} is no folder; {advice}")
    if not os.access(real, os.R_OK | os.X_OK):
        raise PathRefused(f"{path!r} cannot be read by the worker; give its user the right to")
    branch, commit = head_of(real, roots)
    description = f"{path} on {branch}, as it lies on the disk" if branch else path
    return Tree(root=real, description=description, revision=commit)


def head_of(folder: Path, roots: Iterable[Path] = ()) -> tuple[str, str | None]:
    """Read branch and commit of a checkout from its files; "" and None if they do not tell."""
    git = git_folder(folder, roots)
    if git is None:
        return "", None
    head = _first_line(git / "HEAD")
    if _COMMIT.match(head):
        return "a detached commit", head
    if not head.startswith("ref: refs/") or ".." in head:
        return "", None
    name = head.removeprefix("ref: ")
    shared = shared_folder(git)
    commit = _first_line(shared / name) or _packed(shared / "packed-refs", name)
    return name.removeprefix("refs/heads/"), commit if _COMMIT.match(commit) else None


def default_of(git: Path) -> str:
    """Name the default branch of the server that a checkout was cloned from; "" if its files do not tell."""
    head = _first_line(shared_folder(git) / "refs" / "remotes" / "origin" / "HEAD")
    name = head.removeprefix("ref: refs/remotes/origin/")
    return name if name != head and ".." not in name else ""


def git_folder(folder: Path, roots: Iterable[Path] = ()) -> Path | None:
    """Find a checkout's own `.git`; None if there is none, or if it lies outside the allowed folders."""
    git = folder / ".git"
    if not git.is_file():
        return git if git.is_dir() else None
    named = _first_line(git).removeprefix("gitdir:").strip()  # a worktree: the file names the real folder
    git = Path(os.path.realpath(folder / named))
    return git if any(git.is_relative_to(root) for root in roots) else None


def shared_folder(git: Path) -> Path:
    """Give the folder that holds objects and names; a worktree shares it with its repository."""
    return git / _first_line(git / "commondir") if (git / "commondir").is_file() else git


def _packed(file: Path, name: str) -> str:
    for line in _text(file, _MAX_PACKED_REFS).splitlines():
        commit, _, ref = line.partition(" ")
        if ref == name:
            return commit
    return ""


def _first_line(file: Path) -> str:
    lines = _text(file, 4_096).splitlines()
    return lines[0].strip() if lines else ""


def _text(file: Path, most: int) -> str:
    try:
        if not file.is_file() or file.is_symlink():
            return ""
        with file.open("rb") as opened:
            return opened.read(most).decode("utf-8", "replace")
    except OSError:
        return ""
