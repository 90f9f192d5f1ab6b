"""The rows of `accounts`, one file per noun.

audit       AuditRecord
credentials DataKey, Credential
keys        ApiKey
people      User, Team, Membership, Project, ProjectMembership
sessions    DeviceSession, RefreshToken
rates       RateRule
"""

from __future__ import annotations

from accounts.models.audit import AuditRecord
from accounts.models.credentials import Credential, DataKey
from accounts.models.keys import ApiKey
from accounts.models.people import Membership, Project, ProjectMembership, Team, User
from accounts.models.sessions import DeviceSession, EndedBecause, RefreshToken, SessionKind

__all__ = [
    "DeviceSession",
    "EndedBecause",
    "Membership",
    "Project",
    "ProjectMembership",
    "RefreshToken",
    "SessionKind",
    "Team",
    "User",
]
from accounts.models.rates import RateRule

__all__ = ["Membership", "Project", "ProjectMembership", "RateRule", "Team", "User"]
__all__ = ["ApiKey", "Membership", "Project", "ProjectMembership", "Team", "User"]
__all__ = ["ApiKey", "AuditRecord", "Membership", "Project", "ProjectMembership", "Team", "User"]
    "ApiKey",
    "AuditRecord",
    "Credential",
    "DataKey",
    "Membership",
    "Project",
    "ProjectMembership",
    "Team",
    "User",
]
