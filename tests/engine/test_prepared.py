"""Statements that PostgreSQL plans once per connection: known again after a rollback, a reconnect, a minute."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from tasks import database
from tasks.database import Prepared, execute

pytestmark = [pytest.mark.django_db(transaction=True)]

ADD = Prepared(
    name="test_add",
    text="SELECT %(left)s + %(right)s + %(left)s",
    types={"right": "integer", "left": "integer"},
)
NOTE = Prepared(
    name="test_note",
    text="SELECT set_config('test.note', %(note)s, true)",
    types={"note": "text"},
)


def add(left: int, right: int) -> int:
    with connection.cursor() as cursor:
        execute(cursor, {"left": left, "right": right, "unused": 0}, ADD)
        return int(cursor.fetchone()[0])


def plans() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE 'test_%' ORDER BY name")
        return [row[0] for row in cursor.fetchall()]


@pytest.fixture(autouse=True)
def fresh_connection() -> None:
    connection.close()


def test_statement_is_planned_once_per_connection() -> None:
    assert (add(1, 2), add(3, 4)) == (4, 10)
    first = plans()
    assert len(first) == 1
    connection.close()
    assert add(5, 6) == 16
    assert plans() != first


def test_statement_is_known_after_a_rollback() -> None:
    with transaction.atomic():
        assert add(1, 2) == 4
        transaction.set_rollback(True)
    assert add(1, 2) == 4
    assert len(plans()) == 1


def test_statement_is_planned_anew_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    add(1, 2)
    first = plans()
    monkeypatch.setattr(database, "REPLAN_SECONDS", 0.0)
    assert add(1, 2) == 4
    assert len(plans()) == 1
    assert plans() != first


def test_statement_that_a_signal_left_unnoted_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal came between PostgreSQL's having the plan and our noting it."""
    add(1, 2)
    database._plans[connection.connection].clear()
    assert add(1, 2) == 4


def test_several_are_one_round_trip_and_the_last_one_answers() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        execute(cursor, {"note": "heard", "left": 1, "right": 1}, NOTE, ADD)
        assert cursor.fetchone()[0] == 3
        cursor.execute("SELECT current_setting('test.note')")
        assert cursor.fetchone()[0] == "heard"


def test_nothing_is_kept_where_a_pooler_changes_connections(settings) -> None:
    settings.PREPARE = False
    assert add(1, 2) == 4
    assert plans() == []
