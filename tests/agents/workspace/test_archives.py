"""Archives of strangers: what is unpacked, what is refused, and that a refusal leaves nothing."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.workspace import ArchiveTarget, Limits, obtain, store
from agents.workspace.archives import unpack
from agents.workspace.errors import (
    ArchiveRefused,
    DiskFull,
    EmptyWorkspace,
    WorkspaceError,
    WorkspaceTooLarge,
)

MEGABYTE = 1_000_000
SMALL = Limits(file_bytes=MEGABYTE, total_bytes=2 * MEGABYTE, files=100, unpacked_bytes=8 * MEGABYTE,
               ratio_from_bytes=3 * MEGABYTE)  # fmt: skip


def tar_of(*members: tuple[str, bytes] | tarfile.TarInfo, mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            header = tarfile.TarInfo(member[0])
            header.size = len(member[1])
            tar.addfile(header, io.BytesIO(member[1]))
    return out.getvalue()


def zip_of(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, link
    return header


def unpacked(content: bytes, into: Path, limits: Limits = SMALL) -> list[str]:
    unpack(io.BytesIO(content), into, limits=limits)
    return sorted(str(path.relative_to(into)) for path in into.rglob("*") if not path.is_dir())


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_kind_of_tar_is_unpacked(mode, tmp_path):
    packed = tar_of(("p/a.py", b"x" * 300_000), ("p/b/c.py", b"y" * 512), mode=mode)
    assert unpacked(packed, tmp_path / "t") == ["p/a.py", "p/b/c.py"]
    assert (tmp_path / "t/p/a.py").read_bytes() == b"x" * 300_000


def test_a_zip_is_unpacked_with_its_execute_bits_and_links(tmp_path):
    program, link = zipfile.ZipInfo("run"), zipfile.ZipInfo("here")
    program.external_attr = (stat.S_IFREG | 0o755) << 16
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    packed = zip_of((program, b"#!/bin/sh"), (link, b"run"), ("dir\\x.py", b"1"))
    assert unpacked(packed, tmp_path / "t") == ["dir/x.py", "here", "run"]
    assert os.access(tmp_path / "t/run", os.X_OK)
    assert os.readlink(tmp_path / "t/here") == "run"


def test_git_folders_are_dropped_wherever_they_are(tmp_path):
    packed = tar_of((".git/config", b"[core]\nfsmonitor=evil"), ("a/.git/hooks/x", b""), ("a/b.py", b"1"))
    assert unpacked(packed, tmp_path / "t") == ["a/b.py"]


def test_a_large_file_is_left_out_and_named(tmp_path):
    for packed in (
        tar_of(("big", os.urandom(1_100_000)), ("a", b"1")),
        zip_of(("big", b"0" * 1_100_000), ("a", b"1")),
    ):
        into = tmp_path / str(len(packed))
        skipped = unpack(io.BytesIO(packed), into, limits=SMALL)
        assert [(item.path, item.reason) for item in skipped] == [
            ("big", "1.0 MB; files over 976.6 KB are left out")
        ]
        assert sorted(os.listdir(into)) == ["a"]


def test_names_that_differ_by_case_keep_the_first_and_name_the_second(tmp_path):
    skipped = unpack(io.BytesIO(tar_of(("A.py", b"1"), ("a.py", b"2"))), tmp_path / "t", limits=SMALL)
    assert [item.path for item in skipped] == ["a.py"]
    assert os.listdir(tmp_path / "t") == ["A.py"]


HOSTILE: dict[str, Callable[[], bytes]] = {
    "climbing tar": lambda: tar_of(("../evil", b"1")),
    "climbing zip": lambda: zip_of(("a/../../evil", b"1")),
    "backslash zip": lambda: zip_of(("..\\evil", b"1")),
    "absolute tar": lambda: tar_of(("/etc/evil", b"1")),
    "drive zip": lambda: zip_of(("C:/evil", b"1")),
    "link out": lambda: tar_of(special("l", tarfile.SYMTYPE, "../../etc")),
    "link out through a link": lambda: tar_of(
        ("d/e/f", b"1"), special("d/e/l", tarfile.SYMTYPE, "../.."), special("m", tarfile.SYMTYPE, "d/e/l/..")
    ),
    "absolute link": lambda: tar_of(special("l", tarfile.SYMTYPE, "/etc/passwd")),
    "hard link out": lambda: tar_of(special("l", tarfile.LNKTYPE, "../../etc/passwd")),
    "link, then a file through it": lambda: tar_of(special("l", tarfile.SYMTYPE, "sub"), ("l/evil", b"1")),
    "device": lambda: tar_of(special("d", tarfile.CHRTYPE)),
    "pipe": lambda: tar_of(special("p", tarfile.FIFOTYPE)),
    "twice": lambda: tar_of(("a", b"1"), ("./a", b"2")),
    "file and folder": lambda: tar_of(("a", b"1"), ("a/b", b"2")),
    "zip link out": lambda: zip_of((_zip_link("l"), b"/etc/passwd")),
    "no archive": lambda: b"this is a text file, honestly" * 40,
    "empty file": lambda: b"",
    "cut gzip": lambda: tar_of(("a", os.urandom(50_000)))[:20_000],
    "cut zip": lambda: zip_of(("a", os.urandom(50_000)))[:20_000],
    "gzip of nothing useful": lambda: gzip.compress(b"x" * 5000),
    "gzip bomb": lambda: tar_of(*((f"z{n}", bytes(900_000)) for n in range(5))),
    "bomb in one left-out file": lambda: tar_of(("z", bytes(9 * MEGABYTE))),
    "zip bomb": lambda: zip_of(*((f"z{n}", bytes(900_000)) for n in range(5))),
    "giant header": lambda: _giant_header(),
    "encrypted": lambda: _encrypted(),
}


def _zip_link(name: str) -> zipfile.ZipInfo:
    link = zipfile.ZipInfo(name)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return link


def _giant_header() -> bytes:
    header = special("x", tarfile.XHDTYPE)
    header.size = 1024**3
    return gzip.compress(header.tobuf() + bytes(100_000))


def _encrypted() -> bytes:
    content = bytearray(zip_of(("a", b"1")))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_or_damaged_archive_is_refused_and_leaves_nothing(kind, tmp_path):
    with pytest.raises((ArchiveRefused, WorkspaceTooLarge)):
        unpack(io.BytesIO(HOSTILE[kind]()), tmp_path / "in" / "t", limits=SMALL)
    assert list((tmp_path / "in").iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_too_many_files_and_too_many_bytes_are_told_apart(tmp_path):
    with pytest.raises(WorkspaceTooLarge, match="more than 100 files"):
        unpacked(tar_of(*((f"f{n}", b"1") for n in range(101))), tmp_path / "a")
    with pytest.raises(WorkspaceTooLarge, match=r"more than 1\.9 MB"):
        unpacked(tar_of(*((f"f{n}", os.urandom(900_000)) for n in range(3))), tmp_path / "b")


def test_a_bomb_of_a_gigabyte_is_stopped_quickly(tmp_path):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as packed:
        header = tarfile.TarInfo("x")
        header.size = 600 * MEGABYTE
        packed.write(header.tobuf())
        for _ in range(600):
            packed.write(bytes(MEGABYTE))
    started = time.monotonic()
    with pytest.raises(ArchiveRefused):
        unpack(io.BytesIO(out.getvalue()), tmp_path / "t", limits=Limits())
    assert time.monotonic() - started < 20


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    def no_room(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", no_room)
    with pytest.raises(DiskFull, match="free some"):
        unpack(io.BytesIO(tar_of(("a", b"1"))), tmp_path / "t", limits=SMALL)
    assert not (tmp_path / "t").exists()


def test_an_archive_target_becomes_a_snapshot_without_its_top_folder(scratch, artifacts):
    digest = artifacts.put(
        "up", tar_of(("p-1.0/a.py", b"1"), ("p-1.0/.git/config", b"x")), media_type="x"
    ).digest
    target = ArchiveTarget(digest=digest, name="p-1.0.tar.gz")
    tree = obtain(target, scratch=scratch, open_artifact=artifacts.open)
    snapshot = store(tree, artifacts.put, scratch=scratch)
    with tarfile.open(fileobj=artifacts.open(snapshot.digest)) as tar:
        assert tar.getnames() == ["a.py"]
    assert (snapshot.description, snapshot.revision) == ("p-1.0.tar.gz", f"sha256:{snapshot.digest[:12]}")


def test_an_archive_without_a_file_is_an_empty_workspace(scratch, artifacts):
    digest = artifacts.put("up", tar_of(), media_type="x").digest
    with pytest.raises(EmptyWorkspace):
        obtain(ArchiveTarget(digest=digest, name="e.tgz"), scratch=scratch, open_artifact=artifacts.open)


def test_an_archive_of_left_out_files_says_which(scratch, artifacts):
    digest = artifacts.put("up", tar_of(("zeros.py", bytes(2 * MEGABYTE))), media_type="x").digest
    with pytest.raises(
        EmptyWorkspace, match=r"b\.tgz has no file to work on: 1 .*zeros\.py: .* are left out"
    ):
        obtain(
            ArchiveTarget(digest=digest, name="b.tgz"),
            scratch=scratch,
            open_artifact=artifacts.open,
            limits=SMALL,
        )


def test_links_are_judged_on_a_python_without_tar_filters(tmp_path, monkeypatch):
    monkeypatch.delattr(
        tarfile, "data_filter", raising=False
    )  # Debian 12 has Python 3.11.2; 3.11.4 brought it
    monkeypatch.delattr(tarfile, "FilterError", raising=False)
    with pytest.raises(ArchiveRefused, match=r"link that leads out of it: 'l' -> '\.\./etc'"):
        unpacked(tar_of(special("l", tarfile.SYMTYPE, "../etc")), tmp_path / "a")
    with pytest.raises(ArchiveRefused, match="no archive"):
        unpacked(b"text" * 400, tmp_path / "b")


@settings(max_examples=150, deadline=None)
@given(data=st.data(), kind=st.sampled_from(["tar", "gz", "zip"]))
def test_damaged_bytes_never_cause_another_error(data, kind, tmp_path_factory):
    make = {"tar": lambda: tar_of(("a/b", b"hello" * 50), mode="w"), "gz": lambda: tar_of(("a/b", b"hello" * 50)),
            "zip": lambda: zip_of(("a/b", b"hello" * 50))}  # fmt: skip
    content = bytearray(make[kind]())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    into = tmp_path_factory.mktemp("fuzz") / "t"
    try:
        unpack(io.BytesIO(bytes(content)), into, limits=SMALL)
    except WorkspaceError:
        assert not into.exists()
