"""The invariants themselves: each can be read, holds of sound rows, and sees a row that breaks it."""

from __future__ import annotations

import pytest
from django.db import connection

from tasks import runs
from tasks.contract import StepResult
from tasks.plans import chain
from tests.engine.conftest import work
from tests.engine.invariants import FILE, broken, invariants

pytestmark = pytest.mark.django_db(transaction=True)

BREAKS = {
    "only_running_steps_have_a_fence": "UPDATE tasks_step SET kill_at = now() WHERE key = 'a'",
    "an_open_attempt_has_its_steps_fence": "UPDATE tasks_attempt SET ended_at = NULL, outcome = '' WHERE ordinal = 1",
    "an_ended_attempt_has_an_outcome": "UPDATE tasks_attempt SET outcome = '' WHERE ended_at IS NOT NULL",
    "a_fence_is_the_one_open_attempt": "UPDATE tasks_step SET fence = gen_random_uuid() WHERE state = 'running'",
    "attempts_are_numbered_from_one": "UPDATE tasks_step SET attempts_made = 2 WHERE key = 'a'",
    "failed_and_lost_attempts_are_spent": "UPDATE tasks_attempt SET outcome = 'lost' WHERE outcome = 'succeeded'",
    "who_may_try_has_an_attempt_left": "UPDATE tasks_step SET attempts_spent = 9",
    "a_success_is_one_accepted_attempt": "UPDATE tasks_attempt SET outcome = 'stale' WHERE outcome = 'succeeded'",
    "a_final_step_has_an_end": "UPDATE tasks_step SET ended_at = now() WHERE state = 'running'",
    "a_run_is_over_with_its_last_step": "UPDATE tasks_step SET ended_at = now()",
    "open_steps_and_step_count_are_counts": "UPDATE tasks_run SET open_steps = 7",
    "pending_deps_counts_unfinished_needs": "UPDATE tasks_step SET pending_deps = 2 WHERE state = 'pending'",
    "nobody_starts_before_its_needs_ended": "UPDATE tasks_step SET attempts_made = 1 WHERE key = 'c'",
    "who_cannot_start_is_skipped": "UPDATE tasks_step SET state = 'skipped', ended_at = now() WHERE key = 'd'",
    "pending_steps_do_not_wait_in_a_circle": """INSERT INTO tasks_stepdependency (step_id, needs_id, condition)
        SELECT c.id, d.id, 'always' FROM tasks_step c, tasks_step d WHERE c.key = 'c' AND d.key = 'd'""",
    "events_are_gapless": "DELETE FROM tasks_event WHERE seq = 2",
    "run_finished_is_the_last_event": "UPDATE tasks_event SET kind = 'run.finished' WHERE seq = 3",
    "a_step_ends_by_one_event": "UPDATE tasks_event SET kind = 'step.dead' WHERE kind = 'step.succeeded'",
    "a_waiting_step_has_an_open_call": "UPDATE tasks_step SET state = 'waiting', fence = NULL WHERE key = 'b'",
    "a_step_waits_for_its_one_open_question":
        "UPDATE tasks_step SET state = 'waiting_approval', fence = NULL WHERE key = 'b'",
    "open_steps_are_held_while_their_run_is_paused": "UPDATE tasks_step SET held = true WHERE key = 'c'",
    "a_cancelled_run_keeps_only_what_runs": "UPDATE tasks_run SET cancel_requested_at = now()",
    "a_run_that_works_has_started": "UPDATE tasks_run SET started_at = NULL",
    "limits_are_kept": "UPDATE tasks_queue SET concurrency_limit = 0",
    "a_taken_success_is_an_earlier_runs": "UPDATE tasks_step SET taken_from_id = id WHERE key = 'a'",
    "every_run_is_over": "SELECT 1",
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_invariant_sees_a_row_that_breaks_it(submit, worker, name: str) -> None:
    submit(chain(work("a"), work("b"), work("c"), work("d")))
    for key in ("a", "b"):
        lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
        assert lease is not None
        if key == "a":
            runs.settle(lease, StepResult())
    assert broken() == []
    with connection.cursor() as cursor:
        cursor.execute(BREAKS[name])
    assert name in [one.invariant.name for one in broken(at_rest=True)]


def test_file_is_read_whole() -> None:
    names = [one.name for one in invariants()]
    assert len(set(names)) == len(names) == FILE.read_text().count("-- name: ")
    assert all(one.sentence.endswith((".", ")")) and one.sql for one in invariants())
    assert set(BREAKS) <= set(names)
