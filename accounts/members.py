"""Who is what in a team or a project: the only writer of roles outside of the admin.

Invariants, each decided with the team's row locked, so that two who change at once take turns:
  a team has an active owner: the last one neither leaves, nor is demoted, nor removed
  nobody gives a role above their own, and nobody touches the role of somebody who is above them
  an owner of a team owns its projects; who leaves a team leaves its projects

Rows are saved and deleted one by one: `audit_signals` records each, and `signals` tells the sockets of what was lost.
Locks, in this order: teams by id, then the project, then roles.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts import access
from accounts.models import Membership, Project, ProjectMembership, Team, User
from accounts.refusals import LastOwner, MovedMeanwhile, NotMember, NotYours, RoleFromTeam, RoleTooHigh
from accounts.roles import Role


def hold_team(team_id: int) -> Team:
    """Lock a team until the transaction ends. Raises Team.DoesNotExist."""
    return Team.objects.select_for_update(no_key=True).get(pk=team_id)


def hold_project(project: Project) -> Project:
    """Lock a project and its team until the transaction ends.

    Raises Team.DoesNotExist, Project.DoesNotExist; MovedMeanwhile when it went to another team in this moment.
    """
    team = hold_team(project.team_id)
    held = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if held.team_id != team.pk:
        raise MovedMeanwhile("the project was moved to another team in this moment; read it again")
    held.team = team
    return held


def change_role(team: Team, user: User, role: Role, *, by: User) -> Membership:
    """Make a member something else. Raises NotMember, RoleTooHigh, LastOwner."""
    with transaction.atomic():
        hold_team(team.pk)
        row = membership(team, user)
        _refuse_above(_mine(by, "team.members", team), Role(row.role), role)
        if row.role != role:
            _keep_an_owner(row, role)
            row.role = role
            row.save(update_fields=["role"])
    return row


def remove(team: Team, user: User, *, by: User) -> list[Project]:
    """Take somebody out of a team, and out of its projects: gives those in which they had a role of their own.

    Raises NotMember, RoleTooHigh, LastOwner.
    """
    with transaction.atomic():
        hold_team(team.pk)
        row = membership(team, user)
        _refuse_above(_mine(by, "team.members", team), Role(row.role))
        return _take_out(row)


def leave(team: Team, *, by: User) -> list[Project]:
    """Go out of a team, and out of its projects. Raises NotMember, LastOwner."""
    with transaction.atomic():
        hold_team(team.pk)
        return _take_out(membership(team, by))


def transfer(team: Team, to: User, *, by: User) -> None:
    """Make a member an owner, and the owner who does it a maintainer. Raises NotMember, RoleTooHigh."""
    with transaction.atomic():
        hold_team(team.pk)
        row = membership(team, to)
        _refuse_above(_mine(by, "team.transfer", team), Role.OWNER)
        if not to.is_active:
            raise LastOwner(f"{to.get_username()} may not sign in, and could not own the team")
        if row.role != Role.OWNER:
            row.role = Role.OWNER
            row.save(update_fields=["role"])
        mine = Membership.objects.filter(team=team, user_id=by.pk).first()
        if mine is not None and by.pk != to.pk:
            mine.role = Role.MAINTAINER
            mine.save(update_fields=["role"])


def set_project_role(project: Project, user: User, role: Role, *, by: User) -> ProjectMembership:
    """Say what a member of the team, or a guest, is in one project, whatever the team says.

    Raises NotMember for a stranger, RoleTooHigh, RoleFromTeam for an owner of the team, MovedMeanwhile.
    """
    with transaction.atomic():
        held = hold_project(project)
        in_team, here = roles_of(held, user)
        now = here or in_team
        if now is None:
            raise NotMember(f"{user.get_username()} has no role here; invite them")
        _refuse_above(_mine(by, "project.members", held), now, role)
        if in_team == Role.OWNER and role != Role.OWNER:
            raise RoleFromTeam("an owner of the team owns its projects; change the role in the team first")
        row = ProjectMembership.objects.filter(project=held, user=user).first()
        if row is None:
            return ProjectMembership.objects.create(project=held, user=user, role=role)
        if row.role != role:
            row.role = role
            row.save(update_fields=["role"])
    return row


def unset_project_role(project: Project, user: User, *, by: User) -> None:
    """Let the team's role count again in a project; a guest is out. Raises NotMember, RoleTooHigh, MovedMeanwhile."""
    with transaction.atomic():
        held = hold_project(project)
        in_team, here = roles_of(held, user)
        if here is None:
            raise NotMember(f"{user.get_username()} has no role of their own in this project")
        _refuse_above(_mine(by, "project.members", held), here, in_team or here)
        ProjectMembership.objects.get(project=held, user=user).delete()


def leave_project(project: Project, *, by: User) -> None:
    """Go out of a project as a guest. Raises NotMember, RoleFromTeam for a member of the team, MovedMeanwhile."""
    with transaction.atomic():
        held = hold_project(project)
        in_team, here = roles_of(held, by)
        if in_team is not None:  # without the project's role the team's would count, which may be more
            raise RoleFromTeam("you are here as a member of the team; leave the team, or ask a maintainer")
        if here is None:
            raise NotMember("you have no role in this project")
        ProjectMembership.objects.get(project=held, user=by).delete()


def membership(team: Team, user: User) -> Membership:
    """Give what somebody is in a team. Raises NotMember."""
    row = Membership.objects.select_related("user", "team").filter(team=team, user_id=user.pk).first()
    if row is None:
        raise NotMember(f"{user.get_username()} is no member of the team {team.slug}")
    return row


def roles_of(project: Project, user: User) -> tuple[Role | None, Role | None]:
    """Tell what somebody is in a project's team, and what they are by a role of their own in the project."""
    team = Membership.objects.filter(team_id=project.team_id, user_id=user.pk)
    here = ProjectMembership.objects.filter(project=project, user_id=user.pk)
    in_team = team.values_list("role", flat=True).first()
    own = here.values_list("role", flat=True).first()
    return None if in_team is None else Role(in_team), None if own is None else Role(own)


def people_in(project: Project) -> QuerySet[User]:
    """Give all who have a role in a project: the team's members and the guests."""
    in_team = Membership.objects.filter(team_id=project.team_id).values("user")
    here = ProjectMembership.objects.filter(project=project).values("user")
    return User.objects.filter(Q(pk__in=in_team) | Q(pk__in=here))


def _mine(by: User, action: str, place: Team | Project) -> Role:
    """Tell the caller's role, as it is now that the team is locked. Raises NotYours when it no longer suffices."""
    role = access.role_in_team(by, place) if isinstance(place, Team) else access.role_in(by, place)
    if role is None or not access.may(by, action, place):
        raise NotYours("your role does not allow this any more")
    return role


def _refuse_above(mine: Role, *touched: Role) -> None:
    highest = max(touched)
    if highest > mine:
        raise RoleTooHigh(f"you are {mine.label} here, and cannot give or change the role {highest.label}")


@receiver(post_save, sender=Membership)
def _give_projects(sender: type[Membership], instance: Membership, **_kwargs: object) -> None:
    """Take the lesser roles in projects from who owns their team now, by whatever door: invitation or admin, too.

    The only owner could else neither move nor delete a project in which they had been lowered before.
    """
    if instance.role != Role.OWNER:
        return
    own = ProjectMembership.objects.filter(project__team=instance.team_id, user=instance.user_id)
    for row in own.filter(role__lt=Role.OWNER).order_by("pk"):
        row.delete()


def _keep_an_owner(row: Membership, role: Role | None) -> None:
    if row.role != Role.OWNER or role == Role.OWNER:
        return
    others = Membership.objects.filter(team=row.team_id, role=Role.OWNER, user__is_active=True)
    if not others.exclude(pk=row.pk).exists():
        raise LastOwner(
            f"{row.user.get_username()} is the last owner of {row.team.slug}; make somebody else an owner first"
        )


def _take_out(row: Membership) -> list[Project]:
    _keep_an_owner(row, None)
    guests = ProjectMembership.objects.filter(project__team=row.team_id, user=row.user_id)
    own = list(guests.select_related("project__team").order_by("pk"))
    for one in own:
        one.delete()
    row.delete()
    return [one.project for one in own]
