"""The form that judges findings, chosen in a list or one on its page; and what became of each, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from agents import judging, triage
from agents.findings import Verdict
from agents.judging import Refusal, Why
from agents.models import TrackedFinding
from agents.reporting.visible import one_line

NAMED = 5  # findings that were not judged, by name


class VerdictForm(forms.Form):
    """A verdict, whatever it is about."""

    act = forms.ChoiceField(choices=[(one.value, one.value) for one in Verdict])
    reason = forms.CharField(max_length=judging.MAX_REASON, required=False)
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if "act" not in given:
            return given
        given["ends"] = _end_of(given["until"]) if given.get("until") else None
        verdict = Verdict(given["act"])
        fault = judging.fault_of(
            verdict, reason=given.get("reason", ""), until=given["ends"], now=timezone.now()
        )
        if fault is not None and fault[0] not in self.errors:
            self.add_error(fault[0], _FAULTS.get(fault[0], fault[1]))
        return given


class JudgeForm(VerdictForm):
    """A verdict on findings. Each is sent as `<id>.<stamp>`: what the person has read of it."""

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        chosen = self.chosen
        if not chosen:
            self.add_error(None, gettext_lazy("Choose at least one finding."))
        if len(chosen) > judging.MOST_AT_ONCE:
            told = _("At most %(most)s at once; %(count)s were chosen.")
            self.add_error(None, told % {"most": judging.MOST_AT_ONCE, "count": len(chosen)})
        return given

    @property
    def chosen(self) -> dict[UUID, str]:
        """The stamp of each chosen finding, in the order of the page. What is no name of a finding is left out."""
        told: dict[UUID, str] = {}
        for one in self.data.getlist("finding") if self.is_bound else ():  # type: ignore[attr-defined]  # a QueryDict
            name, _dot, stamp = str(one).partition(".")
            try:
                told[UUID(name)] = stamp
            except ValueError:
                continue
        return told


_FAULTS = {
    "reason": gettext_lazy("Say why it is not to be counted."),
    "until": gettext_lazy("A dismissal ends on a day to come, within ten years. Leave it out for good."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an order: how many are so judged now, and which are not."""

    verdict: Verdict
    done: int
    refused: Sequence[Refusal]
    places: dict[UUID, str]


def judge(user: User, form: JudgeForm) -> Outcome:
    """Carry out a valid form for a person: judge what can be, and tell the rest. What was done already counts."""
    verdict, reason, until = (form.cleaned_data[name] for name in ("act", "reason", "ends"))
    verdict, chosen = Verdict(verdict), form.chosen
    with transaction.atomic():
        rows = judging.seen_by(user, chosen)
        already = triage.already(rows, verdict, reason=reason, until=until, by=user)
        done = {row.public_id for row in rows if row.pk in already}
        asked = [one for one in chosen if one not in done]
        refused = judging.refusals(user, asked, rows, verdict, stamps=chosen)
        no = {one.finding_id for one in refused} | done
        left = [row for row in rows if row.public_id not in no]
        triage.decide(left, verdict, reason=reason, until=until, by=user)
    places = {row.public_id: _named(row) for row in rows}
    return Outcome(verdict=verdict, done=len(done) + len(left), refused=refused, places=places)


def tell(request: HttpRequest, outcome: Outcome) -> None:
    """Say on the next page what was done, and what was not."""
    if outcome.done:
        words = {
            Verdict.ACCEPT: ngettext("%s finding accepted.", "%s findings accepted.", outcome.done),
            Verdict.DISMISS: ngettext("%s finding dismissed.", "%s findings dismissed.", outcome.done),
            Verdict.REOPEN: ngettext("%s finding reopened.", "%s findings reopened.", outcome.done),
        }
        messages.info(request, words[outcome.verdict] % outcome.done)
    if outcome.refused:
        count = len(outcome.refused)
        head = ngettext("%s finding was not judged: ", "%s findings were not judged: ", count) % count
        parts = [_told(one, outcome) for one in outcome.refused[:NAMED]]
        if count > NAMED:
            parts.append(_("and %s more") % (count - NAMED))
        messages.error(request, head + "; ".join(parts) + ".")


def _told(one: Refusal, outcome: Outcome) -> str:
    known = outcome.places.get(one.finding_id)
    why = str(_WHY[one.why])
    return f"{known}: {why}" if known else why


_WHY = {
    Why.CHANGED: gettext_lazy("it was changed since you read it, look again"),
    Why.CONFLICT: gettext_lazy("it is open already, and nobody has judged it"),
    Why.NOT_ALLOWED: gettext_lazy("your role in its project does not allow it"),
    Why.UNKNOWN: gettext_lazy("it is not there any more"),
}


def _named(row: TrackedFinding) -> str:
    return one_line(f"{row.title[:80]} ({row.path[-80:]}:{row.line})")


def _end_of(day: Any) -> datetime:
    """The end of a day in the server's zone: a dismissal until Friday holds on Friday."""
    return timezone.make_aware(datetime.combine(day, time(23, 59, 59)))
