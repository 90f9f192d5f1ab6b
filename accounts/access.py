"""The one place where access is decided: what a person sees, and what a person may do.

Deny by default: no membership, no role; an action outside of the tables is nobody's. A superuser is an owner
everywhere; staff are viewers everywhere (they run the admin pages), more only by membership. A role given
for one project takes the place of the team's role there. Who comes with an API key (`User.bounds`) may do what the
key's scopes hold, in the projects that it is bound to, and nothing that the role does not allow. Such a key reaches
no team. Who is in a project only, as a guest, is a stranger to its team.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import BooleanField, F, Func, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from accounts.models import Membership, Project, Team, User
from accounts.roles import (
    ACTIONS,
    OPEN_ACTIONS,
    SIGNED_IN_ACTIONS,
    STAFF_ACTIONS,
    TEAM_ACTIONS,
    Role,
    is_known,
)

__all__ = [
    "ACTIONS",
    "OPEN_ACTIONS",
    "SIGNED_IN_ACTIONS",
    "STAFF_ACTIONS",
    "TEAM_ACTIONS",
    "Rights",
    "Role",
    "decides_as",
    "in_scope",
    "is_known",
    "may",
    "may_decide",
    "projects_for",
    "rights_in",
    "role_by",
    "role_in",
    "role_in_team",
    "teams_for",
    "visible_projects",
]

Person = User | AnonymousUser

# Asked twice for most requests. As two queries of the ORM, each sorted by four joined tables for the sake of
# Meta.ordering, it took ten times as long
_ROLE = """
SELECT coalesce(
    (SELECT role FROM accounts_projectmembership WHERE user_id = %(user)s AND project_id = %(project)s),
    (SELECT role FROM accounts_membership WHERE user_id = %(user)s AND team_id = %(team)s)
)
"""


_HAS_ROLE = """
({project} IN (SELECT project_id FROM accounts_projectmembership WHERE user_id = %s AND role >= %s)
 OR ({team} IN (SELECT team_id FROM accounts_membership WHERE user_id = %s AND role >= %s)
     AND {project} NOT IN (SELECT project_id FROM accounts_projectmembership WHERE user_id = %s)))
"""


class _HasRole(Func):
    """Whether a person is at least this in a project of the query.

    It stands in nearly every page and list, up to four times, and as queries of the ORM it took a millisecond and
    a half to be written each time.
    """

    output_field = BooleanField()

    def __init__(self, user_id: int, least: Role) -> None:
        super().__init__(F("pk"), F("team_id"))
        self._values = (user_id, int(least), user_id, int(least), user_id)

    def as_sql(self, compiler: SQLCompiler, connection: Any, **_: Any) -> tuple[str, tuple[int, ...]]:  # type: ignore[override]  # no template to choose
        project, team = (compiler.compile(column)[0] for column in self.source_expressions)
        return _HAS_ROLE.format(project=project, team=team), self._values


def visible_projects(user: Person) -> QuerySet[Project]:
    """Give the projects that this person may look at."""
    return projects_for(user, "project.view")


def projects_for(user: Person, action: str) -> QuerySet[Project]:
    """Give the projects in which this person may do `action`; none if the action is unknown."""
    least = ACTIONS.get(action)
    if least is None or not isinstance(user, User) or not user.is_active:
        return Project.objects.none()
    if user.bounds is None:
        return _by_role(user, least)
    if not user.bounds.allow(action):
        return Project.objects.none()
    found = _by_role(user, least)
    return found if user.bounds.project_ids is None else found.filter(pk__in=user.bounds.project_ids)


def _by_role(user: User, least: Role) -> QuerySet[Project]:
    if user.is_superuser or (user.is_staff and least <= Role.VIEWER):
        return Project.objects.all()
    return Project.objects.filter(_HasRole(user.pk, least))


def role_in(user: Person, project: Project) -> Role | None:
    """Tell what this person is in this project. None: a stranger, or a key that is bound to others."""
    if not isinstance(user, User) or not user.is_active:
        return None
    if user.bounds is not None and not user.bounds.reach(project.pk):
        return None
    if user.is_superuser:
        return Role.OWNER
    with connection.cursor() as cursor:
        cursor.execute(_ROLE, {"user": user.pk, "project": project.pk, "team": project.team_id})
        (given,) = cursor.fetchone()
    return role_by(user, given)


def teams_for(user: Person, action: str) -> QuerySet[Team]:
    """Give the teams in which this person may do `action`; none if that is no action on a team."""
    least = TEAM_ACTIONS.get(action)
    if least is None or not isinstance(user, User) or not user.is_active or not in_scope(user, action):
        return Team.objects.none()
    if user.bounds is not None and user.bounds.project_ids is not None:
        return Team.objects.none()
    if user.is_superuser or (user.is_staff and least <= Role.VIEWER):
        return Team.objects.all()
    mine = Membership.objects.filter(user_id=user.pk, role__gte=least)
    return Team.objects.filter(pk__in=mine.values("team"))


def role_in_team(user: Person, team: Team) -> Role | None:
    """Tell what this person is in this team. None: a stranger, a guest of a project, or a key bound to projects."""
    if not isinstance(user, User) or not user.is_active:
        return None
    if user.bounds is not None and user.bounds.project_ids is not None:
        return None
    if user.is_superuser:
        return Role.OWNER
    given = Membership.objects.filter(user_id=user.pk, team_id=team.pk).values_list("role", flat=True).first()
    return role_by(user, given)


def role_by(user: User, given: int | None) -> Role | None:
    """Tell what an account is where it was given this role, or none: the rule for whoever knows all roles already."""
    if not user.is_active:
        return None
    if user.is_superuser:
        return Role.OWNER
    if given is None:
        return Role.VIEWER if user.is_staff else None
    return Role(given)


def may(user: Person, action: str, place: Project | Team | None = None) -> bool:
    """Tell whether this person may do `action` (in a project or team, for actions that belong to one)."""
    if action in OPEN_ACTIONS:
        return True
    if not isinstance(user, User) or not user.is_active or not in_scope(user, action):
        return False
    if action in SIGNED_IN_ACTIONS:
        return True
    if action in STAFF_ACTIONS:
        return user.is_staff and (user.bounds is None or user.bounds.project_ids is None)
    if isinstance(place, Team):
        return _is_enough(role_in_team(user, place), TEAM_ACTIONS.get(action))
    return place is not None and _is_enough(role_in(user, place), ACTIONS.get(action))


def _is_enough(role: Role | None, least: Role | None) -> bool:
    return role is not None and least is not None and role >= least


@dataclass(frozen=True, slots=True)
class Rights:
    """What a person may do in a project, looked up once for a page that offers many things. Not to be kept."""

    person: Person
    role: Role | None

    def may(self, action: str) -> bool:
        """Tell the same as `may` of this module does of the person, the action and the project."""
        return _is_enough(self.role, ACTIONS.get(action)) and in_scope(self.person, action)


def rights_in(user: Person, project: Project) -> Rights:
    """Look up what this person may do in a project, in one query."""
    return Rights(user, role_in(user, project))


def in_scope(user: Person, action: str) -> bool:
    """Tell whether the key that the person came with, if any, has a scope for `action`."""
    return not isinstance(user, User) or user.bounds is None or user.bounds.allow(action)


def may_decide(user: Person, project: Project, *, role: str, users: Collection[str] = ()) -> bool:
    """Tell whether this person may answer a question that asks for `role` and, if any are named, for `users`.

    `role` is a name of `Role`; one that is unknown is nobody's. `users` are e-mail addresses, in any case.
    """
    return decides_as(role_in(user, project), user, role=role, users=users)


def decides_as(mine: Role | None, user: Person, *, role: str, users: Collection[str] = ()) -> bool:
    """Tell the same for whoever knows already what the person is in the project: lists ask once per project."""
    least = {known.label: known for known in Role}.get(role)
    if least is None or mine is None or mine < least or not isinstance(user, User):
        return False
    if not in_scope(user, "approval.decide"):
        return False
    named = {address.lower() for address in users if address}  # who has no address is named by nobody
    return not users or user.email.lower() in named
