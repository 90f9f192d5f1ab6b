"""Local folders: where they may lie, what becomes part of the snapshot, what is told of the rest."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from pathlib import Path

import pytest

from agents.workspace import Limits, PathTarget, Tree, obtain, store
from agents.workspace.errors import (
    EmptyWorkspace,
    ObtainCancelled,
    PathMissing,
    PathRefused,
    WorkspaceTooLarge,
)
from tests.agents.workspace.conftest import git


def snapshot_of(folder, artifacts, scratch, limits=None):
    return store(Tree(root=folder, description=str(folder)), artifacts.put, scratch=scratch, limits=limits)


def names_in(artifacts, snapshot):
    with tarfile.open(fileobj=artifacts.open(snapshot.digest)) as tar:
        return tar.getnames()


def test_the_same_content_gives_the_same_digest(project, artifacts, scratch):
    first = snapshot_of(project, artifacts, scratch)
    os.utime(project / "src/app.py", (1, 1))
    (project / "run").chmod(0o700)
    assert snapshot_of(project, artifacts, scratch).digest == first.digest
    (project / "run").chmod(0o600)
    assert snapshot_of(project, artifacts, scratch).digest != first.digest
    assert (first.files, first.bytes) == (2, 25)


def test_a_snapshot_is_the_tar_that_tarfile_writes(tmp_path, artifacts, scratch):
    long = ["n" * 100, "d/" + "n" * 98, "m" * 101, "d/" + "m" * 99, "d/" * 60 + "deep"]
    names = ["a", "b/empty", "run", "ü", *long]
    tree = tmp_path / "tree"
    for number, name in enumerate(names):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(b"x" * 300 * number)
    (tree / "run").chmod(0o755)
    (tree / "link").symlink_to("a")
    expected = io.BytesIO()
    with tarfile.open(fileobj=expected, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted([*names, "link"], key=str.encode):
            header = tarfile.TarInfo(name)
            header.mode = 0o755 if name in ("run", "link") else 0o644
            if name == "link":
                header.type, header.linkname = tarfile.SYMTYPE, "a"
                tar.addfile(header)
            else:
                content = (tree / name).read_bytes()
                header.size = len(content)
                tar.addfile(header, io.BytesIO(content))
    snapshot = snapshot_of(tree, artifacts, scratch)
    assert artifacts.open(snapshot.digest).read() == expected.getvalue()


def test_paths_outside_the_roots_are_refused_however_they_are_written(project, tmp_path):
    (project / "out").symlink_to(tmp_path)
    for path in ("/etc", str(project / "../../.."), str(project / "out")):
        with pytest.raises(PathRefused, match="WRENCH_LOCAL_ROOTS"):
            obtain(PathTarget(path=path), scratch=tmp_path, local_roots=[project.parent])
    with pytest.raises(PathRefused, match="local paths are off"):
        obtain(PathTarget(path=str(project)), scratch=tmp_path)


def test_a_path_that_is_not_there_is_no_folder_or_is_empty_has_its_own_error(project, tmp_path):
    roots = [project.parent]
    with pytest.raises(PathMissing, match=r"nothing at '.*nope'"):
        obtain(PathTarget(path=str(project / "nope")), scratch=tmp_path, local_roots=roots)
    with pytest.raises(PathRefused, match="is no folder; give the folder that holds it"):
        obtain(PathTarget(path=str(project / "run")), scratch=tmp_path, local_roots=roots)
    (project / "empty").mkdir()
    with pytest.raises(EmptyWorkspace, match="is empty"):
        obtain(PathTarget(path=str(project / "empty")), scratch=tmp_path, local_roots=roots)


def test_a_folder_with_nothing_usable_says_what_was_left_out(tmp_path, artifacts, scratch):
    (tmp_path / "p" / "node_modules").mkdir(parents=True)
    with pytest.raises(EmptyWorkspace, match=r"node_modules: left out: installed packages"):
        snapshot_of(tmp_path / "p", artifacts, scratch)


def test_strange_things_are_left_out_each_with_its_reason(project, artifacts, scratch, tmp_path):
    (project / "loop").symlink_to("loop")
    (project / "self").symlink_to(".")
    (project / "out").symlink_to("/etc")
    (project / "gone").symlink_to("nowhere")
    (project / "fine").symlink_to("src/app.py")
    (project / "src" / "up").symlink_to("../run")
    os.mkfifo(project / "pipe")
    with open(os.path.join(os.fsencode(project), b"caf\xe9.py"), "w") as file:
        file.write("x")
    (project / "latin.py").write_bytes(b"# caf\xe9\n")
    (project / ".venv" / "lib").mkdir(parents=True)
    (project / "src" / "__pycache__").mkdir()
    short = Path("/tmp") / f"w{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as unix:
        short.symlink_to(project)
        unix.bind(str(short / "socket"))
        short.unlink()
        snapshot = snapshot_of(project, artifacts, scratch)
    no_file = "no regular file but a device, pipe or socket"
    assert {item.path: item.reason for item in snapshot.skipped} == {
        ".venv": "left out: a virtual environment",
        "caf\\xe9.py": "its name is not UTF-8",
        "gone": "a symbolic link to nothing",
        "loop": "a symbolic link that leads to itself",
        "out": "a symbolic link that leads out of the tree",
        "pipe": no_file,
        "self": "a symbolic link to a folder that holds it",
        "socket": no_file,
    }
    assert names_in(artifacts, snapshot) == ["fine", "latin.py", "run", "src/app.py", "src/up"]


def test_one_very_large_file_is_named_and_the_rest_is_kept(project, artifacts, scratch):
    with (project / "dump.sql").open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    snapshot = snapshot_of(project, artifacts, scratch)
    assert [(s.path, s.reason) for s in snapshot.skipped] == [
        ("dump.sql", "300.0 MB; files over 50.0 MB are left out")
    ]
    assert snapshot.files == 2


def test_totals_are_limited(project, artifacts, scratch):
    with pytest.raises(WorkspaceTooLarge, match="more than 1 files"):
        snapshot_of(project, artifacts, scratch, Limits(files=1))
    with pytest.raises(WorkspaceTooLarge, match="more than 20 bytes"):
        snapshot_of(project, artifacts, scratch, Limits(total_bytes=20))
    assert list(scratch.iterdir()) == []


def test_a_cancelled_snapshot_stops(project, artifacts, scratch):
    with pytest.raises(ObtainCancelled):
        store(Tree(root=project, description="p"), artifacts.put, scratch=scratch, cancelled=lambda: True)


def test_branch_and_commit_are_read_without_running_git(repository, scratch, tmp_path):
    canary = tmp_path / "canary"
    git("config", "core.fsmonitor", f"touch {canary}", folder=repository)
    commit = git("-c", "core.fsmonitor=false", "rev-parse", "HEAD", folder=repository)
    tree = obtain(PathTarget(path=str(repository)), scratch=scratch, local_roots=[repository.parent])
    assert (tree.revision, tree.description) == (commit, f"{repository} on main, as it lies on the disk")
    git("-c", "core.fsmonitor=false", "pack-refs", "--all", folder=repository)
    assert obtain(PathTarget(path=str(repository)), scratch=scratch, local_roots=[repository.parent]) == tree
    assert not canary.exists()


def test_a_worktree_s_revision_is_read_inside_the_roots_only(repository, scratch):
    worktree = repository.parent / "worktree"
    git("worktree", "add", "--quiet", str(worktree), "other", folder=repository)
    commit = git("rev-parse", "HEAD", folder=worktree)
    assert obtain(PathTarget(path=str(worktree)), scratch=scratch, local_roots=[worktree]).revision is None
    assert (
        obtain(PathTarget(path=str(worktree)), scratch=scratch, local_roots=[worktree.parent]).revision
        == commit
    )
