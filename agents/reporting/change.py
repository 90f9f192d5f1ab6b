"""What a change brings in and mends, as the step's output and as Markdown for a pull request.

Everything from the repository is escaped by `agents.reporting.markdown`: it can start no list, link, mention, HTML
or code block. At most MAX_CHARACTERS long, whatever is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from pydantic import Field

from agents.findings import Evidence, FindingData
from agents.reporting.markdown import MARKS, MAX_CHARACTERS, code, escaped, fenced
from agents.reporting.model import AnalysisOutput, ToolRun, ToolState, count_by_severity, plural

PULL_REQUEST = "pull_request.md"
TOP = 20  # new findings that are shown with their evidence
LISTED = 50  # fixed ones that are named
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


class ChangeOutput(AnalysisOutput):
    """What a review of a change came to; the tools are those of the head."""

    fixed_by_severity: dict[str, int] = Field(default_factory=dict)
    files_changed: int = 0
    files_renamed: int = 0
    known: int = 0  # claims that the base had, too, in what was looked at
    notes: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()  # what was done on both trees

    @classmethod
    def of(
        cls,
        change: Change,
        *,
        tools: tuple[ToolRun, ...],
        notes: tuple[str, ...],
        operations: tuple[str, ...] = (),
    ) -> ChangeOutput:
        """Sum a change up."""
        faulty = [run for run in tools if run.state in (ToolState.PARTIAL, ToolState.FAILED)]
        told = (
            f"{len(change.new):,} new, {len(change.fixed):,} fixed, {change.kept:,} known before"
            f" in {plural(change.files, 'changed file')}"
        )
        if faulty:
            told += "; incomplete: " + ", ".join(sorted({run.label for run in faulty}))
        return cls(
            tools=tools,
            findings_by_severity=_counts(change.new),
            fixed_by_severity=_counts(change.fixed),
            files_changed=change.files,
            files_renamed=change.renamed,
            known=change.kept,
            notes=notes,
            operations=operations,
            summary=told,
        )


def as_pull_request(change: Change, output: ChangeOutput, *, run: UUID) -> bytes:
    """Give the summary for a pull request in UTF-8."""
    head = [f"## WrenchAI: {_headline(change, output)}", _table(change)]
    foot = [_not_analysed(output), f"<sub>Run {run}</sub>"]
    room = MAX_CHARACTERS - sum(len(part) + 2 for part in (*head, *foot)) - 200
    parts = [_new(change, room=room * 4 // 5)]
    parts.append(_fixed(change, room=room - len(parts[0])))
    return ("\n\n".join(part for part in (*head, *parts, *foot) if part) + "\n").encode("utf-8", "replace")


def _headline(change: Change, output: ChangeOutput) -> str:
    told = f"{plural(len(change.new), 'new finding')}, {len(change.fixed):,} fixed"
    if any(run.state in (ToolState.PARTIAL, ToolState.FAILED) for run in output.tools):
        return f"{told}; not everything could be analysed"
    return told


def _counts(findings: tuple[FindingData, ...]) -> dict[str, int]:
    return {str(severity): count for severity, count in count_by_severity(findings).items() if count}


def _table(change: Change) -> str:
    new, fixed = count_by_severity(change.new), count_by_severity(change.fixed)
    rows = [
        f"| {MARKS[severity]} {severity} | {new[severity]:,} | {fixed[severity]:,} |"
        for severity in new
        if new[severity] or fixed[severity]
    ]
    told = f"{plural(change.files, 'file')} changed"
    if change.renamed:
        told += f", {change.renamed:,} of them renamed"
    told += f"; {plural(change.kept, 'finding')} there the base had already."
    return "\n".join([*(["| severity | new | fixed |", "|---|---|---|", *rows, ""] if rows else []), told])


def _new(change: Change, *, room: int) -> str:
    if not change.new:
        return ""
    lines = ["### New"]
    for number, one in enumerate(change.new):
        part = _detailed(one) if number < TOP else _line(one)
        room -= len(part) + 2
        if room < 100:
            lines.append(f"… and {len(change.new) - number:,} more: see the full report.")
            break
        lines.append(part)
    return "\n\n".join(lines)


def _detailed(finding: FindingData) -> str:
    words = [_line(finding), "<details><summary>Evidence</summary>"]
    words += [escaped(finding.message)[:600]] if finding.message else []
    words += [_proof(one) for one in finding.evidence[:4]]
    snippet = finding.evidence[0].snippet[:MAX_SNIPPET]
    words += [fenced(snippet)] if snippet else []
    told = "\n\n".join([*words, "</details>"])
    return told if len(told) <= MAX_PART else _line(finding)


def _proof(one: Evidence) -> str:
    tool = escaped(f"{one.tool} {one.tool_version}".strip()[:100])
    command = f": {code(one.command[:300])}" if one.command else ""
    return f"{tool}, {code(one.rule[:100])}{command}"


def _line(finding: FindingData) -> str:
    place = code(f"{finding.path[-200:]}:{finding.line}")
    cwe = "".join(f" CWE-{number}" for number in finding.cwe[:3])
    owner = f" · {escaped(finding.owner[:100])}" if finding.owner else ""
    return (
        f"{MARKS[finding.severity]} **{escaped(finding.title)}** {place} · {code(finding.rule)}{cwe}{owner}"
    )


def _fixed(change: Change, *, room: int) -> str:
    if not change.fixed:
        return ""
    lines = [f"<details><summary>Fixed: {len(change.fixed):,}</summary>", ""]
    for number, one in enumerate(change.fixed):
        part = f"- {_line(one)}"
        room -= len(part) + 1
        if room < 300 or number == LISTED:
            lines.append(f"- … and {len(change.fixed) - number:,} more")
            break
        lines.append(part)
    return "\n".join([*lines, "", "</details>"])


def _not_analysed(output: ChangeOutput) -> str:
    said = [escaped(note[:300]) for note in output.notes[:10]]
    for run in output.tools:
        if run.state is ToolState.FAILED:
            said.append(f"{escaped(run.label)} failed: {escaped(run.note[:300])}")
        for problem in run.failed[:5]:
            told = f"{escaped(run.label)}: {code(problem.path[-200:])}: {escaped(problem.reason[:200])}"
            said.append(told)
        if run.failed_count > 5:
            said.append(f"{escaped(run.label)}: {run.failed_count - 5:,} more files")
    if not said:
        return ""
    most = said[:30] + ([f"and {len(said) - 30:,} more"] if len(said) > 30 else [])
    return "\n".join(["### Not analysed", "", *(f"- {one}" for one in most)])
