"""The report as Markdown, fit for a pull request: short, worst first, with the coverage.

Everything from the repository is escaped: it can start no list, link, mention, HTML or code block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.findings import FindingData, Severity
from agents.reporting import coverage, fixes, quality
from agents.reporting.model import Report, ReportedFinding
from agents.reporting.visible import one_line, visible

MAX_CHARACTERS = 60_000  # GitHub takes 65,536 for a comment
DIFFS = 10  # fixes that are shown with their diff
MAX_DIFF = 3_000  # characters; a longer one is in the patch alone
SNIPPETS = 10  # the first findings are shown with their lines
_SPECIAL = re.compile(
    r"([\\`*_\[\]<>~$&#|])"  # anywhere
    r"|(:)(?=//)|(?<=\bwww)(\.)"  # what GitHub makes a link of
    r"|^(\s*)([-+=]|\d+[.)])",  # starts a list or a heading
    re.IGNORECASE,
)
_MENTION = re.compile(r"@(?=\w)")
MARKS = {
    Severity.CRITICAL: "🟥",
    Severity.HIGH: "🟧",
    Severity.MEDIUM: "🟨",
    Severity.LOW: "🟦",
    Severity.INFO: "⬜",
}


def as_markdown(report: Report) -> bytes:
    """Give the report as Markdown in UTF-8, at most MAX_CHARACTERS long."""
    parts = (
        _head(report),
        _quality(report),
        _warning(report),
        _answer(report),
        _written(report),
        _counts(report),
    )
    head = "\n\n".join(filter(None, parts))
    tail = "\n\n".join(
        filter(None, (_fixes(report), _coverage(report), _not_analysed(report), _plan(report), _foot(report)))
    )
    room = MAX_CHARACTERS - len(head) - min(len(tail), MAX_CHARACTERS // 3)
    findings = _findings(report.ranked, room=room)
    whole = [head, findings, tail[: MAX_CHARACTERS // 3]]
    return ("\n\n".join(filter(None, whole)) + "\n").encode("utf-8", "replace")


def escaped(text: str) -> str:
    """Text that stands for itself: on one line, without any meaning in Markdown or HTML, mentioning nobody."""
    return _MENTION.sub("@\u200b", _SPECIAL.sub(_with_backslash, one_line(text)))


def _with_backslash(match: re.Match[str]) -> str:
    special = match[0]
    return special[:-1] + "\\" + special[-1]


def code(text: str) -> str:
    """Text in a code span, whatever backticks it holds. In a table, a bar would end the cell."""
    text = one_line(text).replace("|", "\u01c0")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fenced(text: str, language: str = "text") -> str:
    """Lines in a code block that their own backticks cannot end."""
    text = visible(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _head(report: Report) -> str:
    target = report.target
    of = " at ".join(filter(None, (escaped(target.description), target.revision and code(target.revision))))
    lines = [f"## WrenchAI: {escaped(report.goal)}", f"**{escaped(report.verdict)}**"]
    return "\n\n".join([*lines, *([f"Target: {of}"] if of else [])])


def _quality(report: Report) -> str:
    told = quality.of_report(report)
    if told is None:
        return ""
    rated = " · ".join(f"{name} **{letter}**" for name, letter, _ in quality.letters(told))
    lines = [f"**{escaped(quality.headline(told.gate))}** {rated}", ""]
    lines += ["| condition | result | figure | threshold |", "|---|---|---|---|"]
    for condition in told.gate.conditions:
        row = quality.row(condition)
        cells = (row["title"], row["state"], row["figure"], row["threshold"])
        lines.append(f"| {' | '.join(map(escaped, cells))} |")
    for condition in told.gate.conditions:
        row = quality.row(condition)
        lines += ["", *(f"- {escaped(row['title'])}: {escaped(one)}" for one in row["breaches"])]
        lines += [f"- and {row['more']:,} more"] if row["more"] else []
    lines += ["", *(f"- {name}: {escaped(figure)}" for name, figure in quality.figures(told.measures))]
    lines += ["", *(f"- {escaped(one)}" for one in quality.settings_told(told))]
    return "\n".join(
        line for line, before in zip(lines, ["x", *lines], strict=False) if line or before
    ).rstrip()


def _warning(report: Report) -> str:
    faults = coverage.warnings(report)
    if not faults:
        return ""
    return "\n".join(
        ["> [!WARNING]", "> **Incomplete.** What is not listed here may still be there."]
        + [f"> - {escaped(fault)}" for fault in faults]
    )


def _answer(report: Report) -> str:
    return "\n\n".join(escaped(part) for part in report.answer.split("\n") if part.strip())


def _written(report: Report) -> str:
    if not report.written:
        return ""
    rows = [
        f"- **{escaped(part.title)}**: {escaped(part.summary)} ({', '.join(map(code, part.files))})"
        for part in report.written
    ]
    return "\n".join(["### What was written", "", *rows])


def _counts(report: Report) -> str:
    counts = report.by_severity
    if not any(counts.values()):
        return ""
    cells = [f"{MARKS[severity]} {severity} {count}" for severity, count in counts.items() if count]
    return " · ".join(cells)


def _findings(ranked: Sequence[ReportedFinding], *, room: int) -> str:
    """As many as there is room for, those first that are to be read first, and then by severity."""
    groups: dict[Severity, list[str]] = {}
    more = ""
    for number, entry in enumerate(ranked):
        severity = entry.finding.severity
        part = _finding(entry.finding, with_snippet=number < SNIPPETS)
        if severity not in groups:
            part = f"### {severity.capitalize()}\n\n{part}"
        room -= len(part) + 2
        if room < 200:
            more = f"… and {len(ranked) - number:,} more: see the full report."
            break
        groups.setdefault(severity, []).append(part)
    told = [part for severity in Severity for part in groups.get(severity, ())]
    return "\n\n".join([*told, more] if more else told)


def _finding(finding: FindingData, *, with_snippet: bool) -> str:
    place = code(f"{finding.path}:{finding.line}")
    tools = ", ".join(f"{one.tool} {one.rule}" for one in finding.evidence)
    about = [code(finding.rule), *(f"CWE-{number}" for number in finding.cwe), f"by {escaped(tools)}"]
    if finding.in_test_code:
        about.append("in test code")
    about.append(f"confidence {finding.confidence}")
    text = f"**{escaped(finding.title)}** {place}<br>{escaped(finding.message)} ({', '.join(about)})"
    snippet = finding.evidence[0].snippet
    return f"{text}\n\n{fenced(snippet)}" if with_snippet and snippet else text


def _fixes(report: Report) -> str:
    """The surest fixes with their diffs, as long as there is room; the patch has all."""
    shown = fixes.shown(report.fixes)
    if not report.fixes:
        return ""
    lines = [f"### Fixes offered ({escaped(fixes.counted(report.fixes))})", ""]
    lines += [
        f"Nothing was changed. {code(fixes.PATCH)} among the run's artifacts holds all that hold together."
    ]
    room = MAX_CHARACTERS // 6
    for number, one in enumerate(shown):
        diff = f"\n\n{fenced(one.diff, 'diff')}" if number < DIFFS and len(one.diff) < MAX_DIFF else ""
        note = f"<br>{escaped(one.note)}" if one.note else ""
        part = f"**{escaped(one.title)}** {code(f'{one.path}:{one.line}')} · {code(one.rule)} · {escaped(one.label)}"
        room -= len(part) + len(note) + len(diff) + 2
        if room < 200:
            lines += ["", f"… and {len(shown) - number:,} more: see the full report."]
            break
        lines += ["", f"{part}{note}{diff}"]
    return "\n".join(lines)


def _coverage(report: Report) -> str:
    if not report.tool_runs:
        return ""
    lines = ["### What was analysed", "", "| tool | result | in words | left out |", "|---|---|---|---|"]
    for run in report.tool_runs:
        words = (escaped(coverage.told(run)), escaped(coverage.skipped(run)))
        state = coverage.STATE_WORDS[run.state]
        lines.append(f"| {escaped(run.label)} {escaped(run.version)} | {state} | {' | '.join(words)} |")
    return "\n".join(lines)


def _not_analysed(report: Report) -> str:
    if not report.not_analysed:
        return ""
    rows = [f"- {escaped(part.what)}: {escaped(part.why)}" for part in report.not_analysed]
    return "\n".join(["### What was not analysed", "", *rows])


def _plan(report: Report) -> str:
    if not report.plan_steps:
        return ""
    rows = [
        f"| {escaped(step.agent)}.{escaped(step.operation)} | {escaped(step.reason)} | {escaped(step.state)} "
        f"| {step.seconds:.1f} s | {step.attempts} |"
        for step in report.plan_steps
    ]
    table = ["| step | why | state | time | attempts |", "|---|---|---|---|---|", *rows]
    return "\n".join(["<details><summary>What was done</summary>", "", *table, "", "</details>"])


def _foot(report: Report) -> str:
    return f"<sub>Run {report.run_id}, {report.created_at:%Y-%m-%d %H:%M} UTC</sub>"
