"""How rows look in JSON: the one place for REST and the WebSocket.

Invariant: a shape only ever gains fields within /api/v1/.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, overload
from urllib.parse import quote

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from pydantic import Field
from typing_extensions import TypedDict

from agents import requests
from tasks import runs
from tasks.events import StoredFact
from tasks.models import Approval, Artifact, Run, Step, StepDependency
from tasks.runs import RerunPreview
from tasks.states import RunState, StepState

Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Moment = Annotated[str, Field(description="ISO 8601 in UTC", json_schema_extra={"format": "date-time"})]


class RunLine(TypedDict):
    """A run as lists show it."""

    id: Uuid
    state: Annotated[str, Field(json_schema_extra={"enum": [one.value for one in RunState]})]
    goal: str
    project: Annotated[str, Field(description="slug of the project")]
    owner: Annotated[str | None, Field(description="username of whoever submitted it")]
    priority: Annotated[int | None, Field(description="0 is most urgent, 9 least; null: each agent's own")]
    created_at: Moment
    paused_at: Moment | None
    started_at: Moment | None
    finished_at: Moment | None
    failure: Annotated[str, Field(description="why it failed; empty if it did not")]
    url: Annotated[str, Field(description="path of the page for people")]
    open_approvals: Annotated[int, Field(description="how many questions wait for people")]


class StepShape(TypedDict):
    """A step of a run."""

    ordinal: Annotated[int, Field(description="1, 2, 3, ...: its place in the run")]
    key: str
    agent: str
    operation: str
    state: Annotated[str, Field(json_schema_extra={"enum": [one.value for one in StepState]})]
    reason: Annotated[str, Field(description="why the plan has it")]
    summary: str
    progress: Annotated[dict[str, Any] | None, Field(description="done, total and message, as last told")]
    attempts: int
    max_attempts: int
    started_at: Moment | None
    ended_at: Moment | None
    duration_seconds: Annotated[
        float | None, Field(description="from its first start to its end; null while it is not over")
    ]
    error: Annotated[dict[str, Any] | None, Field(description="why it died or will be tried again")]
    after: Annotated[list[str], Field(description="keys of the steps that come before it")]
    waits_for: Annotated[list[str], Field(description="those of them that are not over")]


class EventShape(TypedDict):
    """A fact of a run. `data` is described per type in the reference of events."""

    seq: Annotated[int, Field(description="1, 2, 3, ... per run, without gaps")]
    type: Annotated[str, Field(examples=["step.started"])]
    at: Moment
    data: dict[str, Any]


class ArtifactShape(TypedDict):
    """Bytes that a step made. Of artifacts with one name only the newest is shown."""

    name: str
    step: Annotated[str, Field(description="key of the step that made it")]
    size: Annotated[int, Field(description="bytes")]
    sha256: str
    media_type: str
    created_at: Moment
    url: Annotated[str, Field(description="path to fetch it from")]


class ApprovalShape(TypedDict):
    """A question to people, with its answer if there is one."""

    id: Uuid
    run: Uuid
    url: Annotated[str, Field(description="path of the page where people answer")]
    step: Annotated[str, Field(description="key of the step that asks")]
    question: str
    details: dict[str, Any]
    role: Annotated[str, Field(description="the least role that may answer")]
    users: Annotated[list[str], Field(description="e-mail addresses; empty: whoever has the role")]
    asked_at: Moment
    expires_at: Moment | None
    decision: str | None
    decided_at: Moment | None
    decided_by: str | None
    comment: str


class SummaryShape(TypedDict):
    """What came out of a run, in short."""

    answer: str
    findings: Annotated[dict[str, int], Field(description="how many per severity")]
    top: list[dict[str, Any]]
    not_analysed: list[Any]


class RunWhole(RunLine):
    """A run with its steps, open questions, summary and artifacts."""

    target: Annotated[str, Field(description="what it works on, for people")]
    head: Annotated[int, Field(description="seq of its last event")]
    cancel_requested: bool
    parent: Annotated[Uuid | None, Field(description="the run that this one does again")]
    steps: list[StepShape]
    approvals: list[ApprovalShape]
    summary: SummaryShape | None
    artifacts: list[ArtifactShape]


class RedoneStep(TypedDict):
    """A step that a rerun does again."""

    key: str
    agent: str
    operation: str
    reason: str
    repeats_effect: Annotated[bool, Field(description="it has an effect outside that will happen again")]


class RerunPreviewShape(TypedDict):
    """What a rerun takes over, does again, and will add anew."""

    taken: list[str]
    redone: list[RedoneStep]
    anew: list[str]


def run_lines(listed: Sequence[Run]) -> list[RunLine]:
    """Runs in a list; in two queries, however many. `open_approvals` is how many questions wait for people."""
    asked = runs.open_questions(run.pk for run in listed)
    return [_run_line(run, asked.get(run.pk, 0)) for run in listed]


def _run_line(run: Run, open_approvals: int) -> RunLine:
    return {
        "id": str(run.public_id),
        "state": run.state,
        "goal": run.goal,
        "project": run.project.slug,
        "owner": run.owner.get_username() if run.owner else None,
        "priority": run.priority,
        "created_at": moment(run.created_at),
        "paused_at": moment(run.paused_at),
        "started_at": moment(run.started_at),
        "finished_at": moment(run.finished_at),
        "failure": run.failure,
        "url": f"/runs/{run.public_id}",
        "open_approvals": open_approvals,
    }


def run_whole(run: Run) -> RunWhole:
    """A run with its steps, the questions that wait for people, its summary and its artifacts."""
    summary = requests.summaries([run.pk]).get(run.pk)
    asked = Approval.objects.filter(run=run, decision="").select_related("step", "decided_by").order_by("pk")
    questions = [approval(row, run) for row in asked]
    return {
        **_run_line(run, len(questions)),
        "target": requests.target_of(run),
        "head": run.last_seq,
        "cancel_requested": run.cancel_requested_at is not None,
        "parent": None if run.parent is None else str(run.parent.public_id),
        "steps": step_lines(run, Step.objects.filter(run=run).order_by("pk")),
        "approvals": questions,
        "summary": None if summary is None else _summary(summary),
        "artifacts": [artifact(row, run) for row in latest_artifacts(run)],
    }


def step_lines(run: Run, listed: Iterable[Step]) -> list[StepShape]:
    """Steps of a run, in the order given; in three queries, however many."""
    rows = list(listed)
    places = {pk: n for n, pk in enumerate(run.steps.order_by("pk").values_list("pk", flat=True), start=1)}
    before: dict[int, list[tuple[str, str]]] = defaultdict(list)
    edges = StepDependency.objects.filter(step__in=[row.pk for row in rows]).order_by("needs_id")
    for step_pk, key, state in edges.values_list("step_id", "needs__key", "needs__state"):
        before[step_pk].append((key, state))
    return [_step(row, places[row.pk], before[row.pk]) for row in rows if row.pk in places]


def _step(row: Step, ordinal: int, before: list[tuple[str, str]]) -> StepShape:
    return {
        "ordinal": ordinal,
        "key": row.key,
        "agent": row.agent,
        "operation": row.operation,
        "state": row.state,
        "reason": row.reason,
        "summary": row.summary,
        "progress": row.progress,
        "attempts": row.attempts_made,
        "max_attempts": row.max_attempts,
        "started_at": moment(row.started_at),
        "ended_at": moment(row.ended_at),
        "duration_seconds": seconds(row.started_at, row.ended_at),
        "error": row.error,
        "after": [key for key, _ in before],
        "waits_for": [key for key, state in before if not StepState(state).is_final],
    }


def event(row: StoredFact) -> EventShape:
    """A fact of a run."""
    return {"seq": row.seq, "type": row.kind, "at": moment(row.at), "data": row.data}


def artifact(row: Artifact, run: Run) -> ArtifactShape:
    """Bytes that a step made."""
    return {
        "name": row.name,
        "step": row.step.key,
        "size": row.size,
        "sha256": row.digest,
        "media_type": row.media_type,
        "created_at": moment(row.created_at),
        "url": f"{reverse('api:run', args=[run.public_id])}/artifacts/{quote(row.name)}",
    }


def approval(row: Approval, run: Run) -> ApprovalShape:
    """A question to people, with its answer if there is one. `url` is the page where people answer."""
    return {
        "id": str(row.public_id),
        "run": str(run.public_id),
        "url": f"/runs/{run.public_id}#part-approvals",
        "step": row.step.key,
        "question": row.question,
        "details": row.details,
        "role": row.role,
        "users": row.users,
        "asked_at": moment(row.asked_at),
        "expires_at": moment(row.expires_at),
        "decision": row.decision or None,
        "decided_at": moment(row.decided_at),
        "decided_by": row.decided_by.get_username() if row.decided_by else None,
        "comment": row.comment,
    }


def rerun_preview(preview: RerunPreview) -> RerunPreviewShape:
    """What a rerun takes over, what it does again, and what the latter will add anew."""
    return {
        "taken": list(preview.taken),
        "redone": [
            {
                "key": step.key,
                "agent": step.agent,
                "operation": step.operation,
                "reason": step.reason,
                "repeats_effect": step.repeats_effect,
            }
            for step in preview.redone
        ],
        "anew": list(preview.anew),
    }


def latest_artifacts(run: Run) -> QuerySet[Artifact]:
    """Give the newest artifact of each name, by name: steps may use a name again."""
    newer = Artifact.objects.filter(run=OuterRef("run"), name=OuterRef("name"), pk__gt=OuterRef("pk"))
    found = Artifact.objects.filter(run=run).exclude(Exists(newer))
    return found.select_related("step").order_by("name")


def seconds(since: datetime | None, until: datetime | None) -> float | None:
    """Tell how long something took; null if it has not begun or is not over."""
    return None if since is None or until is None else round((until - since).total_seconds(), 3)


@overload
def moment(at: datetime) -> str: ...


@overload
def moment(at: datetime | None) -> str | None: ...


def moment(at: datetime | None) -> str | None:
    """Write a time as ISO 8601 in UTC with Z."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _summary(summary: requests.Summary) -> SummaryShape:
    return {
        "answer": summary.answer,
        "findings": dict(summary.findings),
        "top": summary.top,
        "not_analysed": summary.not_analysed,
    }
