"""From a target to a tree on this host."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from agents.workspace.archives import root_of, unpack
from agents.workspace.default_branch import DefaultBranch, settings_in
from agents.workspace.errors import ArchiveRefused, EmptyWorkspace
from agents.workspace.folder_settings import OF_FOLDER, settings_of
from agents.workspace.git import clone
from agents.workspace.hosts import Resolver, system_resolver
from agents.workspace.limits import Limits, Skipped, human_bytes, shown_path
from agents.workspace.local import head_of, open_folder
from agents.workspace.targets import ArchiveTarget, GitTarget, PathTarget, describe
from agents.workspace.tree import Tree, why_empty

_SUBMODULE_PATH = re.compile(r"^\s*path\s*=\s*(.+?)\s*$", re.MULTILINE)
_MAX_GITMODULES = 256 * 1024


def obtain(
    target: PathTarget | GitTarget | ArchiveTarget,
    *,
    scratch: Path,
    limits: Limits | None = None,
    local_roots: Iterable[Path] = (),
    private_hosts: Iterable[str] = (),
    open_artifact: Callable[[str], BinaryIO] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    resolve: Resolver = system_resolver,
) -> Tree:
    """Bring a target's files onto this host, below `scratch` unless they are here already.

    A local folder is not copied: `store` reads it as it is then. Raises WorkspaceError's children.
    """
    limits = limits or Limits()
    if isinstance(target, PathTarget):
        local_roots = list(local_roots)
        tree = open_folder(target.path, local_roots)
        settings = settings_of(
            target,
            tree.root,
            scratch=scratch / "default",
            local_roots=local_roots,
            limits=limits,
            cancelled=cancelled,
        )
        return _checked(replace(tree, settings=settings))
    if isinstance(target, GitTarget):
        folder = scratch / "clone"
        default = clone(
            target, folder, limits=limits, cancelled=cancelled, private_hosts=private_hosts, resolve=resolve
        )
        return _checked(_cloned(target, folder, default))
    assert open_artifact is not None, "an archive needs open_artifact"
    tree = _unpacked(target, scratch / "unpacked", open_artifact, limits, cancelled)
    settings = replace(settings_in(tree.root, source=OF_FOLDER), is_of_change=True)
    return _checked(replace(tree, settings=settings))


def _checked(tree: Tree) -> Tree:
    """Let a tree pass that has something to work on."""
    if not any(tree.root.iterdir()):
        what = "has no file to work on" if tree.skipped else "is empty"
        raise EmptyWorkspace(f"{tree.description} {what}{why_empty(tree.skipped)}")
    return tree


def _cloned(target: GitTarget, folder: Path, default: DefaultBranch | None) -> Tree:
    branch, commit = head_of(folder)
    description = describe(target)
    if target.ref is None and branch:
        description += f" at {branch}"
    settings = settings_in(folder, source="of the default branch") if default is None else default.settings
    return Tree(
        root=folder,
        description=description,
        revision=commit,
        skipped=tuple(_submodules(folder)),
        settings=settings,
        is_default_branch=default is None or default.commit == commit,
    )


def _unpacked(
    target: ArchiveTarget,
    into: Path,
    open_artifact: Callable[[str], BinaryIO],
    limits: Limits,
    cancelled: Callable[[], bool],
) -> Tree:
    with open_artifact(target.digest) as packed:
        size = packed.seek(0, 2)
        packed.seek(0)
        if size > limits.archive_bytes:
            raise ArchiveRefused(
                f"{target.name!r} has {human_bytes(size)}; at most {human_bytes(limits.archive_bytes)} are unpacked"
            )
        skipped = unpack(packed, into, limits=limits, cancelled=cancelled)
    return Tree(root=root_of(into), description=describe(target), skipped=skipped)


def _submodules(folder: Path) -> Iterable[Skipped]:
    """Name the submodules of a clone: they are not fetched, and a report must say so."""
    file = folder / ".gitmodules"
    if not file.is_file() or file.is_symlink():
        return
    text = file.read_bytes()[:_MAX_GITMODULES].decode("utf-8", "replace")
    for path in _SUBMODULE_PATH.findall(text):
        yield Skipped(path=shown_path(path), reason="a git submodule; submodules are not fetched")
