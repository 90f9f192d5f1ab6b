"""The audit as pages show it: the filter that its address holds, and records told in a line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy

from accounts import audit_rows
from accounts.audit import Act
from accounts.models import AuditRecord, Project, User
from agents.reporting.visible import one_line
from frontend.fields import OneLine
from frontend.vocabulary import word

PER_PAGE = 50
MAX_NUMBER = 2**63 - 1
STORED = frozenset({"role", "was", "decision"})
"""Details that hold words of the database, not what people wrote."""
MOST_TEXT = 300  # characters of the details that a row shows


class AuditFilter(forms.Form):
    """Which records are wanted. Days are days in UTC. With `projects` one of them can be chosen."""

    act = forms.ChoiceField(required=False, label=gettext_lazy("Act"))
    project = forms.ChoiceField(required=False, label=gettext_lazy("Project"))
    actor = OneLine(
        max_length=150,
        required=False,
        label=gettext_lazy("User name"),
        widget=forms.TextInput(attrs={"placeholder": gettext_lazy("user name"), "spellcheck": "false"}),
    )
    since = forms.DateField(
        required=False,
        label=gettext_lazy("From"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        required=False,
        label=gettext_lazy("Until"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    before = forms.IntegerField(required=False, min_value=1, max_value=MAX_NUMBER, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict, *, projects: Sequence[Project] | None = None) -> None:
        super().__init__(data)
        acts = sorted(((act.value, word(act.value)) for act in Act), key=lambda pair: pair[1])
        self.fields["act"] = forms.ChoiceField(
            choices=[("", gettext_lazy("every act")), *acts], required=False, label=gettext_lazy("Act")
        )
        if projects is None:
            del self.fields["project"]
        else:
            named = [(one.slug, one.name) for one in projects]
            self.fields["project"] = forms.ChoiceField(
                choices=[("", gettext_lazy("the team and every project")), *named],
                required=False,
                label=gettext_lazy("Project"),
            )

    @property
    def wanted(self) -> dict[str, Any]:
        """What is wanted; nothing if the form has faults."""
        return self.cleaned_data if self.is_valid() else {}

    @property
    def chosen(self) -> dict[str, str]:
        """What narrows the list, as its address has it; the page is no part of it."""
        names = ("act", "project", "actor", "since", "until")
        return {name: str(self.wanted[name]) for name in names if self.wanted.get(name)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """A record as the page shows it."""

    row: AuditRecord
    act: str
    details: str
    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Records, and the addresses of the pages around them."""

    rows: list[AuditRow]
    chosen: str
    is_filtered: bool
    older: str
    is_first: bool


def page_of(found: QuerySet[AuditRecord], form: AuditFilter, *, with_projects: bool = False) -> AuditPage:
    """Give the page of these records that a form asks for, newest first. In two queries more than the records'."""
    wanted, chosen = form.wanted, form.chosen
    if wanted.get("before"):
        found = found.filter(number__lt=wanted["before"])
    read = list(found.order_by("-number")[: PER_PAGE + 1])
    shown = read[:PER_PAGE]
    older = urlencode({**chosen, "before": str(shown[-1].number)}) if len(read) > PER_PAGE else ""
    return AuditPage(
        rows=_rows(shown, with_projects=with_projects),
        chosen=urlencode(chosen),
        is_filtered=bool(chosen),
        older=older,
        is_first=not wanted.get("before"),
    )


def narrowed(
    found: QuerySet[AuditRecord], form: AuditFilter, *, project_pk: int | None = None
) -> QuerySet[AuditRecord]:
    """Keep of records what a form asks for; both of its days count."""
    wanted = form.wanted
    since, until = wanted.get("since"), wanted.get("until")
    return audit_rows.narrowed(
        found,
        act=wanted.get("act", ""),
        actor=wanted.get("actor", ""),
        project_pk=project_pk,
        since=datetime.combine(since, time.min, UTC) if since else None,
        until=_day_after(until) if until else None,
    )


def _day_after(day: Any) -> datetime | None:
    """Give the first moment that is no longer of this day. None: there is none after the last day of all."""
    try:
        return datetime.combine(day + timedelta(days=1), time.min, UTC)
    except OverflowError:
        return None


def _rows(found: Sequence[AuditRecord], *, with_projects: bool) -> list[AuditRow]:
    ids = {row.pk: _person(row.subject) for row in found}
    people = dict(User.objects.filter(pk__in=set(filter(None, ids.values()))).values_list("pk", "username"))
    pks = {row.project_id for row in found if row.project_id is not None} if with_projects else set()
    projects = audit_rows.project_names(pks) if pks else {}
    return [
        _audit_row(row, people.get(ids[row.pk] or 0, ""), projects.get(row.project_id or 0, ""))
        for row in found
    ]


def _audit_row(row: AuditRecord, person: str, project: str) -> AuditRow:
    """Show a record. Its details are told in a line, but for empty ones; names that people chose are data."""
    told = [
        f"{word(name)}: {word(str(value)) if name in STORED else _told(value)}"
        for name, value in row.details.items()
        if name != "in" and value not in (None, "", [], {})
    ]
    line = "; ".join([person, *told] if person else told)
    return AuditRow(row=row, act=word(row.act), details=one_line(line)[:MOST_TEXT], project=project)


def _person(subject: str) -> int | None:
    """Read the number of a subject as user:7. None: it is about something else."""
    kind, _colon, number = subject.partition(":")
    return int(number) if kind == "user" and number.isdecimal() else None


def _told(value: object) -> str:
    if isinstance(value, dict):
        if set(value) == {"was", "is"}:
            return f"{value['was']} → {value['is']}"
        return ", ".join(f"{word(str(name))} {_told(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_told(inner) for inner in value) or "–"
    return "–" if value is None else str(value)
