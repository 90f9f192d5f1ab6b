"""Stored bytes that nobody refers to: files in the store whose digest no row names.

Bytes are stored before their row, so a file without a row may be one that a run is about to name. Such a run is
live, and whoever stores bytes that are there already makes the file young again (`DigestFolderStorage.keep`). So a
file may go if no row names it and it is older than every live run, and than a day. In this order:

    horizon = the oldest live run's creation ─> no row? ─> move aside ─> still older than the horizon? ─> delete

A run that ends in between has named its bytes by then, or its bytes are younger than the horizon.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

import structlog
from django.db.models import Min

from tasks import ownership
from tasks.artifacts import UNFINISHED, DigestFolderStorage, folder_store
from tasks.models import Artifact, Run, Upload
from tasks.retention.policies import FINAL
from tasks.retention.report import Account
from tasks.runs.moves import database_now

log = structlog.get_logger(__name__)

LEAST_AGE = timedelta(days=1)
CLOCKS_APART = timedelta(hours=1)  # files are dated by the host of the disk, runs by PostgreSQL
FILES_AT_ONCE = 500


def prune_files(account: Account) -> Iterator[None]:
    """Delete files that nobody refers to, some hundred per step of the iterator. Raises ArtifactStoreForeign."""
    store = own_store()
    if store is None:
        return
    limit = _horizon()
    for batch in _batches(Path(store.location), store):
        freed = [
            size
            for digest in _unnamed(batch)
            if (size := store.remove(str(batch[digest]), unless_kept_since=limit)) is not None
        ]
        account.add({"files": len(freed), "bytes": sum(freed)})
        yield
    account.add({"unfinished files": _remove_unfinished(Path(store.location), limit)})


def count_files(named: Callable[[set[str]], set[str]]) -> dict[str, int]:
    """Count what `prune_files` would delete, if only the digests that `named` gives back were referred to."""
    store = own_store(mark=False)
    sizes: list[int] = []
    limit = _horizon()
    for batch in _batches(Path(store.location), None) if store is not None else ():
        for digest in set(batch) - named(set(batch)):
            with contextlib.suppress(FileNotFoundError):
                found = (Path(store.location) / batch[digest]).stat() if store is not None else None
                if found is not None and found.st_mtime < limit:
                    sizes.append(found.st_size)
    return {"files": len(sizes), "bytes": sum(sizes)}


def own_store(*, mark: bool = True) -> DigestFolderStorage | None:
    """Give the store, marked as ours, unless it is of another class, or holds what this database has never heard of.

    A test's database, or a new one, on the store of another would else delete all of its files. Raises
    ArtifactStoreForeign.
    """
    store = folder_store()
    if store is None:
        log.info("files_not_pruned", reason="the store is no folder; give its bucket a rule of its own")
        return None
    try:
        is_ours = ownership.adopt(store) if mark else ownership.is_ours(store)
    except OSError as error:
        log.warning("files_not_pruned", reason=f"the folder cannot be marked or read from here: {error}")
        return None
    if not is_ours:
        log.info("files_not_pruned", reason="no row names any file: perhaps the store is another database's")
        return None
    return store


def _horizon() -> float:
    """Give the moment (seconds of the epoch) since which files may be about to be named."""
    oldest = Run.objects.exclude(state__in=FINAL).aggregate(at=Min("created_at"))["at"]
    limit = database_now() - LEAST_AGE
    return (limit if oldest is None else min(limit, oldest - CLOCKS_APART)).timestamp()


def _unnamed(batch: dict[str, Path]) -> set[str]:
    return set(batch) - named_by_rows(set(batch))


def named_by_rows(digests: set[str]) -> set[str]:
    """Give those of these digests that a row names."""
    artifacts = Artifact.objects.filter(digest__in=digests).values_list("digest", flat=True)
    uploads = Upload.objects.filter(digest__in=digests).values_list("digest", flat=True)
    return {*artifacts.distinct(), *uploads}


def _batches(root: Path, mending: DigestFolderStorage | None) -> Iterator[dict[str, Path]]:
    """Give the stored files by digest, as paths below the root."""
    files = _files(root, mending)
    while batch := dict(islice(files, FILES_AT_ONCE)):
        yield batch


def _files(root: Path, mending: DigestFolderStorage | None) -> Iterator[tuple[str, Path]]:
    for folder in sorted(root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]")):
        if mending is not None:
            mending.bring_back(folder)
        for path in folder.glob("[0-9a-f]*"):
            yield path.name, path.relative_to(root)


def _remove_unfinished(root: Path, limit: float) -> int:
    """Delete what writers that were killed have left half-written."""
    removed = 0
    for path in root.glob(f"[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/{UNFINISHED}*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
    return removed
