"""Whose settings count for a folder of this host: those of its default branch, where its git tells which that is.

    on the default branch, as `refs/remotes/origin/HEAD` names it  -> the file as it lies in the folder
    on another branch, or detached                                 -> the file in `origin`'s default branch
    no such name, or no git                                        -> the file in the folder, maybe of the change

Invariant: git runs in a repository of our own that borrows the folder's objects (`history_sources`), never in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from agents.workspace.default_branch import DEFAULT_REF, OF_DEFAULT, read_default, settings_in
from agents.workspace.errors import GitError, HistoryUnavailable
from agents.workspace.git import Watch, always, clean_environment
from agents.workspace.history_sources import COMMIT, borrow
from agents.workspace.limits import Limits
from agents.workspace.local import default_of, git_folder, head_of
from agents.workspace.targets import PathTarget
from agents.workspace.tree import SettingsFile

OF_FOLDER = "of the folder"


def settings_of(
    target: PathTarget,
    root: Path,
    *,
    scratch: Path,
    local_roots: Iterable[Path],
    limits: Limits,
    cancelled: Callable[[], bool],
) -> SettingsFile:
    """Give the settings that count for a folder. What goes wrong is told in the answer, not raised."""
    roots = [Path(one).resolve() for one in local_roots]
    git = git_folder(root, roots)
    branch = default_of(git) if git is not None else ""
    if not branch:
        return replace(settings_in(root, source=OF_FOLDER), is_of_change=True)
    if head_of(root, roots)[0] == branch:
        return settings_in(root, source=OF_FOLDER)
    watch = Watch(limits=limits, cancelled=cancelled, deadline=time.monotonic() + limits.git_seconds)
    try:
        source = borrow(target, scratch, head="", local_roots=roots, watch=watch)
    except (HistoryUnavailable, GitError) as error:
        return SettingsFile(source=OF_DEFAULT, fault=f"git could not read it: {error}")
    commit = source.refs.get(f"refs/remotes/origin/{branch}", "")
    if not COMMIT.match(commit):
        return SettingsFile(source=OF_DEFAULT, fault=f"git does not know the commit of origin/{branch}")
    ref = source.folder / DEFAULT_REF
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(f"{commit}\n")
    environment = clean_environment(scratch.parent, None, "", 1)
    return read_default(["git", *always(), "-C", str(source.folder)], environment).settings
