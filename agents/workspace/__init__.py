"""Workspaces: a project's tree at a revision, from a local path, a git URL or an uploaded archive.

    tree = obtain(parse_target(data), scratch=..., local_roots=..., open_artifact=...)
    snapshot = store(tree, context.put_artifact, scratch=...)
    with checked_out(snapshot.digest, context.open_artifact) as folder: ...

What git knows of a target's past is asked of `agents.workspace.history`.

A snapshot is immutable, stored as an artifact by digest, unpacked once per host and shared between steps.
"""

from agents.workspace.cache import checked_out
from agents.workspace.errors import WorkspaceError
from agents.workspace.limits import Limits, Skipped
from agents.workspace.obtaining import obtain
from agents.workspace.targets import (
    ArchiveTarget,
    GitTarget,
    PathTarget,
    Target,
    describe,
    parse_target,
    redacted,
    target_from_text,
)
from agents.workspace.tree import SettingsFile, Snapshot, Tree, store

__all__ = [
    "ArchiveTarget",
    "GitTarget",
    "Limits",
    "PathTarget",
    "SettingsFile",
    "Skipped",
    "Snapshot",
    "Target",
    "Tree",
    "WorkspaceError",
    "checked_out",
    "describe",
    "obtain",
    "parse_target",
    "redacted",
    "store",
    "target_from_text",
]
