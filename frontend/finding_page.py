"""What the page of one finding shows: plain values, made in few queries. Refuses to know HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents import sources
from agents.finding_story import Story
from agents.findings import UNDO, Verdict
from agents.fixes_store import data_of
from agents.models import Finding, Fix, TrackedFinding, TriageAct
from agents.patches import Label
from agents.redaction import redact
from agents.reporting.fixes import MEANINGS, unseen
from agents.reporting.links import line_url
from agents.reporting.visible import one_line, visible
from agents.sources import Source
from agents.workspace.errors import WorkspaceError
from frontend import source
from frontend.code_rows import address
from frontend.source import Line
from tasks.errors import ArtifactMissing

AROUND = 6  # lines of context
BEFORE = 300  # lines before, which only tell how to colour these: a text over many lines may have begun there
MOST_LINES = 60  # of a claim over many lines
MAX_DIFF_LINES = 400
HISTORY_SHOWN = 20
_DIFF_HEADS = ("diff ", "--- ", "+++ ", "index ", "rename ", "similarity ", "new file", "deleted file")
_DIFF_KINDS = {"+": "add", "-": "del", "@": "hunk"}
_KINDS: Mapping[str, Promise] = {
    "tool_trace": gettext_lazy("What the tool said"),
    "taint_path": gettext_lazy("The way of the value"),
    "failing_test": gettext_lazy("A failing test"),
    "query_plan": gettext_lazy("A query plan"),
    "reproduction": gettext_lazy("A reproduction"),
}
_ACTS: Mapping[str, Promise] = {
    Verdict.ACCEPT.value: gettext_lazy("accepted it"),
    Verdict.DISMISS.value: gettext_lazy("dismissed it"),
    Verdict.REOPEN.value: gettext_lazy("reopened it"),
    UNDO: gettext_lazy("took it back"),
}
_LABELS = {
    Label.VERIFIED: "passed",
    Label.REANALYSED: "good",
    Label.PARSES_ONLY: "part",
    Label.REJECTED: "no",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A step of a value's way. `url` leads to its line in the code view."""

    place: str
    url: str
    variable: str
    what: str
    snippet: str
    role: str  # first, last or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What one tool says."""

    title: str
    tool: str
    rule: str
    message: str
    hops: tuple[Hop, ...]
    snippet: tuple[Line, ...]
    command: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Lines around the claim. `why`: why they are not there, or not from the tree; "" if they are."""

    lines: tuple[Line, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FixCard:
    """A fix with its label."""

    title: str
    label: str
    sign: str
    meaning: str
    unseen: str
    note: str
    by: str
    diff: tuple[tuple[str, str], ...]
    more: int
    run_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A run that made the claim."""

    run_id: UUID
    goal: str
    place: str
    severity: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody said once."""

    by: str
    did: str
    reason: str
    until: datetime | None
    at: datetime


def source_of(row: TrackedFinding) -> Source | None:
    """Give the tree in which the finding was last seen, if pages may show it."""
    return sources.source_of_run(row.last_run) if sources.are_shown() else None


def forge_url(row: TrackedFinding, tree: Source | None) -> str:
    """Give the address of the line on the pages of the repository's host; "" if it is not known."""
    return line_url(tree.web, tree.revision, row.path, row.line) if tree else ""


def code_of(row: TrackedFinding, story: Story, tree: Source | None) -> Code:
    """Give the lines around a claim, from the tree that the last run looked at, else what the evidence quotes."""
    end = min(max(row.end_line, row.line), row.line + MOST_LINES)
    first = max(row.line - AROUND, 1)
    try:
        texts = _lines(tree, row.path) if tree else None
    except (ArtifactMissing, WorkspaceError):
        texts = None
    if tree is not None and texts is not None and row.line <= len(texts):
        start = max(first - BEFORE, 1)
        shown = sources.shown_lines(texts, start, end + AROUND, sources.secret_lines(tree, row.path, texts))
        lines = source.coloured(shown, row.path, first=start)[first - start :]
        return Code(lines=tuple(_marked(one, row.line, end) for one in lines), why="")
    quoted = next((str(one.get("snippet") or "") for one in story.evidence if one.get("snippet")), "")
    why = _("The source of that run is not stored any more: this is what the tool quoted.")
    if not sources.are_shown():
        why = _("This installation shows no source: this is what the tool quoted.")
    if not quoted:
        return Code(lines=(), why=_("The source of that run is not stored any more, and no tool quoted it."))
    return Code(lines=tuple(_quoted(quoted, row.path, row.line)), why=why)


def proofs_of(row: TrackedFinding, story: Story, project_path: str, *, has_code: bool) -> list[Proof]:
    """Give the evidence, paths of values first."""
    told = [_proof(one, row, project_path if has_code else "") for one in story.evidence]
    return sorted(told, key=lambda proof: not proof.hops)


def fixes_of(story: Story) -> list[FixCard]:
    """Give the fixes that were offered, each once: the surest first, then those of the newest run."""
    known: set[tuple[str, str]] = set()
    told = []
    for fix in story.fixes:
        if (fix.mend, fix.diff) not in known:
            known.add((fix.mend, fix.diff))
            told.append(_fix(fix))
    return sorted(told, key=lambda card: list(_LABELS).index(Label(card.label)))


def history_of(story: Story) -> list[Seen]:
    """Give the runs that made the claim, newest first, each once."""
    told: dict[int, Seen] = {}
    for one in story.seen:
        told.setdefault(one.run_id, _seen(one))
    return list(told.values())[:HISTORY_SHOWN]


def decisions_of(story: Story) -> list[Decision]:
    """Give what people decided, newest first."""
    return [_decision(one) for one in story.acts]


def _lines(tree: Source, path: str) -> Sequence[str] | None:
    shelf = tree.shelf()
    entry = shelf.find(path)
    return None if entry is None or entry.link is not None else sources.text_of(shelf.read(entry))


def _marked(line: Line, first: int, last: int) -> Line:
    return Line(number=line.number, html=line.html, is_marked=first <= line.number <= last)


def _quoted(snippet: str, path: str, first: int) -> list[Line]:
    lines = source.coloured(visible(redact(snippet)).split("\n")[:MOST_LINES], path, first=first)
    return [_marked(one, first, first) for one in lines]


def _proof(one: Mapping[str, Any], row: TrackedFinding, project_path: str) -> Proof:
    hops = one.get("hops") or []
    url = str(one.get("url") or "")
    snippet = str(one.get("snippet") or "")
    return Proof(
        title=str(_KINDS.get(str(one.get("kind")), _KINDS["tool_trace"])),
        tool=one_line(f"{one.get('tool', '')} {one.get('tool_version', '')}".strip()),
        rule=one_line(str(one.get("rule") or "")),
        message=visible(str(one.get("message") or "")),
        hops=tuple(_hop(hop, n, len(hops), row, project_path) for n, hop in enumerate(hops)),
        snippet=tuple(_quoted(snippet, row.path, row.line)) if snippet and not hops else (),
        command=one_line(str(one.get("command") or "")),
        url=url if url.startswith(("https://", "http://")) else "",
    )


def _hop(hop: Mapping[str, Any], place: int, count: int, row: TrackedFinding, project_path: str) -> Hop:
    path, line = str(hop.get("path") or ""), int(hop.get("line") or 1)
    return Hop(
        place=one_line(f"{path}:{line}"),
        url=address(project_path, path, row.last_run, line) if project_path else "",
        variable=one_line(str(hop.get("variable") or "")),
        what=one_line(str(hop.get("what") or "")),
        snippet=one_line(str(hop.get("snippet") or "")),
        role="first" if place == 0 else "last" if place == count - 1 else "",
    )


def _fix(fix: Fix) -> FixCard:
    lines = visible(redact(fix.diff)).rstrip("\n").split("\n")
    label = Label(fix.label)
    return FixCard(
        title=one_line(fix.title),
        label=label.value,
        sign=_LABELS[label],
        meaning=MEANINGS[label],
        unseen=one_line(unseen(data_of(fix))),
        note=one_line(fix.note),
        by=one_line(fix.mend),
        diff=tuple((_diff_kind(line), line) for line in lines[:MAX_DIFF_LINES]),
        more=max(0, len(lines) - MAX_DIFF_LINES),
        run_id=fix.run.public_id,
    )


def _diff_kind(line: str) -> str:
    return "hunk" if line.startswith(_DIFF_HEADS) else _DIFF_KINDS.get(line[:1], "same")


def _seen(one: Finding) -> Seen:
    return Seen(
        run_id=one.run.public_id,
        goal=one_line(one.run.goal),
        place=one_line(f"{one.path}:{one.line}"),
        severity=one.severity,
        at=one.created_at,
    )


def _decision(act: TriageAct) -> Decision:
    return Decision(
        by=one_line(act.by),
        did=str(_ACTS[act.verdict]),
        reason=visible(act.reason),
        until=act.until,
        at=act.at,
    )
