"""Findings in tests, stored as the engine stores them: a step of a real run is claimed and settled with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Project, User
from agents.findings import Confidence, Evidence, FindingData, Severity, fingerprint
from tasks import runs
from tasks.contract import StepResult
from tasks.leases import Lease
from tasks.models import Run, WorkerSession
from tasks.plans import After, Plan, PlannedStep

LINE = 'cursor.execute("SELECT * FROM t WHERE n = " + name)'


def claim(
    rule: str = "sql-injection", *, path: str = "shop/search.py", text: str = LINE, **changed: Any
) -> FindingData:
    """A finding; the same rule, path and text are the same claim."""
    given: dict[str, Any] = {
        "title": f"{rule} here",
        "message": f"{rule} in {path}",
        "severity": Severity.HIGH,
        "confidence": Confidence.MEDIUM,
        "category": "security",
        "line": 12,
        "end_line": 12,
        "evidence": (
            Evidence(
                kind="tool_trace", tool="bandit", tool_version="1.8", rule="B608", message="SQL", snippet=text
            ),
        ),
        **changed,
    }
    return FindingData(
        rule=rule, path=path, fingerprint=fingerprint(rule=rule, path=path, scope="", line_text=text), **given
    )


def begin(project: Project, owner: User | None = None, *, then: str = "") -> tuple[Run, Lease]:
    """A run of one step, claimed by a worker; with `then` another step waits for it."""
    now = timezone.now()
    worker = WorkerSession.objects.create(
        hostname="test", pid=1, queues=["agent.probe"], slots=1, started_at=now, heartbeat_at=now,
        lease_until=now + timedelta(hours=1),
    )  # fmt: skip
    after = (
        [PlannedStep(key=then, agent="probe", operation="work", after=(After(key="look"),))] if then else []
    )
    plan = Plan((PlannedStep(key="look", agent="probe", operation="work"), *after))
    run, _ = runs.submit(
        plan, project_id=project.pk, owner_id=owner.pk if owner else None, goal="Look", request={}
    )
    lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
    assert lease is not None
    return run, lease


def found(*findings: FindingData) -> StepResult:
    """The result of a step that has found these."""
    return StepResult(records=tuple(one.model_dump(mode="json") for one in findings))


def find(project: Project, *findings: FindingData, owner: User | None = None) -> Run:
    """A run that has ended and has found these."""
    run, lease = begin(project, owner)
    runs.settle(lease, found(*findings))
    run.refresh_from_db()
    return run
