"""Coverage in plain words: what was looked at, what was not, and why. Shared by Markdown and HTML."""

from __future__ import annotations

from agents.reporting.model import Report, ToolRun, ToolState, plural
from agents.reporting.visible import one_line

NAMED = 3  # files in a warning; the table has more
STATE_WORDS = {
    ToolState.OK: "complete",
    ToolState.PARTIAL: "partial",
    ToolState.FAILED: "failed",
    ToolState.NOT_APPLICABLE: "nothing to do",
}


def told(run: ToolRun) -> str:
    """One sentence about a tool's run."""
    if run.state is ToolState.NOT_APPLICABLE:
        return "There is no file of its kind."
    if run.state is ToolState.FAILED:
        return f"It analysed nothing. {one_line(run.note) or _first_reason(run)}".strip()
    text = f"It analysed {plural(run.files_analysed, run.unit)}"
    if run.failed_count:
        text += f" and could not fully analyse {run.failed_count:,}"
    if run.note and run.unit != "file":
        text += f": {one_line(run.note)}"
    if run.refuted_count:
        text += f". {plural(run.refuted_count, 'claim')} of it {'was' if run.refuted_count == 1 else 'were'} refuted"
    return f"{text}."


def refuted(run: ToolRun) -> list[tuple[str, str]]:
    """Why claims of a tool are no findings, and the places of these claims."""
    places: dict[str, list[str]] = {}
    for one in run.refuted:
        places.setdefault(one.why, []).append(f"{one_line(one.path)}:{one.line} ({one_line(one.rule)})")
    return [(one_line(why), ", ".join(found)) for why, found in places.items()]


def skipped(run: ToolRun) -> str:
    """What a tool was not given, by reason; "" if nothing."""
    return ", ".join(f"{count:,} × {one_line(why)}" for why, count in run.skipped_by_reason.items())


def warnings(report: Report) -> list[str]:
    """Why silence in this report means little, one sentence each; empty for a complete analysis."""
    found = [f"{one_line(run.label)}: {_fault(run)}" for run in report.faulty_tools]
    for step in report.unfinished_steps:
        why = f": {one_line(step.error)}" if step.error else ""
        found.append(f"{step.agent}.{step.operation} ended as {step.state}{why}")
    if not found and not report.is_complete:
        found.append("No tool analysed anything.")
    return found


def _fault(run: ToolRun) -> str:
    if run.state is ToolState.FAILED:
        return f"failed. {told(run)}"
    named = ", ".join(one_line(problem.path) for problem in run.failed[:NAMED])
    more = run.failed_count - min(NAMED, len(run.failed))
    return f"could not fully analyse {named}" + (f" and {plural(more, 'more file')}." if more else ".")


def _first_reason(run: ToolRun) -> str:
    return one_line(run.failed[0].reason) if run.failed else ""
