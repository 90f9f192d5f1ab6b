"""Snapshots unpacked on this host, shared between steps and processes.

    <cache>/<digest>/tree       read-only files, shared with others (lending.py); exists only when complete
    <cache>/.new-<random>       being unpacked; locked by who does it
    <cache>/.old-<random>       being deleted

Whoever uses an entry holds a shared flock on its folder; whoever deletes one needs the exclusive lock and
first renames it away, so an entry is there whole or not at all. The kernel frees the locks of a killed
process. A folder that was renamed between opening and locking shows another inode: look again.

Invariant: a yielded tree is complete, has the content its digest names, and stays until the block is left.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from agents.workspace.archives import unpack
from agents.workspace.errors import ArchiveRefused, DiskFull
from agents.workspace.lending import Lender
from agents.workspace.limits import Limits
from agents.workspace.streams import CHUNK

DEFAULT_CACHE_BYTES = 5 * 1024**3
LENDERS = 8  # entries that are asked for each file of a new one
ABANDONED_SECONDS = 60  # between making a folder and locking it lie microseconds
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


@contextmanager
def checked_out(
    digest: str,
    open_artifact: Callable[[str], BinaryIO],
    *,
    cache_dir: Path | None = None,
    cache_bytes: int | None = None,
    limits: Limits | None = None,
) -> Iterator[Path]:
    """Yield the folder of a stored snapshot, read-only. Raises ArchiveRefused, DiskFull, ArtifactMissing."""
    if not _DIGEST.match(digest):
        raise ArchiveRefused(f"{digest!r} is no digest of a snapshot")
    if cache_dir is None or cache_bytes is None:
        from django.conf import settings  # lazily: a tool without Django gives both parameters

        cache_dir = cache_dir or Path(settings.WORKSPACE_CACHE_DIR)
        cache_bytes = cache_bytes or int(getattr(settings, "WORKSPACE_CACHE_BYTES", DEFAULT_CACHE_BYTES))
    cache_dir.mkdir(parents=True, exist_ok=True)
    held = _hold(cache_dir / digest)
    while held is None:
        _fill(cache_dir, digest, open_artifact, limits or Limits())
        held = _hold(cache_dir / digest)
        evict(cache_dir, cache_bytes)
    try:
        os.utime(cache_dir / digest)  # its age for the eviction
        yield cache_dir / digest / "tree"
    finally:
        os.close(held)


def evict(cache_dir: Path, cache_bytes: int) -> None:
    """Delete the entries that were not used for longest until the rest fits, and what dead processes left.

    A file that entries share counts in each: the disk holds less than the bound.
    """
    entries = []
    for folder in cache_dir.iterdir():
        if folder.name.startswith("."):
            _remove_abandoned(folder)
            continue
        try:
            entries.append((folder.stat().st_mtime, int((folder / "bytes").read_text()), folder))
        except (OSError, ValueError):
            continue  # another process deleted it just now
    excess = sum(size for _, size, _ in entries) - cache_bytes
    for _, size, folder in sorted(entries, key=lambda entry: entry[0]):
        if excess <= 0:
            return
        if _delete(folder):
            excess -= size


def _hold(folder: Path) -> int | None:
    """Lock an entry for use and return the descriptor that holds the lock; None if there is no entry."""
    while True:
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if _is_still(folder, descriptor):
            return descriptor
        os.close(descriptor)


def _is_still(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        return False


def _fill(cache_dir: Path, digest: str, open_artifact: Callable[[str], BinaryIO], limits: Limits) -> None:
    """Unpack a snapshot beside its place and move it there; harmless if another process was first."""
    fresh = cache_dir / f".new-{uuid.uuid4().hex}"
    fresh.mkdir()
    descriptor = os.open(fresh, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with open_artifact(digest) as packed, _lender(cache_dir) as lender:
            unpack(packed, fresh / "tree", limits=limits, case_matters=True, read_only=True, lender=lender)
            _verify(packed, digest)
        (fresh / "bytes").write_text(str(_seal(fresh / "tree")))
        fresh.rename(cache_dir / digest)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(f"no room in {cache_dir} for the snapshot {digest[:12]}; free some") from error
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    finally:
        _wipe(fresh)
        os.close(descriptor)


@contextmanager
def _lender(cache_dir: Path) -> Iterator[Lender]:
    """Yield the entries that were used last, kept from deletion until the block is left."""
    with ExitStack() as held:
        trees = []
        for folder in _last_used(cache_dir):
            descriptor = _hold(folder)
            if descriptor is not None:
                held.callback(os.close, descriptor)
                trees.append(folder / "tree")
        yield Lender(trees)


def _last_used(cache_dir: Path) -> list[Path]:
    used = []
    for folder in cache_dir.iterdir():
        try:
            if not folder.name.startswith("."):
                used.append((folder.stat().st_mtime, folder))
        except OSError:
            continue  # another process deleted it just now
    return [folder for _, folder in sorted(used, reverse=True)[:LENDERS]]


def _verify(packed: BinaryIO, digest: str) -> None:
    packed.seek(0)
    seen = hashlib.sha256()
    while chunk := packed.read(CHUNK):
        seen.update(chunk)
    if seen.hexdigest() != digest:
        raise ArchiveRefused(f"the stored snapshot {digest[:12]} is damaged: its bytes have another digest")


def _seal(tree: Path) -> int:
    """Let nobody write into the folders, whose files are read-only, and return the files' size."""
    size = 0
    waiting = [os.fspath(tree)]
    while waiting:
        folder = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif not entry.is_symlink():
                    size += entry.stat(follow_symlinks=False).st_size
        os.chmod(folder, 0o555)  # noqa: S103 - analyzers run as another user and must read it
    return size


def _delete(folder: Path) -> bool:
    """Delete an entry unless somebody uses it. Returns whether it is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_still(folder, descriptor):
            return True
        away = folder.parent / f".old-{uuid.uuid4().hex}"
        folder.rename(away)
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        os.close(descriptor)
    _wipe(away)
    return True


def _remove_abandoned(folder: Path) -> None:
    try:
        if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
            _delete(folder)
    except OSError:
        return


def _wipe(folder: Path) -> None:
    """Remove a folder whose parts are read-only. Nothing happens if it is not there."""
    for parent, _, _ in os.walk(folder):
        os.chmod(parent, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
