"""Who may do what: the table against every role, and the ways around it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from accounts import access
from accounts.models import Membership, Project, ProjectMembership, User
from accounts.roles import ACTIONS, OPEN_ACTIONS, SIGNED_IN_ACTIONS, TEAM_ACTIONS, Role
from accounts.signals import role_lost
from tests.api.cast import Cast


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_may_allows_exactly_the_least_role_and_above(cast: Cast, action: str, role: Role) -> None:
    Membership.objects.filter(user=cast.bob).update(role=role)
    expected = role >= ACTIONS[action]
    assert access.may(cast.bob, action, cast.project) == expected
    assert access.projects_for(cast.bob, action).filter(pk=cast.project.pk).exists() == expected


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", sorted(TEAM_ACTIONS))
def test_team_asks_for_the_least_role_and_above(cast: Cast, action: str, role: Role) -> None:
    team = cast.project.team
    Membership.objects.filter(user=cast.bob).update(role=role)
    expected = role >= TEAM_ACTIONS[action]
    assert access.may(cast.bob, action, team) == expected
    assert list(access.teams_for(cast.bob, action)) == ([team] if expected else [])
    assert not access.may(cast.charlie, action, team)
    assert not access.may(cast.bob, action, cast.project)  # a project is no team


def test_guest_of_a_project_is_a_stranger_to_its_team(cast: Cast) -> None:
    ProjectMembership.objects.create(user=cast.charlie, project=cast.project, role=Role.OWNER)
    assert access.role_in_team(cast.charlie, cast.project.team) is None
    assert list(access.teams_for(cast.charlie, "team.view")) == [cast.other.team]


@pytest.mark.parametrize("action", [*sorted(ACTIONS), "run.explode", ""])
def test_may_refuses_strangers_and_unknown_actions(cast: Cast, action: str) -> None:
    assert not access.may(cast.charlie, action, cast.project)
    assert not access.may(AnonymousUser(), action, cast.project)
    assert not access.projects_for(AnonymousUser(), action).exists()


def test_may_refuses_the_inactive(cast: Cast) -> None:
    cast.alice.is_active = False
    assert not access.may(cast.alice, "run.view", cast.project)
    assert not access.visible_projects(cast.alice).exists()


def test_project_role_takes_the_place_of_the_teams(cast: Cast) -> None:
    ProjectMembership.objects.create(user=cast.alice, project=cast.project, role=Role.VIEWER)
    ProjectMembership.objects.create(user=cast.charlie, project=cast.project, role=Role.DEVELOPER)
    assert access.role_in(cast.alice, cast.project) == Role.VIEWER
    assert not access.projects_for(cast.alice, "run.submit").exists()
    assert access.may(cast.charlie, "run.submit", cast.project)
    assert list(access.visible_projects(cast.charlie).order_by("pk")) == [cast.project, cast.other]


def test_superuser_owns_and_staff_views_everything(cast: Cast) -> None:
    root = User.objects.create_user("root", is_superuser=True)
    staff = User.objects.create_user("staff", is_staff=True)
    assert access.role_in(root, cast.project) == Role.OWNER
    assert access.role_in(staff, cast.project) == Role.VIEWER
    assert access.projects_for(root, "project.members").count() == Project.objects.count()
    assert access.projects_for(staff, "run.view").count() == Project.objects.count()
    assert not access.projects_for(staff, "run.submit").exists()


@pytest.mark.parametrize("asked", [*(role.label for role in Role), "Owner", "emperor", ""])
@pytest.mark.parametrize("mine", list(Role))
def test_may_decide_takes_the_asked_role_or_above(cast: Cast, mine: Role, asked: str) -> None:
    Membership.objects.filter(user=cast.bob).update(role=mine)
    least = {role.label: role for role in Role}.get(asked)
    expected = least is not None and mine >= least
    assert access.may_decide(cast.bob, cast.project, role=asked) == expected


def test_may_decide_takes_a_name_and_the_role_where_people_are_named(cast: Cast) -> None:
    def may(user: User | AnonymousUser, *users: str, role: str = "developer") -> bool:
        return access.may_decide(user, cast.project, role=role, users=users)

    cast.bob.email = "Bob@Example.org"
    cast.charlie.email = "charlie@example.org"
    root = User.objects.create_user("root", "root@example.org", is_superuser=True)
    assert may(cast.bob, "someone@example.org", "bob@example.ORG")
    assert not may(cast.bob, "bob@example.org", role="maintainer")  # named, without the role
    assert not may(root, "bob@example.org")  # an owner everywhere, and not named
    assert not may(cast.charlie, "charlie@example.org")  # named, and a stranger
    assert not may(cast.alice, "")  # has no address, which names nobody
    assert not may(AnonymousUser(), "")
    assert not may(AnonymousUser())
    cast.bob.is_active = False
    assert not may(cast.bob, "bob@example.org")


def test_may_decide_of_staff_is_that_of_a_viewer(cast: Cast) -> None:
    staff = User.objects.create_user("staff", is_staff=True)
    assert access.may_decide(staff, cast.project, role="viewer")
    assert not access.may_decide(staff, cast.project, role="developer")


def test_action_tables_do_not_overlap() -> None:
    tables = (set(ACTIONS), set(TEAM_ACTIONS), SIGNED_IN_ACTIONS, OPEN_ACTIONS)
    assert len(set().union(*tables)) == sum(len(table) for table in tables)


def test_email_is_unique_unless_blank(cast: Cast) -> None:
    User.objects.create_user("one", email="Ada@example.org")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("two", email="ada@example.org")
    assert User.objects.filter(email="").count() == 4


@pytest.mark.django_db(transaction=True)
def test_role_lost_is_told_after_the_commit_of_what_takes_away() -> None:
    from tests.api.cast import make_cast

    cast = make_cast()
    told: list[int] = []

    def hear(sender: object, user_id: int, **_: object) -> None:
        told.append(user_id)

    role_lost.connect(hear)
    try:
        with transaction.atomic():
            Membership.objects.get(user=cast.vera).delete()
            assert told == []
        assert told == [cast.vera.pk]
        lowered = Membership.objects.get(user=cast.bob)
        lowered.role = Role.VIEWER
        lowered.save()
        cast.alice.is_active = False
        cast.alice.save()
        assert told == [cast.vera.pk, cast.bob.pk, cast.alice.pk]
    finally:
        role_lost.disconnect(hear)
