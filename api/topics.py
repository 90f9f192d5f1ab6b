"""What a socket may follow: found by name for a person, and looked at again later.

Synchronous: the stream calls this in its threads. Knows no sockets. Invariant: a topic that a person may not see is
the same as one that is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from accounts import access
from accounts.models import Project, User
from api import sockets
from api.sockets import Identity
from tasks.models import Approval, Run

OWN = 0
"""Stands among the ids of projects for what concerns the person; no project has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A run as a socket sees it: its row, for reading events, and the number of its newest event."""

    run: Run
    head: int


def run_of(identity: Identity, run_id: UUID) -> Followed | None:
    """Give the run if this person may see it, or if it is that of the link that they have."""
    run = Run.objects.select_related("project").filter(public_id=run_id).first()
    return Followed(run=run, head=run.last_seq) if run is not None and _is_seen(identity, run) else None


def _is_seen(identity: Identity, run: Run) -> bool:
    if identity.share is None:
        user = identity.person()
        return user is not None and access.may(user, "run.view", run.project)
    now = sockets.again(identity)
    return now is not None and now.share is not None and now.share.run_id == run.public_id


def project_of(identity: Identity, name: str) -> int | None:
    """Give the id of a project that this person may see, by slug, team/slug, or the id itself.

    None: there is none, or several have that slug.
    """
    user = identity.person()
    if user is None:
        return None
    team, _, slug = name.rpartition("/")
    found = access.projects_for(user, "run.view")
    fitting = found.filter(Q(slug=slug, team__slug=team) if team else Q(slug=slug))
    rows = list(fitting.values_list("pk", flat=True)[:2])
    if not rows and slug.isascii() and slug.isdecimal() and len(slug) < 19 and not team:
        rows = list(found.filter(pk=int(slug)).values_list("pk", flat=True))
    return rows[0] if len(rows) == 1 else None


def are_lost(identity: Identity, run_ids: Iterable[UUID], project_ids: Iterable[int]) -> bool:
    """Tell whether this person may no longer see any one of these runs and projects, or hear their OWN news."""
    runs, projects = set(run_ids), set(project_ids)
    if identity.share is not None:
        return bool(projects) or not runs <= {identity.share.run_id}
    if OWN in projects and not may_hear_own(identity):
        return True
    projects.discard(OWN)
    if not runs and not projects:
        return False
    user = identity.person()
    if user is None:
        return True
    visible = access.projects_for(user, "run.view")
    return Run.objects.filter(public_id__in=runs, project__in=visible).count() < len(runs) or visible.filter(
        pk__in=projects
    ).count() < len(projects)


def may_hear_own(identity: Identity) -> bool:
    """Tell whether this person may follow what concerns them. A key that is bound to projects may not."""
    user = identity.person()
    bounds = identity.bounds
    return (
        user is not None
        and access.in_scope(user, "run.view")
        and (bounds is None or bounds.project_ids is None)
    )


def concerned(approval_id: str, user_ids: Collection[int]) -> set[int]:
    """Tell which of these people a question concerns: they may answer it, or own its run and see it still."""
    row = Approval.objects.select_related("run__project").filter(public_id=approval_id).first()
    if row is None:
        return set()
    project: Project = row.run.project
    people = User.objects.filter(pk__in=user_ids, is_active=True)
    return {
        user.pk
        for user in people
        if (user.pk == row.run.owner_id and access.may(user, "approval.view", project))
        or access.may_decide(user, project, role=row.role, users=row.users)
    }
