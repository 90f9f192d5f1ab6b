"""Where a project's findings lie, and which of its files are complex and change often: for the tree of its source.

Owns: the counts below a folder, and by line of a file. Refuses to know HTTP, and who may look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Count

from agents import sources
from agents.finding_lists import COUNTING
from agents.findings import MAX_LINE_TEXT, line_key
from agents.models import HAS_LONG_PATH, HAS_SHORT_PATH, Finding, RunQuality, TrackedFinding
from agents.quality.model import Hotspot, Measures
from agents.redaction import redact
from agents.sources import Source

MOST_MARKS = 1_000  # findings of one file

# Counted by path first, which an index alone tells, in its order; there are far fewer paths than findings.
_BELOW = """
SELECT split_part(substr(path, %s), '/', 1), sum(n)::bigint, max(severity_rank) FROM ({by_path}) AS t GROUP BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """What lies in a file or below a folder: findings that count, and the rank of the worst (4 critical, 0 info)."""

    findings: int = 0
    worst: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A finding at a line."""

    id: UUID
    line: int
    severity: str
    title: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The findings of a file by line. `away`: how many are not placed, since the file is another now."""

    placed: tuple[Mark, ...]
    away: int


def below(project_id: int, folder: str) -> dict[str, Heat]:
    """Count the findings that count by what lies in a folder ("" or ending with a slash): name -> heat."""
    rows = TrackedFinding.objects.filter(project=project_id).in_status(*COUNTING).order_by()
    if folder:
        rows = rows.filter(path__startswith=folder)
    short, long = (
        rows.filter(kept).values("path", "severity_rank").annotate(n=Count("*"))
        for kept in (HAS_SHORT_PATH, HAS_LONG_PATH)
    )
    by_path, values = short.union(long, all=True).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_BELOW.format(by_path=by_path), [len(folder) + 1, *values])
        return {name: Heat(findings=count, worst=worst) for name, count, worst in cursor.fetchall()}


def marks(source: Source, path: str, lines: Sequence[str]) -> Marks:
    """Give the findings that count in a file, each at the line that it has in this tree.

    One that a run of another tree made is placed only if its line still says the same.
    """
    then = Finding.objects.filter(run__public_id=source.run_id, path=path)
    placed = dict(then.values_list("fingerprint", "line"))
    tracked = TrackedFinding.objects.filter(project=source.project_id, path=path).in_status(*COUNTING)
    rows = list(tracked.order_by("-worst_rank", "pk")[:MOST_MARKS])
    same = sources.same_tree(source, {row.last_run for row in rows if row.fingerprint not in placed})
    told, away = [], 0
    for row in rows:
        line = placed.get(row.fingerprint)
        if line is None and (row.last_run in same or _says_the_same(row, lines)):
            line = row.line
        if line is None:
            away += 1
            continue
        told.append(Mark(id=row.public_id, line=line, severity=row.severity, title=row.title, rule=row.rule))
    return Marks(placed=tuple(sorted(told, key=lambda mark: mark.line)), away=away)


def _says_the_same(row: TrackedFinding, lines: Sequence[str]) -> bool:
    text = lines[row.line - 1][:MAX_LINE_TEXT] if row.line <= len(lines) else ""
    return bool(row.line_text) and line_key(redact(text)) == row.line_text


def hotspots(source: Source) -> Mapping[str, Hotspot]:
    """Give what is known of files that are complex and change often, by path. Only the worst were measured."""
    told = RunQuality.objects.filter(run=source.run_id).values_list("whole__measures", flat=True).first()
    spots: Sequence[Hotspot] = () if told is None else Measures.model_validate(told).hotspots or ()
    return {spot.path: spot for spot in spots}
