"""The project's own settings: found, bounded, handed on as bytes. What they mean is `agents.quality`'s business.

    an archive, a clone of the default branch -> the file in the tree
    a clone of something else                 -> the file in the remote's default branch
    a folder                                  -> as `folder_settings` tells

Invariant: no link is followed, nothing larger than MAX_BYTES + 1 is read, and no configuration of the repository's
own git is used that the clone did not write.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.workspace.tree import SettingsFile

FILE = "wrench.toml"
MAX_BYTES = 64 * 1024
DEFAULT_REF = "refs/wrench/default"
OF_DEFAULT = "of the default branch"
READ_SECONDS = 20
_ENTRY = re.compile(rb"(\d{6}) (\w+) ([0-9a-f]{40,64}) +(\d+|-)\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultBranch:
    """What the remote's default branch says. `commit` is "" if it is not known."""

    commit: str
    settings: SettingsFile


def settings_in(root: Path, *, source: str) -> SettingsFile:
    """Read the file in a tree on this host. One byte more than allowed is read, so that the reader can refuse it."""
    path = root / FILE
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return SettingsFile(source=source, fault="it is no regular file")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            return SettingsFile(content=file.read(MAX_BYTES + 1), source=source)
    except FileNotFoundError:
        return SettingsFile()
    except OSError as error:
        return SettingsFile(source=source, fault=f"it cannot be read: {error.strerror}")


def read_default(git: list[str], environment: Mapping[str, str]) -> DefaultBranch:
    """Read the file in DEFAULT_REF. `git`: the command with its options up to the subcommand."""
    try:
        commit = _said([*git, "rev-parse", "--verify", "--quiet", DEFAULT_REF], environment).decode().strip()
        listed = _said([*git, "ls-tree", "-l", DEFAULT_REF, "--", FILE], environment)
        if not listed.strip():
            return DefaultBranch(commit=commit, settings=SettingsFile())
        entry = _ENTRY.match(listed)
        if entry is None or entry[2] != b"blob" or not entry[1].startswith(b"100"):
            return DefaultBranch(commit=commit, settings=_fault("it is no regular file"))
        if int(entry[4]) > MAX_BYTES:
            return DefaultBranch(commit=commit, settings=_fault(f"it is larger than {MAX_BYTES // 1024} KiB"))
        content = _said([*git, "cat-file", "blob", entry[3].decode()], environment)
    except (subprocess.SubprocessError, OSError) as error:
        return DefaultBranch(commit="", settings=_fault(f"git could not read it: {type(error).__name__}"))
    return DefaultBranch(commit=commit, settings=SettingsFile(content=content, source=OF_DEFAULT))


def _fault(text: str) -> SettingsFile:
    return SettingsFile(source=OF_DEFAULT, fault=text)


def _said(command: list[str], environment: Mapping[str, str]) -> bytes:
    return subprocess.run(
        command,
        env=dict(environment),
        capture_output=True,
        check=True,
        timeout=READ_SECONDS,
        start_new_session=True,
    ).stdout
