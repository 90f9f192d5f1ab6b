"""Limits: how many steps may run at once, by queue and by `LimitRule`.

    full      a rule's group is left out of the claim's candidates while the running steps that it covers are as
              many as it allows. Counted from rows each time: a counter leaks with every crash, rows do not.
    lock      before a step under a rule is claimed, the rule's group is locked until the commit and counted again:
              two claimers of one group take turns, and each counts what the other has committed.
    held_back the queues in which a step may wait for the place that an ended attempt frees.

A group is a rule, and with `each` the one project or key of it. Without a rule nothing is locked or counted.
Owns: what a rule covers. Refuses to know: who claims. Invariant: a rule is counted under its group's lock only.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

# Every rule as one shape; a queue's own limit is a rule of its queue. Needs nothing; gives `rules`.
RULES = """
rules AS MATERIALIZED (
    SELECT 'rule ' || id AS name, '' AS queue, project_id, agent, key, each, most
    FROM tasks_limitrule WHERE enabled
    UNION ALL
    SELECT 'queue ' || name, name, NULL, '', '', 'all', concurrency_limit
    FROM tasks_queue WHERE concurrency_limit IS NOT NULL
)
"""
# How many steps run now, by all that a rule can name. Reads the index of running steps alone.
RUNNING = """
running AS MATERIALIZED (
    SELECT queue, project_id, agent, limit_key, count(*) AS n FROM tasks_step
    WHERE worker_id IS NOT NULL AND state = 'running'
    GROUP BY queue, project_id, agent, limit_key
)
"""


def covers(rule: str, row: str) -> str:
    """Write the condition that this rule covers this row. A rule for each key says nothing of keyless steps."""
    return f"""(({rule}.queue = '' OR {rule}.queue = {row}.queue)
        AND ({rule}.project_id IS NULL OR {rule}.project_id = {row}.project_id)
        AND ({rule}.agent = '' OR {rule}.agent = {row}.agent)
        AND ({rule}.key = '' OR {rule}.key = {row}.limit_key)
        AND ({rule}.each <> 'key' OR {row}.limit_key <> ''))"""


def same_group(rule: str, one: str, other: str) -> str:
    """Write the condition that two rows, both covered by the rule, are counted together."""
    return f"""({rule}.each = 'all' OR ({rule}.each = 'project' AND {one}.project_id = {other}.project_id)
        OR ({rule}.each = 'key' AND {one}.limit_key = {other}.limit_key))"""


# For each pair (project, limit key) of `groups` under a rule: is a rule full, and the names of its groups' locks.
LIMITS = f"""
limits AS MATERIALIZED (
    SELECT g.project_id, g.limit_key,
        bool_or(l.most <= (SELECT coalesce(sum(r.n), 0) FROM running r
                           WHERE {covers("l", "r")} AND {same_group("l", "r", "g")})) AS is_full,
        array_agg(l.name || CASE l.each WHEN 'project' THEN ' ' || g.project_id
                                        WHEN 'key' THEN ' ' || g.limit_key ELSE '' END) AS locks
    FROM groups g JOIN rules l ON {covers("l", "g")}
    GROUP BY g.project_id, g.limit_key
)
"""  # noqa: S608 - only fixed names are put together

# The ready groups of all queues, row by row from one group to the next: as many probes as there are groups.
_HELD_BACK = f"""
WITH RECURSIVE {RULES}, ended AS (
    SELECT queue, project_id, agent, limit_key, priority FROM tasks_step WHERE id = %(step)s
), freed AS MATERIALIZED (
    SELECT l.* FROM rules l, ended e WHERE {covers("l", "e")}
), groups AS (
    (SELECT s.queue, s.project_id, s.limit_key FROM tasks_step s
     WHERE s.state = 'ready' AND NOT s.held AND EXISTS (SELECT FROM freed)
     ORDER BY s.queue, s.project_id, s.limit_key LIMIT 1)
    UNION ALL
    SELECT n.* FROM groups g CROSS JOIN LATERAL (
        SELECT s.queue, s.project_id, s.limit_key FROM tasks_step s
        WHERE s.state = 'ready' AND NOT s.held
          AND (s.queue, s.project_id, s.limit_key) > (g.queue, g.project_id, g.limit_key)
        ORDER BY s.queue, s.project_id, s.limit_key LIMIT 1) n
), waiting AS (
    SELECT g.queue, q.agent, g.project_id, g.limit_key FROM groups g JOIN tasks_queue q ON q.name = g.queue
)
SELECT DISTINCT w.queue, e.priority FROM waiting w JOIN freed l ON {covers("l", "w")}
CROSS JOIN ended e WHERE {same_group("l", "w", "e")} ORDER BY w.queue
"""  # noqa: S608 - only fixed names are put together

_RUNNING_UNDER = f"""
WITH {RULES}, {RUNNING}
SELECT sum(r.n) FROM rules l JOIN running r ON {covers("l", "r")} WHERE l.name = 'rule ' || %(rule)s
GROUP BY CASE l.each WHEN 'project' THEN r.project_id::text WHEN 'key' THEN r.limit_key ELSE '' END
"""  # noqa: S608 - only fixed names are put together


def lock(names: Sequence[str]) -> None:
    """Hold these groups until the transaction ends. In sorted order, so that no two claimers wait for each other."""
    with connection.cursor() as cursor:
        for name in sorted(names):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"wrench limit {name}"])


def held_back(step_pk: int) -> list[tuple[str, int]]:
    """Give the queues with ready steps that shared a limit with this step, which no longer runs; and its priority."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD_BACK, {"step": step_pk})
        return list(cursor.fetchall())


def running(rule_pk: int) -> list[int]:
    """Count the running steps in each group of an enabled rule; groups without any are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_RUNNING_UNDER, {"rule": rule_pk})
        return [int(row[0]) for row in cursor.fetchall()]
