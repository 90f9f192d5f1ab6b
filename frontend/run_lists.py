"""Lists of runs: what a page shows of each, in few queries, and the filters that its address holds.

    ?state=open &q=login &owner=bob &before=<run>

Refuses to know who may see which run: it is given them. An address that somebody has mistyped filters by what can
be read of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from agents import requests
from frontend import addresses
from frontend.addresses import uuid_of
from tasks import searches
from tasks.models import Run
from tasks.runs import open_questions
from tasks.states import FINAL_RUN_STATES, RunState

SHOWN = 30  # two screens of them
OPEN_STATES = tuple(state.value for state in RunState if state not in FINAL_RUN_STATES)
STATES: Mapping[str, tuple[Promise, tuple[str, ...]]] = {
    "open": (_("going on"), OPEN_STATES),
    "succeeded": (_("succeeded"), (RunState.SUCCEEDED.value,)),
    "failed": (_("failed"), (RunState.FAILED.value,)),
    "cancelled": (_("cancelled"), (RunState.CANCELLED.value,)),
    "paused": (_("paused"), (RunState.PAUSED.value,)),
}
"""What one can filter by: its word, and the states that fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A run in a list. `seconds` when it is over, `since` while it runs; `questions` wait for people."""

    run: Run
    summary: requests.Tally | None
    target: str
    seconds: float | None
    since: datetime | None
    questions: int

    @property
    def is_final(self) -> bool:
        return RunState(self.run.state).is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A filter that is on, and the query of the list without it."""

    name: str
    text: str
    without: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of a list. `older` and `newest` are queries; empty where there is nothing to lead to."""

    lines: list[RunLine]
    form: Filter
    chips: list[Chip]
    older: str
    newest: str

    @property
    def has_open(self) -> bool:
        return any(not line.is_final for line in self.lines)

    @property
    def is_filtered(self) -> bool:
        return bool(self.chips)


class Filter(forms.Form):
    """The filters over a list of runs."""

    q = forms.CharField(
        required=False,
        max_length=200,
        label=_("Goal"),
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Words of the goal")}),
    )
    state = forms.ChoiceField(
        required=False,
        label=_("State"),
        choices=[("", _("any state")), *((name, word) for name, (word, _states) in STATES.items())],
    )
    owner = forms.CharField(
        required=False,
        max_length=150,
        label=_("Submitted by"),
        widget=forms.TextInput(attrs={"placeholder": _("anybody"), "size": 12, "spellcheck": "false"}),
    )

    def wanted(self) -> dict[str, str]:
        """Give what was asked for and can be read; a fault in one filter does not touch the others."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


def listing(found: QuerySet[Run], query: QueryDict, *, shown: int = 0) -> Listing:
    """Give the page of a list that a query asks for, newest first."""
    most = shown or SHOWN
    form = Filter(query)
    wanted = form.wanted()
    narrowed = searches.fitting(found, _columns(wanted)).order_by("-pk")
    before = _before(query)
    if before is not None:
        narrowed = narrowed.filter(pk__lt=before)
    page = list(narrowed.select_related("project__team", "owner")[: most + 1])
    rest = _query(wanted)
    return Listing(
        lines=lines(page[:most]),
        form=form,
        chips=[_chip(form, name, wanted) for name in wanted],
        older=_query({**wanted, "before": str(page[most - 1].public_id)}) if len(page) > most else "",
        newest=(rest or "?") if before is not None else "",
    )


def lines(runs: Iterable[Run]) -> list[RunLine]:
    """Make the rows of a list, in two queries. The runs bring their project and owner."""
    listed = list(runs)
    tallies = requests.tallies(run.pk for run in listed)
    asked = open_questions(run.pk for run in listed)
    return [_line(run, tallies.get(run.pk), asked.get(run.pk, 0)) for run in listed]


def _line(run: Run, tally: requests.Tally | None, questions: int) -> RunLine:
    ended, started = run.finished_at, run.started_at or run.created_at
    return RunLine(
        run=run,
        summary=tally,
        target=requests.target_of(run),
        seconds=(ended - started).total_seconds() if ended else None,
        since=None if ended else run.started_at,
        questions=questions,
    )


def _columns(wanted: Mapping[str, str]) -> dict[str, Any]:
    columns: dict[str, Any] = dict(wanted)
    if "state" in columns:
        columns["state"] = STATES[wanted["state"]][1]
    return columns


def _chip(form: Filter, name: str, wanted: Mapping[str, str]) -> Chip:
    text = str(STATES[wanted[name]][0]) if name == "state" else wanted[name]
    rest = {other: value for other, value in wanted.items() if other != name}
    return Chip(name=str(form.fields[name].label), text=text, without=_query(rest) or "?")


def _query(wanted: Mapping[str, str]) -> str:
    return addresses.query(wanted.items()) if wanted else ""


def _before(query: QueryDict) -> int | None:
    """Read `before=<run id>`, the end of the page before; a run that is being deleted has its place, too."""
    public_id = uuid_of(query.get("before", ""))
    if public_id is None:
        return None
    return Run.every.filter(public_id=public_id).values_list("pk", flat=True).first()
