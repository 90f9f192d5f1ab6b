"""How findings look in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from agents.finding_story import ACTS_SHOWN, FIXES_SHOWN, OCCURRENCES_SHOWN, story_of
from agents.findings import UNDO, Confidence, Severity, Status, Verdict
from agents.models import Finding, TrackedFinding, TriageAct
from api.fixes import FixShape, fix_shapes
from api.shapes import Moment, Uuid, moment
from tasks.models import Run


class FindingLine(TypedDict):
    """A finding as lists show it: what was last said of it, and what people think of it."""

    id: Uuid
    project: Annotated[str, Field(description="team/slug")]
    status: Annotated[
        str,
        Field(
            description="every one but `dismissed` and `fixed` counts; `reopened`: by a person, because a dismissal"
            " is over, or because it was fixed and is back",
            json_schema_extra={"enum": [one.value for one in Status]},
        ),
    ]
    until: Annotated[Moment | None, Field(description="when the dismissal ends; null: it does not")]
    severity: Annotated[str, Field(json_schema_extra={"enum": [one.value for one in Severity]})]
    confidence: Annotated[str, Field(json_schema_extra={"enum": [one.value for one in Confidence]})]
    category: str
    rule: str
    title: str
    message: str
    agent: str
    path: str
    line: Annotated[
        int, Field(description="from 1; in the run of the query, else in the last run that saw it")
    ]
    end_line: int
    fingerprint: Annotated[
        str, Field(description="the claim's identity, the same in every run of the project")
    ]
    new: Annotated[
        bool, Field(description="no run before the query's (else: before the last that saw it) has seen it")
    ]
    first_run: Annotated[Uuid, Field(description="the run that saw it first; retention may have removed it")]
    first_seen_at: Moment
    last_run: Uuid
    last_seen_at: Moment
    fixed_at: Annotated[
        Moment | None, Field(description="when a complete look did not see it any more; null: it is there")
    ]
    fixed_run: Annotated[Uuid | None, Field(description="the run that looked")]
    owner: Annotated[str, Field(description="by the tree's CODEOWNERS, parted by blanks; empty: nobody")]


class Occurrence(TypedDict):
    """A step of a run that made the claim."""

    run: Uuid
    step: Annotated[str, Field(description="key of the step")]
    at: Moment
    path: str
    line: int
    end_line: int
    severity: str


class ActShape(TypedDict):
    """What somebody once decided on a finding."""

    act: Annotated[str, Field(json_schema_extra={"enum": [*(one.value for one in Verdict), UNDO]})]
    reason: str
    until: Moment | None
    by: Annotated[str, Field(description="username, as it was")]
    at: Moment


class FindingWhole(FindingLine):
    """A finding with its evidence, where it was seen, and what people decided on it."""

    column: int
    scope: Annotated[str, Field(description="the enclosing function or class; empty: not known")]
    cwe: list[int]
    in_test_code: bool
    evidence: Annotated[
        list[dict[str, Any]],
        Field(description="empty if retention has removed every run that made the claim"),
    ]
    fixes: Annotated[
        list[FixShape],
        Field(description=f"offered by runs that are kept, newest first, at most {FIXES_SHOWN}"),
    ]
    occurrences: Annotated[
        list[Occurrence],
        Field(description=f"newest first, at most {OCCURRENCES_SHOWN}; of runs that are kept"),
    ]
    occurrence_count: Annotated[int, Field(description="how many there are in runs that are kept")]
    triage: Annotated[list[ActShape], Field(description=f"newest first, at most {ACTS_SHOWN}")]


def finding_lines(rows: Sequence[TrackedFinding], run: Run | None = None) -> list[FindingLine]:
    """Findings in a list, with their project; of `run`, if it is given: as they stood in it."""
    if run is None:
        return [_line(row) for row in rows]
    wanted = Finding.objects.filter(run=run, fingerprint__in=[row.fingerprint for row in rows])
    then = {one.fingerprint: one for one in wanted.order_by("pk").defer("evidence")}
    return [_line(row, run=run.public_id, then=then) for row in rows]


def finding_whole(row: TrackedFinding) -> FindingWhole:
    """A finding with all that there is about it. `status_now` must be there."""
    story = story_of(row)
    last = story.last
    return {
        **_line(row),
        "column": last.column if last else 1,
        "scope": last.scope if last else "",
        "cwe": last.cwe if last else [],
        "in_test_code": last.in_test_code if last else False,
        "evidence": list(story.evidence),
        "fixes": fix_shapes(story.fixes),
        "occurrences": [_occurrence(one) for one in story.seen],
        "occurrence_count": story.seen_count,
        "triage": [_act(one) for one in story.acts],
    }


def _line(
    row: TrackedFinding, *, run: UUID | None = None, then: Mapping[str, Finding] | None = None
) -> FindingLine:
    there = (then or {}).get(row.fingerprint)
    status = row.status_now
    return {
        "id": str(row.public_id),
        "project": f"{row.project.team.slug}/{row.project.slug}",
        "status": status,
        "until": moment(row.until) if status == Status.DISMISSED.value else None,
        "severity": row.severity,
        "confidence": row.confidence,
        "category": row.category,
        "rule": row.rule,
        "title": row.title,
        "message": there.message if there else row.message,
        "agent": row.agent,
        "path": row.path,
        "line": there.line if there else row.line,
        "end_line": there.end_line if there else row.end_line,
        "fingerprint": row.fingerprint,
        "new": row.first_run == (run or row.last_run),
        "first_run": str(row.first_run),
        "first_seen_at": moment(row.first_seen_at),
        "last_run": str(row.last_run),
        "last_seen_at": moment(row.last_seen_at),
        "fixed_at": moment(row.fixed_at),
        "fixed_run": str(row.fixed_run) if row.fixed_run else None,
        "owner": row.owner,
    }


def _occurrence(row: Finding) -> Occurrence:
    return {
        "run": str(row.run.public_id),
        "step": row.step.key,
        "at": moment(row.created_at),
        "path": row.path,
        "line": row.line,
        "end_line": row.end_line,
        "severity": row.severity,
    }


def _act(row: TriageAct) -> ActShape:
    return {
        "act": row.verdict,
        "reason": row.reason,
        "until": moment(row.until),
        "by": row.by,
        "at": moment(row.at),
    }
