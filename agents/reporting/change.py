"""What a change brings in and mends: as the step's output, and as Markdown for a pull request.

Read by a reviewer in a minute: what the gate says, what is new and where, what was not looked at, what is fixed.
Everything from the repository is escaped by `agents.reporting.markdown`: it can start no list, link, mention, HTML
or code block. At most MAX_CHARACTERS long, whatever is in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.findings import Confidence, Evidence, FindingData, Severity
from agents.quality.model import ConditionState, GateState
from agents.reporting import quality
from agents.reporting.links import line_url
from agents.reporting.markdown import MARKS, MAX_CHARACTERS, code, escaped, fenced
from agents.reporting.model import (
    ChangeOutput,
    Compared,
    FixedClaim,
    Report,
    Target,
    ToolRun,
    ToolState,
    count_by_severity,
    plural,
)

PULL_REQUEST = "pull_request.md"
MEDIA_TYPE = "text/markdown; charset=utf-8"
TOP = 20  # new findings that are shown with their evidence
LISTED = 50  # fixed ones that are named
OPEN_GAPS = 5  # what was not looked at: more are folded away
GAPS = 40
MAX_SNIPPET = 1_500  # characters; with TOP, the top fits by far
MAX_PART = 2_500  # characters of one finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The claims of a change, worst first. `kept`: how many the base had, too."""

    new: tuple[FindingData, ...]
    fixed: tuple[FindingData, ...]
    kept: int
    files: int
    renamed: int = 0


def output_of_change(
    change: Change,
    *,
    tools: tuple[ToolRun, ...],
    notes: tuple[str, ...],
    tools_of: dict[str, tuple[str, ...]] | None = None,
) -> ChangeOutput:
    """Sum a change up."""
    told = (
        f"{len(change.new):,} new, {len(change.fixed):,} fixed, {change.kept:,} known before"
        f" in {plural(change.files, 'changed file')}"
    )
    faulty = [run for run in tools if run.state in (ToolState.PARTIAL, ToolState.FAILED)]
    if faulty:
        told += "; incomplete: " + ", ".join(sorted({run.label for run in faulty}))
    fixed = [
        FixedClaim(severity=one.severity, rule=one.rule, title=one.title, path=one.path[-300:], line=one.line)
        for one in change.fixed[:LISTED]
    ]
    return ChangeOutput(
        tools=tools,
        findings_by_severity=_counts(change.new),
        fixed_by_severity=_counts(change.fixed),
        fixed=tuple(fixed),
        files_changed=change.files,
        files_renamed=change.renamed,
        known=change.kept,
        notes=notes,
        tools_of=tools_of or {},
        summary=told,
    )


def as_pull_request(report: Report, compared: Compared) -> bytes:
    """Give the summary for a pull request in UTF-8."""
    new = [entry.finding for entry in report.ranked if entry.finding.is_new]
    change = compared.change
    head = [f"## WrenchAI: {_headline(new, report, change)}", _gate(report), _subject(report, compared)]
    head += [_table(new, change)]
    foot = [_not_looked_at(report, compared), f"<sub>Run {report.run_id}</sub>"]
    room = MAX_CHARACTERS - sum(len(part) + 2 for part in (*head, *foot)) - 200
    parts = [_new(new, report, room=room * 4 // 5)]
    fixed = _fixed(change, room=room - len(parts[0])) if change else ""
    whole = (*head, *parts, foot[0], fixed, foot[1])
    return ("\n\n".join(part for part in whole if part) + "\n").encode("utf-8", "replace")


def _headline(new: list[FindingData], report: Report, change: ChangeOutput | None) -> str:
    if change is None:
        return "the change could not be compared with its base"
    told = f"{plural(len(new), 'new finding') if new else 'nothing new found'}"
    fixed = sum(change.fixed_by_severity.values())
    if fixed:
        told += f", {fixed:,} fixed"
    return told if report.is_complete else f"{told}; not everything could be analysed"


def _gate(report: Report) -> str:
    if report.quality is None:
        return ""
    gate = report.quality.gate
    mark = {GateState.PASSED: "✅ ", GateState.FAILED: "❌ "}.get(gate.state, "")
    lines = [f"{mark}**{escaped(quality.GATE_WORDS[gate.state])}**"]
    if gate.state is not GateState.FAILED:
        lines[0] += f": {escaped(gate.why[:600])}."
    for one in gate.conditions:
        if one.state is ConditionState.FAILED:
            lines.append(
                f"- {escaped(one.title)}: {escaped(one.figure_text)}, allowed: {escaped(one.threshold)}"
            )
        elif gate.state is GateState.FAILED and one.state is ConditionState.NOT_COMPUTED:
            lines.append(f"- {escaped(one.title)}: not computed, {escaped(one.why[:200])}")
    return "\n".join([lines[0], *([""] if len(lines) > 1 else []), *lines[1:]])


def _subject(report: Report, compared: Compared) -> str:
    target, change = report.target, compared.change
    of = escaped(target.description) + (f" ({code(target.revision[:12])})" if target.revision else "")
    told = f"{of}, compared with {escaped(compared.base)}."
    if change is None:
        return told
    told += f" {plural(change.files_changed, 'file')} changed"
    if change.files_renamed:
        told += f", {change.files_renamed:,} of them renamed"
    if change.known:
        told += f"; {plural(change.known, 'finding')} there the base had already"
    return f"{told}."


def _counts(findings: tuple[FindingData, ...]) -> dict[str, int]:
    return {str(severity): count for severity, count in count_by_severity(findings).items() if count}


def _table(new: list[FindingData], change: ChangeOutput | None) -> str:
    fresh = count_by_severity(new)
    fixed = change.fixed_by_severity if change else {}
    rows = [
        f"| {MARKS[severity]} {severity} | {fresh[severity]:,} | {fixed.get(severity.value, 0):,} |"
        for severity in Severity
        if fresh[severity] or fixed.get(severity.value)
    ]
    return "\n".join(["| severity | new | fixed |", "|---|---|---|", *rows]) if rows else ""


def _new(new: list[FindingData], report: Report, *, room: int) -> str:
    if not new:
        return ""
    lines, breaks = ["### New"], _breaking(report)
    for number, one in enumerate(new):
        line = _line(one, report.target) + (" · ❌ breaks the gate" if one.fingerprint in breaks else "")
        part = _detailed(one, line) if number < TOP else line
        room -= len(part) + 2
        if room < 100:
            lines.append(f"… and {len(new) - number:,} more: see the full report.")
            break
        lines.append(part)
    return "\n\n".join(lines)


def _breaking(report: Report) -> frozenset[str]:
    """Fingerprints of findings that broke a condition of the gate."""
    conditions = report.quality.gate.conditions if report.quality else ()
    return frozenset(breach.fingerprint for one in conditions for breach in one.breaches)


def _detailed(finding: FindingData, line: str) -> str:
    words = [f"{line}<br>{escaped(finding.message)[:600]}" if finding.message else line]
    words += ["<details><summary>Evidence</summary>"]
    words += [_proof(one) for one in finding.evidence[:4]]
    snippet = finding.evidence[0].snippet[:MAX_SNIPPET]
    words += [fenced(snippet)] if snippet else []
    told = "\n\n".join([*words, "</details>"])
    return told if len(told) <= MAX_PART else line


def _proof(one: Evidence) -> str:
    tool = escaped(f"{one.tool} {one.tool_version}".strip()[:100])
    command = f": {code(one.command[:300])}" if one.command else ""
    way = " → ".join(code(f"{hop.path[-100:]}:{hop.line}") for hop in one.hops[:8])
    return f"{tool}, {code(one.rule[:100])}{command}" + (f"<br>{way}" if way else "")


def _line(finding: FindingData, target: Target) -> str:
    cwe = "".join(f" CWE-{number}" for number in finding.cwe[:3])
    owner = f" · {escaped(finding.owner[:100])}" if finding.owner else ""
    tests = " · in test code" if finding.in_test_code else ""
    sure = finding.confidence is Confidence.HIGH
    doubt = "" if sure else f" · confidence {finding.confidence}"
    return (
        f"{MARKS[finding.severity]} **{escaped(finding.title)}** {_place(finding.path, finding.line, target)}"
        f" · {code(finding.rule)}{cwe}{doubt}{tests}{owner}"
    )


def _place(path: str, line: int, target: Target) -> str:
    told = code(f"{path[-200:]}:{line}")
    address = line_url(target.web, target.revision, path, line)
    return f"[{told}]({address})" if address and len(address) < 1_000 else told


def _not_looked_at(report: Report, compared: Compared) -> str:
    change, said = compared.change, []
    if change is not None:
        said += [escaped(note[:300]) for note in change.notes[:10]]
    said += [_head_only(title, report) for title in compared.head_only[:10]]
    said += [
        f"{escaped(part.what[:200])}: {escaped(part.why[:300])}"
        for part in report.not_analysed
        if not part.what.startswith("the change alone")
    ]
    if not said:
        return ""
    rest = [f"and {len(said) - GAPS:,} more: see the full report"] if len(said) > GAPS else []
    lines = [f"- {one}" for one in (*said[:GAPS], *rest)]
    if len(lines) <= OPEN_GAPS:
        return "\n".join(["### Not looked at, or not compared", "", *lines])
    first = "\n".join(["### Not looked at, or not compared", "", *lines[:OPEN_GAPS]])
    more = f"<details><summary>{len(said) - OPEN_GAPS:,} more</summary>"
    return "\n\n".join([first, more, "\n".join(lines[OPEN_GAPS:]), "</details>"])


def _head_only(title: str, report: Report) -> str:
    count = sum(entry.finding.is_new is None for entry in report.findings)
    told = f"{plural(count, 'finding')} of the whole head, in the full report"
    return f"{escaped(title)}: not compared with the base; {told}"


def _fixed(change: ChangeOutput, *, room: int) -> str:
    total = sum(change.fixed_by_severity.values())
    if not total:
        return ""
    lines = [f"<details><summary>Fixed: {total:,}</summary>", ""]
    for number, one in enumerate(change.fixed):
        place = code(f"{one.path[-200:]}:{one.line}")
        part = f"- {MARKS[one.severity]} {escaped(one.title)} {place} · {code(one.rule)}"
        room -= len(part) + 1
        if room < 300:
            named = number
            break
        lines.append(part)
    else:
        named = len(change.fixed)
    if named < total:
        lines.append(f"- … and {total - named:,} more")
    return "\n".join([*lines, "", "</details>"])
