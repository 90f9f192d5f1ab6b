"""Versions go when they are old, but for the newest of what is still there; and nothing else goes."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.utils import timezone
from pytest_django import Settings

from history import retention
from tasks.models import LimitRule
from tests.api.cast import Cast
from tests.history.rows import counts, labels, rows_of, tracked_of


def age(row: Any, days: list[float], pk: Any = None) -> None:
    """Make the versions of a row, oldest first, so many days old: past the trigger that refuses it."""
    table = tracked_of(type(row)).versions._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for version, old in zip(rows_of(row, pk), days, strict=True):
            at = timezone.now() - timedelta(days=old)
            cursor.execute(f"UPDATE {table} SET pgh_created_at = %s WHERE pgh_id = %s", [at, version.pgh_id])
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.fixture
def row(cast: Cast) -> LimitRule:
    made = LimitRule.objects.create(name="few", most=1)
    for most in (2, 3):
        LimitRule.objects.filter(pk=made.pk).update(most=most)
    return made


def prune() -> dict[str, int]:
    said = io.StringIO()
    call_command("prune_history", json=True, stdout=said)
    told: dict[str, int] = json.loads(said.getvalue())["counts"]
    return told


def test_old_versions_go_and_the_newest_stays(row: LimitRule) -> None:
    age(row, [900, 500, 450])
    before = counts()
    said = io.StringIO()
    call_command("prune_history", dry_run=True, json=True, stdout=said)
    assert json.loads(said.getvalue()) == {"dry_run": True, "counts": {"tasks.LimitRuleVersion": 2}}
    assert counts() == before
    assert prune() == {"tasks.LimitRuleVersion": 2}
    assert [version.most for version in rows_of(row)] == [3]
    assert counts() == {**before, "tasks.limitrule": 1}
    assert prune() == {}


def test_what_is_younger_stays(row: LimitRule) -> None:
    age(row, [400.5, 399.5, 1])
    assert prune() == {"tasks.LimitRuleVersion": 1}
    assert [version.most for version in rows_of(row)] == [2, 3]


def test_deleted_row_goes_wholly(row: LimitRule) -> None:
    pk = row.pk
    row.delete()
    age(row, [900, 800, 700, 401], pk)
    assert prune() == {"tasks.LimitRuleVersion": 4}
    assert labels(row, pk) == []


def test_setting_says_how_long(row: LimitRule, settings: Settings) -> None:
    age(row, [30, 20, 10])
    settings.HISTORY_DAYS = 0
    assert prune() == {}
    settings.HISTORY_DAYS = 15
    assert prune() == {"tasks.LimitRuleVersion": 2}


def test_large_heap_goes_in_portions(row: LimitRule) -> None:
    age(row, [900, 800, 700])
    tracked = tracked_of(LimitRule)
    assert [retention.prune_some(tracked, most=1) for _ in range(3)] == [1, 1, 0]


def test_versions_are_protected_again_after_pruning(row: LimitRule) -> None:
    age(row, [900, 800, 700])
    prune()
    with pytest.raises(DatabaseError, match="Cannot update or delete"):
        rows_of(row)[0].delete()


def test_command_tells_people(row: LimitRule) -> None:
    age(row, [900, 800, 700])
    said = io.StringIO()
    call_command("prune_history", stdout=said)
    told = "Versions are kept for 400 days. Deleted: 2 tasks.LimitRuleVersion"
    assert said.getvalue().split() == told.split()
    said = io.StringIO()
    call_command("prune_history", stdout=said)
    assert said.getvalue().endswith("Deleted:\n  nothing\n")
