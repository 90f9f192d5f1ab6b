"""A claim over all runs of a project: one row per (project, fingerprint), written where its findings are written.

    settle: steps locked, moved ─> hold(project) ─> rows of Finding ─> see(step) ─> runs locked, commit
    triage:                        hold(project) ─> rows of TrackedFinding locked ─> acts ─> audit, commit

Rows of this table are shared by runs that end at the same time, and a settling transaction may write several steps'
findings, in no order of fingerprints. So whoever writes here holds the project first (an advisory lock, until the
transaction ends; several projects in the order of their ids) and waits for no step after it. Two runs of one project
take turns for the moment of storing findings; nobody else waits. ADR-0025.
"""

from __future__ import annotations

from django.db import connection

from agents.findings import Severity

_CLASS = 0x5752_4649  # "WRFI": the first half of the lock's key
_HALF = 2**31

_SEE = """
INSERT INTO agents_trackedfinding (public_id, project_id, fingerprint, first_run, first_seen_at, last_run,
    last_seen_at, status, agent, rule, title, message, severity, severity_rank, confidence, category, path, line,
    end_line)
SELECT gen_random_uuid(), f.project_id, f.fingerprint, r.public_id, f.created_at, r.public_id, f.created_at,
    'open', f.agent, f.rule, f.title, f.message, f.severity, %(worst)s - f.severity_weight, f.confidence, f.category,
    f.path, f.line, f.end_line
FROM agents_finding f JOIN tasks_run r ON r.id = f.run_id
WHERE f.step_id = %(step)s
ON CONFLICT (project_id, fingerprint) DO
"""
_AGAIN = """
UPDATE SET last_run = EXCLUDED.last_run, last_seen_at = EXCLUDED.last_seen_at, agent = EXCLUDED.agent,
    rule = EXCLUDED.rule, title = EXCLUDED.title, message = EXCLUDED.message, severity = EXCLUDED.severity,
    severity_rank = EXCLUDED.severity_rank, confidence = EXCLUDED.confidence, category = EXCLUDED.category,
    path = EXCLUDED.path, line = EXCLUDED.line, end_line = EXCLUDED.end_line
"""


def rank_of(severity: Severity) -> int:
    """Give 0 for info to 4 for critical: sorted downwards, the worst comes first."""
    return len(Severity) - 1 - severity.weight


def hold(project_id: int) -> None:
    """Let nobody else write a project's tracked findings until this transaction ends.

    Of several projects the one with the lesser id first.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_CLASS, project_id % _HALF])


def see(step_pk: int) -> None:
    """Track what a step has found: new claims become rows, known ones were seen again. Hold the project before."""
    _execute(_SEE + _AGAIN, step_pk)


def know(step_pk: int) -> None:
    """Track findings that a step took over from another: nobody has seen them again. Hold the project before."""
    _execute(_SEE + "NOTHING", step_pk)


def _execute(statement: str, step_pk: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"step": step_pk, "worst": len(Severity) - 1})
