"""The report as SARIF 2.1.0, for code scanning services and editors.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0. One run; WrenchAI is the driver and owns
the rules, the tools are its extensions, each tool's coverage is an invocation: a partial or failed tool has
`executionSuccessful: false` and says why in its notifications. `security-severity` and the CWE tags are what
GitHub's code scanning reads.
"""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import quote

from agents.findings import FindingData, Hop, Severity, sort_key
from agents.reporting import coverage
from agents.reporting.model import PlanStep, Report, ReportedFinding, SetAside, ToolRun, ToolState
from agents.reporting.visible import visible

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
FINGERPRINT = "wrenchai/v1"
LINE_HASH = "primaryLocationLineHash"
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# GitHub: over 9.0 critical, 7.0 high, 4.0 medium.
_SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: "1.0",
}
_SECURITY = frozenset({"security", "secret", "dependency"})
_GITHUB_PRECISION = {"high": "very-high", "medium": "high", "low": "medium"}


def as_sarif(report: Report) -> bytes:
    """Give the report as a SARIF log in UTF-8."""
    ranked = report.ranked
    set_aside = report.set_aside
    rules = _rules([*(entry.finding for entry in ranked), *(entry.finding for entry in set_aside)])
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {"name": "WrenchAI", **_version(_own_version()), "rules": rules},
            "extensions": [{"name": name, **_version(tool_version)} for name, tool_version in _tools(report)],
        },
        "automationDetails": {"id": f"wrenchai/{report.run_id}"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "the root of the analysed tree"}}},
        "invocations": [
            *(_tool_invocation(run) for run in report.tool_runs),
            *(_step_invocation(step) for step in report.unfinished_steps),
        ],
        "results": [
            *({**_result(entry, index), **({"suppressions": []} if set_aside else {})} for entry in ranked),
            *({**_result(entry, index), "suppressions": [_suppression(entry)]} for entry in set_aside),
        ],
        "properties": {
            "goal": report.goal,
            "complete": report.is_complete,
            "revision": report.target.revision,
            "snapshot": report.target.digest,
        },
    }
    log = {"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=True, indent=1).encode() + b"\n"


def _own_version() -> str:
    try:
        return version("wrenchai")
    except PackageNotFoundError:
        return ""


def _version(text: str) -> dict[str, str]:
    return {"version": text} if text else {}


def _tools(report: Report) -> list[tuple[str, str]]:
    return sorted({(run.tool, run.version) for run in report.tool_runs})


def _rules(findings: list[FindingData]) -> list[dict[str, Any]]:
    """Describe each rule once, by its worst finding."""
    rules: dict[str, dict[str, Any]] = {}
    for finding in sorted(findings, key=sort_key):
        if finding.rule not in rules:
            rules[finding.rule] = _rule(finding)
    return [rules[name] for name in sorted(rules)]


def _rule(finding: FindingData) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "tags": [finding.category, *(f"external/cwe/cwe-{number:03}" for number in finding.cwe)],
        "precision": _GITHUB_PRECISION[finding.confidence],
    }
    if finding.category in _SECURITY:
        properties["security-severity"] = _SCORES[finding.severity]
    rule: dict[str, Any] = {
        "id": finding.rule,
        "shortDescription": {"text": visible(finding.title)},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
        "properties": properties,
    }
    url = next((one.url for one in finding.evidence if one.url.startswith("https://")), "")
    return {**rule, "helpUri": url} if url else rule


def _suppression(entry: SetAside) -> dict[str, Any]:
    """People have dismissed it. The standard wants `suppressions` in each result of a run or in none."""
    return {"kind": "external", "status": "accepted", "justification": visible(entry.reason)}


def _fingerprints(entry: ReportedFinding | SetAside) -> dict[str, str]:
    """Ours, GitHub's of the line, and those by which other tools know the claim."""
    theirs = {name: value for one in entry.finding.evidence for name, value in one.fingerprints.items()}
    lines = {LINE_HASH: entry.line_hash} if entry.line_hash else {}
    return {**theirs, **lines, FINGERPRINT: entry.finding.fingerprint}


def _baseline(entry: ReportedFinding | SetAside) -> dict[str, str]:
    return {} if entry.newness is None else {"baselineState": "new" if entry.newness else "unchanged"}


def _result(entry: ReportedFinding | SetAside, index: dict[str, int]) -> dict[str, Any]:
    finding = entry.finding
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": _artifact(finding.path),
            "region": _region(finding),
        }
    }
    if finding.scope:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.scope}]
    return {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": _LEVELS[finding.severity],
        "message": {"text": visible(finding.message) or visible(finding.title)},
        "locations": [location],
        **_code_flows(finding),
        "partialFingerprints": _fingerprints(entry),
        **_baseline(entry),
        "properties": {
            "severity": str(finding.severity),
            "confidence": str(finding.confidence),
            "category": finding.category,
            "agent": entry.agent,
            "inTestCode": finding.in_test_code,
            "evidence": [
                {"tool": one.tool, "version": one.tool_version, "rule": one.rule, "command": one.command}
                for one in finding.evidence
            ],
        },
    }


def _code_flows(finding: FindingData) -> dict[str, Any]:
    """The ways of values, hop by hop; nothing for evidence without a way."""
    flows = [
        {"threadFlows": [{"locations": [{"location": _hop(hop)} for hop in one.hops]}]}
        for one in finding.evidence
        if one.hops
    ]
    return {"codeFlows": flows} if flows else {}


def _hop(hop: Hop) -> dict[str, Any]:
    words = f"{hop.variable}: {hop.what}" if hop.variable else hop.what
    region: dict[str, Any] = {"startLine": hop.line}
    if hop.snippet:
        region["snippet"] = {"text": visible(hop.snippet)}
    return {
        "physicalLocation": {"artifactLocation": _artifact(hop.path), "region": region},
        "message": {"text": visible(words)},
    }


def _region(finding: FindingData) -> dict[str, Any]:
    region: dict[str, Any] = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
    }
    snippet = finding.evidence[0].snippet
    return {**region, "snippet": {"text": visible(snippet)}} if snippet else region


def _artifact(path: str) -> dict[str, str]:
    return {"uri": quote(path.encode("utf-8", "surrogatepass"), safe="/"), "uriBaseId": ROOT}


def _tool_invocation(run: ToolRun) -> dict[str, Any]:
    level = "error" if run.state is ToolState.FAILED else "warning"
    notes = [
        {
            "level": level,
            "message": {"text": f"{run.label} could not fully analyse this file: {visible(problem.reason)}"},
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(problem.path)}}],
        }
        for problem in run.failed
    ]
    unnamed = run.failed_count - len(run.failed)
    if unnamed > 0:
        notes.append(
            {"level": level, "message": {"text": f"{run.label} could not fully analyse {unnamed} more files"}}
        )
    if run.skipped_count:
        reasons = ", ".join(f"{why}: {count}" for why, count in run.skipped_by_reason.items())
        told = f"{run.label} left out {run.skipped_count} files ({visible(reasons)})"
        notes.append({"level": "note", "message": {"text": told}})
    for why, places in coverage.refuted(run):
        told = f"claims of {run.label} that are no results, since {why}: {places}"
        notes.append({"level": "note", "message": {"text": visible(told)}})
    if run.note:
        notes.append({"level": "note", "message": {"text": visible(run.note)}})
    return {
        "executionSuccessful": run.state in (ToolState.OK, ToolState.NOT_APPLICABLE),
        "toolExecutionNotifications": notes,
        "properties": {
            "tool": run.tool,
            "purpose": run.purpose,
            "state": str(run.state),
            "filesAnalysed": run.files_analysed if run.unit == "file" else 0,
            "filesFailed": run.failed_count,
            "seconds": run.seconds,
        },
    }


def _step_invocation(step: PlanStep) -> dict[str, Any]:
    told = f"step {step.key} ({step.agent}.{step.operation}) ended as {step.state}"
    if step.error:
        told += f": {step.error}"
    return {
        "executionSuccessful": False,
        "toolExecutionNotifications": [{"level": "error", "message": {"text": visible(told)}}],
        "properties": {"step": step.key, "state": step.state},
    }
