"""Artifacts: bytes by digest.

The bytes go to Django's storage "artifacts" under `ab/cd/<sha256>` before the database knows of them; a row is
written when the step that made them succeeds. Bytes without a row cost room only. Invariant: what lies under a
digest has that digest, because a file appears there by one rename after all its bytes were written and counted.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db.models.functions import Now

from tasks.contract import ArtifactRef
from tasks.errors import ArtifactMissing, ArtifactStoreFull, UploadTooLarge
from tasks.models import Artifact, Upload

CHUNK_BYTES = 1024 * 1024
UNFINISHED = ".part-"
ASIDE = ".aside-"
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class DigestFolderStorage(FileSystemStorage):
    """A folder in which a file is either whole or absent: written beside, synced, renamed."""

    def __init__(self, location: str | os.PathLike[str] | None = None) -> None:
        super().__init__(location=str(location or settings.ARTIFACTS_DIR))

    def _save(self, name: str, content: File[bytes]) -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks(CHUNK_BYTES):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        return name

    def keep(self, name: str) -> bool:
        """Say that a file is wanted from now on, if it is there: `remove` leaves it alone for its reader to come.

        Dated first, then looked for: one that `remove` took away between our finding and our dating it is dated,
        too, and gone. Dating by name alone lost 3 of 40,000 that were kept and removed at the same moment.
        """
        try:
            handle = os.open(self.path(name), os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            os.utime(handle)
            return os.path.samestat(os.fstat(handle), os.stat(self.path(name)))
        except FileNotFoundError:
            return False
        finally:
            os.close(handle)

    def remove(self, name: str, *, unless_kept_since: float) -> int | None:
        """Delete a file, unless it was stored or kept since (seconds of the epoch). Returns its bytes, or None.

        It is moved aside first: whoever keeps it before that is seen here, and whoever keeps it after that finds
        nothing and stores it anew. What a crash leaves aside is brought back by `bring_back`.
        """
        path = Path(self.path(name))
        aside = path.with_name(f"{ASIDE}{path.name}")
        try:
            if path.stat().st_mtime >= unless_kept_since:
                return None
            os.rename(path, aside)
        except FileNotFoundError:
            return None
        found = aside.stat()
        if found.st_mtime >= unless_kept_since:
            os.replace(aside, path)  # the same bytes, if somebody stored them anew
            return None
        aside.unlink()
        return found.st_size

    def bring_back(self, folder: Path) -> None:
        """Undo what a crash in `remove` has left in a folder."""
        for aside in folder.glob(f"{ASIDE}*"):
            os.replace(aside, aside.with_name(aside.name.removeprefix(ASIDE)))

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name  # the name is the content's digest: writing it again changes nothing


def put(name: str, content: bytes | Path | BinaryIO, *, media_type: str) -> ArtifactRef:
    """Store bytes and tell their digest. Raises ArtifactStoreFull; nothing half-written stays."""
    with _opened(content) as source:
        digest, size = _measure(source)
        source.seek(0)
        if not _is_kept(_place(digest)):
            try:
                _store().save(_place(digest), File(cast("IO[Any]", source)))
            except OSError as error:
                if error.errno in NO_ROOM:
                    raise ArtifactStoreFull(
                        f"no room for artifact {name!r} of {size} bytes: {error.strerror};"
                        " free some disk or set WRENCH_ARTIFACTS_DIR to a larger one"
                    ) from error
                raise
    return ArtifactRef(name=name, digest=digest, size=size, media_type=media_type)


def open_blob(digest: str) -> BinaryIO:
    """Open the bytes of a digest. Raises ArtifactMissing."""
    try:
        return cast("BinaryIO", _store().open(_place(digest), "rb").file)
    except FileNotFoundError as error:
        raise ArtifactMissing(f"the bytes of artifact {digest} are not in the store") from error


def is_stored(digest: str) -> bool:
    """Tell whether the bytes of a digest are in the store."""
    return _store().exists(_place(digest))


def belongs_to(digest: str, *, project_id: int) -> bool:
    """Tell whether a project may read these bytes: one of its runs made them, or they were uploaded to it."""
    return (
        Artifact.objects.filter(digest=digest, run__project_id=project_id).exists()
        or Upload.objects.filter(digest=digest, project_id=project_id).exists()
    )


def put_upload(
    name: str, content: BinaryIO, *, project_id: int, owner_id: int | None, most_bytes: int
) -> ArtifactRef:
    """Store what somebody uploads for a run to come; the same bytes again are the same upload.

    Raises UploadTooLarge before the limit is passed on disk, ArtifactStoreFull.
    """
    with tempfile.TemporaryFile() as spool:
        size = 0
        while chunk := content.read(CHUNK_BYTES):
            size += len(chunk)
            if size > most_bytes:
                raise UploadTooLarge(f"{name!r} has more than {most_bytes:,} bytes; upload a smaller part")
            spool.write(chunk)
        spool.seek(0)
        ref = put(name, cast("BinaryIO", spool), media_type="application/octet-stream")
    Upload.objects.update_or_create(
        project_id=project_id,
        digest=ref.digest,
        defaults={"name": name, "size": size, "uploaded_by_id": owner_id},
        create_defaults={"name": name, "size": size, "uploaded_by_id": owner_id, "created_at": Now()},
    )
    return ref


def _store() -> Storage:
    return storages["artifacts"]


def folder_store() -> DigestFolderStorage | None:
    """Give the store if it is a folder; None if it is another class, from which nothing is ever removed."""
    store = _store()
    return store if isinstance(store, DigestFolderStorage) else None


def _is_kept(name: str) -> bool:
    store = folder_store()
    return store.keep(name) if store is not None else _store().exists(name)


def _place(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


@contextlib.contextmanager
def _opened(content: bytes | Path | BinaryIO) -> Any:
    if isinstance(content, bytes):
        yield io.BytesIO(content)
    elif isinstance(content, Path):
        with content.open("rb") as file:
            yield file
    else:
        yield content


def _measure(source: BinaryIO) -> tuple[str, int]:
    hashed, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        hashed.update(chunk)
        size += len(chunk)
    return hashed.hexdigest(), size
