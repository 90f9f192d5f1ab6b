"""Reading the audit chain: the records of a project or of a team, narrowed, in the same way for pages and programs.

What belongs to a team, newest first:

    its own acts        subject team:<id>; or done `in` it: roles, invitations, projects that were deleted
    its projects' acts  of those in which the reader may see them, and of those that the team once deleted

Refuses to know HTTP. Invariant: whoever may not read the records of a project does not get them by its team.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT

from accounts import access, spreadsheets
from accounts.audit import Act
from accounts.models import AuditRecord, Project, Team, User

COLUMNS = (
    "number",
    "at",
    "act",
    "actor",
    "way",
    "address",
    "project",
    "subject",
    "details",
    "request_id",
    "previous",
    "hash",
)
"""Of an export as CSV."""


def of_project(project_pk: int) -> QuerySet[AuditRecord]:
    """Give the records of a project."""
    return AuditRecord.objects.filter(project_id=project_pk)


def projects_of(team: Team, reader: User) -> QuerySet[Project]:
    """Give the projects of a team whose records this person may read."""
    return access.projects_for(reader, "project.audit").filter(team=team)


def of_team(team: Team, seen: Iterable[int]) -> QuerySet[AuditRecord]:
    """Give the records of a team, and of those of its projects (`projects_of`) that are seen. Asks a small query."""
    place = f"team:{team.pk}"
    by_place = AuditRecord.objects.alias(place=KT("details__in"))
    gone = by_place.filter(place=place, act=Act.PROJECT_DELETED.value).order_by()
    # as numbers: with subqueries PostgreSQL would read the whole chain instead of joining its indexes
    ids = {*seen, *gone.values_list("project_id", flat=True)}
    return by_place.filter(Q(place=place, project_id=None) | Q(subject=place) | Q(project_id__in=ids))


def narrowed(
    found: QuerySet[AuditRecord],
    *,
    act: str = "",
    actor: str = "",
    project_pk: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditRecord]:
    """Keep of records what is wanted. `until` is itself no part of it."""
    if act:
        found = found.filter(act=act)
    if actor:
        found = found.filter(actor=actor)
    if project_pk is not None:
        found = found.filter(project_id=project_pk)
    if since is not None:
        found = found.filter(at__gte=since)
    if until is not None:
        found = found.filter(at__lt=until)
    return found


def fields_of(row: AuditRecord) -> dict[str, Any]:
    """Give all that a record's hash covers, and the hashes; what is not known is None."""
    return {
        "number": row.number,
        "at": row.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "act": row.act,
        "actor": row.actor or None,
        "actor_id": row.actor_id,
        "way": row.way,
        "address": row.address or None,
        "project_id": row.project_id,
        "subject": row.subject or None,
        "details": row.details,
        "request_id": row.request_id or None,
        "previous": row.previous,
        "hash": row.hash,
    }


def as_csv(found: Iterable[AuditRecord]) -> str:
    """Write records as CSV (RFC 4180) with a line of COLUMNS, so that no cell acts in a spreadsheet."""
    rows = list(found)
    names = project_names({row.project_id for row in rows if row.project_id is not None})
    told = (
        fields_of(row)
        | {
            "project": names.get(row.project_id or 0, row.project_id),
            "details": json.dumps(row.details, ensure_ascii=False, sort_keys=True) if row.details else "",
        }
        for row in rows
    )
    return spreadsheets.lines([COLUMNS, *([one[name] for name in COLUMNS] for one in told)])


def project_names(pks: Iterable[int]) -> dict[int, str]:
    """Name projects as addresses do: team/slug. Those that are gone have no name."""
    found = Project.objects.filter(pk__in=set(pks)).order_by()
    return {pk: f"{team}/{slug}" for pk, team, slug in found.values_list("pk", "team__slug", "slug")}
