"""What the list of findings shows: plain values, made in few queries.

Refuses to know HTTP. Texts of repositories lose here what would act on a reader; the templates escape them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from agents import facets, judging
from agents.catalog import current_registry
from agents.facets import Sheet, folder_of
from agents.finding_lists import has_pattern, narrow
from agents.findings import Severity, Status
from agents.models import TrackedFinding, TrackedFindings
from agents.reporting.visible import one_line
from frontend.finding_query import ALL, View
from frontend.lists import Chip, Facet, Option, beyond, by
from tasks.models import Run

SHOWN = 50  # findings on a page
FACETS = ("severity", "status", "new", "agent", "rule", "owner")  # in their order on the page
STATUS_WORDS: Mapping[str, Promise] = {
    Status.OPEN.value: _("open"),
    Status.ACCEPTED.value: _("accepted"),
    Status.REOPENED.value: _("reopened"),
    Status.DISMISSED.value: _("dismissed"),
    Status.FIXED.value: _("fixed"),
}
SEVERITY_WORDS: Mapping[str, Promise] = {
    Severity.CRITICAL.value: _("critical"),
    Severity.HIGH.value: _("high"),
    Severity.MEDIUM.value: _("medium"),
    Severity.LOW.value: _("low"),
    Severity.INFO.value: _("info"),
}
_NEW_WORDS: Mapping[str, Promise] = {"true": _("seen once"), "false": _("seen before")}
_TITLES: Mapping[str, Promise] = {
    "severity": _("Severity"),
    "status": _("Status"),
    "new": _("New"),
    "agent": _("Agent"),
    "rule": _("Rule"),
    "owner": _("Owner"),
    "path": _("Path"),
    "q": _("Text"),
    "run": _("Run"),
}
_FIXED: Mapping[str, Mapping[str, Promise]] = {
    "severity": SEVERITY_WORDS,
    "status": STATUS_WORDS,
    "new": _NEW_WORDS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """A finding in the list. `stamp` names what the reader sees of it (`agents.judging`)."""

    id: UUID
    stamp: str
    title: str
    severity: str
    severity_word: str
    confidence: str
    status: str
    status_word: str
    until: datetime | None
    is_new: bool
    place: str
    rule: str
    agent: str
    owner: str
    project: str
    last_seen_at: datetime
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows, and the query of what comes after them."""

    rows: tuple[FindingRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder to look into."""

    label: str
    query: str
    count: int


def page_of(
    found: TrackedFindings, view: View, *, run: Run | None = None, chosen: Mapping[UUID, str] | None = None
) -> Page:
    """Give the page that a view asks for. `found`: those that may be seen, with status and project."""
    asked = narrow(found, view.wanted, run=run)
    if view.after is not None:
        last = TrackedFinding.objects.filter(public_id=view.after).values_list(view.column, "pk").first()
        if last is not None:
            asked = asked.filter(beyond(view.column, last, backwards=view.backwards))
    # keys first: to sort whole rows, when a text fits most of them, takes twice as long
    ordered = asked.order_by(*by(view.column, backwards=view.backwards))
    keys = list(ordered.values_list("pk", flat=True)[: SHOWN + 1])
    known = found.in_bulk(keys[:SHOWN])
    shown = [known[key] for key in keys[:SHOWN] if key in known]
    stamps = judging.stamps_of(shown)
    names = agent_titles()
    told = tuple(_row(row, stamps[row.pk], names, chosen or {}, run) for row in shown)
    return Page(rows=told, next=view.from_row(shown[-1].public_id) if len(keys) > SHOWN and shown else None)


def facets_of(found: TrackedFindings, view: View, *, run: Run | None = None) -> Sheet:
    """Count what a view could be narrowed down to."""
    return facets.count(narrow(found, view.wanted.ground, run=run), view.wanted, run=run)


def facet_rows(sheet: Sheet, view: View) -> list[Facet]:
    """Give the facets that offer a choice, in their order on the page."""
    names = agent_titles()
    told = [_facet(name, sheet, view, names) for name in FACETS]
    return [facet for facet in told if facet.options]


def uncounted_facets(view: View) -> list[Facet]:
    """Give the facets as far as they are known without counting: the fixed ones, the agents, and what is chosen."""
    names = agent_titles()
    chosen: dict[str, tuple[str, ...]] = {
        "severity": tuple(view.wanted.severities),
        "status": tuple(view.wanted.statuses),
        "new": () if view.wanted.new is None else (str(view.wanted.new).lower(),),
        "agent": view.wanted.agents,
        "rule": view.wanted.rules,
        "owner": view.wanted.owners,
    }
    told = []
    for name in FACETS:
        known = _FIXED.get(name, names if name == "agent" else {})
        options = tuple(
            Option(
                value=one, label=one_line(str(known.get(one, one))), count=None, is_chosen=one in chosen[name]
            )
            for one in dict.fromkeys((*known, *chosen[name]))
        )
        told.append(Facet(name=name, title=str(_TITLES[name]), options=options))
    return [facet for facet in told if facet.options]


def folder_rows(sheet: Sheet, view: View) -> list[Folder]:
    """Give the folders below the one that is looked at, those with most findings first."""
    if has_pattern(view.wanted.path):
        return []
    here = folder_of(view.wanted.path)
    return [
        Folder(label=f"{one_line(one.value)}/", query=view.with_path(f"{here}{one.value}/"), count=one.count)
        for one in sheet.of("folder")
    ]


def chips(view: View) -> list[Chip]:
    """Give what is chosen, each with the query without it."""
    names = agent_titles()
    told = []
    for name, value in view.pairs:
        if name == "order":
            continue
        word = str(_FIXED.get(name, {}).get(value, ""))
        word = word or (names.get(value, value) if name == "agent" else value)
        if (name, value) == ("status", ALL):
            word = str(_("any"))
        told.append(Chip(label=f"{_TITLES[name]}: {one_line(word)}", query=view.without(name, value)))
    return told


def agent_titles() -> dict[str, str]:
    """Give what people call each agent."""
    return {agent.name: agent.title for agent in current_registry().agents.values()}


def _facet(name: str, sheet: Sheet, view: View, names: Mapping[str, str]) -> Facet:
    words = _FIXED.get(name)
    known = {one.value: one for one in sheet.of(name)}
    order = list(words) if words else list(known)
    options = []
    for value in order:
        one = known.get(value)
        chosen = one is not None and one.is_chosen and (name != "status" or bool(view.wanted.statuses))
        if one is None or (not one.count and not chosen):
            continue
        label = (
            str(words[value]) if words else one_line(names.get(value, value) if name == "agent" else value)
        )
        options.append(Option(value=value, label=label, count=one.count, is_chosen=chosen))
    return Facet(name=name, title=str(_TITLES[name]), options=tuple(options), has_more=name in sheet.more)


def _row(
    row: TrackedFinding,
    stamp: str,
    names: Mapping[str, str],
    chosen: Mapping[UUID, str],
    run: Run | None,
) -> FindingRow:
    status = row.status_now
    return FindingRow(
        id=row.public_id,
        stamp=stamp,
        title=one_line(row.title or row.message),
        severity=row.severity,
        severity_word=str(SEVERITY_WORDS[row.severity]),
        confidence=row.confidence,
        status=status,
        status_word=str(STATUS_WORDS[status]),
        until=row.until if status == Status.DISMISSED.value else None,
        is_new=row.first_run == (run.public_id if run else row.last_run),
        place=one_line(f"{row.path}:{row.line}"),
        rule=one_line(row.rule),
        agent=one_line(names.get(row.agent, row.agent)),
        owner=one_line(row.owner),
        project=f"{row.project.team.slug}/{row.project.slug}",
        last_seen_at=row.last_seen_at,
        is_chosen=row.public_id in chosen,
    )
