"""The list that somebody came from to a finding: its address goes along, and tells what is before and after.

    /findings/<id>?list=acme/shop&severity=high       list=all: the list of all projects

Neighbours are asked for by the list's order, not by its pages, so they go on where a page of it ends. A finding that
left the list, as one does that was dismissed, still has its place there: the next one comes after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict
from django.urls import reverse

from accounts import access
from accounts.models import Project, User
from agents.finding_lists import narrow
from agents.models import TrackedFinding, TrackedFindings
from frontend.finding_query import View, read
from frontend.lists import beyond, by
from tasks.models import Run

LIST = "list"
ALL = "all"
GO_ON = "go_on"
COUNTED = 10_000  # findings; a place further behind is not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Where a finding stands in a list. `place` 0: not in it, or too far behind. `total`: at most COUNTED + 1."""

    back: str
    query: str  # what addresses of findings carry on; "" without a list
    previous: UUID | None = None
    next: UUID | None = None
    place: int = 0
    total: int = 0
    goes_on: bool = False  # to the next after a verdict

    @property
    def is_longer(self) -> bool:
        return self.total > COUNTED

    def to(self, finding_id: UUID) -> str:
        """The address of another finding of the list."""
        return reverse("frontend:finding", args=[finding_id]) + self.query


def query_for(view: View, project: Project | None) -> str:
    """The query with which a list's rows lead to their findings."""
    name = f"{project.team.slug}/{project.slug}" if project else ALL
    return "?" + urlencode([(LIST, name), *view.pairs])


def trail_of(user: User, row: TrackedFinding, given: QueryDict) -> Trail:
    """Give where a finding stands in the list that its address names; one without a list leads to its project's."""
    name = given.get(LIST, "")
    rows = _rows(user, name)
    view = read(given)
    run = Run.objects.select_related("project__team").filter(public_id=view.run).first() if view.run else None
    lost = view.run is not None and (run is None or not access.may(user, "finding.view", run.project))
    if rows is None or lost:
        return Trail(
            back=reverse("frontend:findings", args=[f"{row.project.team.slug}/{row.project.slug}"]), query=""
        )
    found = narrow(rows, view.wanted, run=run)
    before, after = _sides(row, view)
    path = reverse("frontend:all-findings") if name == ALL else reverse("frontend:findings", args=[name])
    goes_on = given.get(GO_ON) == "1"
    pairs = [(LIST, name), *view.pairs, *([(GO_ON, "1")] if goes_on else [])]
    total, place = _place(found, row, before)
    return Trail(
        back=f"{path}{view.query}",
        query="?" + urlencode(pairs),
        previous=_first(found.filter(before), view, backwards=True),
        next=_first(found.filter(after), view, backwards=False),
        place=place,
        total=total,
        goes_on=goes_on,
    )


def _rows(user: User, name: str) -> TrackedFindings | None:
    """Give the findings of a list, whatever its filters; None if there is no such list for this person."""
    seen = access.projects_for(user, "finding.view")
    rows = TrackedFinding.objects.with_status()
    if name == ALL:
        return rows.filter(project__in=seen)
    team, _slash, slug = name.partition("/")
    if "\0" in name:
        return None
    key = seen.filter(team__slug=team, slug=slug).values_list("pk", flat=True).first()
    return None if key is None else rows.filter(project=key)


def _sides(row: TrackedFinding, view: View) -> tuple[Q, Q]:
    here = (getattr(row, view.column), row.pk)
    before, after = (beyond(view.column, here, backwards=way) for way in (not view.backwards, view.backwards))
    return before, after


def _first(found: TrackedFindings, view: View, *, backwards: bool) -> UUID | None:
    order = by(view.column, backwards=view.backwards != backwards)
    return found.order_by(*order).values_list("public_id", flat=True).first()


def _place(found: TrackedFindings, row: TrackedFinding, before: Q) -> tuple[int, int]:
    """Count the list, and tell which place a finding has in it."""
    total = _counted(found)
    if not found.filter(pk=row.pk).exists():
        return total, 0
    ahead = _counted(found.filter(before))
    return total, 0 if ahead > COUNTED else ahead + 1


def _counted(found: TrackedFindings) -> int:
    """Count to COUNTED + 1 and no further: 100,000 rows are not read to say so."""
    return found.order_by()[: COUNTED + 1].count()
