"""Who may do what, as data: roles in their order, and the least role that each action asks for.

Knows neither models nor HTTP. Invariant: an action that stands in none of the tables is refused to everybody.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import models


class Role(models.IntegerChoices):
    """What a person is in a team or a project. A greater role may do all that a lesser one may."""

    VIEWER = 10, "viewer"
    DEVELOPER = 20, "developer"
    MAINTAINER = 30, "maintainer"
    OWNER = 40, "owner"


ACTIONS: Mapping[str, Role] = {
    "project.view": Role.VIEWER,
    "project.edit": Role.MAINTAINER,
    "project.audit": Role.MAINTAINER,  # who did what there, with the addresses that they came from
    "project.members": Role.MAINTAINER,  # at most of their own role: members
    "project.leave": Role.VIEWER,
    "project.move": Role.OWNER,
    "project.delete": Role.OWNER,
    "plan.preview": Role.VIEWER,
    "run.view": Role.VIEWER,
    "run.submit": Role.DEVELOPER,
    "run.cancel": Role.DEVELOPER,
    "run.pause": Role.DEVELOPER,
    "run.message": Role.DEVELOPER,
    "run.prioritize": Role.MAINTAINER,
    "run.rerun": Role.DEVELOPER,
    "run.share": Role.DEVELOPER,  # by a link that asks for no account
    "run.delete": Role.MAINTAINER,
    "approval.view": Role.VIEWER,
    "approval.decide": Role.VIEWER,  # the question itself names the role that may answer: access.may_decide
    "upload.create": Role.DEVELOPER,
    "artifact.view": Role.VIEWER,
    "finding.view": Role.VIEWER,
    "finding.triage": Role.DEVELOPER,  # accept and reopen: what counts goes on counting, or counts again
    "finding.dismiss": Role.MAINTAINER,  # beside finding.triage: it takes a finding out of reports and gates
    "report.view": Role.VIEWER,
    "schedule.view": Role.VIEWER,
    "schedule.fire": Role.DEVELOPER,  # who may submit the same run by hand
    "schedule.manage": Role.MAINTAINER,
    "credential.view": Role.DEVELOPER,  # that there is one, of which kind; never its value
    "credential.manage": Role.MAINTAINER,
    "history.view": Role.MAINTAINER,
    "webhook.view": Role.MAINTAINER,  # URLs of receivers may hold their tokens
    "webhook.manage": Role.MAINTAINER,
}
"""Actions on a project or on what belongs to it, with the least role that may do them."""

TEAM_ACTIONS: Mapping[str, Role] = {
    "team.view": Role.VIEWER,
    "team.leave": Role.VIEWER,
    "team.edit": Role.MAINTAINER,
    "team.audit": Role.MAINTAINER,  # of its projects: as project.audit there
    "team.members": Role.MAINTAINER,  # at most of their own role: members
    "team.transfer": Role.OWNER,
    "team.delete": Role.OWNER,
    "project.create": Role.MAINTAINER,
}
"""Actions on a team itself, with the least role in the team that may do them."""

SIGNED_IN_ACTIONS = frozenset(
    {
        "advisory.view",  # how old the database of known vulnerabilities is
        "agent.view",
        "invitation.answer",
        "invitation.view",
        "key.manage",
        "key.view",
        "me.edit",
        "me.view",
        "queue.view",  # how much waits and for how long, never whose
        "schedule.preview",
        "schema.view",
        "session.revoke",
        "session.view",
        "stream.ticket",
        "team.create",  # the setting WRENCH_TEAMS_BY may leave it to staff: teams.create
    }
)
"""Actions that everybody who is signed in may do."""

STAFF_ACTIONS = frozenset({"audit.view", "history.all", "queue.manage", "worker.view"})
"""Actions on the whole installation that staff may do, whatever their roles."""

OPEN_ACTIONS = frozenset({"health.view", "token.obtain", "token.refresh", "token.revoke"})
"""Actions that ask for no identity at all."""


AUDITED_ACTIONS = frozenset({"report.view"})
"""Actions that take something out without changing anything: who does them is recorded all the same."""


def is_known(action: str) -> bool:
    """Tell whether an action stands in one of the tables."""
    return any(
        action in table for table in (ACTIONS, TEAM_ACTIONS, SIGNED_IN_ACTIONS, STAFF_ACTIONS, OPEN_ACTIONS)
    )
