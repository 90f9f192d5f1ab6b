"""Unpacking a tar or zip that a stranger made.

Owns: which members are accepted and how they reach the disk. Every byte is counted while it is written.
Invariant: nothing is written outside `into`, symbolic links come into being only after all files are
written (so no write can pass through one), and after a refusal `into` does not exist.

    refused as a whole   "..", absolute names, links that lead out, devices, a name twice, encryption, bombs
    left out and named   files over the limit, names that differ by case only
    dropped              every `.git` (its configuration could run commands)
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, Protocol, cast

from agents.workspace.errors import (
    ArchiveRefused,
    DiskFull,
    ObtainCancelled,
    WorkspaceError,
    WorkspaceTooLarge,
)
from agents.workspace.lending import Lender
from agents.workspace.limits import MAX_FOLDERS, TOO_DEEP, Limits, Skipped, human_bytes, shown_path
from agents.workspace.streams import CHUNK, Unpacked, refuse_bomb

MAX_LINK_BYTES = 4_096
ZIP_SIGNS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(slots=True, kw_only=True)
class _Extraction:
    """What has been written so far, and what it may still become."""

    into: Path
    limits: Limits
    cancelled: Callable[[], bool]
    skipped: list[Skipped] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # case-folded unless case matters -> as written
    links: list[tuple[str, str]] = field(default_factory=list)
    files: int = 0
    members: int = 0
    written: int = 0  # bytes
    case_matters: bool = False
    read_only: bool = False
    lender: Lender | None = None
    folders: set[str] = field(default_factory=set)  # those that are there

    def admit(self, raw: str, *, is_folder: bool) -> str | None:
        """Give the clean name, or None if the member is not wanted. Raises ArchiveRefused."""
        if self.cancelled():
            raise ObtainCancelled("the archive is not wanted any more")
        self.members += 1
        if self.members > 2 * self.limits.files:
            raise WorkspaceTooLarge(
                f"the archive has more than {2 * self.limits.files:,} members; upload a part"
            )
        name = _clean_name(raw)
        if name is None or ".git" in name.split("/"):
            return None
        if name.count("/") > MAX_FOLDERS:
            self.skip(name, TOO_DEEP)
            return None
        if is_folder:
            return name
        key = name if self.case_matters else name.casefold()
        earlier = self.names.get(key)
        if earlier is not None:
            if earlier == name:
                raise ArchiveRefused(f"the archive holds {shown_path(name)!r} twice; pack it again")
            self.skip(name, f"its name differs from {shown_path(earlier)} by case only")
            return None
        self.names[key] = name
        return name

    def skip(self, name: str, reason: str) -> None:
        self.skipped.append(Skipped(path=shown_path(name), reason=reason))

    def write(self, name: str, source: _Readable, *, size: int, executable: bool) -> None:
        """Write one file, counting. Raises WorkspaceTooLarge."""
        if size > self.limits.file_bytes:
            self.skip(
                name, f"{human_bytes(size)}; files over {human_bytes(self.limits.file_bytes)} are left out"
            )
            return
        self.files += 1
        if self.files > self.limits.files:
            raise WorkspaceTooLarge(
                f"the archive has more than {self.limits.files:,} files; upload a part of it"
            )
        folder = name.rpartition("/")[0]
        if folder not in self.folders:
            (self.into / folder).mkdir(parents=True, exist_ok=True)
            self.folders.add(folder)
        mode = (0o755 if executable else 0o644) & (0o555 if self.read_only else 0o777)
        target = f"{self.into}/{name}"
        chunk = self._counted(source.read(CHUNK))
        if self.lender and len(chunk) == size and self.lender.lend(name, chunk, mode, target):
            return
        with open(target, "xb") as out:
            while chunk:
                out.write(chunk)
                chunk = self._counted(source.read(CHUNK))
            os.fchmod(out.fileno(), mode)

    def _counted(self, chunk: bytes) -> bytes:
        self.written += len(chunk)
        if self.written > self.limits.total_bytes:
            bound = human_bytes(self.limits.total_bytes)
            raise WorkspaceTooLarge(f"the archive has more than {bound} of files; upload a part of it")
        return chunk

    def make_links(self) -> None:
        for name, target in self.links:
            path = self.into / name
            if path.exists() or path.is_symlink():
                raise ArchiveRefused(
                    f"the archive holds {shown_path(name)!r} as a link and as something else"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)
        for name, target in self.links:  # again, now that the disk says where links through links lead
            if not Path(os.path.realpath(self.into / name)).is_relative_to(os.path.realpath(self.into)):
                raise _leads_out(name, target)


def unpack(
    packed: BinaryIO,
    into: Path,
    *,
    limits: Limits,
    cancelled: Callable[[], bool] = lambda: False,
    case_matters: bool = False,
    read_only: bool = False,
    lender: Lender | None = None,
) -> tuple[Skipped, ...]:
    """Unpack a tar (plain, gz, bz2, xz) or zip into a new folder and name what was left out.

    `packed` must be seekable; `read_only` is for the files, folders can be written into. Files that
    `lender` has need not be written; what it lends must be read-only.
    Raises ArchiveRefused, WorkspaceTooLarge, DiskFull, ObtainCancelled.
    """
    extraction = _Extraction(
        into=into, limits=limits, cancelled=cancelled, case_matters=case_matters, read_only=read_only,
        lender=lender,
    )  # fmt: skip
    head = packed.read(4)
    packed.seek(0)
    into.mkdir(parents=True)
    try:
        if head in ZIP_SIGNS:
            _unpack_zip(packed, extraction)
        else:
            _unpack_tar(packed, extraction)
        extraction.make_links()
    except BaseException as error:
        shutil.rmtree(into, ignore_errors=True)
        raise _told(error, into) from error
    return tuple(extraction.skipped)


def _told(error: BaseException, into: Path) -> BaseException:
    """Say in our words what a library said in its own."""
    if isinstance(error, WorkspaceError):
        return error
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DiskFull(f"no room in {into.parent} to unpack the archive; free some")
    if isinstance(error, (FileExistsError, NotADirectoryError, IsADirectoryError)):
        return ArchiveRefused("the archive holds one name as a file and as a folder; pack it again")
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return ArchiveRefused("the archive holds a name that is too long for this host's disk")
    damaged = (
        tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError,
        RuntimeError, OverflowError, IndexError,
    )  # fmt: skip
    if isinstance(error, damaged):
        return ArchiveRefused(
            f"this is no archive that can be unpacked ({shown_path(str(error))}); pack it again"
        )
    return error


def _unpack_tar(packed: BinaryIO, extraction: _Extraction) -> None:
    unpacked = Unpacked(packed, extraction.limits)
    with tarfile.open(fileobj=cast(IO[bytes], unpacked), mode="r:", errorlevel=2) as tar:
        for member in _members(tar):
            _take_tar_member(tar, member, extraction, unpacked)


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Walk forward without keeping every header in memory."""
    while (member := tar.next()) is not None:
        yield member
        tar.members = []  # type: ignore[attr-defined]  # the documented way has none; else 1 KB stays per member


def _take_tar_member(
    tar: tarfile.TarFile, member: tarfile.TarInfo, extraction: _Extraction, unpacked: Unpacked
) -> None:
    name = extraction.admit(member.name, is_folder=member.isdir())
    if name is None:
        return
    if member.isdir():
        (extraction.into / name).mkdir(parents=True, exist_ok=True)
    elif member.issym():
        _refuse_link_out(name, member.linkname)
        extraction.links.append((name, member.linkname))
    elif member.islnk():
        _copy_hard_link(name, member, extraction)
    elif member.isreg():
        is_next = unpacked.tell() == member.offset_data and not member.issparse()
        source = _Member(unpacked, member.size) if is_next else tar.extractfile(member)
        assert source is not None
        extraction.write(name, source, size=member.size, executable=bool(member.mode & stat.S_IXUSR))
    else:
        raise ArchiveRefused(f"the archive holds {shown_path(name)!r}, which is no file, folder or link")


class _Member:
    """A plain member's bytes, which are the next ones to be read: tarfile's own reader is made for seeking."""

    def __init__(self, unpacked: Unpacked, size: int) -> None:
        self._unpacked = unpacked
        self._left = size

    def read(self, size: int) -> bytes:
        given = self._unpacked.read(min(size, self._left))
        if self._left and not given:
            raise tarfile.ReadError("unexpected end of data")
        self._left -= len(given)
        return given


def _copy_hard_link(name: str, member: tarfile.TarInfo, extraction: _Extraction) -> None:
    target = _clean_name(member.linkname)
    original = extraction.into / target if target else None
    if original is None or not original.is_file():
        extraction.skip(name, "a hard link to something that is not in the archive before it")
        return
    about = original.stat()
    with original.open("rb") as source:
        extraction.write(name, source, size=about.st_size, executable=bool(about.st_mode & stat.S_IXUSR))


def _unpack_zip(packed: BinaryIO, extraction: _Extraction) -> None:
    size = packed.seek(0, 2)
    packed.seek(0)
    with zipfile.ZipFile(packed) as archive:
        wanted = [m for m in archive.infolist() if m.file_size <= extraction.limits.file_bytes]
        refuse_bomb(sum(member.file_size for member in wanted), size, extraction.limits)
        for member in archive.infolist():
            if member.flag_bits & 0x1:
                raise ArchiveRefused("the zip is encrypted; upload one without a password")
            _take_zip_member(archive, member, extraction)


def _take_zip_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, extraction: _Extraction) -> None:
    name = extraction.admit(member.filename.replace("\\", "/"), is_folder=member.is_dir())
    if name is None:
        return
    mode = member.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if member.is_dir():
        (extraction.into / name).mkdir(parents=True, exist_ok=True)
        return
    if kind not in (0, stat.S_IFREG, stat.S_IFLNK):
        raise ArchiveRefused(f"the archive holds {shown_path(name)!r}, which is no file, folder or link")
    with archive.open(member) as source:
        if kind == stat.S_IFLNK:
            target = source.read(MAX_LINK_BYTES).decode("utf-8", "surrogateescape")
            _refuse_link_out(name, target)
            extraction.links.append((name, target))
            return
        extraction.write(name, source, size=member.file_size, executable=bool(mode & stat.S_IXUSR))


def _refuse_link_out(name: str, target: str) -> None:
    """Raise ArchiveRefused for a link that names something outside. Not tarfile's filter: Python 3.11.2 has none."""
    aim = os.path.normpath(os.path.join(os.path.dirname(name), target))
    if "\0" in target or os.path.isabs(aim) or aim.split("/")[0] == "..":
        raise _leads_out(name, target)


def _leads_out(name: str, target: str) -> ArchiveRefused:
    shown = f"{shown_path(name)!r} -> {shown_path(target)!r}"
    return ArchiveRefused(f"the archive has a link that leads out of it: {shown}; pack it without that link")


def _clean_name(raw: str) -> str | None:
    """Give the name relative and without "."; None for the top folder itself. Raises ArchiveRefused."""
    if "\0" in raw or raw.startswith("/") or (len(raw) > 1 and raw[1] == ":"):
        raise ArchiveRefused(
            f"the archive has an absolute name: {shown_path(raw)!r}; pack it with relative names"
        )
    parts = [part for part in raw.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ArchiveRefused(
            f"the archive has a name that leads out of it: {shown_path(raw)!r}; it is hostile"
        )
    return "/".join(parts) or None


def root_of(folder: Path) -> Path:
    """Step into the one top folder that most archives have; else give the folder itself."""
    children = list(folder.iterdir())
    if len(children) == 1 and children[0].is_dir() and not children[0].is_symlink():
        return children[0]
    return folder
