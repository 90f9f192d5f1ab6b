"""Added steps must not wait, through steps that the run has already, for themselves.

Whoever waits for a step waits for the last ones of the steps that it adds. So an added step that waits for one of
those, or for what waits for one of those, would close a circle: all of them pending for ever, the run never over.

A plan by itself is free of circles (`plans.validate`); only an edge to a stored step can close one. Two results that
add such edges could close one together, each seeing half of it: they take turns, run by run (`hold`).
"""

from __future__ import annotations

from django.db import connection

from tasks.errors import PlanFault, PlanInvalid
from tasks.models import Step
from tasks.plans import Plan

# The pending steps that wait for this one, at whatever distance. Reads the edges of one run.
_BEHIND = """
WITH RECURSIVE behind (id) AS (
    SELECT %(step)s::bigint
    UNION
    SELECT s.id FROM behind b JOIN tasks_stepdependency d ON d.needs_id = b.id
    JOIN tasks_step s ON s.id = d.step_id AND s.state = 'pending'
)
SELECT s.key FROM behind b JOIN tasks_step s ON s.id = b.id WHERE s.id <> %(step)s
"""


def hold(run_pk: int) -> None:
    """Be the only one, until the commit, who adds edges to stored steps of this run. Goes before any other lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"wrench circles {run_pk}"])


def refuse(step: Step, plan: Plan) -> None:
    """Let a plan pass that this step may add. Raises PlanInvalid with the steps that would close a circle."""
    inside = {planned.key for planned in plan}
    outward = [
        (planned.key, edge.key) for planned in plan for edge in planned.after if edge.key not in inside
    ]
    if all(awaited == step.key for _, awaited in outward):
        return
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND, {"step": step.pk})
        behind = {row[0] for row in cursor.fetchall()}
    faults = [
        PlanFault(
            key=key, message=f"waits for {awaited!r}, which waits for {step.key!r} and so for what it adds"
        )
        for key, awaited in outward
        if awaited in behind
    ]
    if faults:
        raise PlanInvalid(faults)
