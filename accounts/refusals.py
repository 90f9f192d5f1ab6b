"""What is refused about teams, members, invitations and projects. Each message says why, and what to do instead.

TeamRefused
├── RoleTooHigh      it would give, or touch, a role above the caller's own
├── LastOwner        a team would be left without an owner
├── NotMember        the person has no role there that could be changed
├── AlreadyMember    the person has a role there already
├── NotYours         the invitation, or the act, is for somebody else
├── NameTaken        the slug is in use
├── TooMany          as many as there may be
├── RoleFromTeam     the role comes from the team, and is changed there
├── MovedMeanwhile   the project changed its team in this moment
├── StillInUse       runs are not over, or other rows keep it
└── InvitationOver   it was answered, revoked, has expired, or its inviter may no longer invite
"""

from __future__ import annotations


class TeamRefused(Exception):
    """The base of all these."""


class RoleTooHigh(TeamRefused):
    """It would give, or touch, a role above the caller's own."""


class LastOwner(TeamRefused):
    """A team would be left without an owner."""


class NotMember(TeamRefused):
    """The person has no role there that could be changed."""


class AlreadyMember(TeamRefused):
    """The person has a role there already."""


class NotYours(TeamRefused):
    """The invitation, or the act, is for somebody else."""


class NameTaken(TeamRefused):
    """The slug is in use."""


class TooMany(TeamRefused):
    """As many as there may be."""


class RoleFromTeam(TeamRefused):
    """The role comes from the team, and is changed there."""


class MovedMeanwhile(TeamRefused):
    """The project changed its team in this moment."""


class StillInUse(TeamRefused):
    """Runs are not over, or other rows keep it."""


class InvitationOver(TeamRefused):
    """It was answered, revoked, has expired, or its inviter may no longer invite."""
