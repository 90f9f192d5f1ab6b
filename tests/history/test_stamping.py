"""Stamps reach PostgreSQL with each tracked write, whatever form it has, and touch nothing else."""

from __future__ import annotations

import time

import pytest
from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from accounts.models import Team
from history import origins, stamping
from history.origins import Origin
from tests.api.cast import Cast
from tests.history.rows import rows_of, stamps

BY_ALICE = {"through": "rest", "by": "alice"}


@pytest.mark.parametrize(
    "sql",
    [
        'INSERT INTO "accounts_team" ("name") VALUES (%s)',
        'UPDATE "accounts_team" SET "name" = %s',
        "update only accounts_team set name = 'x'",
        'DELETE FROM "accounts_team" WHERE 1 = 1',
        "WITH gone AS (SELECT 1) UPDATE accounts_team SET name = 'x'",
        "SET x = 1; DELETE FROM accounts_user_groups",
        "MERGE INTO accounts_team USING x ON true WHEN MATCHED THEN DELETE",
    ],
)
def test_tracked_write_is_recognized(sql: str) -> None:
    assert stamping.is_tracked_write(sql)


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT "accounts_team"."name" FROM "accounts_team" FOR UPDATE OF "accounts_team"',
        'UPDATE "tasks_step" SET "state" = %s',
        "INSERT INTO accounts_teamversion (name) VALUES ('x')",
        'DELETE FROM "accounts_devicesession"',
        "EXECUTE claim_7 (1)",
        "INSERT INTO tasks_run SELECT * FROM accounts_team",
    ],
)
def test_other_statement_is_left_alone(sql: str) -> None:
    assert not stamping.is_tracked_write(sql)


@pytest.fixture
def team(cast: Cast) -> Team:
    return cast.project.team


def test_percent_signs_and_quotes_go_through(team: Team) -> None:
    with origins.during(lambda: Origin(through="rest", by="a'b%s\"%%\\é")), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_team SET name = '100%' WHERE slug LIKE 'ali%'")
        cursor.execute("UPDATE accounts_team SET name = %s WHERE slug LIKE 'ali%%'", ["50%"])
        cursor.execute("UPDATE accounts_team SET name = %(n)s WHERE slug LIKE 'ali%%'", {"n": "%s"})
        cursor.execute(b"UPDATE accounts_team SET name = 'bytes' WHERE slug = 'alice'")
        assert cursor.rowcount == 1
    assert [row.name for row in rows_of(team)] == ["Alice's team", "100%", "50%", "%s", "bytes"]
    assert {stamp["by"] for stamp in stamps(team)[1:]} == {"a'b%s\"%%\\é"}


def test_executemany_and_expressions_are_stamped(team: Team) -> None:
    with origins.during(lambda: Origin(**BY_ALICE)):
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE accounts_team SET name = %s WHERE id = %s", [("a", team.pk), ("b", team.pk)]
            )
        Team.objects.filter(pk=team.pk).update(name=Concat(F("name"), Value("%")))
    assert [row.name for row in rows_of(team)][1:] == ["a", "b", "b%"]
    assert stamps(team)[1:] == [BY_ALICE] * 3


@pytest.mark.django_db(transaction=True)
def test_stamp_ends_with_its_statement_when_there_is_no_transaction() -> None:
    team = Team.objects.create(name="a", slug="a")
    with origins.during(lambda: Origin(**BY_ALICE)):
        team.name = "b"
        team.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('pghistory.context_metadata', true), '')")
        assert cursor.fetchone()[0] == ""
    assert stamps(team)[-1] == BY_ALICE


@pytest.mark.django_db(transaction=True)
def test_savepoint_that_is_rolled_back_takes_no_stamp_with_it() -> None:
    team = Team.objects.create(name="a", slug="a")
    with transaction.atomic(), origins.during(lambda: Origin(**BY_ALICE)):
        with pytest.raises(ValueError, match="no"), transaction.atomic():
            Team.objects.filter(pk=team.pk).update(name="never")
            raise ValueError("no")
        Team.objects.filter(pk=team.pk).update(name="b")
    assert [row.name for row in rows_of(team)] == ["a", "b"]
    assert stamps(team)[-1] == BY_ALICE


@pytest.mark.django_db(transaction=True)
def test_fresh_connection_is_stamped_on_once() -> None:
    connection.close()
    connection.ensure_connection()
    connection.close()
    connection.ensure_connection()
    assert connection.execute_wrappers.count(stamping._stamp) == 1
    assert connection.execute_wrappers[0] is stamping._stamp


def test_statement_of_the_engine_costs_microseconds() -> None:
    sql = 'UPDATE "tasks_step" SET "state" = %s, ' + ", ".join(f'"column_{n}" = %s' for n in range(60))
    rounds = []
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(100):
            stamping.is_tracked_write(sql)
        rounds.append((time.perf_counter() - began) / 100)
    assert min(rounds) < 30e-6  # the quickest: others work on this machine, too
