"""Whose a folder of artifacts is: a mark in it names the installation, and the database, that delete from it.

Bytes without a row are deleted by retention. Two installations that share a folder would delete each other's, and so
would a database and its copy, since each has bytes that the other has no row for. So before anything is deleted, and
when an installation is made ready to start, the mark is compared:

    no mark, and the folder is empty or holds bytes that our rows name ─> marked as ours
    no mark, and no row of ours names any of its bytes ─> left alone
    another installation's mark, or our own by another database (restored, moved, copied) ─> ArtifactStoreForeign

Nobody but a person takes a marked folder over (`take`). Storing and reading ask for no mark: they harm nobody.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from django.db import connection

from tasks import artifacts
from tasks.artifacts import DigestFolderStorage
from tasks.errors import ArtifactStoreForeign
from tasks.models import Artifact, Installation, Upload

MARK = ".wrench-owner"
LOOKED_AT = 100  # of our newest digests: is one of them in the folder?
TAKE = "./wrench manage artifacts_folder --take"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An installation, and the PostgreSQL database that holds it: its system's identifier and its own."""

    installation: str
    database: str


def adopt(store: DigestFolderStorage) -> bool:
    """Mark a folder as ours if it may be. False: it is left alone. Raises ArtifactStoreForeign, OSError."""
    if not is_ours(store):
        return False
    folder = Path(store.location)
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # ours already, or somebody was faster: the next line tells
        _write(folder, ours(), over=False)
    return is_ours(store)


def is_ours(store: DigestFolderStorage) -> bool:
    """Tell whether we may delete from a folder: it has our mark, or none and nothing speaks against one.

    Raises ArtifactStoreForeign if it has another one.
    """
    folder = Path(store.location)
    found = owner_of(folder)
    if found is None:
        return _may_be_ours(folder)
    _refuse_other(folder, found, ours())
    return True


def take(store: DigestFolderStorage) -> None:
    """Mark a folder as ours, whoever's it was."""
    folder = Path(store.location)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, ours(), over=True)


def ours() -> Owner:
    """Say who we are; the installation gets its id when it is first asked for."""
    installation, _ = Installation.objects.get_or_create(is_only=True)
    return Owner(installation=str(installation.pk), database=_database())


def owner_of(folder: Path) -> Owner | None:
    """Read a folder's mark. Raises ArtifactStoreForeign if there is one that says nothing."""
    try:
        told = json.loads((folder / MARK).read_bytes())
        return Owner(installation=str(told["installation"]), database=str(told["database"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactStoreForeign(
            f"{folder / MARK} says whose the artifacts in this folder are, and cannot be read: if they are this"
            f" installation's, run {TAKE}"
        ) from error


def _refuse_other(folder: Path, found: Owner, own: Owner) -> None:
    if found.installation != own.installation:
        raise ArtifactStoreForeign(
            f"{folder} holds the artifacts of another installation ({found.installation}; this one is"
            f" {own.installation}), and each would delete the other's: set WRENCH_ARTIFACTS_DIR to a folder of its"
            f" own; only if the other one is gone for good, take the folder over: {TAKE}"
        )
    if found.database != own.database:
        raise ArtifactStoreForeign(
            f"{folder} is this installation's, but was marked by another database of it ({found.database}; this one"
            f" is {own.database}): it was restored from a backup, moved or copied. If this database takes the place"
            f" of the other one, run {TAKE}; bytes that came after the backup, which no row names, are then deleted"
            " after a day. If it is a copy beside the other one, set WRENCH_ARTIFACTS_DIR to a copy of the folder"
            " first"
        )


def _may_be_ours(folder: Path) -> bool:
    if next(folder.glob("??/??/[0-9a-f]*"), None) is None:
        return True
    newest = (
        model.objects.order_by("-pk").values_list("digest", flat=True)[:LOOKED_AT]
        for model in (Artifact, Upload)
    )
    return any(artifacts.is_stored(digest) for digest in chain.from_iterable(newest))


def _write(folder: Path, owner: Owner, *, over: bool) -> None:
    """Put a whole mark into place. Raises FileExistsError if there is one and it is not to be written over."""
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=MARK)
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(owner), file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        if over:
            os.replace(temporary, folder / MARK)
        else:
            os.link(temporary, folder / MARK)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _database() -> str:
    """Name the database that we are connected to; the name survives a restart and a failover, and no copy by dump."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        name = str(cursor.fetchone()[0])
        cursor.execute("SELECT has_function_privilege('pg_control_system()', 'execute')")
        if cursor.fetchone()[0]:
            cursor.execute("SELECT system_identifier FROM pg_control_system()")
            name = f"{cursor.fetchone()[0]}/{name}"
    return name
