"""Stored bytes: those that nobody refers to go, and no writer loses any."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest

from tasks import artifacts, retention
from tasks.models import (
    Artifact,
    RetentionPolicy,
)
from tests.engine.conftest import Submit, work
from tests.engine.retention.aging import age, orphan, place, read


def test_bytes_without_a_row_go_after_a_day(policy: RetentionPolicy, finished: Any) -> None:
    finished(1)
    old, young = orphan(b"old", days=1.1), orphan(b"young", days=0.9)
    half = place(old).with_name(".part-abc")
    half.write_bytes(b"half")
    os.utime(half, (0, 0))
    report = retention.prune()
    assert (report.counts["files"], report.counts["bytes"], report.counts["unfinished files"]) == (1, 3, 1)
    assert not place(old).exists()
    assert place(young).exists()
    assert not half.exists()


def test_bytes_that_a_live_run_may_have_stored_stay(
    policy: RetentionPolicy, submit: Submit, finished: Any
) -> None:
    finished(1)
    age(submit(work("b")), 5)
    since_then, before = orphan(b"since", days=4), orphan(b"before", days=6)
    retention.prune()
    assert place(since_then).exists()
    assert not place(before).exists()


def test_storing_bytes_again_makes_them_young(policy: RetentionPolicy, finished: Any) -> None:
    finished(1)
    digest = orphan(b"again", days=50)
    artifacts.put("y", b"again", media_type="text/plain")
    retention.prune()
    assert place(digest).exists()


def test_store_of_an_unknown_database_is_left_alone(policy: RetentionPolicy) -> None:
    digest = orphan(b"somebody else's", days=50)
    assert retention.prune().counts == {}
    assert place(digest).exists()


def test_bytes_left_aside_by_a_crash_come_back(policy: RetentionPolicy, finished: Any) -> None:
    run = finished(1)
    path = place(Artifact.objects.get(run=run).digest)
    path.rename(path.with_name(".aside-" + path.name))
    retention.prune()
    assert path.read_bytes() == b"hello"
    assert list(path.parent.iterdir()) == [path]


def test_bytes_that_are_removed_while_they_are_made_young_are_no_longer_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The remover had time to delete it between; who kept it was told that it stays."""
    folder = artifacts.folder_store()
    assert folder is not None
    digest = orphan(b"contended", days=50)
    name, dated, real = f"{digest[:2]}/{digest[2:4]}/{digest}", [], os.utime

    def slow(what: Any, *times: Any) -> None:
        if not dated:
            dated.append(folder.remove(name, unless_kept_since=time.time() - 3600))
        real(what, *times)

    monkeypatch.setattr(os, "utime", slow)
    assert folder.keep(name) is False
    assert dated == [len(b"contended")]
    artifacts.put("x", b"contended", media_type="text/plain")
    assert read(digest) == b"contended"


def test_writer_and_remover_of_the_same_old_bytes_lose_none() -> None:
    """Whoever was told that its bytes are stored finds them, whichever came first, however close they were."""
    folder = artifacts.folder_store()
    assert folder is not None
    digest = artifacts.put("x", b"contended", media_type="text/plain").digest
    name, path = f"{digest[:2]}/{digest[2:4]}/{digest}", place(digest)
    barrier, removed, times = threading.Barrier(2), [], 1000

    def remove() -> None:
        for _ in range(times):
            os.utime(path, (0, 0))
            barrier.wait(10)
            removed.append(folder.remove(name, unless_kept_since=time.time() - 3600) is not None)
            barrier.wait(10)
            barrier.wait(10)

    remover = threading.Thread(target=remove)
    remover.start()
    lost = []
    for n in range(times):
        barrier.wait(10)
        artifacts.put("x", b"contended", media_type="text/plain")
        barrier.wait(10)
        if not path.exists() or path.read_bytes() != b"contended" or path.stat().st_mtime < 1:
            lost.append(n)
        barrier.wait(10)
    remover.join()
    assert lost == []
    assert 0 < sum(removed) < times  # both orders happened
