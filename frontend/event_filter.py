"""Which events of a run are shown: of which kinds, of which step, up to which one. The address holds it all.

    ?events=decisions&of=inspector.lint&until=120

A group of kinds is a list of beginnings; those with a `!` are left out. The page's script reads the same list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from frontend import rows
from frontend.rows import EVENTS_SHOWN, EventRow, StepRow
from tasks.events import StoredFact
from tasks.models import Event, Run

MAX_KEY = 120
KEYS_OFFERED = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Kinds of events that people look for together."""

    name: str
    title: str | Promise
    kinds: tuple[str, ...]

    @property
    def match(self) -> str:
        return " ".join(self.kinds)


GROUPS = (
    Group(name="all", title=_("All events"), kinds=("",)),
    Group(name="steps", title=_("Steps"), kinds=("step.", "!step.progress", "!step.logged")),
    Group(name="said", title=_("Progress and output"), kinds=("step.progress", "step.logged", "agent.")),
    Group(name="failures", title=_("Failures"), kinds=("step.retry", "step.lost", "step.dead", "step.stale_result")),
    Group(name="decisions", title=_("Decisions"), kinds=("approval.",)),
    Group(name="run", title=_("The run itself"), kinds=("run.",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The events that fit. `earlier` is where an earlier page ends, 0 for none. `live`: new ones belong here."""

    rows: list[EventRow]
    group: Group
    groups: tuple[Group, ...]
    key: str
    keys: list[str]
    earlier: int
    live: bool

    @property
    def is_narrow(self) -> bool:
        return self.group is not GROUPS[0] or bool(self.key) or not self.live


def events_of(run: Run, asked: QueryDict, steps: Iterable[StepRow]) -> Shown:
    """Give the events of a run that were asked for, the newest of them, oldest first."""
    group = next((one for one in GROUPS if one.name == asked.get("events", "")), GROUPS[0])
    key = "".join(letter for letter in asked.get("of", "") if letter.isprintable())[:MAX_KEY].strip()
    until = asked.get("until", "")
    last = int(until) if until.isascii() and until.isdigit() and len(until) < 18 else 0
    fits_some = group is not GROUPS[0] or bool(key)
    shown = _fitting(run, group, key, last) if fits_some or last else rows.event_rows(run)
    first = shown[0].seq if shown else 0
    is_full = len(shown) >= EVENTS_SHOWN or not fits_some
    return Shown(
        rows=shown,
        group=group,
        groups=GROUPS,
        key=key,
        keys=[row.step.key for row in steps][:KEYS_OFFERED],
        earlier=first - 1 if is_full and first > 1 else 0,
        live=not last,
    )


def _fitting(run: Run, group: Group, key: str, last: int) -> list[EventRow]:
    found = Event.objects.filter(run_day=run.created_day, run=run)
    wanted, unwanted = Q(), Q()
    for kind in group.kinds:
        if kind.startswith("!"):
            unwanted |= Q(kind=kind[1:])
        else:
            wanted |= Q(kind__startswith=kind)
    found = found.filter(wanted)
    if unwanted:
        found = found.exclude(unwanted)
    if key:
        found = found.filter(data__key=key)
    if last:
        found = found.filter(seq__lte=last)
    values = found.order_by("-seq").values_list("seq", "at", "kind", "data")[:EVENTS_SHOWN]
    facts = [StoredFact(seq=seq, at=at, kind=kind, data=data) for seq, at, kind, data in values]
    return [rows.event_row(fact) for fact in reversed(facts)]
