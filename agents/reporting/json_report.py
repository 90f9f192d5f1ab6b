"""The report for programs: one JSON object, described in full by its `schema` number."""

from __future__ import annotations

import json
from typing import Any

from agents.reporting import fixes
from agents.reporting.model import Report, ReportedFinding

SCHEMA = 1  # goes up when a field changes its meaning or goes away, not when one is added


def as_json(report: Report) -> bytes:
    """Give the report as UTF-8 JSON, findings worst first."""
    return json.dumps(as_data(report), ensure_ascii=True, indent=2).encode() + b"\n"


def as_data(report: Report) -> dict[str, Any]:
    """Give the report as plain data."""
    return {
        "schema": SCHEMA,
        "run_id": str(report.run_id),
        "goal": report.goal,
        "created_at": report.created_at.isoformat(),
        "verdict": report.verdict,
        "complete": report.is_complete,
        "answer": report.answer,
        "target": report.target.model_dump(mode="json"),
        "summary": {
            "findings": len(report.findings),
            "dismissed": report.dismissed,
            "by_severity": {str(severity): count for severity, count in report.by_severity.items()},
        },
        "findings": [_finding(entry) for entry in report.ranked],
        "fixes": [fix.model_dump(mode="json") for fix in fixes.shown(report.fixes)],
        "tools": [run.model_dump(mode="json") for run in report.tool_runs],
        "not_analysed": [part.model_dump(mode="json") for part in report.not_analysed],
        "written": [part.model_dump(mode="json") for part in report.written],
        "plan": [step.model_dump(mode="json") for step in report.plan_steps],
        "timings": report.timings,
        "quality": report.quality.model_dump(mode="json") if report.quality else None,
    }


def _finding(entry: ReportedFinding) -> dict[str, Any]:
    finding = entry.finding
    return {
        "path": finding.path,
        "line": finding.line,
        "end_line": finding.end_line,
        "column": finding.column,
        "rule": finding.rule,
        "severity": str(finding.severity),
        "confidence": str(finding.confidence),
        "category": finding.category,
        "title": finding.title,
        "message": finding.message,
        "agent": entry.agent,
        "scope": finding.scope,
        "fingerprint": finding.fingerprint,
        "cwe": list(finding.cwe),
        "in_test_code": finding.in_test_code,
        "owner": finding.owner,
        "is_new": entry.newness,
        "evidence": [one.model_dump(mode="json") for one in finding.evidence],
    }
