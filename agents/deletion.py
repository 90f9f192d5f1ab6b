"""Deleting a project, or a team with its projects, and all that hangs on them. Who may, the pages and the API decide.

    confirmed? ─> nothing live? ─> runs hidden, schedules gone ─> rows deleted, CLEAR_SECONDS long ─> the thing itself
                                                                          └─ not done: ask again to go on

Invariants: while a run is live nothing is begun; what was begun goes on when it is asked for again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from django.db import transaction
from django.db.models import Count, ProtectedError
from pydantic import Field
from typing_extensions import TypedDict

from accounts import audit
from accounts.audit import Act, Detail
from accounts.members import hold_team
from accounts.models import Credential, Membership, Project, ProjectMembership, Team
from accounts.refusals import MovedMeanwhile, StillInUse
from tasks.models import Schedule
from tasks.retention import projects as engine

CLEAR_SECONDS: Final = 10.0  # of a request; a project with a very long past is deleted in several


class Goes(TypedDict):
    """How much of what goes with it."""

    projects: int
    runs: Annotated[int, Field(description="with their steps, events, logs, findings and artifacts")]
    schedules: int
    uploads: int
    credentials: int
    webhooks: Annotated[int, Field(description="with the log of their deliveries")]
    members: Annotated[int, Field(description="roles in it; the people stay")]


class DeletionPreview(TypedDict):
    """What a deletion would take along."""

    confirm: Annotated[str, Field(description="what the body of the deletion must repeat")]
    live_runs: Annotated[int, Field(description="runs that are not over: while there are any, it is refused")]
    goes: Goes


class Deletion(TypedDict):
    """How far a deletion has come."""

    deleted: Annotated[bool, Field(description="false: it has begun and is not done; ask again")]
    runs_left: Annotated[int, Field(description="runs whose rows are still to be deleted; nobody sees them")]
    goes: Goes


def preview(confirm: str, projects: Sequence[Project], team: Team | None = None) -> DeletionPreview:
    """Tell what would go, and what stands in the way."""
    ids = [project.pk for project in projects]
    return {"confirm": confirm, "live_runs": engine.live(ids), "goes": _goes(ids, team)}


def begin(projects: Sequence[Project]) -> None:
    """Take the past of projects, whose rows the caller has locked, out of sight. Raises StillInUse."""
    ids = [project.pk for project in projects]
    if running := engine.live(ids):
        raise StillInUse(f"{running} runs are not over; cancel them, or wait for their end")
    for project in projects:
        if emptied := engine.empty([project.pk]):
            details: dict[str, Detail] = {"slug": project.slug, "runs": emptied}
            audit.record(
                Act.PROJECT_EMPTIED, subject=f"project:{project.pk}", project_id=project.pk, details=details
            )


def finish(projects: Sequence[Project], goes: Goes, team: Team | None = None) -> Deletion:
    """Delete the rows, and then the projects and the team. Outside of a transaction. Raises StillInUse."""
    ids = [project.pk for project in projects]
    if not engine.clear(ids, seconds=CLEAR_SECONDS):
        return {"deleted": False, "runs_left": engine.left(ids), "goes": goes}
    try:
        with transaction.atomic():
            _delete(projects, goes, team)
    except ProtectedError as error:
        kinds = sorted({str(one._meta.verbose_name) for one in error.protected_objects})
        raise StillInUse(
            f"it got new rows meanwhile ({', '.join(kinds)}); look at them, and ask again"
        ) from error
    return {"deleted": True, "runs_left": 0, "goes": goes}


def _delete(projects: Sequence[Project], goes: Goes, team: Team | None) -> None:
    for team_id in sorted({project.team_id for project in projects} | ({team.pk} if team else set())):
        hold_team(team_id)
    ids = [project.pk for project in projects]
    held = list(Project.objects.select_for_update().filter(pk__in=ids).select_related(None).order_by("pk"))
    if {project.pk: project.team_id for project in held} != {one.pk: one.team_id for one in projects}:
        raise MovedMeanwhile("a project was moved or deleted in this moment; look at it, and ask again")
    if engine.left(ids):
        raise StillInUse("somebody submitted a run meanwhile; cancel it, and ask again")
    if team is not None and Project.objects.filter(team=team).exclude(pk__in=ids).exists():
        raise MovedMeanwhile("the team got another project in this moment; look at it, and ask again")
    counts: dict[str, Detail] = {what: many for what, many in goes.items() if isinstance(many, int)}
    for project in held:
        details: dict[str, Detail] = {
            "in": f"team:{project.team_id}",
            "slug": project.slug,
            "team": project.team.slug,
        }
        if team is None:
            details["goes"] = counts
        audit.record(
            Act.PROJECT_DELETED, subject=f"project:{project.pk}", project_id=project.pk, details=details
        )
        project.delete()
    if team is not None:
        told: dict[str, Detail] = {"slug": team.slug, "name": team.name, "goes": counts}
        audit.record(Act.TEAM_DELETED, subject=f"team:{team.pk}", details=told)
        Team.objects.get(pk=team.pk).delete()


def _goes(ids: list[int], team: Team | None) -> Goes:
    counted = engine.count(ids)
    members = ProjectMembership.objects.filter(project__in=ids).count()
    if team is not None:
        members += Membership.objects.filter(team=team).count()
    return {
        "projects": len(ids),
        "runs": counted["runs"],
        "schedules": counted["schedules"],
        "uploads": counted["uploads"],
        "credentials": Credential.objects.filter(project__in=ids).count(),
        "webhooks": _webhooks(ids),
        "members": members,
    }


def _webhooks(ids: list[int]) -> int:
    """Count them by way of their projects: who sends them is not for this package to know."""
    found = Project.objects.filter(pk__in=ids).order_by().aggregate(many=Count("webhooks"))
    return int(found["many"])


def delete_schedule(schedule: Schedule) -> None:
    """Delete a schedule, whose row the caller has locked, with the record of its times. Its runs stay, and go on."""
    told: dict[str, Detail] = {"name": schedule.name, "goal": schedule.goal[:500]}
    subject, project_id = f"schedule:{schedule.public_id}", schedule.project_id
    schedule.delete()
    audit.record(Act.SCHEDULE_DELETED, subject=subject, project_id=project_id, details=told)
