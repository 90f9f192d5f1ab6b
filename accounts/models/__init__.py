"""The rows of `accounts`, one file per noun.

people      User, Team, Membership, Project, ProjectMembership
"""

from __future__ import annotations

from accounts.models.people import Membership, Project, ProjectMembership, Team, User

__all__ = ["Membership", "Project", "ProjectMembership", "Team", "User"]
