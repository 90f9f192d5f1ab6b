"""How many findings a list would have under each choice of its filters, in one look at the rows.

    sheet = count(found, wanted)      found: narrowed down by `wanted.ground` only
    sheet.total; sheet.of("rule")     (Choice(value="sql-injection", count=12), ...)
    are_many(found)                   better show the list first, and count then

A count heeds every filter but those of its own facet: it tells what one more tick there would add. The rows are first
grouped by all facets at once, and the groups, which are few, are then added up per facet: 100,000 findings are read
once, not seven times.

Method: one statement; Django writes the inner grouping, so that a filter means here what it means in the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, CharField, Count, F, Func, Value, When
from django.db.models.functions import StrIndex, Substr
from django.db.models.lookups import GreaterThan

from agents.finding_lists import Wanted, has_pattern
from agents.models import TrackedFindings
from tasks.models import Run

MOST = 12  # choices told of a facet; what is chosen is always among them
SOON = 20_000  # findings that are counted within a page's time: some 70 ms
TOTAL = "total"
FACETS = ("severity", "status", "new", "agent", "rule", "owner", "folder")

_TEXT = CharField()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of a facet. `is_chosen`: it is among the filters now."""

    value: str
    count: int
    is_chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The counts of a list: of all its rows, and by facet. `more`: facets that have more values than are told."""

    total: int
    choices: Mapping[str, tuple[Choice, ...]]
    more: frozenset[str]

    def of(self, facet: str) -> tuple[Choice, ...]:
        """The choices of a facet, largest first; those of severity and status have no certain order."""
        return self.choices.get(facet, ())


def count(found: TrackedFindings, wanted: Wanted, *, run: Run | None = None) -> Sheet:
    """Count findings by facet. `found` has a status and is narrowed down by `wanted.ground`, and `run` if given."""
    groups = (
        found.order_by()
        .annotate(fresh=_fresh(run), folder=_folder(wanted.path))
        .values("severity", "status_now", "fresh", "agent", "rule", "owner", "folder")
        .annotate(n=Count("pk"))
    )
    inner, inner_values = groups.query.sql_with_params()
    kept = _kept(wanted)
    parts, values = [], [*inner_values]
    for facet in (TOTAL, *FACETS):
        others = [kept[name] for name in kept if name != facet]
        where = " AND ".join(f"({condition})" for condition, _ in others) or "TRUE"
        parts.append("(" + _PARTS[facet].replace("{where}", where) + ")")
        values += [value for _, given in others for value in given]
        if facet in _FEW:
            values += [list(_chosen(wanted, facet)), MOST + 1]
    statement = f"WITH t AS MATERIALIZED ({inner}) " + " UNION ALL ".join(parts)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_HASHED)
        cursor.execute(statement, values)
        return _sheet(cursor.fetchall(), wanted)


def are_many(found: TrackedFindings) -> bool:
    """Tell whether counting these takes longer than a page may: there are more than SOON of them."""
    return found.order_by().values("pk")[: SOON + 1].count() > SOON


def folder_of(path: str) -> str:
    """Give the folder in which a path filter looks: all up to its last slash."""
    return "" if has_pattern(path) else path[: path.rfind("/") + 1]


def _fresh(run: Run | None) -> Any:
    first = F("last_run") if run is None else Value(run.public_id)
    return Case(When(first_run=first, then=Value("true")), default=Value("false"), output_field=_TEXT)


def _folder(path: str) -> Any:
    """Name the folder below the one that is looked at; "" for what lies in it itself."""
    rest = Substr("path", len(folder_of(path)) + 1)
    first = Func(rest, Value("/"), Value(1), function="split_part", output_field=_TEXT)
    below = When(GreaterThan(StrIndex(rest, Value("/")), Value(0)), then=first)
    return Case(below, default=Value(""), output_field=_TEXT)


def _kept(wanted: Wanted) -> dict[str, tuple[str, list[Any]]]:
    """Give what the chosen values of each facet ask of a group, as SQL and its values."""
    told: dict[str, tuple[str, list[Any]]] = {}
    for facet, column in _COLUMNS.items():
        chosen = list(_chosen(wanted, facet))
        if chosen:
            told[facet] = (f"{column} = ANY(%s)", [chosen])
    if wanted.owners:
        told["owner"] = ("string_to_array(owner, ' ') && %s", [list(wanted.owners)])
    return told


def _chosen(wanted: Wanted, facet: str) -> tuple[str, ...]:
    if facet == "new":
        return () if wanted.new is None else (str(wanted.new).lower(),)
    known: dict[str, tuple[str, ...]] = {
        "severity": tuple(one.value for one in wanted.severities),
        "status": tuple(one.value for one in wanted.statuses),
        "agent": wanted.agents,
        "rule": wanted.rules,
        "owner": wanted.owners,
    }
    return known.get(facet, ())


def _sheet(rows: list[tuple[str, str, int]], wanted: Wanted) -> Sheet:
    total, found = 0, {facet: dict[str, int]() for facet in FACETS}
    for facet, value, count in rows:
        if facet == TOTAL:
            total = int(count)
        else:
            found[facet][value] = int(count)
    choices = {}
    for facet, counts in found.items():
        chosen = _chosen(wanted, facet)
        told = {value: counts.get(value, 0) for value in (*list(counts)[:MOST], *chosen)}
        choices[facet] = tuple(
            Choice(value=value, count=count, is_chosen=value in chosen) for value, count in told.items()
        )
    more = frozenset(facet for facet in _FEW if len(found[facet]) > MOST)
    return Sheet(total=total, choices=choices, more=more)


# The planner takes the columns for independent, expects 100,000 groups where there are some thousands, and would sort
# all rows on disk: 950 ms instead of 350 with 100,000 findings on a busy machine. For this transaction only.
_HASHED = "SET LOCAL enable_sort = off; SET LOCAL work_mem = '64MB'"
_COLUMNS = {"severity": "severity", "status": "status_now", "new": "fresh", "agent": "agent", "rule": "rule"}
_FEW = ("agent", "rule", "owner", "folder")
_ALL = "SELECT '{facet}', {column}, sum(n) FROM t WHERE {where} GROUP BY 2"
_SOME = (
    "SELECT '{facet}', {column}, sum(n) FROM {source} WHERE {where} AND {column} <> ''"
    " GROUP BY 2 ORDER BY {column} = ANY(%s) DESC, 3 DESC, 2 LIMIT %s"
)
_OWNERS = "t CROSS JOIN LATERAL unnest(string_to_array(owner, ' ')) AS one(name)"
_PARTS = {
    TOTAL: "SELECT 'total', '', coalesce(sum(n), 0) FROM t WHERE {where}",
    **{
        facet: _ALL.replace("{facet}", facet).replace("{column}", _COLUMNS[facet])
        for facet in ("severity", "status", "new")
    },
    **{
        facet: _SOME.replace("{facet}", facet).replace("{column}", column).replace("{source}", source)
        for facet, column, source in (
            ("agent", "agent", "t"),
            ("rule", "rule", "t"),
            ("owner", "name", _OWNERS),
            ("folder", "folder", "t"),
        )
    },
}
