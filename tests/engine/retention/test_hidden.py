"""Whole runs go hidden first, then some rows at a time; whoever looks meanwhile finds none of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from django.db import connection

from tasks import retention, runs
from tasks.errors import RunNotFound
from tasks.models import (
    Attempt,
    JournalEntry,
    PruneReport,
    RetentionPolicy,
    Run,
    Schedule,
    ScheduleFire,
    Step,
)
from tasks.retention import hidden, rounds
from tasks.retention.report import StoredAccount
from tasks.runs import reruns
from tasks.runs.moves import database_now
from tasks.runs.sorting import Sorted
from tests.engine.conftest import Submit, work
from tests.engine.retention.aging import census, pruned

WIDEN = """
INSERT INTO tasks_step (run_id, project_id, key, agent, operation, queue, input, reason, state, priority,
    available_at, rank, pending_deps, attempts_made, attempts_spent, max_attempts, timeout_seconds, effect, limit_key,
    held, summary, created_at, ended_at, output, added_by_id)
SELECT run_id, project_id, key || n, agent, operation, queue, input, reason, state, priority,
    available_at, rank, pending_deps, attempts_made, attempts_spent, max_attempts, timeout_seconds, effect, limit_key,
    held, summary, created_at, ended_at, output, id
FROM tasks_step, generate_series(1, %(many)s) n WHERE run_id = %(run)s;
UPDATE tasks_run SET step_count = %(many)s + 1 WHERE id = %(run)s;
INSERT INTO tasks_attempt (step_id, ordinal, fence, worker_id, child_pid, started_at, outcome)
SELECT s.id, n, gen_random_uuid(), NULL, 1, now(), 'failed' FROM tasks_step s, generate_series(2, 3) n
WHERE s.run_id = %(run)s;
INSERT INTO tasks_stepdependency (step_id, needs_id, condition)
SELECT b.id, a.id, 'succeeded' FROM tasks_step a JOIN tasks_step b ON b.id > a.id AND b.id <= a.id + 2
WHERE a.run_id = %(run)s AND b.run_id = %(run)s;
INSERT INTO tasks_journalentry (step_id, name, occurrence, kind, effect, digest, attempt, started_at)
SELECT s.id, 'deed', n, 'once', 'read', '', 1, now() FROM tasks_step s, generate_series(1, 2) n
WHERE s.run_id = %(run)s;
"""


def widen(run: Run, many: int) -> Run:
    """Let a run that is over have so many more steps, added by its own, each with attempts, edges and a journal."""
    with connection.cursor() as cursor:
        cursor.execute(WIDEN, {"run": run.pk, "many": many})
    return run


class Watched(StoredAccount):
    """An account that remembers what each transaction said, and how long it took since the one before."""

    def __init__(self, report: PruneReport) -> None:
        super().__init__(report)
        self.portions: list[Counter[str]] = []
        self.seconds: list[float] = []
        self._at = time.monotonic()

    def add(self, deleted: Mapping[str, int]) -> None:
        super().add(deleted)
        self.portions.append(Counter(deleted))
        self.seconds.append(time.monotonic() - self._at)
        self._at = time.monotonic()


def test_run_of_many_steps_goes_in_portions(
    policy: RetentionPolicy, finished: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was one transaction, of eight seconds for five thousand steps."""
    monkeypatch.setattr(hidden, "MOST_ROWS", 200)
    widen(finished(31), 1000)
    expected, before = retention.forecast(), census()
    account = Watched(PruneReport.objects.create(started_at=database_now()))
    for _ in rounds._batches(account):
        pass
    assert not Run.every.exists()
    assert not Step.objects.exists()
    assert max(portion.total() for portion in account.portions) <= 200
    assert account.report.counts == expected
    gone = {label: count - census()[label] for label, count in before.items() if count != census()[label]}
    assert {what: many for what, many in account.report.counts.items() if "." in what} == gone


def test_nobody_finds_a_run_that_is_half_deleted(
    policy: RetentionPolicy, finished: Any, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hidden, "MOST_ROWS", 10)
    run = widen(finished(31, idempotency_key="again"), 30)
    again, _ = runs.rerun_from(run.public_id, "a", by="bob")
    runs.cancel(again.public_id, by="bob")
    schedule = Schedule.objects.create(name="s", project=run.project, goal="g", interval_seconds=60)
    now = database_now()
    ScheduleFire.objects.create(schedule=schedule, fire_at=now, fired_at=now, outcome="submitted", run=run)
    before = census()
    killed = rounds._batches(StoredAccount(PruneReport.objects.create(started_at=now)))
    while Step.objects.filter(run=run).count() > 20:
        next(killed)
    killed.close()
    assert not Run.objects.filter(public_id=run.public_id).exists()
    with pytest.raises(RunNotFound):
        runs.preview_rerun(run.public_id)
    again.refresh_from_db()
    assert (again.parent, ScheduleFire.objects.get().run) == (None, None)
    assert submit(work("a"), idempotency_key="again").pk != run.pk
    told = PruneReport.objects.get().counts
    RetentionPolicy.objects.all().delete()  # what is hidden goes all the same
    told = Counter(told) + Counter({what: many for what, many in pruned().items() if "." in what})
    assert not Run.every.filter(pk=run.pk).exists()
    assert told["tasks.Step"] == 31
    assert told["tasks.Run"] == 1
    assert {told["tasks.Attempt"], told["tasks.JournalEntry"]} == {before["tasks.Attempt"], 62}
    assert (Attempt.objects.count(), JournalEntry.objects.count()) == (0, 0)


def test_rerun_of_a_run_that_was_hidden_meanwhile_is_refused(policy: RetentionPolicy, finished: Any) -> None:
    """It read the steps before they were gone; artifacts and findings it reads later."""
    run = finished(31)
    run.artifacts.all().delete()
    parts = Sorted.of(run, "a")
    run.events.all().delete()
    hidden.hide([run.pk])
    with pytest.raises(RunNotFound, match="has just been deleted"):
        reruns._store(parts, "a", by="bob", owner_id=None, key=None, digest="")
    assert not Run.objects.exists()


def test_run_that_lost_no_events_yet_is_not_hidden(policy: RetentionPolicy, finished: Any) -> None:
    run = finished(31)
    run.artifacts.all().delete()
    hidden.hide([run.pk])
    assert Run.objects.get() == run
