"""A folder of this machine as an archive that a server elsewhere can unpack.

Of a git repository goes what git would track: what is ignored stays here, and so does the history. Of another folder
goes everything but what tools leave behind. Nothing of a link's target is followed.
"""

from __future__ import annotations

import os
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wrenchai_client.errors import BAD_INPUT, ClientError

LEFT_OUT = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox", ".wrench"}
    | {".mypy_cache", ".ruff_cache", ".pytest_cache"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """An archive that lies in a temporary file. `size` in bytes."""

    path: Path
    files: int
    size: int


@contextmanager
def packed(folder: Path) -> Iterator[Packed]:
    """Pack a folder; the archive is deleted on leaving. Raises ClientError naming what cannot be read."""
    with tempfile.NamedTemporaryFile(prefix="wrenchai-", suffix=".tar.gz") as target:
        files = 0
        try:
            with tarfile.open(fileobj=target, mode="w:gz", compresslevel=6) as archive:
                for name in _names(folder):
                    path = folder / name
                    if stat.S_ISREG(mode := path.lstat().st_mode) or stat.S_ISLNK(mode):
                        archive.add(path, arcname=name, recursive=False, filter=_without_owner)
                        files += 1
        except OSError as error:
            raise ClientError(
                f"cannot read {error.filename}: {error.strerror}", exit_code=BAD_INPUT
            ) from None
        if not files:
            raise ClientError(f"{folder} has no files: there is nothing to inspect", exit_code=BAD_INPUT)
        target.flush()
        yield Packed(path=Path(target.name), files=files, size=os.path.getsize(target.name))


def _names(folder: Path) -> list[str]:
    """Return the files' paths below the folder, in order."""
    tracked = (
        subprocess.run(
            ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if _has_git(folder)
        else None
    )
    if tracked is not None and tracked.returncode == 0:
        names = {os.fsdecode(name) for name in tracked.stdout.split(b"\0") if name}
        return sorted(name for name in names if os.path.lexists(folder / name))
    found = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        found += [os.path.relpath(os.path.join(here, name), folder) for name in (*files, *links)]
    return sorted(found)


def _has_git(folder: Path) -> bool:
    return any((place / ".git").exists() for place in (folder, *folder.parents))


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
