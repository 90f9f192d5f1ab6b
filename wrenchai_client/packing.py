"""A folder of this machine as an archive that a server elsewhere can unpack.

Of a git repository goes what git would track: what is ignored stays here, and so does the history. Of another folder
goes everything but what tools leave behind. Nothing of a link's target is followed.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from wrenchai_client.errors import BAD_INPUT, ClientError

LEFT_OUT = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox", ".wrench"}
    | {".mypy_cache", ".ruff_cache", ".pytest_cache"}
)
OLDEST_GIT = (2, 31)  # the first that takes settings by GIT_CONFIG_COUNT, which alone can name any filter
_OWN_SCOPES = ("local", "worktree")  # of git's configuration: what comes with the folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """An archive that lies in a temporary file. `size` in bytes; `commit` is the one that it has the files of."""

    path: Path
    files: int
    size: int
    commit: str = ""


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


@contextmanager
def packed_base(folder: Path, revision: str) -> Iterator[Packed]:
    """Pack a git folder as it was where its branch left `revision`. Raises ClientError, if git does not know it."""
    with tempfile.TemporaryDirectory(prefix="wrenchai-base-") as place:
        try:
            found = _git(
                folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
            )
        except OSError:
            raise ClientError("--base needs git on this machine", exit_code=BAD_INPUT) from None
        if found is None:
            is_checkout = _git(folder, "rev-parse", "--git-dir") is not None
            why = f"git knows no such revision in {folder}" if is_checkout else f"{folder} is no git checkout"
            raise ClientError(f"--base {revision}: {why}", exit_code=BAD_INPUT)
        base = _git(folder, "merge-base", found, "HEAD") or found
        below = _git(folder, "rev-parse", "--show-prefix") or ""
        index, tree = Path(place, "index"), Path(place, "tree")
        tree.mkdir()
        read = _git(folder, "read-tree", f"{base}:{below}" if below else base, index=index)
        # by its own index and from the top: the user's checkout stays as it is
        top = Path(_git(folder, "rev-parse", "--show-toplevel") or folder)
        written = _git(top, "checkout-index", "--all", "--force", f"--prefix={tree}/", index=index)
        if read is None or written is None:
            raise ClientError(f"--base {revision}: git could not write its files", exit_code=BAD_INPUT)
        with packed(tree) as archive:
            yield replace(archive, commit=base)


def _git(folder: Path, *words: str, index: Path | None = None) -> str | None:
    done = _asked(folder, *words, **({"GIT_INDEX_FILE": str(index)} if index else {}))
    return None if done.returncode else os.fsdecode(done.stdout).strip()


def _asked(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """Run git; nothing that the folder's own configuration names is executed. The words may be a stranger's.

    Raises ClientError for a git so old that it would execute it.
    """
    if found := shutil.which("git"):
        _refuse_old(found)
    settings = {"core.fsmonitor": "false", "core.hooksPath": os.devnull} | _without_filters(folder)
    told = os.environ.get("GIT_CONFIG_COUNT", "")
    first = int(told) if told.isdecimal() else 0  # ours stand behind the user's, as a safe.directory
    given = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    given |= {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
    for number, (key, value) in enumerate(settings.items(), start=first):
        given |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return _run(folder, *words, environ={**given, **environ})


@cache
def _refuse_old(git: str) -> None:
    told = subprocess.run([git, "--version"], capture_output=True, check=False, text=True).stdout.strip()
    numbers = re.search(r"(\d+)\.(\d+)", told)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_GIT:
        raise ClientError(
            f"{told or git!r} would execute what the folder's own configuration names; install git 2.31 or newer",
            exit_code=BAD_INPUT,
        )


def _without_filters(folder: Path) -> dict[str, str]:
    """Give the settings that switch off the filters of the folder's own configuration; the user's own stay."""
    done = _run(folder, "config", "--list", "--show-scope", "--name-only", "-z", environ={})
    words = os.fsdecode(done.stdout).split("\0")
    own = {name for scope, name in zip(words[::2], words[1::2], strict=False) if scope in _OWN_SCOPES}
    drivers = {name.rpartition(".")[0] for name in own if name.startswith("filter.")}
    off = {"clean": "", "smudge": "", "process": "", "required": "false"}
    return {f"{driver}.{key}": value for driver in sorted(drivers) for key, value in off.items()}


def _run(folder: Path, *words: str, environ: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["git", "-C", str(folder), *words],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environ},
    )


def _names(folder: Path) -> list[str]:
    """Return the files' paths below the folder, in order."""
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    tracked = _asked(folder, *words) if _has_git(folder) else None
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
