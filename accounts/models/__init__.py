"""The rows of `accounts`, one file per noun.

audit       AuditRecord
credentials DataKey, Credential
entries     EntryLink
invitations Invitation
keys        ApiKey
links       KeyProject, UserGroup, UserPermission, PermissionGroup, GroupPermission: tables that Django made
people      User, Team, Membership, Project, ProjectMembership
rates       RateRule
sessions    DeviceSession, RefreshToken
"""

from __future__ import annotations

from accounts.models.audit import AuditRecord
from accounts.models.credentials import Credential, DataKey
from accounts.models.entries import EntryLink
from accounts.models.invitations import Invitation, Outcome
from accounts.models.keys import ApiKey
from accounts.models.links import GroupPermission, KeyProject, PermissionGroup, UserGroup, UserPermission
from accounts.models.people import Membership, Project, ProjectMembership, Team, User
from accounts.models.rates import RateRule
from accounts.models.sessions import DeviceSession, EndedBecause, RefreshToken, SessionKind

__all__ = [
    "ApiKey",
    "AuditRecord",
    "Credential",
    "DataKey",
    "DeviceSession",
    "EndedBecause",
    "EntryLink",
    "GroupPermission",
    "Invitation",
    "KeyProject",
    "Membership",
    "Outcome",
    "PermissionGroup",
    "Project",
    "ProjectMembership",
    "RateRule",
    "RefreshToken",
    "SessionKind",
    "Team",
    "User",
    "UserGroup",
    "UserPermission",
]
