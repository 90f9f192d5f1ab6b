"""Examples in the description of the API: one run of an invented team, the same one in every operation."""

from __future__ import annotations

from typing import Any

from api.shapes import ArtifactShape, EventShape, RunLine, RunWhole, StepShape

RUN_ID = "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11"
RERUN_ID = "0192f0d1-22b0-7c3e-8a51-0b6d7c9e4f02"

ORDER: dict[str, Any] = {
    "goal": "Find security problems",
    "target": {"kind": "git", "url": "https://git.example.org/team/shop.git"},
    "project": "acme/shop",
}
RUN_LINE: RunLine = {
    "id": RUN_ID,
    "state": "succeeded",
    "goal": ORDER["goal"],
    "project": "shop",
    "owner": "alice",
    "priority": None,
    "created_at": "2026-11-25T09:30:00Z",
    "paused_at": None,
    "started_at": "2026-11-25T09:30:01Z",
    "finished_at": "2026-11-25T09:31:12Z",
    "failure": "",
    "url": f"/runs/{RUN_ID}",
    "open_approvals": 0,
}
STEP: StepShape = {
    "ordinal": 2,
    "key": "inspector.security",
    "agent": "inspector",
    "operation": "security",
    "state": "succeeded",
    "reason": "1,204 lines of Python; the goal names 'security problems'",
    "summary": "3 findings",
    "progress": None,
    "attempts": 1,
    "max_attempts": 3,
    "started_at": "2026-11-25T09:30:05Z",
    "ended_at": "2026-11-25T09:30:47Z",
    "duration_seconds": 42.0,
    "error": None,
    "after": ["super.plan"],
    "waits_for": [],
}
ARTIFACT: ArtifactShape = {
    "name": "report.sarif",
    "step": "super.report",
    "size": 18211,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "media_type": "application/sarif+json",
    "created_at": "2026-11-25T09:31:11Z",
    "url": f"/api/v1/runs/{RUN_ID}/artifacts/report.sarif",
}
RUN: RunWhole = {
    **RUN_LINE,
    "target": "https://git.example.org/team/shop.git",
    "head": 31,
    "cancel_requested": False,
    "parent": None,
    "steps": [STEP],
    "approvals": [],
    "summary": {
        "answer": "3 findings in 1,204 lines of Python; the worst is high.",
        "findings": {"critical": 0, "high": 1, "medium": 2, "low": 0, "info": 0},
        "top": [],
        "not_analysed": [],
    },
    "artifacts": [ARTIFACT],
}
EVENT: EventShape = {
    "seq": 7,
    "type": "step.started",
    "at": "2026-11-25T09:30:05Z",
    "data": {"key": "inspector.security", "attempt": 1, "worker": "worker-1"},
}
