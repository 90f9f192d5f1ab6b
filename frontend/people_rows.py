"""People and invitations as the pages of teams and projects show them: plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import Http404

from accounts import members
from accounts.models import Invitation, Membership, Project, ProjectMembership, User
from accounts.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """Somebody in a team, as the page shows them. `choices` are the roles that the reader may give them."""

    row: Membership
    role: str
    is_me: bool
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """Somebody in a project: what they are here, and whether that comes from the team."""

    user: User
    role: str
    in_team: str  # their role in the team; empty: a guest
    own: str  # their role in this project alone; empty: the team's counts
    is_me: bool
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRow:
    """An open invitation, as the page shows it."""

    row: Invitation
    whom: str
    role: str
    place: str
    may_change: bool


def member_row(row: Membership, me: User, mine: Role | None) -> MemberRow:
    """Show a member to somebody who may give roles up to `mine`; None: they may give none."""
    return MemberRow(
        row=row, role=Role(row.role).label, is_me=row.user_id == me.pk, choices=_choices(Role(row.role), mine)
    )


def person_rows(project: Project, people: Iterable[User], me: User, mine: Role | None) -> list[PersonRow]:
    """Show who is in a project; in two queries, however many."""
    listed = list(people)
    ids = [user.pk for user in listed]
    in_team = _roles(
        Membership.objects.filter(team_id=project.team_id, user__in=ids).values_list("user_id", "role")
    )
    here = _roles(
        ProjectMembership.objects.filter(project=project, user__in=ids).values_list("user_id", "role")
    )
    return [
        PersonRow(
            user=user,
            role=role.label,
            in_team=in_team[user.pk].label if user.pk in in_team else "",
            own=here[user.pk].label if user.pk in here else "",
            is_me=user.pk == me.pk,
            choices=() if in_team.get(user.pk) == Role.OWNER else _choices(role, mine),
        )
        for user in listed
        if (role := here.get(user.pk) or in_team.get(user.pk)) is not None
    ]


def invitation_row(row: Invitation, mine: Role | None) -> InvitationRow:
    """Show an invitation to somebody who may change those up to `mine`."""
    place = row.project.name if row.project else row.team.name
    whom = row.email or (row.user.get_username() if row.user else "")
    may_change = mine is not None and row.role <= mine
    return InvitationRow(row=row, whom=whom, role=Role(row.role).label, place=place, may_change=may_change)


def person_in(project: Project, username: str) -> User:
    """Give somebody who has a role in a project. Raises Http404."""
    found = None if "\0" in username else members.people_in(project).filter(username=username).first()
    if found is None:
        raise Http404
    return found


def _choices(theirs: Role, mine: Role | None) -> tuple[str, ...]:
    if mine is None or theirs > mine:
        return ()
    return tuple(role.label for role in Role if role <= mine)


def _roles(pairs: Iterable[tuple[int, int]]) -> dict[int, Role]:
    return {user_id: Role(role) for user_id, role in pairs}
