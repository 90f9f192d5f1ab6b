"""What can go wrong with a workspace. Each message says what, with which value, and what to do.

WorkspaceError
├── TargetInvalid       the target cannot be read: unknown kind, bad URL, bad ref
├── PathRefused         the local path lies outside the allowed roots, or is no folder
├── PathMissing         there is nothing at the local path
├── HistoryUnavailable  git's history cannot be had: an upload, a folder without .git, an unknown revision
│   └── CommitMissing   a commit that is known by name is missing, or damaged
├── EmptyWorkspace      nothing is there to work on
├── WorkspaceTooLarge   more files, bytes or time than the limits allow
├── ArchiveRefused      the archive is damaged, encrypted, hostile or no archive
├── GitError
│   ├── GitMissing      this host has no git, or one that is too old
│   ├── GitRefused      the host of the URL is not public, or has no address
│   ├── GitFailed       git ended with an error; its own last words are in the message
│   └── GitTimeout      git did not end in time and was killed
├── DiskFull            the disk has no room for the tree
└── ObtainCancelled     nobody wants the tree any more
"""

from __future__ import annotations

from typing import ClassVar


class WorkspaceError(Exception):
    """Base of all faults of workspaces. `retriable`: trying again later may help."""

    retriable: ClassVar[bool] = False


class TargetInvalid(WorkspaceError, ValueError):
    """The target cannot be read."""


class PathRefused(WorkspaceError):
    """The local path lies outside the allowed roots, or is no folder."""


class PathMissing(WorkspaceError):
    """There is nothing at the local path."""


class HistoryUnavailable(WorkspaceError):
    """Git's history of the target cannot be had."""


class CommitMissing(HistoryUnavailable):
    """A commit that is known by name cannot be read: it is missing, or damaged."""

    def __init__(self, message: str, *, commit: str) -> None:
        super().__init__(message)
        self.commit = commit


class EmptyWorkspace(WorkspaceError):
    """Nothing is there to work on."""


class WorkspaceTooLarge(WorkspaceError):
    """More files, bytes or time than the limits allow."""


class ArchiveRefused(WorkspaceError):
    """The archive is damaged, encrypted, hostile or no archive."""


class GitError(WorkspaceError):
    """The repository could not be fetched."""


class GitMissing(GitError):
    """This host has no git, or one that is too old."""


class GitRefused(GitError):
    """The host of the URL is not public, or has no address."""


class GitFailed(GitError):
    """Git ended with an error."""

    retriable = True


class GitTimeout(GitError):
    """Git did not end in time and was killed."""

    retriable = True


class DiskFull(WorkspaceError):
    """The disk has no room for the tree."""

    retriable = True


class ObtainCancelled(WorkspaceError):
    """Nobody wants the tree any more."""
