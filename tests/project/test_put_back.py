"""What a committing test leaves is taken away as Django's own flush does it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import TransactionTestCase

from accounts.models import Project, Team
from tasks.models import Queue
from tests import put_back

pytestmark = pytest.mark.django_db(transaction=True)


def contents() -> dict[str, int]:
    """How many rows each table has that has any."""
    with connection.cursor() as cursor:
        found = {}
        for name in put_back._tables()[0]:
            cursor.execute(f'SELECT count(*) FROM "{name}"')
            found[name] = cursor.fetchone()[0]
    return {name: count for name, count in found.items() if count}


def test_what_a_test_left_is_gone_and_what_stood_there_is_back() -> None:
    case = TransactionTestCase()
    put_back._flush(case)
    flushed, queues = contents(), set(Queue.objects.values_list("name", "agent"))
    put_back._ground = None
    put_back._put_back(case)  # it remembers
    remembered = set(Queue.objects.values_list("pk", "name", "agent"))
    team = Team.objects.create(name="Alice's team", slug="alice")
    Project.objects.create(team=team, name="Shop", slug="shop")
    Queue.objects.all().delete()
    Permission.objects.filter(codename="add_team").update(name="changed")
    put_back._put_back(case)
    assert contents() == flushed
    assert set(Queue.objects.values_list("pk", "name", "agent")) == remembered
    assert {(name, agent) for _, name, agent in remembered} == queues
    assert Permission.objects.get(codename="add_team").name != "changed"
    Team.objects.create(name="Alice's team", slug="alice")  # the numbers that were given are not given again


def test_tables_that_have_grown_large_are_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    case = TransactionTestCase()
    put_back._put_back(case)
    Team.objects.bulk_create(Team(name="x" * 60, slug=f"t{number}") for number in range(2_000))
    before = put_back._tables()[1]
    monkeypatch.setattr(put_back, "MOST_BYTES", before - 1)
    put_back._put_back(case)
    assert put_back._tables()[1] < before
    assert not Team.objects.exists()
