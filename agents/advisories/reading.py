"""The records in a file: `all.zip` of an ecosystem, a folder of JSON files, or one JSON file.

Owns: the walk and its bounds. Nothing is unpacked to disk, so no name in an archive becomes a path; one that tries to
leave its folder is refused all the same, since the file is then not what its operator thinks.
Invariant: one record at a time is in memory, whatever the file's size.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_RECORD_BYTES = 16 << 20
MAX_RECORDS = 2_000_000
MAX_UNPACKED_BYTES = 40 << 30
RATIO = 200  # unpacked to packed of one record, beyond
RATIO_FROM_BYTES = 1 << 20  # this size: repetitive JSON packs well


class ImportRefused(Exception):
    """The file is not taken; the text says why and what to do. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file's JSON, or why it could not be read."""

    name: str
    content: object
    fault: str = ""


def count(path: Path) -> int:
    """Say how many records there will be. Raises ImportRefused."""
    if path.is_dir():
        return sum(1 for _ in _json_files(path))
    return len(_members(path)) if zipfile.is_zipfile(path) else 1


def digest(path: Path) -> str:
    """Give the SHA-256 of the file, or of a folder's JSON files in order."""
    hashed = hashlib.sha256()
    for one in _json_files(path) if path.is_dir() else (path,):
        if path.is_dir():
            hashed.update(f"{one.relative_to(path).as_posix()}\0".encode("utf-8", "surrogateescape"))
        with open(one, "rb") as file:
            while block := file.read(1 << 20):
                hashed.update(block)
    return hashed.hexdigest()


def records(path: Path) -> Iterator[Found]:
    """Give each record in turn. Raises ImportRefused."""
    if path.is_dir():
        for one in _json_files(path):
            yield _plain(one)
    elif zipfile.is_zipfile(path):
        yield from _of_archive(path)
    elif _begins_as_archive(path):
        raise ImportRefused(f"{path} is a part of an archive, its end is missing: fetch it again")
    else:
        yield _plain(path)


def _begins_as_archive(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _json_files(folder: Path) -> Iterator[Path]:
    """All JSON files below a folder, in order; no link is followed."""
    found = 0
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if name.endswith(".json") and stat.S_ISREG(path.lstat().st_mode):
                found += 1
                _refuse_too_many(found)
                yield path


def _refuse_too_many(found: int) -> None:
    if found > MAX_RECORDS:
        raise ImportRefused(f"more than {MAX_RECORDS:,} records; import one ecosystem at a time")


def _plain(path: Path) -> Found:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_RECORD_BYTES + 1)
    except OSError as error:
        return Found(path.name, None, f"cannot be read: {error.strerror}")
    return _parsed(path.name, data)


def _parsed(name: str, data: bytes) -> Found:
    if len(data) > MAX_RECORD_BYTES:
        return Found(name, None, f"larger than {MAX_RECORD_BYTES >> 20} MB")
    try:
        return Found(name, json.loads(data))
    except (ValueError, RecursionError) as error:
        return Found(name, None, f"no JSON: {str(error)[:200]}")


def _members(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            every = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ImportRefused(f"{path.name} is no whole zip archive ({error}); fetch it again") from error
    _refuse_too_many(len(every))
    found = [one for one in every if not one.is_dir() and one.filename.endswith(".json")]
    for one in every:
        _check(one)
    if sum(one.file_size for one in found) > MAX_UNPACKED_BYTES:
        raise ImportRefused(f"{path.name} unpacks to more than {MAX_UNPACKED_BYTES >> 30} GB")
    return found


def _check(member: zipfile.ZipInfo) -> None:
    name = member.filename
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name[:3]:
        raise ImportRefused(
            f"the archive has a member named {name[:80]!r}, which leads out of it: nothing is taken"
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ImportRefused(f"the archive's member {name[:80]!r} is a link: nothing is taken")
    if member.flag_bits & 1:
        raise ImportRefused(f"the archive's member {name[:80]!r} is encrypted: nothing is taken")
    if member.file_size > RATIO_FROM_BYTES and member.file_size > RATIO * max(member.compress_size, 1):
        raise ImportRefused(
            f"the archive's member {name[:80]!r} unpacks to more than {RATIO} times its size, as bombs do:"
            " nothing is taken"
        )


def _of_archive(path: Path) -> Iterator[Found]:
    members = _members(path)
    with zipfile.ZipFile(path) as archive:
        for member in members:
            if member.file_size > MAX_RECORD_BYTES:
                yield Found(member.filename, None, f"larger than {MAX_RECORD_BYTES >> 20} MB")
                continue
            try:
                with archive.open(member) as file:
                    data = file.read(MAX_RECORD_BYTES + 1)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
                raise ImportRefused(f"the archive is damaged at {member.filename[:80]!r}: {error}") from error
            yield _parsed(member.filename, data)
