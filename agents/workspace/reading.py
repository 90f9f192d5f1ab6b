"""Files of a stored snapshot, read one by one without unpacking it.

    shelf = shelf_of(digest, open_artifact)
    shelf.folder("shop")            what lies in it
    shelf.read("shop/views.py")     its bytes, at most MAX_BYTES

A snapshot is a plain tar, so a file is a piece of it: where each begins is read once from the headers and kept for
the snapshots that were asked for last. Nothing is written to a disk and no name of the tar is ever a path of this
host, so that a link or `..` in it leads nowhere; links are told, never followed.
"""

from __future__ import annotations

import tarfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from agents.workspace.errors import ArchiveRefused

MAX_BYTES = 1024 * 1024  # of a file that is shown
KEPT = 4  # snapshots whose places are remembered in a process; some 30 MB each with 100,000 files

OpenArtifact = Callable[[str], BinaryIO]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or link of a snapshot. `link`: what a symbolic link says that it leads to; None for a file."""

    path: str
    size: int
    place: int
    link: str | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What lies in a folder: names of folders, and files, both in order."""

    folders: tuple[str, ...]
    files: tuple[Entry, ...]


@dataclass(slots=True)
class _Shelved:
    folders: set[str] = field(default_factory=set)
    files: list[Entry] = field(default_factory=list)


class Shelf:
    """The files of one snapshot and where they begin in it."""

    def __init__(self, digest: str, open_artifact: OpenArtifact) -> None:
        self.digest = digest
        self._open = open_artifact
        self._entries: dict[str, Entry] = {}
        self._folders: dict[str, _Shelved] = {"": _Shelved()}
        with open_artifact(digest) as packed:
            self._fill(packed)

    def find(self, path: str) -> Entry | None:
        """Give the file or link of this path."""
        return self._entries.get(path)

    def folder(self, path: str) -> Folder | None:
        """Give what lies in a folder; "" is the root. None if there is no such folder."""
        known = self._folders.get(path)
        if known is None:
            return None
        files = sorted(known.files, key=lambda entry: entry.path)
        return Folder(folders=tuple(sorted(known.folders)), files=tuple(files))

    def read(self, entry: Entry, most: int = MAX_BYTES) -> bytes:
        """Give the bytes of a file, the first `most`. Raises ArtifactMissing if retention took the snapshot."""
        with self._open(self.digest) as packed:
            packed.seek(entry.place)
            return packed.read(min(entry.size, most))

    def _fill(self, packed: BinaryIO) -> None:
        try:
            with tarfile.open(fileobj=packed, mode="r:") as tar:
                for member in tar:
                    if member.isfile() or member.issym():
                        link = member.linkname if member.issym() else None
                        self._put(
                            Entry(path=member.name, size=member.size, place=member.offset_data, link=link)
                        )
                    tar.members = []  # type: ignore[attr-defined]  # else every header is kept beside ours
        except tarfile.TarError as error:
            raise ArchiveRefused(f"the stored snapshot {self.digest[:12]} cannot be read: {error}") from error

    def _put(self, entry: Entry) -> None:
        self._entries[entry.path] = entry
        folder, _slash, _name = entry.path.rpartition("/")
        known = self._folders.get(folder)
        if known is None:
            known = self._make(folder)
        known.files.append(entry)

    def _make(self, folder: str) -> _Shelved:
        made = self._folders[folder] = _Shelved()
        child = folder
        while child:
            parent, _slash, name = child.rpartition("/")
            above = self._folders.get(parent)
            if above is not None:
                above.folders.add(name)
                break
            self._folders[parent] = _Shelved(folders={name})
            child = parent
        return made


_kept: OrderedDict[str, Shelf] = OrderedDict()
_lock = threading.Lock()


def shelf_of(digest: str, open_artifact: OpenArtifact) -> Shelf:
    """Give the files of a stored snapshot. Raises ArtifactMissing, ArchiveRefused.

    The bytes may have gone since they were last asked for: `read` tells.
    """
    with _lock:
        if digest in _kept:
            _kept.move_to_end(digest)
            return _kept[digest]
    shelf = Shelf(digest, open_artifact)
    with _lock:
        _kept[digest] = shelf
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return shelf
