"""Reading versions: of one row, or of many models together, each with what changed since the version before.

What a version holds is compared with the version before of the same row, so a version whose predecessor was pruned
tells what was, but not what changed. Values are as the columns have them; a foreign key is the other row's key.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from history.tracking import CREATED, DELETED, FOUND, Tracked

Place = tuple[datetime, str, int]
"""Where a version stands among all: its moment, its model's label, its number there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A field that is another: what it was, and is. `None` also where there was, or is, no row."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version with the one before it, if there is one."""

    tracked: Tracked
    row: Any
    before: Any = None

    @property
    def place(self) -> Place:
        """Where it stands among the versions of all models."""
        return self.row.pgh_created_at, self.tracked.label, self.row.pgh_id

    @property
    def stamp(self) -> Mapping[str, Any]:
        """Who made it, by which way, in which request. Empty: written past this program."""
        return self.row.pgh_context or {}

    @property
    def project_id(self) -> int | None:
        """The project that the row belonged to."""
        return getattr(self.row, self.tracked.project) if self.tracked.project else None

    @property
    def changes(self) -> list[Change] | None:
        """What is another than in the version before; None: that is kept no more."""
        if self.row.pgh_label == DELETED:
            return [Change(field=name, before=was, after=None) for name, was in self.values.items()]
        if self.row.pgh_label in (CREATED, FOUND):
            return [Change(field=name, before=None, after=value) for name, value in self.values.items()]
        if self.before is None:
            return None
        was = values_of(self.tracked, self.before)
        told = [
            Change(field=name, before=was[name], after=value)
            for name, value in self.values.items()
            if was[name] != value
        ]
        # what changed may lie behind a mask alone
        return told or [Change(field=n, before=was[n], after=self.values[n]) for n in self.tracked.masked]

    @property
    def values(self) -> dict[str, Any]:
        """What it holds, by field."""
        return values_of(self.tracked, self.row)


def values_of(tracked: Tracked, row: Any) -> dict[str, Any]:
    """Give what a row, or a version of it, holds of what is tracked, by field."""
    return {one.name: getattr(row, one.attname) for one in tracked.fields}


def of_row(tracked: Tracked, pk: Any) -> QuerySet[Any]:
    """Give the versions of a row, newest first."""
    found: QuerySet[Any] = tracked.versions.objects.filter(pgh_obj=pk).order_by("-pgh_id")
    return found


def with_before(tracked: Tracked, rows: Sequence[Any]) -> list[Version]:
    """Give these versions, each with the one before it: two queries however many there are."""
    model = tracked.versions
    earlier = model.objects.filter(pgh_obj=OuterRef("pgh_obj"), pgh_id__lt=OuterRef("pgh_id"))
    numbered = model.objects.filter(pk__in=[row.pk for row in rows]).annotate(
        before_id=Subquery(earlier.order_by("-pgh_id").values("pgh_id")[:1])
    )
    before_of = dict(numbered.values_list("pgh_id", "before_id"))
    before = model.objects.in_bulk([number for number in before_of.values() if number is not None])
    return [Version(tracked=tracked, row=row, before=before.get(before_of.get(row.pk))) for row in rows]


def deleted(tracked: Tracked) -> QuerySet[Any]:
    """Give the last version of each row that is no more, the last deleted first."""
    last = tracked.versions.objects.filter(pgh_obj=OuterRef("pgh_obj")).order_by("-pgh_id").values("pgh_id")
    found: QuerySet[Any] = tracked.versions.objects.filter(pgh_label=DELETED, pgh_id=Subquery(last[:1]))
    return found.order_by("-pgh_id")


def feed(
    models: Iterable[Tracked], wanted: Mapping[str, Q], *, most: int, beyond: Place | None, backwards: bool
) -> list[Version]:
    """Give the next versions of several models, in the order of their moments; `wanted` filters each by its label.

    `beyond`: after that place, in that order. A transaction's versions have the moment at which it began.
    """
    found: list[Iterable[Version]] = []
    for tracked in models:
        rows = tracked.versions.objects.filter(wanted.get(tracked.label, Q()))
        if beyond is not None:
            rows = rows.filter(_beyond(tracked, beyond, backwards=backwards))
        sign = "-" if backwards else ""
        rows = rows.order_by(f"{sign}pgh_created_at", f"{sign}pgh_id")[:most]
        found.append([Version(tracked=tracked, row=row) for row in rows])
    chosen = list(heapq.merge(*found, key=lambda version: version.place, reverse=backwards))[:most]
    return _completed(chosen)


def _beyond(tracked: Tracked, place: Place, *, backwards: bool) -> Q:
    moment, label, number = place
    way = "lt" if backwards else "gt"
    later = Q(**{f"pgh_created_at__{way}": moment})
    if tracked.label == label:
        return later | Q(pgh_created_at=moment, **{f"pgh_id__{way}": number})
    is_after_it = tracked.label < label if backwards else tracked.label > label
    return later | Q(pgh_created_at=moment) if is_after_it else later


def _completed(chosen: list[Version]) -> list[Version]:
    """Put the version before to each, by model."""
    by_model: dict[str, list[Version]] = {}
    for version in chosen:
        by_model.setdefault(version.tracked.label, []).append(version)
    whole = {
        version.place: version
        for versions in by_model.values()
        for version in with_before(versions[0].tracked, [one.row for one in versions])
    }
    return [whole[version.place] for version in chosen]
