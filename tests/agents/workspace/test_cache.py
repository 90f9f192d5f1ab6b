"""The per-host cache: shared, never half-made, bounded."""

from __future__ import annotations

import io
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from agents.workspace import Tree, checked_out, store
from agents.workspace.cache import evict
from agents.workspace.errors import ArchiveRefused, DiskFull

PLENTY = 10**9


@pytest.fixture
def digest(project, scratch, artifacts):
    return store(Tree(root=project, description="p"), artifacts.put, scratch=scratch).digest


def test_a_snapshot_is_unpacked_once_and_read_only(digest, artifacts, tmp_path):
    opened = []

    def open_artifact(name):
        opened.append(name)
        return artifacts.open(name)

    for _ in range(2):
        with checked_out(digest, open_artifact, cache_dir=tmp_path / "c", cache_bytes=PLENTY) as tree:
            assert (tree / "src/app.py").read_text() == "print('hello')\n"
            assert (tree / "src/app.py").stat().st_mode & 0o222 == 0
            assert os.access(tree / "run", os.X_OK)
    assert opened == [digest]


def test_what_a_snapshot_has_in_common_with_those_before_is_not_written_again(
    project, scratch, artifacts, tmp_path
):
    cache = tmp_path / "c"
    (project / "README.md").write_text("Words\n")
    digest = store(Tree(root=project, description="p"), artifacts.put, scratch=scratch).digest
    with checked_out(digest, artifacts.open, cache_dir=cache, cache_bytes=PLENTY) as before:
        damaged = before / "README.md"
        damaged.chmod(0o644)
        damaged.write_text(damaged.read_text().upper())
        damaged.chmod(0o444)
    (project / "src/app.py").write_text("print('HELLO')\n")  # as long as before
    (project / "src/same.py").write_text("same = 1\n")
    (project / "run").chmod(0o644)
    seconds = [store(Tree(root=project, description="p"), artifacts.put, scratch=scratch).digest]
    (project / "src/app.py").write_text("print('hello')\n")
    seconds.append(store(Tree(root=project, description="p"), artifacts.put, scratch=scratch).digest)
    trees = [before]
    for second in seconds:
        with checked_out(second, artifacts.open, cache_dir=cache, cache_bytes=PLENTY) as tree:
            trees.append(tree)
            assert (tree / "README.md").read_bytes() == (project / "README.md").read_bytes()
            assert (tree / "run").stat().st_mode & 0o777 == 0o444
            assert (tree / "src/app.py").stat().st_mode & 0o222 == 0
    of_app, of_run, of_same = (
        [_inode(tree / name) for tree in trees] for name in ("src/app.py", "run", "src/same.py")
    )
    assert of_app[0] == of_app[2] != of_app[1]  # the third finds its own in the first
    assert of_run[0] != of_run[1] == of_run[2]
    assert of_same[0] is None
    assert of_same[1] == of_same[2]
    with checked_out(seconds[1], artifacts.open, cache_dir=cache, cache_bytes=PLENTY) as tree:
        evict(cache, 0)
        assert os.listdir(cache) == [seconds[1]]
        assert (tree / "src/app.py").read_text() == "print('hello')\n"
        assert (tree / "src/same.py").read_text() == "same = 1\n"


def _inode(path: Path) -> int | None:
    return path.stat().st_ino if path.exists() else None


def test_bytes_with_another_digest_are_refused(digest, artifacts, tmp_path):
    artifacts.stored[digest] = artifacts.stored[digest] + b"\0"
    with (
        pytest.raises(ArchiveRefused, match="another digest"),
        checked_out(digest, artifacts.open, cache_dir=tmp_path / "c", cache_bytes=PLENTY),
    ):
        pass  # fmt: skip
    assert list((tmp_path / "c").iterdir()) == []


def test_a_full_disk_leaves_nothing(digest, tmp_path):
    class Full(io.BytesIO):
        def read(self, *args):
            raise OSError(28, "No space left on device")

    with (
        pytest.raises(DiskFull),
        checked_out(digest, lambda _: Full(), cache_dir=tmp_path / "c", cache_bytes=PLENTY),
    ):
        pass  # fmt: skip
    assert list((tmp_path / "c").iterdir()) == []


def test_the_entry_used_longest_ago_goes_first_and_one_in_use_stays(scratch, artifacts, tmp_path):
    digests = []
    for number in range(3):
        folder = tmp_path / f"p{number}"
        folder.mkdir()
        (folder / "a").write_bytes(bytes([number]) * 1000)
        digests.append(store(Tree(root=folder, description="p"), artifacts.put, scratch=scratch).digest)
    cache = tmp_path / "c"
    with checked_out(digests[0], artifacts.open, cache_dir=cache, cache_bytes=PLENTY):
        for number, digest in enumerate(digests[1:]):
            with checked_out(digest, artifacts.open, cache_dir=cache, cache_bytes=PLENTY):
                pass
            os.utime(cache / digest, (time.time() + number + 1,) * 2)
        os.utime(cache / digests[0], (0, 0))
        evict(cache, 2000)
        assert sorted(os.listdir(cache)) == sorted([digests[0], digests[2]])


def test_a_half_made_folder_of_a_dead_process_is_removed_and_never_used(digest, artifacts, tmp_path):
    dead = tmp_path / "c" / ".new-dead"
    (dead / "tree").mkdir(parents=True)
    os.utime(dead, (0, 0))
    with checked_out(digest, artifacts.open, cache_dir=tmp_path / "c", cache_bytes=PLENTY) as tree:
        assert (tree / "run").exists()
    assert os.listdir(tmp_path / "c") == [digest]


def _use(cache: Path, packed: bytes, digest: str, rounds: int, failures: multiprocessing.Queue[str]) -> None:
    for _ in range(rounds):
        try:
            with checked_out(digest, lambda _: io.BytesIO(packed), cache_dir=cache, cache_bytes=0) as tree:
                assert (tree / "src/app.py").read_text() == "print('hello')\n"
                assert (tree / "run").exists()
        except BaseException as error:
            failures.put(repr(error))
            raise


def test_processes_that_unpack_and_evict_at_once_do_not_disturb_each_other(digest, artifacts, tmp_path):
    spawn = multiprocessing.get_context("spawn")
    failures = spawn.Queue()
    packed = artifacts.stored[digest]
    workers = [
        spawn.Process(target=_use, args=(tmp_path / "c", packed, digest, 40, failures)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(90)
    assert failures.empty()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
