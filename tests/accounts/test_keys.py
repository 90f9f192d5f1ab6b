"""API keys: written, stored, recognized, rotated; and that none does more than its owner or its bounds."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from accounts import access, key_text, keys
from accounts.bounds import GRANTABLE, SCOPES, actions_of
from accounts.models import ApiKey, Membership, Project, User
from accounts.roles import ACTIONS, STAFF_ACTIONS, TEAM_ACTIONS, Role
from tests.api.cast import Cast, make_cast

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def make(
    owner: User, *scopes: str, projects: Sequence[Project] | None = None, life: timedelta = 30 * DAY
) -> keys.MintedKey:
    wanted = scopes or ("*.view",)
    return keys.create(owner, "ci", scopes=wanted, projects=projects, expires_at=NOW + life, now=NOW)


def known(minted: keys.MintedKey, now: datetime = NOW) -> User:
    return keys.recognize(minted.text, now=now).owner


def test_key_has_its_form_and_is_nowhere_in_its_row(cast: Cast) -> None:
    minted = make(cast.bob)
    assert key_text.SHAPE.match(minted.text)
    assert minted.text.startswith(f"wr_{minted.row.prefix}_")
    with connection.cursor() as cursor:
        cursor.execute("SELECT accounts_apikey::text FROM accounts_apikey")
        (stored,) = cursor.fetchone()
    assert minted.text not in stored
    assert minted.text.split("_")[2][:20] not in stored


@pytest.mark.parametrize("place", [0, 3, 14, 16, 40, -7, -1])
def test_typo_is_told_without_the_database(cast: Cast, place: int, django_assert_num_queries: Any) -> None:
    text = make(cast.bob).text
    wrong = "b" if text[place] != "b" else "c"
    changed = text[:place] + wrong + (text[place + 1 :] if place != -1 else "")
    with django_assert_num_queries(0), pytest.raises(keys.KeyMistyped):
        keys.recognize(changed, now=NOW)


@pytest.mark.parametrize("text", ["", "wr_", "wr_x_y", "wr_" + "ü" * 62, "wr_" + "a" * 10_000, "wr_\0"])
def test_what_is_no_key_is_mistyped(text: str) -> None:
    with pytest.raises(keys.KeyMistyped):
        key_text.prefix_of(text)


def test_right_prefix_with_another_secret_is_unknown(cast: Cast) -> None:
    minted, other = make(cast.bob), key_text.mint()
    body = f"wr_{minted.row.prefix}_{other.split('_')[2][:-6]}"
    with pytest.raises(keys.KeyUnknown):
        keys.recognize(body + key_text.checksum(body), now=NOW)


def test_key_ends_with_its_time_its_owner_and_its_revocation(cast: Cast) -> None:
    minted = make(cast.bob, life=DAY)
    assert known(minted, NOW + DAY - timedelta(seconds=1)) == cast.bob
    with pytest.raises(keys.KeyNotLive, match="expired"):
        known(minted, NOW + DAY)
    User.objects.filter(pk=cast.bob.pk).update(is_active=False)
    with pytest.raises(keys.KeyNotLive, match="owner"):
        known(minted)
    User.objects.filter(pk=cast.bob.pk).update(is_active=True)
    assert keys.revoke(minted.row, now=NOW)
    assert not keys.revoke(minted.row, now=NOW)
    with pytest.raises(keys.KeyNotLive, match="revoked"):
        known(minted)


def test_last_use_is_written_once_a_minute(cast: Cast, django_assert_num_queries: Any) -> None:
    minted = make(cast.bob)
    with django_assert_num_queries(2):
        known(minted, NOW)
    with django_assert_num_queries(1):
        known(minted, NOW + timedelta(seconds=59))
    assert ApiKey.objects.get().last_used_at == NOW
    known(minted, NOW + timedelta(seconds=60))
    assert ApiKey.objects.get().last_used_at == NOW + timedelta(seconds=60)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("scope", SCOPES)
def test_key_does_what_scope_and_role_allow_together(cast: Cast, scope: str, role: Role) -> None:
    bound, free = make(cast.bob, scope, projects=[cast.project]), make(cast.bob, scope)
    Membership.objects.filter(user=cast.bob).update(role=role)
    Membership.objects.create(user=cast.bob, team=cast.other.team, role=role)
    for minted, reaches_other in ((bound, False), (free, True)):
        user = known(minted)
        for action in GRANTABLE:
            allowed = action in actions_of([scope])
            if action in TEAM_ACTIONS:
                expected = allowed and role >= TEAM_ACTIONS[action] and reaches_other  # the free key
                assert access.may(user, action, cast.project.team) == expected
                assert set(access.teams_for(user, action)) == (
                    {cast.project.team, cast.other.team} if expected else set()
                )
                continue
            if action not in ACTIONS:
                assert access.may(user, action) == (allowed and action not in STAFF_ACTIONS)
                continue
            expected = allowed and role >= ACTIONS[action]
            assert access.may(user, action, cast.project) == expected
            assert access.may(user, action, cast.other) == (expected and reaches_other)
            seen = {cast.project, cast.other} if reaches_other else {cast.project}
            assert set(access.projects_for(user, action)) == (seen if expected else set())


@pytest.mark.parametrize("flags", [{"is_superuser": True}, {"is_staff": True}])
def test_bounds_hold_those_who_may_everything(cast: Cast, flags: dict[str, bool]) -> None:
    mighty = User.objects.create_user("mighty", **flags)
    user = known(make(mighty, "run.view", projects=[cast.project]))
    assert access.may(user, "run.view", cast.project)
    assert not access.may(user, "run.submit", cast.project)
    assert not access.may(user, "run.view", cast.other)
    assert list(access.projects_for(user, "run.view")) == [cast.project]


def test_key_without_the_scope_decides_nothing(cast: Cast) -> None:
    assert not access.may_decide(known(make(cast.alice, "*.view")), cast.project, role="viewer")
    decider = known(make(cast.alice, "approval.decide", projects=[cast.project]))
    assert access.may_decide(decider, cast.project, role="owner")
    assert not access.may_decide(decider, cast.other, role="viewer")


def test_bound_key_whose_project_is_gone_reaches_none(cast: Cast) -> None:
    minted = make(cast.bob, projects=[cast.project])
    cast.project.delete()
    Project.objects.create(team=Membership.objects.get(user=cast.bob).team, name="New", slug="new")
    assert not access.visible_projects(known(minted)).exists()


@pytest.mark.parametrize("scope", SCOPES)
def test_only_the_scope_of_key_management_makes_keys(scope: str) -> None:
    assert ("key.manage" in actions_of([scope])) == (scope == "key.manage")


def test_key_makes_and_renews_no_wider_key(cast: Cast) -> None:
    wide = make(cast.bob, "run.submit")
    manager = known(make(cast.bob, "key.manage", "run.view", projects=[cast.project]))
    for scopes, projects in (("run.submit", [cast.project]), ("run.view", None), ("run.view", [cast.other])):
        with pytest.raises(keys.KeyTooWide):
            make(manager, scopes, projects=projects)
    with pytest.raises(keys.KeyTooWide):
        keys.rotate(manager, wide.row, overlap=DAY, expires_at=NOW + DAY, now=NOW)
    assert make(manager, "run.view", projects=[cast.project]).row.owner == cast.bob
    assert ApiKey.objects.count() == 3


def test_rotation_overlaps_until_the_chosen_time(cast: Cast) -> None:
    old = make(cast.bob, "run.submit", projects=[cast.project])
    new = keys.rotate(cast.bob, old.row, overlap=DAY, expires_at=NOW + 60 * DAY, now=NOW)
    assert new.text != old.text
    later = NOW + DAY - timedelta(seconds=1)
    assert known(old, later) == known(new, later) == cast.bob
    assert new.row.bounds().hold(old.row.bounds())
    assert old.row.bounds().hold(new.row.bounds())
    assert known(new, NOW + DAY) == cast.bob
    with pytest.raises(keys.KeyNotLive):
        known(old, NOW + DAY)


def test_rotation_lengthens_no_old_key_and_happens_once(cast: Cast) -> None:
    old = make(cast.bob, life=timedelta(hours=1))
    new = keys.rotate(cast.bob, old.row, overlap=DAY, expires_at=NOW + DAY, now=NOW)
    assert ApiKey.objects.get(pk=old.row.pk).expires_at == NOW + timedelta(hours=1)
    with pytest.raises(keys.KeyNotLive, match="successor"):
        keys.rotate(cast.bob, old.row, overlap=DAY, expires_at=NOW + DAY, now=NOW)
    keys.revoke(new.row, now=NOW)
    with pytest.raises(keys.KeyNotLive, match="revoked"):
        keys.rotate(cast.bob, new.row, overlap=DAY, expires_at=NOW + DAY, now=NOW)


def test_peppers_rotate_by_use(cast: Cast, settings: Any) -> None:
    minted = make(cast.bob)
    settings.API_KEY_PEPPERS = {"b": "b" * 32, "a": "a" * 32}
    assert known(minted) == cast.bob
    assert ApiKey.objects.get().pepper == "b"
    settings.API_KEY_PEPPERS = {"c": "c" * 32, "b": "b" * 32}
    settings.SECRET_KEY = "another"
    assert known(minted) == cast.bob
    assert ApiKey.objects.get().pepper == "c"
    settings.API_KEY_PEPPERS = {}
    with pytest.raises(keys.KeyUnknown):
        known(minted)


@pytest.mark.django_db(transaction=True)
def test_keys_made_at_once_are_counted_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MOST_LIVE", 3)
    bob = make_cast().bob
    together = Barrier(4)

    def one(_: int) -> bool:
        together.wait(10)
        try:
            make(bob)
        except keys.TooManyKeys:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(4))) == [False, True, True, True]
    assert ApiKey.objects.count() == 3
