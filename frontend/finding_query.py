"""The address of a list of findings: what it asks for, and the addresses of lists that differ in one thing.

    view = read(request.GET)
    view.wanted, view.order, view.after
    view.without("rule", "sql-injection")     "?severity=high&..."

An address is the saved view. What cannot be read in it is left out and told (`faults`), never an error page:
addresses are typed, cut and passed on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.finding_lists import COUNTING, Wanted, fault_of_path
from agents.findings import Severity, Status

MAX_VALUES = 20  # of one facet
MAX_TEXT = 200
ALL = "all"

ORDERS: dict[str, tuple[str, Promise]] = {
    "-severity": ("severity_rank", gettext_lazy("Worst first")),
    "-last_seen": ("last_seen_at", gettext_lazy("Seen last first")),
    "-first_seen": ("first_seen_at", gettext_lazy("Newest first")),
    "first_seen": ("first_seen_at", gettext_lazy("Oldest first")),
}
DEFAULT_ORDER = "-severity"

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What an address asks for. `pairs` is its query in one order, without the place in the list."""

    wanted: Wanted
    order: str
    run: UUID | None
    after: UUID | None
    pairs: tuple[Pair, ...]
    faults: tuple[str, ...]
    has_statuses: bool  # it names some; else those that count are meant

    @property
    def query(self) -> str:
        """The query of the list's beginning, with its question mark; "?" for a list without filters."""
        return _query(self.pairs)

    def without(self, name: str, value: str) -> str:
        """The query without one value of a filter."""
        return _query(pair for pair in self.pairs if pair != (name, value))

    def with_path(self, path: str) -> str:
        """The query that looks below another folder."""
        return _query([*(pair for pair in self.pairs if pair[0] != "path"), ("path", path)])

    def from_row(self, finding_id: UUID) -> str:
        """The query of the page that begins after a finding."""
        return _query([*self.pairs, ("after", str(finding_id))])


def read(given: QueryDict) -> View:
    """Read the query of a list. Never fails."""
    faults: list[str] = []
    severities = _known(given, "severity", [one.value for one in Severity], faults)
    statuses = _known(given, "status", [*(one.value for one in Status), ALL], faults)
    agents, rules, owners = (_texts(given, name, faults) for name in ("agent", "rule", "owner"))
    path, text = _text(given, "path", faults), _text(given, "q", faults)
    fault = fault_of_path(path)
    if fault:
        faults.append(fault)
        path = ""
    new = next(iter(_known(given, "new", ["true", "false"], faults)), "")
    order = next(iter(_known(given, "order", list(ORDERS), faults)), DEFAULT_ORDER)
    run = _uuid(given.get("run", ""))
    if given.get("run") and run is None:
        faults.append(_("%(name)s cannot be looked for as it was given.") % {"name": "run"})
    pairs: list[Pair] = []
    for name, values in (
        ("q", [text]), ("severity", severities), ("status", statuses), ("new", [new]), ("agent", agents),
        ("rule", rules), ("owner", owners), ("path", [path]),
        ("run", [str(run or "")]), ("order", [order] if order != DEFAULT_ORDER else []),
    ):  # fmt: skip
        pairs += [(name, value) for value in values if value]
    wanted = Wanted(
        severities=tuple(map(Severity, severities)),
        statuses=_statuses(statuses),
        agents=tuple(agents),
        rules=tuple(rules),
        owners=tuple(owners),
        new=None if not new else new == "true",
        path=path,
        text=text,
    )
    return View(
        wanted=wanted,
        order=order,
        run=run,
        after=_uuid(given.get("after", "")),
        pairs=tuple(pairs),
        faults=tuple(faults),
        has_statuses=bool(statuses),
    )


def query_of(wanted: Wanted, run: UUID | None) -> str:
    """The query of a list that shows what is wanted, worst first."""
    statuses: tuple[str, ...] = tuple(one.value for one in wanted.statuses)
    if not statuses:
        statuses = (ALL,)
    elif set(wanted.statuses) == set(COUNTING):
        statuses = ()
    pairs = [
        ("q", wanted.text), *(("severity", one.value) for one in wanted.severities),
        *(("status", one) for one in statuses), ("new", "" if wanted.new is None else str(wanted.new).lower()),
        *(("agent", one) for one in wanted.agents), *(("rule", one) for one in wanted.rules),
        *(("owner", one) for one in wanted.owners), ("path", wanted.path), ("run", str(run or "")),
    ]  # fmt: skip
    return _query(pair for pair in pairs if pair[1])


def _statuses(given: list[str]) -> tuple[Status, ...]:
    if ALL in given:
        return ()
    return tuple(map(Status, given)) or COUNTING


def _known(given: QueryDict, name: str, known: list[str], faults: list[str]) -> list[str]:
    asked = [one for one in dict.fromkeys(given.getlist(name)) if one]
    for one in asked:
        if one not in known:
            faults.append(_("%(name)s cannot be “%(value)s”.") % {"name": name, "value": one[:60]})
    return [one for one in asked if one in known]


def _texts(given: QueryDict, name: str, faults: list[str]) -> list[str]:
    asked = [one for one in dict.fromkeys(given.getlist(name)) if one]
    kept = [one for one in asked if _is_sound(one)][:MAX_VALUES]
    if len(kept) < len(asked):
        faults.append(_("Some of the values of %(name)s were left out.") % {"name": name})
    return kept


def _text(given: QueryDict, name: str, faults: list[str]) -> str:
    asked = given.get(name, "").strip()
    if _is_sound(asked):
        return asked
    faults.append(_("%(name)s cannot be looked for as it was given.") % {"name": name})
    return ""


def _is_sound(text: str) -> bool:
    """Whether PostgreSQL can be asked for it."""
    return len(text) <= MAX_TEXT and "\0" not in text


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _query(pairs: Iterable[Any]) -> str:
    return "?" + urlencode(list(pairs))
