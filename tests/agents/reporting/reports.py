"""Reports for the tests: an ordinary one, an incomplete one, and one whose every text means harm."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from agents.findings import Confidence, Evidence, FindingData, Severity, fingerprint
from agents.reporting import (
    FileProblem,
    NotAnalysed,
    PlanStep,
    Report,
    ReportedFinding,
    Target,
    ToolRun,
    ToolState,
)

RUN = UUID("11111111-2222-3333-4444-555555555555")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MEAN = "<script>alert(1)</script>\x1b[31mred\x1b[0m \u202eevil @team [x](http://e.vil) `` | {{ 7 }} ![i](x) \x00 http://e.vil"


def finding(**changed: Any) -> ReportedFinding:
    """A finding, with some fields of one's own."""
    fields: dict[str, Any] = {
        "rule": "S608",
        "title": "SQL put together from strings",
        "message": "Possible SQL injection",
        "severity": Severity.HIGH,
        "confidence": Confidence.MEDIUM,
        "category": "security",
        "path": "shop/search.py",
        "line": 12,
        "end_line": 13,
        "column": 5,
        "scope": "Search.find",
        "cwe": (89,),
        "snippet": "db.execute(query)",
        **changed,
    }
    snippet = fields.pop("snippet")
    return ReportedFinding(
        agent="inspector",
        finding=FindingData(
            **fields,
            fingerprint=fingerprint(
                rule=fields["rule"], path=fields["path"], scope=fields["scope"], line_text=snippet
            ),
            evidence=(
                Evidence(
                    kind="tool_trace",
                    tool="ruff",
                    tool_version="0.17.6",
                    rule=fields["rule"],
                    message=fields["message"],
                    snippet=snippet,
                    command="ruff check --isolated",
                    url="https://docs.astral.sh/ruff/rules/hardcoded-sql-expression",
                ),
            ),
        ),
    )


def tool(state: ToolState = ToolState.OK, **changed: Any) -> ToolRun:
    """A tool's run."""
    fields: dict[str, Any] = {
        "tool": "ruff",
        "version": "0.17.6",
        "purpose": "security rules",
        "state": state,
        "files_analysed": 0 if state in (ToolState.FAILED, ToolState.NOT_APPLICABLE) else 42,
        "seconds": 0.5,
        **changed,
    }
    return ToolRun(**fields)


def partial() -> ToolRun:
    """A tool that missed one file."""
    problem = FileProblem(path="bad file.py", reason="line 1: Expected an expression")
    return tool(
        ToolState.PARTIAL,
        failed=(problem,),
        failed_count=1,
        skipped_count=3,
        skipped_by_reason={"not UTF-8 text": 3},
        note="the kernel did not allow to cut the network off",
    )


def report(**changed: Any) -> Report:
    """An ordinary, complete report."""
    fields: dict[str, Any] = {
        "run_id": RUN,
        "goal": "Find security problems",
        "created_at": NOON,
        "target": Target(description="shop", revision="31ab9a2", files=42, lines=2_000, digest="ab" * 32),
        "answer": "One query is put together from strings.",
        "findings": (finding(),),
        "tool_runs": (tool(),),
        "plan_steps": (
            PlanStep(
                key="scan",
                agent="inspector",
                operation="security_scan",
                reason="The goal asks for it.",
                state="succeeded",
                seconds=1.5,
            ),
        ),
        "not_analysed": (NotAnalysed(what="the database", why="no connection was given"),),
        "timings": {"total": 75.0},
        **changed,
    }
    return Report(**fields)


def mean_report() -> Report:
    """A report in which every text that a repository or a person can choose is hostile."""
    path = f"a/{MEAN}\n.py"
    return report(
        goal=MEAN,
        answer=MEAN,
        target=Target(description=MEAN, revision=MEAN),
        findings=(
            finding(
                title=MEAN[:200],
                message=MEAN,
                path=path,
                scope=MEAN,
                snippet=f"```\n</code></pre>{MEAN}",
                cwe=(),
            ),
        ),
        tool_runs=(
            tool(
                ToolState.PARTIAL,
                failed=(FileProblem(path=path, reason=MEAN),),
                failed_count=1,
                skipped_count=1,
                skipped_by_reason={MEAN: 1},
                note=MEAN,
            ),
        ),
        plan_steps=(
            PlanStep(key="x", agent="inspector", operation="lint", reason=MEAN, state="dead", error=MEAN),
        ),
        not_analysed=(NotAnalysed(what=MEAN, why=MEAN),),
        timings={MEAN: 1.0},
    )
