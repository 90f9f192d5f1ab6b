-- What is true of the engine's rows, whatever happened: named statements, each gives the rows that break it.
-- `holds: always` is true of every committed state, also while workers, sweeps and people are at work: each is one
-- statement, so it sees one snapshot. `holds: at rest` is true when nothing is left to do. PostgreSQL 13 or newer.
-- No parameters. `tests/engine/invariants.py` reads this file.

-- name: only_running_steps_have_a_fence
-- holds: always
-- A running step has a fence, a worker and a hard limit; no other step has a fence, a worker, a limit or a loss.
SELECT s.id, s.key, s.state, s.fence, s.worker_id, s.kill_at, s.lost_at FROM tasks_step s
WHERE CASE WHEN s.state = 'running' THEN s.fence IS NULL OR s.worker_id IS NULL OR s.kill_at IS NULL
           ELSE s.fence IS NOT NULL OR s.worker_id IS NOT NULL OR s.kill_at IS NOT NULL OR s.lost_at IS NOT NULL END;

-- name: a_fence_is_the_one_open_attempt
-- holds: always
-- A running step has exactly one attempt without an end, the last one, and its fence is the step's.
SELECT s.id, s.key, s.fence FROM tasks_step s
WHERE s.state = 'running' AND (SELECT count(*) FROM tasks_attempt a
    WHERE a.step_id = s.id AND a.fence = s.fence AND a.ended_at IS NULL AND a.ordinal = s.attempts_made) <> 1;

-- name: an_open_attempt_has_its_steps_fence
-- holds: always
-- An attempt without an end holds its step: no second attempt of a step is open.
SELECT a.id, a.step_id, a.ordinal FROM tasks_attempt a
WHERE a.ended_at IS NULL AND NOT EXISTS (
    SELECT FROM tasks_step s WHERE s.id = a.step_id AND s.fence = a.fence AND s.state = 'running');

-- name: an_ended_attempt_has_an_outcome
-- holds: always
-- An attempt has an outcome if, and only if, it has ended.
SELECT a.id, a.outcome, a.ended_at FROM tasks_attempt a WHERE (a.outcome = '') <> (a.ended_at IS NULL);

-- name: attempts_are_numbered_from_one
-- holds: always
-- A step's attempts are 1 to attempts_made, without a gap.
SELECT s.id, s.key, s.attempts_made, a.n, a.last FROM tasks_step s
LEFT JOIN (SELECT step_id, count(*) AS n, max(ordinal) AS last FROM tasks_attempt GROUP BY step_id) a ON a.step_id = s.id
WHERE (s.attempts_made, s.attempts_made) <> (coalesce(a.n, 0), coalesce(a.last, 0));

-- name: failed_and_lost_attempts_are_spent
-- holds: always
-- An attempt that failed or was lost is spent, any other is not; but losses that a cancel or a question followed.
SELECT s.id, s.key, s.state, s.attempts_spent, a.bad FROM tasks_step s
LEFT JOIN (SELECT step_id, count(*) AS bad FROM tasks_attempt
           WHERE outcome IN ('failed', 'lost', 'stale') GROUP BY step_id) a ON a.step_id = s.id
WHERE CASE WHEN s.effect = 'once' OR s.state = 'cancelled' THEN s.attempts_spent > coalesce(a.bad, 0)
           ELSE s.attempts_spent <> coalesce(a.bad, 0) END;

-- name: who_may_try_has_an_attempt_left
-- holds: always
-- A step that is not over has an attempt left; none spends more than it has.
SELECT s.id, s.key, s.state, s.attempts_spent, s.max_attempts FROM tasks_step s
WHERE s.attempts_spent > s.max_attempts OR (s.ended_at IS NULL AND s.attempts_spent >= s.max_attempts);

-- name: a_success_is_one_accepted_attempt
-- holds: always
-- A step that succeeded has exactly one accepted attempt, or none if an earlier run's success was taken over; no
-- other step has one.
SELECT s.id, s.key, s.state, a.n FROM tasks_step s
LEFT JOIN (SELECT step_id, count(*) AS n FROM tasks_attempt WHERE outcome = 'succeeded' GROUP BY step_id) a
    ON a.step_id = s.id
WHERE coalesce(a.n, 0) <> CASE WHEN s.state = 'succeeded' AND s.taken_from_id IS NULL THEN 1 ELSE 0 END;

-- name: a_final_step_has_an_end
-- holds: always
-- A step has an end if, and only if, its state is final.
SELECT s.id, s.key, s.state, s.ended_at FROM tasks_step s
WHERE (s.ended_at IS NOT NULL) <> (s.state IN ('succeeded', 'skipped', 'dead', 'cancelled'));

-- name: a_run_is_over_with_its_last_step
-- holds: always
-- A run is over if, and only if, none of its steps is open; then, and only then, it has an end.
SELECT r.id, r.state, r.open_steps, r.finished_at FROM tasks_run r
WHERE (r.state IN ('succeeded', 'failed', 'cancelled')) <> (r.finished_at IS NOT NULL)
   OR (r.finished_at IS NOT NULL) = EXISTS (SELECT FROM tasks_step s WHERE s.run_id = r.id AND s.ended_at IS NULL);

-- name: open_steps_and_step_count_are_counts
-- holds: always
-- The run's counters say what counting its steps says.
SELECT r.id, r.open_steps, r.step_count, s.open, s.n FROM tasks_run r
LEFT JOIN (SELECT run_id, count(*) AS n, count(*) FILTER (WHERE ended_at IS NULL) AS open
           FROM tasks_step GROUP BY run_id) s ON s.run_id = r.id
WHERE (r.open_steps, r.step_count) <> (coalesce(s.open, 0), coalesce(s.n, 0));

-- name: pending_deps_counts_unfinished_needs
-- holds: always
-- A pending step waits for so many steps that are not final, at least one; who waits no longer has none.
SELECT s.id, s.key, s.state, s.pending_deps, n.open FROM tasks_step s
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE n.ended_at IS NULL) AS open FROM tasks_stepdependency d
                    JOIN tasks_step n ON n.id = d.needs_id WHERE d.step_id = s.id) n
WHERE CASE WHEN s.state = 'pending' THEN s.pending_deps <> n.open OR n.open = 0
           WHEN s.state IN ('ready', 'running', 'waiting_retry', 'waiting', 'waiting_approval', 'succeeded')
           THEN n.open <> 0 ELSE false END;

-- name: nobody_starts_before_its_needs_ended
-- holds: always
-- A step that left `pending` to be done, or was ever tried, had all its needs ended as its edges demand, and before.
SELECT s.id, s.key, s.state, n.key, n.state, d.condition FROM tasks_step s
JOIN tasks_stepdependency d ON d.step_id = s.id JOIN tasks_step n ON n.id = d.needs_id
WHERE (s.attempts_made > 0
       OR s.state IN ('ready', 'running', 'waiting_retry', 'waiting', 'waiting_approval', 'succeeded'))
  AND (n.ended_at IS NULL OR s.started_at < n.ended_at OR NOT CASE d.condition
       WHEN 'succeeded' THEN n.state = 'succeeded' WHEN 'failed' THEN n.state = 'dead'
       ELSE n.state IN ('succeeded', 'dead', 'skipped') END)
  AND s.taken_from_id IS NULL;

-- name: who_cannot_start_is_skipped
-- holds: always
-- A pending step's ended needs ended as its edges demand; a skipped step has a need that ended otherwise.
SELECT s.id, s.key, s.state, n.failing FROM tasks_step s
CROSS JOIN LATERAL (
    SELECT count(*) AS failing FROM tasks_stepdependency d JOIN tasks_step n ON n.id = d.needs_id
    WHERE d.step_id = s.id AND n.ended_at IS NOT NULL AND NOT CASE d.condition
        WHEN 'succeeded' THEN n.state = 'succeeded' WHEN 'failed' THEN n.state = 'dead'
        ELSE n.state IN ('succeeded', 'dead', 'skipped') END) n
WHERE (s.state = 'pending' AND n.failing > 0) OR (s.state = 'skipped' AND n.failing = 0);

-- name: pending_steps_do_not_wait_in_a_circle
-- holds: always
-- No pending step waits, through other pending steps, for itself.
WITH RECURSIVE waits (step_id, needs_id) AS (
    SELECT d.step_id, d.needs_id FROM tasks_stepdependency d
    JOIN tasks_step s ON s.id = d.step_id AND s.state = 'pending'
    JOIN tasks_step n ON n.id = d.needs_id AND n.state = 'pending'
    UNION
    SELECT w.step_id, d.needs_id FROM waits w JOIN tasks_stepdependency d ON d.step_id = w.needs_id
    JOIN tasks_step n ON n.id = d.needs_id AND n.state = 'pending'
)
SELECT w.step_id FROM waits w WHERE w.step_id = w.needs_id;

-- name: an_edge_stays_within_its_run
-- holds: always
-- Both ends of an edge are steps of one run, and a step's project is its run's.
SELECT s.id, s.run_id, n.run_id FROM tasks_stepdependency d
JOIN tasks_step s ON s.id = d.step_id JOIN tasks_step n ON n.id = d.needs_id WHERE s.run_id <> n.run_id
UNION ALL
SELECT s.id, s.project_id, r.project_id FROM tasks_step s JOIN tasks_run r ON r.id = s.run_id
WHERE s.project_id <> r.project_id;

-- name: events_are_gapless
-- holds: always
-- A run's events are numbered 1 to last_seq.
SELECT r.id, r.last_seq, e.n, e.first, e.last FROM tasks_run r
LEFT JOIN (SELECT run_id, count(*) AS n, min(seq) AS first, max(seq) AS last FROM tasks_event GROUP BY run_id) e
    ON e.run_id = r.id
WHERE (coalesce(e.n, 0), coalesce(e.first, 1), coalesce(e.last, 0)) <> (r.last_seq, 1, r.last_seq);

-- name: run_finished_is_the_last_event
-- holds: always
-- A run that is over has one `run.finished`, which names its state and is its last event; an open run has none.
SELECT r.id, r.state, r.last_seq, e.n, e.seq, e.told FROM tasks_run r
LEFT JOIN (SELECT run_id, count(*) AS n, max(seq) AS seq, max(data ->> 'state') AS told
           FROM tasks_event WHERE kind = 'run.finished' GROUP BY run_id) e ON e.run_id = r.id
WHERE CASE WHEN r.finished_at IS NULL THEN e.n IS NOT NULL
           ELSE (e.n, e.seq, e.told) IS DISTINCT FROM (1::bigint, r.last_seq, r.state::text) END;

-- name: a_step_ends_by_one_event
-- holds: always
-- A step that is over has one event that says so, and how; an open step has none.
SELECT s.id, s.key, s.state, e.kinds FROM tasks_step s
LEFT JOIN (SELECT step_id, string_agg(kind, ' ') AS kinds FROM tasks_event
           WHERE kind IN ('step.succeeded', 'step.dead', 'step.skipped', 'step.cancelled', 'step.taken_over')
           GROUP BY step_id) e ON e.step_id = s.id
WHERE e.kinds IS DISTINCT FROM CASE WHEN s.ended_at IS NULL THEN NULL
    WHEN s.taken_from_id IS NOT NULL THEN 'step.taken_over' ELSE 'step.' || s.state END;

-- name: a_verdict_fits_its_steps
-- holds: always
-- A run is cancelled if somebody asked for it; else failed if a dead step that nobody called has nobody who dealt with
-- it (a dependent on `failed` or `always` that was not skipped); else succeeded.
SELECT r.id, r.state, v.fatal FROM tasks_run r
CROSS JOIN LATERAL (
    SELECT count(*) AS fatal FROM tasks_step s
    WHERE s.run_id = r.id AND s.state = 'dead'
      AND NOT EXISTS (SELECT FROM tasks_journalentry j WHERE j.child_id = s.id)
      AND NOT EXISTS (SELECT FROM tasks_stepdependency d JOIN tasks_step w ON w.id = d.step_id
                      WHERE d.needs_id = s.id AND d.condition IN ('always', 'failed') AND w.state <> 'skipped')) v
WHERE r.finished_at IS NOT NULL AND r.state <> CASE WHEN r.cancel_requested_at IS NOT NULL THEN 'cancelled'
    WHEN v.fatal > 0 THEN 'failed' ELSE 'succeeded' END;

-- name: a_waiting_step_has_an_open_call
-- holds: always
-- A step in `waiting` called exactly one step that is not over; who called an open step waits for it, or is over.
SELECT s.id, s.key, s.state, c.open FROM tasks_step s
CROSS JOIN LATERAL (SELECT count(*) AS open FROM tasks_journalentry j JOIN tasks_step n ON n.id = j.child_id
                    WHERE j.step_id = s.id AND n.ended_at IS NULL) c
WHERE CASE WHEN s.state = 'waiting' THEN c.open <> 1 ELSE c.open > 0 AND s.ended_at IS NULL END;

-- name: a_called_step_is_its_callers
-- holds: always
-- A called step is of its caller's run, added by it, and younger.
SELECT j.id, s.key, n.key FROM tasks_journalentry j
JOIN tasks_step s ON s.id = j.step_id JOIN tasks_step n ON n.id = j.child_id
WHERE n.run_id <> s.run_id OR n.added_by_id IS DISTINCT FROM s.id OR n.id <= s.id OR j.kind <> 'call';

-- name: a_step_waits_for_its_one_open_question
-- holds: always
-- A step in `waiting_approval` has exactly one open question; no other step has one, least of all a final one.
SELECT s.id, s.key, s.state, a.open FROM tasks_step s
LEFT JOIN (SELECT step_id, count(*) AS open FROM tasks_approval WHERE decision = '' GROUP BY step_id) a
    ON a.step_id = s.id
WHERE coalesce(a.open, 0) <> CASE WHEN s.state = 'waiting_approval' THEN 1 ELSE 0 END;

-- name: an_answer_has_its_time
-- holds: always
-- A question has the time of its answer if, and only if, it has an answer.
SELECT a.id, a.decision, a.decided_at FROM tasks_approval a WHERE (a.decision = '') <> (a.decided_at IS NULL);

-- name: open_steps_are_held_while_their_run_is_paused
-- holds: always
-- An open step is held if, and only if, its run is paused; an open run's state says so too.
SELECT s.id, s.key, s.state, s.held, r.paused_at FROM tasks_step s JOIN tasks_run r ON r.id = s.run_id
WHERE s.ended_at IS NULL AND s.held <> (r.paused_at IS NOT NULL)
UNION ALL
SELECT r.id, '', r.state, NULL, r.paused_at FROM tasks_run r
WHERE r.finished_at IS NULL AND (r.state = 'paused') <> (r.paused_at IS NOT NULL);

-- name: a_cancelled_run_keeps_only_what_runs
-- holds: always
-- In a run that somebody cancelled no step is left but the running ones, which end by themselves or are recovered.
SELECT s.id, s.key, s.state FROM tasks_step s JOIN tasks_run r ON r.id = s.run_id
WHERE r.cancel_requested_at IS NOT NULL AND s.ended_at IS NULL AND s.state <> 'running';

-- name: a_run_that_works_has_started
-- holds: always
-- A run has started if, and only if, a step of it was ever tried; then it is no longer `accepted`.
SELECT r.id, r.state, r.started_at FROM tasks_run r
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM tasks_step s WHERE s.run_id = r.id AND s.attempts_made > 0) AS yes) tried
WHERE (r.started_at IS NOT NULL) <> tried.yes OR (r.state = 'accepted' AND tried.yes);

-- name: limits_are_kept
-- holds: always
-- No more steps run than a rule, or a queue's own limit, allows in one group. (After a rule was lowered: once those
-- that ran before have ended.)
SELECT l.name, g.part, g.n, l.most FROM (
    SELECT name, '' AS queue, project_id, agent, key, each, most FROM tasks_limitrule WHERE enabled
    UNION ALL SELECT 'queue ' || name, name, NULL, '', '', 'all', concurrency_limit FROM tasks_queue
    WHERE concurrency_limit IS NOT NULL) l
CROSS JOIN LATERAL (
    SELECT CASE l.each WHEN 'project' THEN s.project_id::text WHEN 'key' THEN s.limit_key ELSE '' END AS part,
        count(*) AS n
    FROM tasks_step s WHERE s.state = 'running' AND (l.queue = '' OR l.queue = s.queue)
      AND (l.project_id IS NULL OR l.project_id = s.project_id) AND (l.agent = '' OR l.agent = s.agent)
      AND (l.key = '' OR l.key = s.limit_key) AND (l.each <> 'key' OR s.limit_key <> '')
    GROUP BY 1) g
WHERE g.n > l.most;

-- name: a_taken_success_is_an_earlier_runs
-- holds: always
-- What a rerun took over had ended so, under the same key, in the run that it does again: had succeeded, or had been
-- called and died.
SELECT s.id, s.key, s.state, o.key, o.state FROM tasks_step s JOIN tasks_run r ON r.id = s.run_id
JOIN tasks_step o ON o.id = s.taken_from_id
WHERE (s.state, s.key, o.run_id) IS DISTINCT FROM (o.state, o.key, r.parent_id)
   OR (s.state <> 'succeeded' AND NOT (s.state = 'dead'
       AND EXISTS (SELECT FROM tasks_journalentry j WHERE j.child_id = s.id)));

-- name: a_done_deed_has_its_value
-- holds: always
-- A deed of the journal has a value only when it is done; deeds were begun by attempts that there were, of this step
-- or of the one that it was taken from.
SELECT j.id, j.name, j.kind, j.attempt FROM tasks_journalentry j JOIN tasks_step s ON s.id = j.step_id
WHERE (j.done_at IS NULL AND j.value IS NOT NULL) OR j.attempt < 1
   OR (j.attempt > s.attempts_made AND s.taken_from_id IS NULL);

-- name: every_run_is_over
-- holds: at rest
-- Nothing that was accepted is left undone.
SELECT r.id, r.state, r.open_steps FROM tasks_run r WHERE r.finished_at IS NULL;

-- name: every_bell_was_rung
-- holds: at rest
-- No promise to ring is left in the outbox.
SELECT o.id, o.queue FROM tasks_outboxmessage o;
