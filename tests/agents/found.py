"""Findings in tests, stored as the engine stores them: a step of a real run is claimed and settled with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Project, User
from agents.findings import (
    Confidence,
    Coverage,
    Evidence,
    FindingData,
    Severity,
    fingerprint,
    line_key,
    move_fingerprint,
)
from agents.findings_store import records_of
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


def begin(
    project: Project, owner: User | None = None, *, then: str = "", target: dict[str, Any] | None = None
) -> tuple[Run, Lease]:
    """A run of one step, claimed by a worker; with `then` another step waits for it."""
    after = (
        [PlannedStep(key=then, agent="probe", operation="work", after=(After(key="look"),))] if then else []
    )
    plan = Plan((PlannedStep(key="look", agent="probe", operation="work"), *after))
    run, _ = runs.submit(
        plan,
        project_id=project.pk,
        owner_id=owner.pk if owner else None,
        goal="Look",
        request={"target": target or {}},
    )
    return run, start()


def start() -> Lease:
    """The step that waits, claimed by a worker."""
    now = timezone.now()
    worker = WorkerSession.objects.create(
        hostname="test", pid=1, queues=["agent.probe"], slots=1, started_at=now, heartbeat_at=now,
        lease_until=now + timedelta(hours=1),
    )  # fmt: skip
    lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
    assert lease is not None
    return lease


def tracked(*given: Any, text: str = LINE, **changed: Any) -> FindingData:
    """A finding as the Inspector makes it: it can be known again where its file moved or its line was edited."""
    one = claim(*given, text=text, **changed)
    move = move_fingerprint(rule=one.rule, scope=one.scope, line_text=text)
    return one.model_copy(update={"move_fingerprint": move, "line_text": line_key(text)})


def looked(*findings: FindingData, unseen: tuple[str, ...] = ()) -> StepResult:
    """The result of a complete look that has found these."""
    return StepResult(records=records_of(findings, Coverage(unseen=unseen)))


def look(
    project: Project,
    *findings: FindingData,
    unseen: tuple[str, ...] = (),
    target: dict[str, Any] | None = None,
) -> Run:
    """A run that has looked at a whole target and has found these."""
    run, lease = begin(project, target=target)
    runs.settle(lease, looked(*findings, unseen=unseen))
    run.refresh_from_db()
    return run


def found(*findings: FindingData) -> StepResult:
    """The result of a step that has found these."""
    return StepResult(records=tuple(one.model_dump(mode="json") for one in findings))


def find(project: Project, *findings: FindingData, owner: User | None = None) -> Run:
    """A run that has ended and has found these."""
    run, lease = begin(project, owner)
    runs.settle(lease, found(*findings))
    run.refresh_from_db()
    return run
