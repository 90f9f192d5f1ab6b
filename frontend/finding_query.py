"""The address of a list of findings: what it asks for, and the addresses of lists that differ in one thing.

    view = read(request.GET)
    view.wanted, view.order, view.after
    view.without("rule", "sql-injection")     "?severity=high&..."

An address is the saved view. What cannot be read in it is left out and told (`faults`), never an error page:
addresses are typed, cut and passed on.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from agents.finding_lists import COUNTING, Wanted, fault_of_path
from agents.findings import Severity, Status
from frontend import addresses
from frontend.addresses import Pair, Reader, uuid_of

ALL = "all"

ORDERS: dict[str, tuple[str, Promise]] = {
    "-severity": ("worst_rank", gettext_lazy("Worst first")),
    "-last_seen": ("last_seen_at", gettext_lazy("Seen last first")),
    "-first_seen": ("first_seen_at", gettext_lazy("Newest first")),
    "first_seen": ("first_seen_at", gettext_lazy("Oldest first")),
}
DEFAULT_ORDER = "-severity"


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
    def column(self) -> str:
        """What the list is ordered by."""
        return ORDERS[self.order][0]

    @property
    def backwards(self) -> bool:
        """Tell whether what is greatest comes first."""
        return self.order.startswith("-")

    @property
    def query(self) -> str:
        """The query of the list's beginning, with its question mark; "?" for a list without filters."""
        return addresses.query(self.pairs)

    def without(self, name: str, value: str) -> str:
        """The query without one value of a filter."""
        return addresses.query(pair for pair in self.pairs if pair != (name, value))

    def with_path(self, path: str) -> str:
        """The query that looks below another folder."""
        return addresses.query([*(pair for pair in self.pairs if pair[0] != "path"), ("path", path)])

    def with_pair(self, name: str, value: str) -> str:
        """The query of the list's beginning that asks for one thing more."""
        return addresses.query([*self.pairs, (name, value)])

    def from_row(self, finding_id: UUID) -> str:
        """The query of the page that begins after a finding."""
        return self.with_pair("after", str(finding_id))


def read(given: QueryDict) -> View:
    """Read the query of a list. Never fails."""
    asked = Reader(given)
    severities = asked.known("severity", [one.value for one in Severity])
    statuses = asked.known("status", [*(one.value for one in Status), ALL])
    agents, rules, owners = (asked.texts(name) for name in ("agent", "rule", "owner"))
    path, text = asked.text("path"), asked.text("q")
    fault = fault_of_path(path)
    if fault:
        asked.faults.append(fault)
        path = ""
    new = next(iter(asked.known("new", ["true", "false"])), "")
    order = next(iter(asked.known("order", list(ORDERS))), DEFAULT_ORDER)
    run = asked.uuid("run")
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
        after=uuid_of(given.get("after", "")),
        pairs=tuple(pairs),
        faults=tuple(asked.faults),
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
    return addresses.query(pair for pair in pairs if pair[1])


def _statuses(given: list[str]) -> tuple[Status, ...]:
    if ALL in given:
        return ()
    return tuple(map(Status, given)) or COUNTING
