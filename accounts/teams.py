"""Teams: made, renamed, deleted. Their members are `members`' business, their projects `projects`'.

Invariant: a team is born with an owner. A slug is one whatever its case, and rate rules that name it follow.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Concat, Substr

from accounts import audit
from accounts.audit import Act, Detail
from accounts.limits.rules import Scope
from accounts.members import hold_team
from accounts.models import Membership, RateRule, Team, User
from accounts.refusals import NameTaken, NotYours, TooMany
from accounts.roles import Role

MOST_OWNED: Final = 50  # teams per owner who is no superuser: a program that makes teams in a loop is noticed


def may_create(user: User) -> bool:
    """Tell whether the installation lets this person make teams (the setting WRENCH_TEAMS_BY)."""
    return settings.TEAMS_BY == "anyone" or user.is_staff or user.is_superuser


def create(slug: str, name: str, *, by: User) -> Team:
    """Store a team and its first owner. Raises NotYours, TooMany, NameTaken."""
    if not may_create(by):
        raise NotYours("on this installation staff make the teams (WRENCH_TEAMS_BY=staff); ask them")
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=by.pk)  # teams made at once are counted one by one
        owned = Membership.objects.filter(user_id=by.pk, role=Role.OWNER).count()
        if owned >= MOST_OWNED and not by.is_superuser:
            raise TooMany(f"you own {owned} teams, the most there may be; delete or hand over one first")
        refuse_taken_team(slug)
        team = _saved(Team(slug=slug, name=name))
        audit.record(Act.TEAM_CREATED, subject=f"team:{team.pk}", details={"slug": slug, "name": name})
        Membership.objects.create(user_id=by.pk, team=team, role=Role.OWNER)
    return team


def edit(team: Team, *, slug: str | None = None, name: str | None = None) -> Team:
    """Change a team's name or slug. Raises NameTaken."""
    with transaction.atomic():
        held = hold_team(team.pk)
        was: dict[str, Detail] = {}
        if name is not None and name != held.name:
            was["name"], held.name = {"was": held.name, "is": name}, name
        if slug is not None and slug != held.slug:
            refuse_taken_team(slug, but=held)
            was["slug"] = {"was": held.slug, "is": slug}
            _rename_in_rules(held.slug, slug)
            held.slug = slug
        if was:
            _saved(held)
            audit.record(Act.TEAM_CHANGED, subject=f"team:{held.pk}", details={"changes": was})
    return held


def refuse_taken_team(slug: str, but: Team | None = None) -> None:
    """Let a slug pass that no other team has, in whatever case. Raises NameTaken."""
    taken = Team.objects.filter(slug__iexact=slug)
    if (taken if but is None else taken.exclude(pk=but.pk)).exists():
        raise NameTaken(f"there is a team {slug} already; choose another slug")


def rename_project_in_rules(old: str, new: str) -> None:
    """Let rate rules for a project, named team/slug, follow it."""
    RateRule.objects.filter(scope__in=(Scope.PROJECT, Scope.LLM), subject=old).update(subject=new)


def _rename_in_rules(old: str, new: str) -> None:
    of_team = RateRule.objects.filter(scope__in=(Scope.PROJECT, Scope.LLM), subject__startswith=f"{old}/")
    of_team.update(subject=Concat(Value(f"{new}/"), Substr("subject", len(old) + 2)))


def _saved(team: Team) -> Team:
    try:
        with transaction.atomic():
            team.save()
    except IntegrityError as error:  # somebody was faster
        raise NameTaken(f"there is a team {team.slug} already; choose another slug") from error
    return team
