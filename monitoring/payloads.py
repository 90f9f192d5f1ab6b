"""What a delivery says: the event, the run as it was then, the project.

    {"id", "event", "at", "project": {"team", "slug", "name"}, "run": {...} | null, "seq": n | null, "data": {...}}

`id` names the event, the same for each webhook and in each replay. Texts are bounded. Invariant: a payload only ever
gains fields.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.models import Project
from tasks.models import Run
from tasks.plans import JsonObject
from tasks.witnesses import Told

MOST_TEXT = 4_000  # characters of a text of a payload


def of_event(told: Told, run: Run, at: datetime) -> JsonObject:
    """Say what happened in a run, which has its project, team and owner."""
    return {
        "id": f"{run.public_id}:{told.seq}",
        "event": told.kind,
        "at": _moment(at),
        "project": _project(run.project),
        "run": _run(run),
        "seq": told.seq,
        "data": _bounded(told.data),
    }


def of_ping(hook_id: str, project: Project, at: datetime, *, by: str) -> JsonObject:
    """Say that somebody tries whether deliveries arrive."""
    return {
        "id": str(uuid.uuid4()),
        "event": "ping",
        "at": _moment(at),
        "project": _project(project),
        "run": None,
        "seq": None,
        "data": {"webhook": hook_id, "by": by},
    }


def body_of(payload: JsonObject) -> bytes:
    """Give the bytes that are sent and signed."""
    return json.dumps(payload, separators=(",", ":")).encode()


def _project(project: Project) -> JsonObject:
    return {"team": project.team.slug, "slug": project.slug, "name": project.name}


def _run(run: Run) -> JsonObject:
    return {
        "id": str(run.public_id),
        "url": f"{settings.BASE_URL.rstrip('/')}/runs/{run.public_id}",
        "state": run.state,
        "goal": _bounded(run.goal),
        "owner": run.owner.get_username() if run.owner else None,
        "created_at": _moment(run.created_at),
        "started_at": _moment(run.started_at),
        "finished_at": _moment(run.finished_at),
        "failure": _bounded(run.failure),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _bounded(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MOST_TEXT:
        return f"{value[: MOST_TEXT - 1]}…"
    if isinstance(value, dict):
        return {key: _bounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_bounded(item) for item in value]
    return value
