"""What a program's key is held to: actions and projects, beside what its owner may do.

A key carries scopes. A scope is the name of an action, or `*.view` for all that only reads in projects. There is no
scope for everything: a key would silently gain each action that is added later. Knows neither models nor HTTP.
Invariant: bounds only ever take away; `access` asks for the owner's role as well, at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from accounts.roles import ACTIONS, SIGNED_IN_ACTIONS, STAFF_ACTIONS, TEAM_ACTIONS

READ_ALL = "*.view"
GRANTABLE = frozenset({*ACTIONS, *TEAM_ACTIONS, *SIGNED_IN_ACTIONS, *STAFF_ACTIONS})
SCOPES = (READ_ALL, *sorted(GRANTABLE))
"""What a key can be given."""

ANSWERED_WITH: Mapping[str, str] = {
    "run.cancel": "run.view",
    "run.pause": "run.view",
    "run.prioritize": "run.view",
    "run.rerun": "run.view",
    "approval.decide": "approval.view",
    "finding.triage": "finding.view",
    "schedule.fire": "schedule.view",
    "schedule.manage": "schedule.view",
    "queue.manage": "queue.view",
    "credential.manage": "credential.view",
    "key.manage": "key.view",
}
"""Actions on a thing that is there, whose answer shows that thing: the scope brings the reading with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a key may do at most. `project_ids` None: in every project of its owner."""

    key: UUID
    actions: frozenset[str]
    project_ids: frozenset[int] | None

    def allow(self, action: str) -> bool:
        """Tell whether the scopes hold this action."""
        return action in self.actions

    def reach(self, project_id: int) -> bool:
        """Tell whether the key goes as far as this project."""
        return self.project_ids is None or project_id in self.project_ids

    def hold(self, other: Bounds) -> bool:
        """Tell whether `other` may do nothing that these bounds refuse."""
        if not other.actions <= self.actions:
            return False
        if self.project_ids is None:
            return True
        return other.project_ids is not None and other.project_ids <= self.project_ids


def actions_of(scopes: Iterable[str]) -> frozenset[str]:
    """Give the actions that scopes stand for. A scope that is unknown (any more) stands for none.

    Every scope on a project brings `project.view`: who may act in a project knows its name. So it is with
    teams and `team.view`. Every scope brings `me.view`: a program may ask who it is.
    """
    given: set[str] = set()
    for scope in scopes:
        if scope == READ_ALL:
            given |= {action for action in GRANTABLE - STAFF_ACTIONS if action.endswith(".view")}
        elif scope in GRANTABLE:
            given |= {scope, ANSWERED_WITH.get(scope, scope)}
    if any(action in ACTIONS for action in given):
        given.add("project.view")
    if any(action in TEAM_ACTIONS for action in given):
        given.add("team.view")
    if given:
        given.add("me.view")
    return frozenset(given)
