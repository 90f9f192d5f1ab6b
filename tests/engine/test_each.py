"""One row that PostgreSQL refuses holds up no other; a server that cannot now ends the round."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from tasks import runs
from tasks.database import is_away, is_not_migrated
from tasks.models import Step
from tasks.plans import group
from tests.engine.conftest import Submit, drain, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60, func_only=True)]

ROWS = 5
REFUSING = """
CREATE SEQUENCE refusals;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'ready' AND OLD.state = 'waiting_retry' AND NEW.key LIKE '{keys}' THEN
        PERFORM nextval('refusals');
        RAISE EXCEPTION 'told to refuse' USING ERRCODE = '{code}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON tasks_step FOR EACH ROW EXECUTE FUNCTION refuse();
"""
ACCEPTING = "DROP TRIGGER refuse ON tasks_step; DROP FUNCTION refuse(); DROP SEQUENCE refusals"


@contextmanager
def refusing(code: str, *, keys: str) -> Iterator[None]:
    """PostgreSQL refuses to make these steps ready again, with this SQLSTATE, and counts how often."""
    with connection.cursor() as cursor:
        cursor.execute(REFUSING.format(code=code, keys=keys))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(ACCEPTING)


def refusals() -> int:
    """How often it was refused; a sequence keeps what a rollback takes back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM refusals WHERE is_called")
        row = cursor.fetchone()
        return 0 if row is None else int(row[0])


@pytest.fixture
def due(submit: Submit, worker: object) -> None:
    """Retries whose time has come."""
    submit(group(*(work(f"s{n}", fail_times=1) for n in range(ROWS))))
    drain()
    assert Step.objects.filter(state="waiting_retry").update(available_at=Now()) == ROWS


@pytest.mark.parametrize(
    "code",
    [
        "25006",
        "25P03",
        "53100",
        "53200",
        "53300",
        "57P01",
        "57P03",
        "58030",
        "40001",
        "40P01",
        "55P03",
        "42P01",
    ],
)
def test_server_that_cannot_now_ends_the_round(due: None, code: str) -> None:
    """Read-only (25006) came as an error of another class than a full disk: each row of a round was told."""
    with refusing(code, keys="%"):
        with pytest.raises(DatabaseError) as caught:
            runs.promote_due()
        assert is_away(caught.value) or is_not_migrated(caught.value)
        assert refusals() == 1
    assert runs.promote_due() == ROWS


@pytest.mark.parametrize("code", ["54000", "54001", "23514", "22001", "XX000", "P0001"])
def test_row_that_can_never_be_moved_holds_up_no_other(due: None, code: str) -> None:
    """A statement too complex (class 54) comes as an OperationalError: it ended the round, and the scheduler."""
    with refusing(code, keys="s0"):
        assert runs.promote_due() == ROWS - 1
        assert refusals() == 1
    assert Step.objects.get(key="s0").state == "waiting_retry"
    assert runs.promote_due() == 1
