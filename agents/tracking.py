"""A claim over all runs of a project: one row per (project, fingerprint), written where its findings are written.

    settle: steps locked, moved ─> hold(project) ─> names ─> Finding rows ─> see, settle_gone ─> runs locked
    triage:                        hold(project) ─> TrackedFinding rows locked ─> acts ─> audit, commit

Rows of this table are shared by runs that end at the same time, and a settling transaction may write several steps'
findings, in no order of fingerprints. So whoever writes here holds the project first (an advisory lock, until the
transaction ends; several projects in the order of their ids) and waits for no step after it. Two runs of one project
take turns for the moment of storing findings; nobody else waits. ADR-0025.

A claim keeps the fingerprint under which it was first seen. One whose file moved or whose line was edited has
another one of its own; `names` finds the old claim (`agents.matching`), and a `FindingAlias` remembers that. So first
seen, decisions and history stay with it. A claim is *fixed* when a complete look of the same operation at the same
target does not see it any more; where it was seen stands in `sightings`. ADR-0030.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from agents.findings import Coverage, FindingData, Severity
from agents.matching import Known, known_of, match
from agents.models import FindingAlias, TrackedFinding
from tasks.contract import RecordedStep
from tasks.models import Run, Step

_CLASS = 0x5752_4649  # "WRFI": the first half of the lock's key
_HALF = 2**31

_SEE = """
INSERT INTO agents_trackedfinding (public_id, project_id, fingerprint, first_run, first_seen_at, last_run,
    last_seen_at, status, agent, rule, title, message, severity, severity_rank, confidence, category, path, line,
    end_line, scope, move_fingerprint, line_text, owner, sightings)
SELECT gen_random_uuid(), f.project_id, f.fingerprint, r.public_id, f.created_at, r.public_id, f.created_at,
    'open', f.agent, f.rule, f.title, f.message, f.severity, %(worst)s - f.severity_weight, f.confidence, f.category,
    f.path, f.line, f.end_line, f.scope, f.move_fingerprint, f.line_text, f.owner,
    CASE WHEN %(by_tool)s
        THEN (SELECT jsonb_agg(DISTINCT concat(%(sighting)s::text, ' ', e->>'tool'))
            FROM jsonb_array_elements(f.evidence) e)
        ELSE jsonb_build_array(%(sighting)s::text) END
FROM agents_finding f JOIN tasks_run r ON r.id = f.run_id
WHERE f.step_id = %(step)s
ORDER BY f.id
ON CONFLICT (project_id, fingerprint) DO
"""
_AGAIN = """
UPDATE SET last_run = EXCLUDED.last_run, last_seen_at = EXCLUDED.last_seen_at, agent = EXCLUDED.agent,
    rule = EXCLUDED.rule, title = EXCLUDED.title, message = EXCLUDED.message, severity = EXCLUDED.severity,
    severity_rank = EXCLUDED.severity_rank, confidence = EXCLUDED.confidence, category = EXCLUDED.category,
    path = EXCLUDED.path, line = EXCLUDED.line, end_line = EXCLUDED.end_line, scope = EXCLUDED.scope,
    move_fingerprint = EXCLUDED.move_fingerprint, line_text = EXCLUDED.line_text, owner = EXCLUDED.owner,
    status = CASE WHEN agents_trackedfinding.fixed_at IS NOT NULL
        AND agents_trackedfinding.status IN ('open', 'accepted')
        THEN 'reopened' ELSE agents_trackedfinding.status END,
    fixed_at = NULL, fixed_run = NULL,
    sightings = CASE WHEN agents_trackedfinding.sightings @> EXCLUDED.sightings THEN agents_trackedfinding.sightings
        ELSE (SELECT jsonb_agg(DISTINCT one)
            FROM jsonb_array_elements(agents_trackedfinding.sightings || EXCLUDED.sightings) one) END
"""
# What this operation saw once somewhere in this source, and is not among what it sees now.
_GONE = """
SELECT t.fingerprint, t.rule, t.path, t.scope, t.move_fingerprint, t.line_text FROM agents_trackedfinding t
WHERE t.project_id = %(project)s AND t.fixed_at IS NULL AND t.rule = ANY(%(rules)s)
    AND NOT EXISTS (SELECT FROM unnest(%(taken)s::text[]) seen WHERE seen = t.fingerprint)
    AND EXISTS (SELECT FROM jsonb_array_elements_text(t.sightings) s
        WHERE starts_with(s, %(source)s) AND split_part(s, ' ', 2) = %(operation)s)
"""
# Both lists are put together by name, once, whatever is believed of them: this step's rows are too new for any
# statistics, and a plan that took them for few looked through them all for each tracked claim.
_UNSEEN_NOW = """
SELECT max(id), max(path) FROM (
    SELECT t.fingerprint, t.id, t.path FROM agents_trackedfinding t
    WHERE t.project_id = %(project)s AND t.fixed_at IS NULL AND t.sightings ? %(sighting)s
    UNION ALL SELECT f.fingerprint, NULL, NULL FROM agents_finding f WHERE f.step_id = %(step)s
) one GROUP BY fingerprint HAVING count(id) = count(*)
"""
# A claim is fixed when it is gone from the source's own branch, or from the last place where it was seen.
_SETTLE_GONE = """
UPDATE agents_trackedfinding t SET sightings = left_over.sightings,
    fixed_at = CASE WHEN left_over.is_fixed THEN now() END,
    fixed_run = CASE WHEN left_over.is_fixed THEN %(run)s::uuid END
FROM (
    SELECT id, sightings - %(sighting)s AS sightings, CASE WHEN %(default)s
        THEN NOT EXISTS (SELECT FROM jsonb_array_elements_text(sightings - %(sighting)s) s
            WHERE starts_with(s, %(target)s))
        ELSE jsonb_array_length(sightings - %(sighting)s) = 0 END AS is_fixed
    FROM agents_trackedfinding WHERE id = ANY(%(ids)s)
) left_over WHERE left_over.id = t.id
"""


class Unseen:
    """Paths that were not looked at: files, and folders with all that is in them."""

    def __init__(self, paths: Iterable[str]) -> None:
        given = frozenset(paths)
        self._files = given
        self._folders = tuple(path for path in given if path.endswith("/"))

    def holds(self, path: str) -> bool:
        return path in self._files or path.startswith(self._folders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One step's look at a target. `unseen` is None if silence says nothing: it did not look at the whole."""

    project_id: int
    run_id: UUID
    step_pk: int
    operation: str
    source: str  # what the target is of: the repository whatever its branch, the folder
    target: str  # the source and the branch
    is_default: bool  # the source's own branch
    unseen: Unseen | None
    tools: tuple[str, ...] | None = None  # those that looked at the whole; None: the operation as one

    @property
    def sighting(self) -> str:
        return f"{self.target}{self.operation}"

    @property
    def complete(self) -> list[str]:
        """The sightings that end where this look does not see the claim."""
        if self.unseen is None:
            return []
        return [self.sighting] if self.tools is None else [f"{self.sighting} {tool}" for tool in self.tools]

    def parameters(self, **more: Any) -> dict[str, Any]:
        return {
            "project": self.project_id, "run": str(self.run_id), "step": self.step_pk, "sighting": self.sighting,
            "source": self.source, "target": self.target, "operation": self.operation, "default": self.is_default,
            "worst": len(Severity) - 1, "by_tool": self.tools is not None, **more,
        }  # fmt: skip


def rank_of(severity: Severity) -> int:
    """Give 0 for info to 4 for critical: sorted downwards, the worst comes first."""
    return len(Severity) - 1 - severity.weight


def severity_of(rank: int) -> Severity:
    """Give the severity that has this rank."""
    return list(Severity)[len(Severity) - 1 - rank]


def hold(project_id: int) -> None:
    """Let nobody else write a project's tracked findings until this transaction ends.

    Of several projects the one with the lesser id first.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_CLASS, project_id % _HALF])


def look_of(step: RecordedStep, coverage: Coverage | None) -> Look:
    """Describe a step's look at its run's target."""
    request = Run.objects.values_list("request", flat=True).get(pk=step.run_pk)
    target = request.get("target") if isinstance(request, dict) else None
    given = target if isinstance(target, dict) else {}
    source = _short([given.get(name) for name in ("kind", "url", "path", "name")])  # not an upload's digest
    ref = given.get("ref")
    return Look(
        project_id=step.project_id,
        run_id=step.run_id,
        step_pk=step.step_pk,
        operation=f"{step.agent}.{step.operation}",
        source=f"{source}.",
        target=f"{source}.{_short([ref])} ",
        is_default=ref is None,
        unseen=None if coverage is None else _unseen(step.run_pk, coverage),
        tools=None if coverage is None else coverage.tools,
    )


def names(look: Look, found: Iterable[FindingData]) -> dict[str, str]:
    """Give for each fingerprint the one under which its claim is tracked: its own, or an earlier one.

    Method: primary, then what an earlier match remembered, then `agents.matching`. Hold the project before.
    """
    claims = {one.fingerprint: one for one in found}
    tracked = TrackedFinding.objects.filter(project=look.project_id, fingerprint__in=claims)
    named = {name: name for name in tracked.values_list("fingerprint", flat=True)}
    taken = set(named)
    aliases = FindingAlias.objects.filter(project=look.project_id, fingerprint__in=claims.keys() - taken)
    for fingerprint, known_as in aliases.order_by("pk").values_list("fingerprint", "known_as"):
        if known_as not in taken:
            named[fingerprint] = known_as
            taken.add(known_as)
    fresh = [one for name, one in claims.items() if name not in named]
    matched = _matched(look, fresh, taken)
    FindingAlias.objects.bulk_create(
        [FindingAlias(project_id=look.project_id, fingerprint=a, known_as=b) for a, b in matched.items()],
        update_conflicts=True,
        unique_fields=["project", "fingerprint"],
        update_fields=["known_as"],
        batch_size=500,
    )
    return {name: named.get(name) or matched.get(name) or name for name in claims}


def see(look: Look) -> None:
    """Track what a step has found: new claims become rows, known ones were seen again. Hold the project before."""
    _execute(_SEE + _AGAIN, look.parameters())


def know(look: Look) -> None:
    """Track findings that a step took over from another: nobody has seen them again. Hold the project before."""
    _execute(_SEE + "NOTHING", look.parameters())


def settle_gone(look: Look) -> None:
    """Mark as fixed what a complete look did not see any more. Nothing happens without coverage."""
    for sighting in look.complete:
        assert look.unseen is not None  # else nothing is complete
        with connection.cursor() as cursor:
            cursor.execute(_UNSEEN_NOW, look.parameters(sighting=sighting))
            ids = [pk for pk, path in cursor.fetchall() if not look.unseen.holds(path)]
            if ids:
                cursor.execute(_SETTLE_GONE, look.parameters(sighting=sighting, ids=ids))


def _matched(look: Look, fresh: list[FindingData], taken: set[str]) -> dict[str, str]:
    if not fresh or look.unseen is None or not look.complete:
        return {}
    with connection.cursor() as cursor:
        rules = sorted({one.rule for one in fresh})
        cursor.execute(_GONE, look.parameters(rules=rules, taken=sorted(taken)))
        gone = [
            Known(name=name, rule=rule, path=path, scope=scope, move=move, line_text=line_text)
            for name, rule, path, scope, move, line_text in cursor.fetchall()
            if not look.unseen.holds(path)
        ]
    return match(map(known_of, fresh), gone)


def _unseen(run_pk: int, coverage: Coverage) -> Unseen | None:
    """Give what a look did not see, with what is not in the snapshot at all; None if that is not known in full."""
    plans = Step.objects.filter(run_id=run_pk, agent="super", operation="plan", output__isnull=False)
    left = [
        one
        for output in plans.values_list("output", flat=True)
        for one in (((output or {}).get("snapshot") or {}).get("skipped") or ())
    ]
    paths = [str(one.get("path", "")) for one in left]
    if any(path.startswith("… and ") for path in paths):
        return None
    return Unseen([*coverage.unseen, *(form for path in paths for form in (path, f"{path}/"))])


def _short(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _execute(statement: str, parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
