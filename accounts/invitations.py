"""Invitations into teams and projects: made, sent, renewed, revoked, answered. The only writer of Invitation.

    invite ─token─> mailed, or shown once to the inviter ─> accept | decline | revoke | its time is over
       └─ resend: another token, the old one opens nothing

A token is 256 random bits; the row has its SHA-256. Who is invited by account answers signed in as that account, by
address whoever has the token, or the account with that address. A new account gets the address of its invitation
only if the token was mailed there: who was shown a token has proved no address, and addresses decide who answers
questions.

Invariants: a token is used once. At the moment of the answer the inviter may still invite, and give that role. Nobody
is lowered by accepting. Locks as in `members`, then the invitation.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import access, audit, mail
from accounts.audit import Act, Detail
from accounts.members import hold_project, hold_team, roles_of
from accounts.models import Invitation, Membership, Outcome, Project, ProjectMembership, Team, User
from accounts.refusals import (
    AlreadyMember,
    InvitationOver,
    MovedMeanwhile,
    NameTaken,
    NotYours,
    RoleTooHigh,
    TooMany,
)
from accounts.roles import Role

log = structlog.get_logger(__name__)

MOST_OPEN: Final = 200  # per team
SEND_EVERY: Final = timedelta(minutes=1)  # an invitation is not sent again sooner
MAX_TOKEN: Final = 100  # characters; a longer one is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An invitation, and what became of its mail. `link` only if it is not in a mail: it is nowhere else."""

    row: Invitation
    mail: str  # sent, failed, off
    link: str | None


def invite(
    place: Team | Project,
    role: Role,
    *,
    email: str = "",
    user: User | None = None,
    by: User,
    lasts: timedelta,
) -> Sent:
    """Invite an address or an account. An older open invitation of the same person to the same place is replaced.

    Raises NotYours, RoleTooHigh, AlreadyMember, TooMany, MovedMeanwhile.
    """
    token, now = secrets.token_urlsafe(32), timezone.now()
    with transaction.atomic():
        team, project = _hold(place)
        _refuse_unentitled(by, project or team, role)
        _refuse_member(team, project, user, role)
        open_ones = Invitation.objects.filter(team=team, outcome=Outcome.OPEN)
        same = open_ones.filter(project=project, email__iexact=email, user=user)
        same.update(outcome=Outcome.REPLACED, answered_at=now)
        if open_ones.filter(expires_at__gt=now).count() >= MOST_OPEN:
            raise TooMany(f"the team has {MOST_OPEN} open invitations, the most there may be; revoke some")
        row = Invitation.objects.create(
            team=team,
            project=project,
            role=role,
            email=email,
            user=user,
            digest=_digest(token),
            is_mailed=bool(_address(email, user)) and mail.is_on(),
            invited_by_id=by.pk,
            created_at=now,
            sent_at=now,
            expires_at=now + lasts,
        )
        _record(Act.INVITATION_CREATED, row, role=role.label)
    return _send(row, token)


def resend(row: Invitation, *, by: User) -> Sent:
    """Send an open invitation, or one whose time is over, with another token, for as long as it was made for.

    Raises InvitationOver, NotYours, RoleTooHigh, TooMany for one that was sent a moment ago, MovedMeanwhile.
    """
    token, now = secrets.token_urlsafe(32), timezone.now()
    with transaction.atomic():
        held = _held(row)
        if held.outcome != Outcome.OPEN:
            raise InvitationOver(f"this invitation was {held.outcome}; make another")
        _refuse_unentitled(by, held.project or held.team, Role(held.role))
        if now < held.sent_at + SEND_EVERY:
            raise TooMany("it was sent less than a minute ago; wait a moment")
        lasts = held.expires_at - held.sent_at
        held.digest, held.sent_at, held.expires_at = _digest(token), now, now + lasts
        held.is_mailed = bool(_address(held.email, held.user)) and mail.is_on()
        held.invited_by = by
        held.save(update_fields=["digest", "sent_at", "expires_at", "is_mailed", "invited_by"])
        _record(Act.INVITATION_SENT, held)
    return _send(held, token)


def revoke(row: Invitation, *, by: User) -> None:
    """Take an invitation back. Raises InvitationOver, NotYours, RoleTooHigh, MovedMeanwhile."""
    with transaction.atomic():
        held = _held(row)
        if held.outcome != Outcome.OPEN:
            raise InvitationOver(f"this invitation was {held.outcome} already")
        _refuse_unentitled(by, held.project or held.team, Role(held.role))
        _end(held, Outcome.REVOKED, None)
        _record(Act.INVITATION_REVOKED, held)


def accept(row: Invitation, user: User, *, token: str | None) -> Invitation:
    """Join by an invitation: found by its token, or without one by the account that it is for.

    Raises InvitationOver, NotYours, MovedMeanwhile.
    """
    with transaction.atomic():
        held = _answerable(row, user, token)
        _give(held, user)
        _end(held, Outcome.ACCEPTED, user)
        _record(Act.INVITATION_ACCEPTED, held, by=user)
    return held


def decline(row: Invitation, user: User | None, *, token: str | None) -> None:
    """Say no. Without `user` by the token alone. Raises InvitationOver, NotYours, MovedMeanwhile."""
    with transaction.atomic():
        held = _answerable(row, user, token)
        _end(held, Outcome.DECLINED, user)
        _record(Act.INVITATION_DECLINED, held, by=user)


def join(row: Invitation, *, token: str, username: str, password: str) -> User:
    """Make an account for whoever is invited by address, and accept with it. The password was checked before.

    Raises InvitationOver, NotYours when the address has an account, NameTaken, MovedMeanwhile.
    """
    if row.user_id is not None or has_account(row):
        raise NotYours("there is an account for this invitation already; sign in to accept it")
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                username, email=row.email if row.is_mailed else "", password=password
            )
            accept(row, user, token=token)
    except IntegrityError as error:
        raise NameTaken(f"the user name {username} is taken; choose another") from error
    return user


def by_token(token: str) -> Invitation | None:
    """Give the invitation of a token, over or not. None: there is none (any more)."""
    if not token or len(token) > MAX_TOKEN or not token.isascii():
        return None
    return _rows().filter(digest=_digest(token)).first()


def of(place: Team | Project) -> QuerySet[Invitation]:
    """Give the invitations to a team itself, or to a project, newest first."""
    if isinstance(place, Team):
        return _rows().filter(team=place, project=None)
    return _rows().filter(project=place)


def for_person(user: User) -> QuerySet[Invitation]:
    """Give the open invitations that this account may answer without a token."""
    mine = Q(user_id=user.pk)
    if user.email:
        mine |= Q(email__iexact=user.email)
    return _rows().filter(mine, outcome=Outcome.OPEN, expires_at__gt=timezone.now())


def has_account(row: Invitation) -> bool:
    """Tell whether the address of an invitation is that of an account."""
    return bool(row.email) and User.objects.filter(email__iexact=row.email).exists()


def is_for(row: Invitation, user: User) -> bool:
    """Tell whether an invitation names this account, by its name or address."""
    return row.user_id == user.pk or bool(row.email and row.email.lower() == user.email.lower())


def why_over(row: Invitation) -> str:
    """Tell why an invitation can no longer be answered; empty if it can."""
    if row.outcome != Outcome.OPEN:
        return f"this invitation was {row.outcome} already"
    if not row.is_open(timezone.now()):
        return "the time of this invitation is over; ask for another"
    inviter, place = row.invited_by, row.project or row.team
    if inviter is None or not _entitled(inviter, place, Role(row.role)):
        return "whoever invited you may no longer do so; ask somebody else of the team"
    return ""


def answerable(rows: Iterable[Invitation]) -> list[Invitation]:
    """Give those that can still be answered: whose `why_over` is empty. In two queries, however many."""
    now = timezone.now()
    found = [row for row in rows if row.outcome == Outcome.OPEN and row.is_open(now) and row.invited_by_id]
    people = {row.invited_by_id for row in found}
    teams = Membership.objects.filter(user__in=people, team__in={row.team_id for row in found}).order_by()
    in_team = {(user, team): role for user, team, role in teams.values_list("user_id", "team_id", "role")}
    projects = {row.project_id for row in found if row.project_id}
    guests = ProjectMembership.objects.filter(user__in=people, project__in=projects).order_by()
    here = {(user, one): role for user, one, role in guests.values_list("user_id", "project_id", "role")}
    return [row for row in found if _may_give(row, in_team, here)]


def _may_give(
    row: Invitation, in_team: Mapping[tuple[int, int], int], here: Mapping[tuple[int, int], int]
) -> bool:
    """Whether who invited may still do so: `_entitled`, by roles that are known."""
    by = row.invited_by
    if by is None:
        return False
    given = in_team.get((by.pk, row.team_id))
    least = access.TEAM_ACTIONS["team.members"]
    if row.project_id is not None:
        given = here.get((by.pk, row.project_id), given)
        least = access.ACTIONS["project.members"]
    mine = access.role_by(by, given)
    return mine is not None and mine >= least and mine >= row.role


def _answerable(row: Invitation, user: User | None, token: str | None) -> Invitation:
    held = _held(row)
    if token is not None and not secrets.compare_digest(held.digest, _digest(token)):
        raise InvitationOver("a newer mail of this invitation has another link; use that one")
    if reason := why_over(held):
        raise InvitationOver(reason)
    if user is None:
        if token is None or held.user_id is not None:
            raise NotYours("sign in as whoever is invited")
    elif held.user_id is not None and held.user_id != user.pk:
        raise NotYours("this invitation is for another account; sign in with that one")
    elif token is None and not is_for(held, user):
        raise NotYours("this invitation is for somebody else")
    return held


def _give(row: Invitation, user: User) -> None:
    """Give the role, unless the person has that or more already."""
    if row.project is not None:
        in_team, here = roles_of(row.project, user)
        now = here or in_team
        if now is not None and now >= row.role:
            return
        guest = ProjectMembership.objects.filter(project=row.project, user=user).first()
        _save_role(guest or ProjectMembership(project=row.project, user=user), row.role)
        return
    member = Membership.objects.filter(team=row.team, user=user).first()
    if member is None or member.role < row.role:
        _save_role(member or Membership(team=row.team, user=user), row.role)


def _save_role(row: Membership | ProjectMembership, role: int) -> None:
    row.role = role
    row.save()


def _hold(place: Team | Project) -> tuple[Team, Project | None]:
    if isinstance(place, Team):
        return hold_team(place.pk), None
    project = hold_project(place)
    return project.team, project


def _held(row: Invitation) -> Invitation:
    """Lock an invitation, after its place. Raises InvitationOver if it is gone, MovedMeanwhile."""
    try:
        _hold(row.project or row.team)
        return _rows().select_for_update(of=("self",)).get(pk=row.pk)
    except (Team.DoesNotExist, Project.DoesNotExist, Invitation.DoesNotExist) as error:
        raise InvitationOver("what this invitation was for is gone") from error
    except MovedMeanwhile as error:
        raise InvitationOver("the project belongs to another team now; ask for another invitation") from error


def _rows() -> QuerySet[Invitation]:
    return Invitation.objects.select_related("team", "project__team", "user", "invited_by", "answered_by")


def _entitled(by: User, place: Team | Project, role: Role) -> bool:
    if isinstance(place, Team):
        mine, action = access.role_in_team(by, place), "team.members"
    else:
        mine, action = access.role_in(by, place), "project.members"
    return mine is not None and access.may(by, action, place) and mine >= role


def _refuse_unentitled(by: User, place: Team | Project, role: Role) -> None:
    action = "team.members" if isinstance(place, Team) else "project.members"
    if not access.may(by, action, place):
        raise NotYours("your role does not allow this any more")
    if not _entitled(by, place, role):
        raise RoleTooHigh(f"the role {role.label} is above your own; you cannot invite to it")


def _refuse_member(team: Team, project: Project | None, user: User | None, role: Role) -> None:
    if user is None:
        return
    if project is not None:
        in_team, here = roles_of(project, user)
        now = here or in_team
    else:
        given = Membership.objects.filter(team=team, user=user).values_list("role", flat=True).first()
        now = None if given is None else Role(given)
    if now is not None:
        raise AlreadyMember(f"{user.get_username()} is {now.label} here already; change the role instead")


def _end(row: Invitation, outcome: Outcome, user: User | None) -> None:
    row.outcome, row.answered_at, row.answered_by = outcome, timezone.now(), user
    row.save(update_fields=["outcome", "answered_at", "answered_by"])


def _record(act: Act, row: Invitation, *, by: User | None = None, **details: Detail) -> None:
    where = f"project:{row.project_id}" if row.project_id else f"team:{row.team_id}"
    whom: Detail = row.email or (row.user.get_username() if row.user else "")
    audit.record(
        act,
        subject=f"invitation:{row.public_id}",
        project_id=row.project_id,
        details={"in": where, "whom": whom, **details},
        by=by,
    )


def _send(row: Invitation, token: str) -> Sent:
    """Mail the link, or give it back to be shown. Outside of the transaction."""
    link, address = f"{settings.BASE_URL.rstrip('/')}/invitations/{token}", _address(row.email, row.user)
    if not row.is_mailed:
        return Sent(row=row, mail="off", link=link)
    name = row.project.name if row.project else row.team.name
    who = row.invited_by.get_username() if row.invited_by else "somebody"
    text = (
        f"{who} invites you to {name} on WrenchAI, as {Role(row.role).label}.\n\n"
        f"Accept or decline until {row.expires_at:%Y-%m-%d %H:%M} UTC:\n{link}\n\n"
        "If you do not know why, ignore this mail: nothing happens until you accept.\n"
    )
    taken = mail.send(address, f"Invitation to {name}", text)
    return Sent(row=row, mail="sent" if taken else "failed", link=None)


def _address(email: str, user: User | None) -> str:
    return email or (user.email if user is not None else "")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
