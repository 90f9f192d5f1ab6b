"""How rows look in JSON: the one place for REST and the WebSocket.

Invariant: a shape only ever gains fields within /api/v1/.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.urls import reverse

from agents import requests
from tasks import runs
from tasks.events import StoredFact
from tasks.models import Approval, Artifact, Run, Step, StepDependency
from tasks.runs import RerunPreview


def run_lines(listed: Sequence[Run]) -> list[dict[str, Any]]:
    """Runs in a list; in two queries, however many. `open_approvals` is how many questions wait for people."""
    asked = runs.open_questions(run.pk for run in listed)
    return [{**_run_line(run), "open_approvals": asked.get(run.pk, 0)} for run in listed]


def _run_line(run: Run) -> dict[str, Any]:
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
    }


def run_whole(run: Run) -> dict[str, Any]:
    """A run with its steps, the questions that wait for people, its summary and its artifacts."""
    steps = list(Step.objects.filter(run=run).order_by("pk"))
    after: dict[int, list[str]] = defaultdict(list)
    edges = StepDependency.objects.filter(step__run=run).order_by("needs_id")
    for step_pk, key in edges.values_list("step_id", "needs__key"):
        after[step_pk].append(key)
    summary = requests.summaries([run.pk]).get(run.pk)
    asked = Approval.objects.filter(run=run, decision="").select_related("step", "decided_by").order_by("pk")
    questions = [approval(row, run) for row in asked]
    return {
        **_run_line(run),
        "open_approvals": len(questions),
        "target": requests.target_of(run),
        "head": run.last_seq,
        "cancel_requested": run.cancel_requested_at is not None,
        "parent": None if run.parent is None else str(run.parent.public_id),
        "steps": [step(row, after[row.pk]) for row in steps],
        "approvals": questions,
        "summary": None if summary is None else _summary(summary),
        "artifacts": [artifact(row, run) for row in latest_artifacts(run)],
    }


def step(row: Step, after: list[str]) -> dict[str, Any]:
    """A step of a run; `after` are the keys that it waits for."""
    return {
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
        "error": row.error,
        "after": after,
    }


def event(row: StoredFact) -> dict[str, Any]:
    """A fact of a run."""
    return {"seq": row.seq, "type": row.kind, "at": moment(row.at), "data": row.data}


def artifact(row: Artifact, run: Run) -> dict[str, Any]:
    """Bytes that a step made."""
    return {
        "name": row.name,
        "size": row.size,
        "sha256": row.digest,
        "media_type": row.media_type,
        "url": f"{reverse('api:run', args=[run.public_id])}/artifacts/{quote(row.name)}",
    }


def approval(row: Approval, run: Run) -> dict[str, Any]:
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


def rerun_preview(preview: RerunPreview) -> dict[str, Any]:
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


def latest_artifacts(run: Run) -> list[Artifact]:
    """Give the newest artifact of each name: steps may use a name again."""
    newest = {row.name: row for row in Artifact.objects.filter(run=run).order_by("pk")}
    return sorted(newest.values(), key=lambda row: row.name)


def moment(at: datetime | None) -> str | None:
    """Write a time as ISO 8601 in UTC with Z."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _summary(summary: requests.Summary) -> dict[str, Any]:
    return {
        "answer": summary.answer,
        "findings": dict(summary.findings),
        "top": summary.top,
        "not_analysed": summary.not_analysed,
    }
