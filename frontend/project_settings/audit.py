"""What was done in a project that bears on its safety: roles, credentials, webhooks, approvals, exports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.audit import Act
from accounts.models import AuditRecord, User
from agents.reporting.visible import one_line
from frontend.fields import OneLine
from frontend.project_settings.frame import open_section

PER_PAGE = 50
MAX_NUMBER = 2**63 - 1
MOST_TEXT = 300  # characters of the details that a row shows


class AuditFilter(forms.Form):
    """Which records are wanted. Days are days in UTC."""

    act = forms.ChoiceField(required=False, label=gettext_lazy("Act"))
    actor = OneLine(
        max_length=150,
        required=False,
        label=gettext_lazy("User name"),
        widget=forms.TextInput(attrs={"placeholder": gettext_lazy("user name"), "spellcheck": "false"}),
    )
    since = forms.DateField(
        required=False, label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        required=False, label=gettext_lazy("Until"), widget=forms.DateInput(attrs={"type": "date"})
    )
    before = forms.IntegerField(required=False, min_value=1, max_value=MAX_NUMBER, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["act"] = forms.ChoiceField(
            choices=[("", gettext_lazy("every act")), *((act.value, words(act.value)) for act in Act)],
            required=False,
            label=gettext_lazy("Act"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """A record as the page shows it."""

    row: AuditRecord
    act: str
    details: str


@require_safe
@login_required
def page(request: HttpRequest, project: str) -> HttpResponse:
    """Show the records of a project, newest first."""
    desk = open_section(request, project, "audit")
    form = AuditFilter(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    found = list(_filtered(AuditRecord.objects.filter(project_id=desk.project.pk), wanted)[: PER_PAGE + 1])
    shown = found[:PER_PAGE]
    chosen = {name: str(wanted[name]) for name in ("act", "actor", "since", "until") if wanted.get(name)}
    older = urlencode({**chosen, "before": str(shown[-1].number)}) if len(found) > PER_PAGE else ""
    context = {
        "rows": audit_rows(shown),
        "form": form,
        "chosen": urlencode(chosen),
        "is_filtered": bool(chosen),
        "older": older,
        "is_first": not wanted.get("before"),
    }
    return desk.show("frontend/settings/audit.html", context, status=200 if form.is_valid() else 400)


def words(act: str) -> str:
    """Write an act for people: `webhook.secret_rotated` is "webhook secret rotated"."""
    return act.replace(".", " ").replace("_", " ")


def audit_rows(found: Sequence[AuditRecord]) -> list[AuditRow]:
    """Show records; in one query more, for the names of people that they are about."""
    ids = {row.pk: _person(row.subject) for row in found}
    names = dict(User.objects.filter(pk__in=set(filter(None, ids.values()))).values_list("pk", "username"))
    return [_audit_row(row, names.get(ids[row.pk] or 0, "")) for row in found]


def _audit_row(row: AuditRecord, person: str) -> AuditRow:
    """Show a record. Its details are told in a line; names that people chose are data."""
    told = [f"{words(name)}: {_told(value)}" for name, value in row.details.items() if name != "in"]
    line = "; ".join([person, *told] if person else told)
    return AuditRow(row=row, act=words(row.act), details=one_line(line)[:MOST_TEXT])


def _person(subject: str) -> int | None:
    """Read the number of a subject as user:7. None: it is about something else."""
    kind, _colon, number = subject.partition(":")
    return int(number) if kind == "user" and number.isdecimal() else None


def _told(value: object) -> str:
    if isinstance(value, dict):
        if set(value) == {"was", "is"}:
            return f"{value['was']} → {value['is']}"
        return ", ".join(f"{words(str(name))} {_told(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_told(inner) for inner in value) or "–"
    return "–" if value is None else str(value)


def _filtered(found: QuerySet[AuditRecord], wanted: dict[str, Any]) -> QuerySet[AuditRecord]:
    for name in ("act", "actor"):
        if wanted.get(name):
            found = found.filter(**{name: wanted[name]})
    if wanted.get("since"):
        found = found.filter(at__gte=datetime.combine(wanted["since"], time.min, UTC))
    if wanted.get("until"):
        end = datetime.combine(wanted["until"], time.max, UTC)
        found = found.filter(at__lte=end)
    if wanted.get("before"):
        found = found.filter(number__lt=wanted["before"])
    return found.order_by("-number")
