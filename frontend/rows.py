"""What the pages show of runs: plain values, made in few queries.

Refuses to know HTTP. Texts of repositories and agents pass through here as they are; the templates escape them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django.db.models import QuerySet
from django.urls import reverse

from accounts import access
from accounts.access import Rights
from accounts.models import User
from agents import requests
from agents.catalog import current_registry
from agents.findings import Severity
from tasks import events, shared_events
from tasks.events import StoredFact
from tasks.models import Approval, Artifact, Run, Step
from tasks.states import RunState, StepState

EVENTS_SHOWN = 200
SKIPPED_SHOWN = 200
DECIDED_SHOWN = 50
DETAILS_SHOWN = 20_000  # characters
QUESTIONS_SHOWN = 10
QUESTIONS_READ = 200  # of which those that others must answer are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run as its page shows it."""

    run: Run
    summary: requests.Summary | None
    target: str
    seconds: float | None
    since: datetime | None

    @property
    def is_final(self) -> bool:
        return RunState(self.run.state).is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """A step in the table. `seconds` when it is over, `since` while it runs."""

    step: Step
    agent: str
    seconds: float | None
    since: datetime | None
    done: int
    total: int
    message: str
    error: str

    @property
    def has_failed(self) -> bool:
        return self.step.state in {StepState.DEAD.value, StepState.CANCELLED.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """One of the report's most important findings."""

    severity: str
    confidence: str
    title: str
    rule: str
    place: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRow:
    """What the report says that nobody looked at."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRow:
    """A file that the run made, and where the API gives it."""

    artifact: Artifact
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow:
    """An open question of a step, and whether the reader may answer it."""

    approval: Approval
    may_decide: bool
    details: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """A line of the event log."""

    seq: int
    at: datetime
    kind: str
    key: str
    text: str


def run_row(run: Run) -> RunRow:
    """Make the head of a run's page. Of lists: `run_lists.lines`."""
    over = run.finished_at is not None
    return RunRow(
        run=run,
        summary=requests.summaries([run.pk]).get(run.pk),
        target=requests.target_of(run),
        seconds=seconds(run.started_at or run.created_at, run.finished_at) if over else None,
        since=None if over else run.started_at,
    )


def step_rows(run: Run) -> list[StepRow]:
    """Make the table of a run's steps, in the order of their making."""
    titles = {agent.name: agent.title for agent in current_registry().agents.values()}
    found = Step.objects.filter(run=run).defer("input", "output").order_by("pk")
    return [_step_row(step, titles) for step in found]


def step_row(step: Step) -> StepRow:
    """Make the row of one step."""
    return _step_row(step, {agent.name: agent.title for agent in current_registry().agents.values()})


def finding_rows(summary: requests.Summary | None) -> list[FindingRow]:
    """Read the report's most important findings, whether bare or each with its agent."""
    return [_finding_row(item.get("finding") or item) for item in summary.top] if summary else []


def skipped_rows(summary: requests.Summary | None) -> list[SkippedRow]:
    """Read what was not analysed; an entry may be a text or an object."""
    return [_skipped_row(item) for item in summary.not_analysed[:SKIPPED_SHOWN]] if summary else []


def approval_rows(run: Run, rights: Rights) -> list[ApprovalRow]:
    """Give the questions that wait for people, oldest first."""
    found = Approval.objects.filter(run=run, decision="").select_related("step").order_by("pk")
    mine, user = rights.role, rights.person
    return [
        ApprovalRow(
            approval=approval,
            may_decide=access.decides_as(mine, user, role=approval.role, users=approval.users),
            details=_details(approval.details),
        )
        for approval in found
    ]


def decided_rows(run: Run) -> list[Approval]:
    """Give the questions that have their answer, oldest first."""
    found = Approval.objects.filter(run=run).exclude(decision="").select_related("step", "decided_by")
    return list(found.order_by("pk")[:DECIDED_SHOWN])


def questions_for(user: User) -> list[Approval]:
    """Give the oldest open questions, of any run, that are this person's to answer."""
    projects = {project.pk: project for project in access.projects_for(user, "approval.decide")}
    found = Approval.objects.filter(decision="", run__project__in=projects).select_related("run", "step")
    mine: dict[int, access.Role | None] = {}
    shown: list[Approval] = []
    for approval in found.order_by("pk")[:QUESTIONS_READ]:
        pk = approval.run.project_id
        if pk not in mine:
            mine[pk] = access.role_in(user, projects[pk])
        if access.decides_as(mine[pk], user, role=approval.role, users=approval.users):
            shown.append(approval)
    return shown[:QUESTIONS_SHOWN]


def artifact_rows(run: Run, found: QuerySet[Artifact] | None = None) -> list[ArtifactRow]:
    """Give the newest artifact of each name, of a run or of those that were found in it."""
    of_run = Artifact.objects.filter(run=run) if found is None else found
    newest = {row.name: row for row in of_run.order_by("pk")}
    folder = f"{reverse('api:run', args=[run.public_id])}/artifacts"
    return [ArtifactRow(artifact=row, url=f"{folder}/{quote(row.name)}") for _, row in sorted(newest.items())]


def event_rows(run: Run, *, shared: bool = False, with_logs: bool = False) -> list[EventRow]:
    """Give the last events. Of a step's progress only the last word of each attempt is kept.

    `shared`: as whoever has but a link is told of them, with words of the log or without.
    """
    shown: list[EventRow] = []
    for event in events.since(run, max(0, run.last_seq - EVENTS_SHOWN), limit=EVENTS_SHOWN):
        if shared:
            event = replace(event, data=shared_events.told(event.kind, event.data, with_logs=with_logs))
        row = event_row(event)
        same = (
            shown and row.kind == "step.progress" and (shown[-1].kind, shown[-1].key) == (row.kind, row.key)
        )
        if same:
            shown.pop()
        shown.append(row)
    return shown


def describe(kind: str, data: dict[str, Any]) -> str:
    """Tell an event in a few words. `describe` in run-events.js says the same."""
    if kind == "step.progress" and data.get("total"):
        return f"{data.get('done')}/{data['total']} {data.get('message') or ''}".strip()
    if kind == "step.added":
        return str(data.get("reason") or f"{data.get('agent')}.{data.get('operation')}")
    if kind == "agent.said":
        content = data.get("content")
        told = content.get("message") if isinstance(content, dict) else None
        return f"{data.get('topic')}: {told}" if told else str(data.get("topic") or "")
    if kind in _DEEDS:
        return _deed(kind, data)
    error = data.get("error")
    if isinstance(error, dict):
        return str(error.get("message") or error.get("kind") or "")
    for name in _TELLING:
        if data.get(name):
            return str(data[name])
    return ""


def _step_row(step: Step, titles: dict[str, str]) -> StepRow:
    running = step.state == StepState.RUNNING.value
    progress = step.progress if isinstance(step.progress, dict) else {}
    return StepRow(
        step=step,
        agent=titles.get(step.agent, step.agent),
        seconds=seconds(step.started_at, step.ended_at),
        since=step.started_at if running else None,
        done=int(progress.get("done") or 0) if running else 0,
        total=int(progress.get("total") or 0) if running else 0,
        message=str(progress.get("message") or "") if running else "",
        error=error_text(step.error),
    )


def _finding_row(item: dict[str, Any]) -> FindingRow:
    title, rule, message = (str(item.get(name) or "") for name in ("title", "rule", "message"))
    path, line = str(item.get("path") or ""), item.get("line")
    severity = str(item.get("severity") or "")
    return FindingRow(
        severity=severity if severity in set(Severity) else Severity.INFO.value,
        confidence=str(item.get("confidence") or ""),
        title=title or message or rule,
        rule=rule,
        place=f"{path}:{line}" if path and line else path,
        message=message if title and message != title else "",
    )


def _skipped_row(item: object) -> SkippedRow:
    if not isinstance(item, dict):
        return SkippedRow(what=str(item), why="")
    what, why = item.get("what") or item.get("path"), item.get("why") or item.get("reason")
    return SkippedRow(what=str(what or ""), why=str(why or ""))


def event_row(event: StoredFact) -> EventRow:
    """Make a line of the log."""
    data = event.data if isinstance(event.data, dict) else {}
    return EventRow(
        seq=event.seq,
        at=event.at.astimezone(UTC),
        kind=event.kind,
        key=str(data.get("key") or ""),
        text=describe(event.kind, data),
    )


_TELLING = (
    "failure",
    "summary",
    "message",
    "tail",
    "reason",
    "because",
    "question",
    "why",
    "state",
    "worker",
    "goal",
)
_DEEDS = {
    "approval.decided": ("{decision} ", "{comment}"),
    "run.cancel_requested": ("", "{reason}"),
    "run.message": ("", "{text}"),
    "run.paused": ("", "{reason}"),
    "run.priority_changed": ("", "now {after}"),
    "run.rerun": ("", "takes over {taken}, does {redone} again"),
    "run.resumed": ("", ""),
}
"""What people do, as "<what> by <whom>: <more>"."""


def _deed(kind: str, data: dict[str, Any]) -> str:
    told = {name: "" if value is None else value for name, value in data.items()}
    try:
        what, more = (part.format(**told) for part in _DEEDS[kind])
    except KeyError:
        return ""  # an event of another release
    who = f"by {told['by']}" if told.get("by") else ""  # who looks by a link is told no names
    return f"{what}{who}".rstrip() + (f": {more}" if more else "")


def error_text(error: object) -> str:
    """Tell what a step or an attempt failed of. Empty if it did not."""
    return str(error.get("message") or error.get("kind") or "") if isinstance(error, dict) else ""


def _details(details: object) -> str:
    """Write what helps to decide for people. Empty if there is nothing."""
    return json.dumps(details, indent=2, ensure_ascii=False)[:DETAILS_SHOWN] if details else ""


def seconds(start: datetime | None, end: datetime | None) -> float | None:
    """Give how long something took; None if it is not over."""
    return (end - start).total_seconds() if start and end else None
