"""Projects: made, renamed, moved to another team. Deleting them needs the engine, so `api.deletion` does that.

Invariants: a slug is one in its team, whatever its case; rate rules that name a project follow it; who had a role by
the team that a project leaves has none in it afterwards.
"""

from __future__ import annotations

from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import access, audit, signals
from accounts.audit import Act, Detail
from accounts.members import hold_project, hold_team
from accounts.models import Invitation, Membership, Outcome, Project, ProjectMembership, Team, User
from accounts.refusals import NameTaken, NotYours, TooMany
from accounts.roles import Role
from accounts.teams import rename_project_in_rules

MOST_IN_TEAM: Final = 1_000


def create(team: Team, slug: str, name: str, *, description: str = "", by: User) -> Project:
    """Store a project. Raises NotYours, TooMany, NameTaken."""
    with transaction.atomic():
        held = hold_team(team.pk)
        if not access.may(by, "project.create", held):
            raise NotYours("your role does not allow this any more")
        if Project.objects.filter(team=held).count() >= MOST_IN_TEAM:
            raise TooMany(f"the team has {MOST_IN_TEAM} projects, the most there may be; delete one first")
        _refuse_taken(held, slug)
        project = _saved(Project(team=held, slug=slug, name=name, description=description))
        details: dict[str, Detail] = {"team": held.slug, "slug": slug, "name": name}
        audit.record(
            Act.PROJECT_CREATED, subject=f"project:{project.pk}", project_id=project.pk, details=details
        )
    return project


def edit(
    project: Project, *, slug: str | None = None, name: str | None = None, description: str | None = None
) -> Project:
    """Change a project. Raises NameTaken, MovedMeanwhile."""
    with transaction.atomic():
        held = hold_project(project)
        changes: dict[str, Detail] = {}
        for field, value in (("name", name), ("description", description), ("slug", slug)):
            was: str = getattr(held, field)
            if value is None or value == was:
                continue
            if field == "slug":
                _refuse_taken(held.team, value, but=held)
                rename_project_in_rules(f"{held.team.slug}/{was}", f"{held.team.slug}/{value}")
            changes[field] = {"was": was, "is": value}
            setattr(held, field, value)
        if changes:
            _saved(held)
            audit.record(
                Act.PROJECT_CHANGED,
                subject=f"project:{held.pk}",
                project_id=held.pk,
                details={"changes": changes},
            )
    return held


def move(project: Project, to: Team, *, by: User) -> list[User]:
    """Give a project to another team; `by` owns both teams. Gives those who had a role by the old team, and lost it.

    Guests stay, open invitations are revoked. Members of the old team lose their own roles in the project, too, and
    owners of the new team need none. Raises NotYours, NameTaken, MovedMeanwhile, Team.DoesNotExist.
    """
    with transaction.atomic():
        for team_id in sorted({project.team_id, to.pk}):
            hold_team(team_id)
        held = hold_project(project)
        new = Team.objects.get(pk=to.pk)
        _refuse_unless_owner(by, held.team, new)
        if new.pk == held.team_id:
            return []
        _refuse_taken(new, held.slug)
        lost = _take_roles(held, new)
        pending = Invitation.objects.filter(project=held, outcome=Outcome.OPEN)  # in the old team's name
        pending.update(outcome=Outcome.REVOKED, answered_at=timezone.now())
        old = held.team
        rename_project_in_rules(f"{old.slug}/{held.slug}", f"{new.slug}/{held.slug}")
        held.team = new
        _saved(held)
        for user in lost:
            signals.tell(Project, user.pk)
        details: dict[str, Detail] = {
            "from": old.slug,
            "to": new.slug,
            "slug": held.slug,
            "lost": [user.get_username() for user in lost],
        }
        audit.record(Act.PROJECT_MOVED, subject=f"project:{held.pk}", project_id=held.pk, details=details)
    return lost


def _refuse_unless_owner(by: User, *teams: Team) -> None:
    for team in teams:
        if access.role_in_team(by, team) != Role.OWNER:
            raise NotYours(f"to move a project you must own both teams; you do not own {team.slug}")


def _take_roles(project: Project, new: Team) -> list[User]:
    """Delete the roles in the project that came with the old team, or that the new one overrules."""
    going = Membership.objects.filter(team=project.team_id).values("user")
    staying = Membership.objects.filter(team=new).values("user")
    owning = Membership.objects.filter(team=new, role=Role.OWNER).values("user")
    lost = list(User.objects.filter(pk__in=going).exclude(pk__in=staying).order_by("username"))
    own = ProjectMembership.objects.filter(project=project)
    for row in (own.filter(user__in=going) | own.filter(user__in=owning)).order_by("pk"):
        row.delete()
    return lost


def _refuse_taken(team: Team, slug: str, but: Project | None = None) -> None:
    taken = Project.objects.filter(team=team, slug__iexact=slug)
    if (taken if but is None else taken.exclude(pk=but.pk)).exists():
        raise NameTaken(f"there is a project {team.slug}/{slug} already; choose another slug")


def _saved(project: Project) -> Project:
    try:
        with transaction.atomic():
            project.save()
    except IntegrityError as error:  # the admin takes no turns with us
        raise NameTaken(f"there is a project {project.team.slug}/{project.slug} already") from error
    return project
