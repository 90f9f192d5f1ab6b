"""The report as one HTML file that needs nothing else: no request, readable from a disk or a mail.

A strict Content-Security-Policy in the file itself forbids everything but its own style and the one script that
searches (`agents.reporting.searching`), so even a hole in the escaping could load and run nothing. The template gets
ready-made text; it decides nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.template import Context, Engine, Template

from agents.findings import Evidence, Severity
from agents.quality.model import Quality
from agents.reporting import coverage, fixes, quality, searching
from agents.reporting.filters import as_page, filters_of
from agents.reporting.model import PlanStep, Report, ReportedFinding, ToolRun, plural
from agents.reporting.visible import one_line, visible

MAX_FINDINGS = 1_000  # a page with more is slow to open; the JSON form has all
MAX_FIXES = 200
MAX_DIFF_LINES = 200  # of one fix
_DIFF_KINDS = {"+": "added", "-": "removed", "@": "hunk"}
OPEN_FINDINGS = 5  # shown unfolded: the worst ones
FILES = 8
_TEMPLATES = Path(__file__).parent / "templates"


def as_html(report: Report) -> bytes:
    """Give the report as one HTML file in UTF-8."""
    # Without localisation, which would need settings; the text below is final.
    page = _template().render(Context(_page(report), use_l10n=False, use_tz=False))
    return page.encode("utf-8", "replace")


@lru_cache(maxsize=1)
def _template() -> Template:
    return Engine(dirs=[str(_TEMPLATES)], autoescape=True).get_template("reporting/report.html")


def _page(report: Report) -> dict[str, Any]:
    ranked = report.ranked
    filters = filters_of(ranked[:MAX_FINDINGS])
    has_search = searching.is_searched(len(ranked))
    return {
        "policy": searching.WITH if has_search else searching.WITHOUT,
        "script": searching.SCRIPT if has_search else "",
        "filters": as_page(filters),
        "goal": visible(report.goal),
        "run_id": str(report.run_id),
        "created_at": report.created_at.strftime("%Y-%m-%d %H:%M UTC"),
        "target": _target(report),
        "verdict": report.verdict,
        "is_complete": report.is_complete,
        "quality": _quality(quality.of_report(report)),
        "warnings": coverage.warnings(report),
        "answer": [part for part in visible(report.answer).split("\n") if part.strip()],
        "tiles": _tiles(report),
        "bar": _bar(report),
        "groups": _groups(ranked[:MAX_FINDINGS], filters.classes),
        "more": max(0, len(ranked) - MAX_FINDINGS),
        "files": _files(ranked),
        "fixes": _fixes(report),
        "tools": [_tool(run) for run in report.tool_runs],
        "not_analysed": [
            {"what": one_line(part.what), "why": one_line(part.why)} for part in report.not_analysed
        ],
        "written": [
            {
                "title": one_line(part.title),
                "summary": one_line(part.summary),
                "files": [one_line(name) for name in part.files],
            }
            for part in report.written
        ],
        "steps": [_step(step) for step in report.plan_steps],
        "timings": [
            {"name": one_line(name), "seconds": _seconds(taken)} for name, taken in report.timings.items()
        ],
    }


def _fixes(report: Report) -> dict[str, Any] | None:
    if not report.fixes:
        return None
    shown = fixes.shown(report.fixes)
    return {
        "counts": fixes.counted(report.fixes),
        "patch": fixes.PATCH,
        "more": max(0, len(shown) - MAX_FIXES),
        "cards": [
            {
                "title": one_line(one.title),
                "place": f"{one_line(one.path)}:{one.line}",
                "rule": one_line(one.rule),
                "kind": str(one.severity),
                "label": one.label.value,
                "meaning": fixes.MEANINGS[one.label],
                "unseen": one_line(fixes.unseen(one)),
                "by": one_line(one.mend),
                "note": one_line(one.note),
                "diff": [
                    {"kind": _DIFF_KINDS.get(line[:1], "same"), "text": line}
                    for line in visible(one.diff).rstrip("\n").split("\n")[:MAX_DIFF_LINES]
                ],
            }
            for one in shown[:MAX_FIXES]
        ],
    }


def _target(report: Report) -> list[dict[str, str]]:
    target = report.target
    size = ", ".join(
        plural(count, word) for count, word in ((target.files, "file"), (target.lines, "line")) if count
    )
    facts = (
        (target.kind.capitalize(), target.description),
        ("Revision", target.revision[:40]),
        ("Size", size),
        ("Snapshot", target.digest[:12]),
    )
    return [{"name": one_line(name), "value": one_line(value)} for name, value in facts if value]


def _quality(told: Quality | None) -> dict[str, Any] | None:
    if told is None:
        return None
    return {
        "kind": told.gate.state.value,
        "headline": quality.headline(told.gate),
        "letters": [
            {"name": name, "letter": letter, "why": why, "kind": "none" if letter == "-" else letter.lower()}
            for name, letter, why in quality.letters(told)
        ],
        "conditions": [quality.row(condition) for condition in told.gate.conditions],
        "figures": [{"name": name, "value": value} for name, value in quality.figures(told.measures)],
        "settings": quality.settings_told(told),
    }


def _tiles(report: Report) -> list[dict[str, str]]:
    tiles = [
        {
            "name": str(severity).capitalize(),
            "value": f"{count:,}",
            "kind": str(severity) if count else "none",
        }
        for severity, count in report.by_severity.items()
    ]
    analysed = max((run.files_analysed for run in report.tool_runs if run.unit == "file"), default=0)
    faulty = len(report.faulty_tools)
    ran = len(report.tool_runs)
    return [
        *tiles,
        {"name": "Files analysed", "value": f"{analysed:,}", "kind": "plain"},
        {"name": "Tools complete", "value": f"{ran - faulty}/{ran}", "kind": "warn" if faulty else "plain"},
    ]


def _bar(report: Report) -> list[dict[str, str]]:
    total = len(report.findings)
    return [
        {"kind": str(severity), "width": f"{100 * count / total:.2f}", "label": f"{count} {severity}"}
        for severity, count in report.by_severity.items()
        if count
    ]


def _groups(ranked: Sequence[ReportedFinding], classes: Sequence[str]) -> list[dict[str, Any]]:
    groups: dict[Severity, list[dict[str, Any]]] = {}
    for number, entry in enumerate(ranked):
        cards = groups.setdefault(entry.finding.severity, [])
        cards.append(_card(entry, is_open=number < OPEN_FINDINGS, classes=classes[number]))
    return [
        {"name": str(severity).capitalize(), "kind": str(severity), "count": len(cards), "cards": cards}
        for severity, cards in sorted(groups.items(), key=lambda group: group[0].weight)
    ]


def _card(entry: ReportedFinding, *, is_open: bool, classes: str) -> dict[str, Any]:
    finding = entry.finding
    folder, slash, name = one_line(finding.path).rpartition("/")
    tags = [
        f"confidence {finding.confidence}",
        finding.category,
        *(f"CWE-{number}" for number in finding.cwe),
        *(["in test code"] if finding.in_test_code else []),
        *(["new"] if entry.newness else []),
    ]
    snippet = finding.evidence[0].snippet
    return {
        "is_open": is_open,
        "classes": classes,
        "kind": str(finding.severity),
        "title": one_line(finding.title),
        "message": visible(finding.message),
        "folder": folder + slash,
        "name": name,
        "line": str(finding.line),
        "scope": one_line(finding.scope),
        "rule": one_line(finding.rule),
        "agent": one_line(entry.agent),
        "tags": tags,
        "snippet": [
            {"number": str(finding.line + offset), "text": text}
            for offset, text in enumerate(visible(snippet).split("\n"))
        ]
        if snippet
        else [],
        "evidence": [_evidence(one) for one in finding.evidence],
        "fingerprint": finding.fingerprint[:16],
    }


def _evidence(one: Evidence) -> dict[str, Any]:
    return {
        "tool": one_line(f"{one.tool} {one.tool_version}".strip()),
        "rule": one_line(one.rule),
        "message": visible(one.message),
        "hops": [
            {
                "place": one_line(f"{hop.path}:{hop.line}"),
                "what": one_line(f"{hop.variable}: {hop.what}" if hop.variable else hop.what),
                "snippet": one_line(hop.snippet),
            }
            for hop in one.hops
        ],
        "command": one_line(one.command),
        "url": one.url if one.url.startswith("https://") else "",
    }


def _files(ranked: Sequence[ReportedFinding]) -> list[dict[str, Any]]:
    counts = Counter(entry.finding.path for entry in ranked)
    if len(counts) < 2:
        return []
    worst: dict[str, Severity] = {}
    for entry in ranked:
        worst.setdefault(entry.finding.path, entry.finding.severity)
    most = counts.most_common(1)[0][1]
    return [
        {
            "path": one_line(path),
            "count": str(count),
            "kind": str(worst[path]),
            "width": f"{100 * count / most:.0f}",
        }
        for path, count in counts.most_common(FILES)
    ]


def _tool(run: ToolRun) -> dict[str, Any]:
    return {
        "name": one_line(run.tool),
        "version": one_line(run.version),
        "purpose": one_line(run.purpose),
        "state": coverage.STATE_WORDS[run.state],
        "kind": str(run.state),
        "told": coverage.told(run),
        "skipped": coverage.skipped(run),
        "failed": [
            {"path": one_line(problem.path), "reason": one_line(problem.reason)} for problem in run.failed
        ],
        "refuted": [{"why": why, "places": places} for why, places in coverage.refuted(run)],
        "unnamed": max(0, run.failed_count - len(run.failed)),
        "note": one_line(run.note),
        "findings": f"{run.findings:,}",
        "seconds": _seconds(run.seconds),
    }


def _step(step: PlanStep) -> dict[str, str]:
    return {
        "agent": one_line(step.agent),
        "operation": one_line(step.operation),
        "reason": one_line(step.reason),
        "state": one_line(step.state),
        "kind": "good" if step.state == "succeeded" else "bad" if step.error else "other",
        "seconds": _seconds(step.seconds),
        "attempts": str(step.attempts),
        "error": one_line(step.error),
    }


def _seconds(seconds: float) -> str:
    if seconds >= 60:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{seconds:.1f} s"
