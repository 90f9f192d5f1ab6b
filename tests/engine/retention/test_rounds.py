"""Rounds of pruning: one at a time, in slices, gone on with after a kill."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.models import Project
from tasks import retention, runs, scheduler
from tasks.models import (
    Artifact,
    PruneReport,
    RetentionPolicy,
    Run,
)
from tasks.retention import hidden, rounds
from tasks.runs.moves import database_now
from tests.engine.retention.aging import pruned


def test_one_pruner_at_a_time(policy: RetentionPolicy) -> None:
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with rounds.alone() as alone:
            assert alone
            held.set()
            free.wait(20)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(10)
    try:
        with pytest.raises(CommandError, match="another pruner is at work"):
            call_command("prune")
        assert rounds.Daily()() == 0
        assert not PruneReport.objects.exists()
    finally:
        free.set()
        other.join()
    assert retention.prune().ended_at is not None


def test_scheduler_prunes_once_a_day_in_slices(
    policy: RetentionPolicy, finished: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(hidden, "MOST_ROWS", 1)
    for _ in range(3):
        finished(31)
    sweep = scheduler.Sweep()
    sweeps = 0
    while not PruneReport.objects.filter(ended_at__isnull=False).exists():
        sweep._rang_at = 0.0
        sweep()
        sweeps += 1
        assert sweeps < 200
    assert sweeps > 3
    report = PruneReport.objects.get()
    assert report.counts["tasks.Run"] == 3
    sweep._prune._look_at = 0.0
    sweep()
    assert PruneReport.objects.count() == 1
    PruneReport.objects.update(started_at=database_now() - timedelta(hours=25))
    sweep._prune._look_at = 0.0
    sweep()
    assert PruneReport.objects.count() == 2


def test_round_of_a_killed_scheduler_is_gone_on_with(
    policy: RetentionPolicy, finished: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(hidden, "MOST_ROWS", 1)
    before = [finished(31) for _ in range(3)]
    killed = rounds.Daily()
    while Run.every.count() == 3:
        killed()
    assert PruneReport.objects.get().counts["tasks.Run"] == 1
    assert Run.every.count() == 2
    del killed
    successor = rounds.Daily()
    while PruneReport.objects.filter(ended_at=None).exists():
        successor()
    assert PruneReport.objects.get().counts["tasks.Run"] == len(before)


def test_batch_that_must_wait_is_left_and_the_round_ends(
    policy: RetentionPolicy, finished: Any, project: Project
) -> None:
    """A writer that holds its transaction open for long holds up neither the pruner nor, behind it, other writers."""
    finished(11)
    begun, end = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            Run.objects.filter(state="succeeded").update(failure="")
            begun.set()
            end.wait(30)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(10)
    try:
        at = time.monotonic()
        report = retention.prune()
        assert time.monotonic() - at < 5
    finally:
        end.set()
        writer.join()
    assert report.error == ""
    assert Artifact.objects.count() == 1
    assert pruned()["tasks.Artifact"] == 1


def test_rerun_that_is_being_made_keeps_its_parent(policy: RetentionPolicy, finished: Any) -> None:
    parent = finished(31)
    made, end = threading.Event(), threading.Event()

    def rerun() -> None:
        with transaction.atomic():
            runs.rerun_from(parent.public_id, "a", by="alice")
            made.set()
            end.wait(30)
        connection.close()

    other = threading.Thread(target=rerun)
    other.start()
    assert made.wait(10)
    retention.prune()
    end.set()
    other.join()
    assert Run.objects.get(parent=parent).parent == parent
