"""The audit chain: append-only, gapless, told when anything in it is not as it was."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import audit, audit_check
from accounts.audit import Act
from accounts.models import AuditRecord, Membership, ProjectMembership, User
from accounts.roles import Role
from tests.api.cast import Cast, make_cast

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def verify(tmp_path: Path, *extra: str) -> str:
    out = StringIO()
    call_command("verify_audit", "--anchors", str(tmp_path / "anchors"), *extra, stdout=out)
    return out.getvalue()


def tamper(sql: str, *values: Any) -> None:
    """Do what an owner of the database can."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_auditrecord DISABLE TRIGGER USER")
        cursor.execute(sql, values)
        cursor.execute("ALTER TABLE accounts_auditrecord ENABLE TRIGGER USER")


def three(cast: Cast) -> list[AuditRecord]:
    return [audit.record(Act.KEY_REVOKED, subject=f"key:{n}", by=cast.alice) for n in range(3)]


def acts(*wanted: Act) -> list[tuple[str, str, dict[str, Any]]]:
    rows = AuditRecord.objects.filter(act__in=[act.value for act in wanted]).order_by("number")
    return [(row.act, row.subject, row.details) for row in rows]


@pytest.mark.parametrize(
    "change", ["UPDATE accounts_auditrecord SET act = 'x'", "DELETE FROM accounts_auditrecord"]
)
def test_database_refuses_to_change_or_delete(cast: Cast, change: str) -> None:
    three(cast)
    with (
        pytest.raises(InternalError, match="Cannot update or delete"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)
    assert audit_check.check({}).fault == ""


def test_sound_chain_is_told_and_anchored(cast: Cast, tmp_path: Path) -> None:
    last = three(cast)[-1]
    assert f"Head: {last.number} {last.hash}" in verify(tmp_path)
    assert (tmp_path / "anchors").read_text() == f"{last.number} {last.hash}\n"
    verify(tmp_path)
    more = audit.record(Act.KEY_CREATED)
    told = json.loads(verify(tmp_path, "--json"))
    assert told == {
        "rows": more.number,
        "head": {"number": more.number, "hash": more.hash},
        "anchors": 1,
        "fault": None,
    }
    assert len((tmp_path / "anchors").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "2020-01-01T00:00:00Z"),
        ("act", "key.created"),
        ("actor", "mallory"),
        ("actor_id", 7),
        ("way", "session"),
        ("address", "192.0.2.1"),
        ("project_id", 7),
        ("subject", "key:9"),
        ("details", '{"a": 1}'),
        ("hash", "f" * 64),
    ],
)
def test_changed_row_is_the_first_that_is_told(
    cast: Cast, tmp_path: Path, column: str, value: object
) -> None:
    second = three(cast)[1]
    tamper(f"UPDATE accounts_auditrecord SET {column} = %s WHERE number = %s", value, second.number)
    with pytest.raises(CommandError, match=rf"row {second.number} \(.*was changed"):
        verify(tmp_path)
    assert not (tmp_path / "anchors").exists()


def test_row_that_is_gone_or_moved_is_told(cast: Cast, tmp_path: Path) -> None:
    second = three(cast)[1]
    tamper("DELETE FROM accounts_auditrecord WHERE number = %s", second.number)
    with pytest.raises(CommandError, match=f"row {second.number} is missing: row {second.number + 1}"):
        verify(tmp_path)
    tamper("UPDATE accounts_auditrecord SET number = %s WHERE number = %s", second.number, second.number + 1)
    with pytest.raises(CommandError, match=rf"row {second.number} .*names another hash"):
        verify(tmp_path)


def test_cut_end_is_told_by_the_anchor(cast: Cast, tmp_path: Path) -> None:
    rows = three(cast)
    verify(tmp_path)
    tamper("DELETE FROM accounts_auditrecord WHERE number > %s", rows[0].number)
    fault = f"row {rows[1].number} is missing, with all after it: an anchor knows row {rows[2].number}"
    with pytest.raises(CommandError, match=fault):
        verify(tmp_path)
    (tmp_path / "anchors").unlink()
    with pytest.raises(CommandError, match=fault):
        verify(tmp_path, "--anchor", f"{rows[2].number} {rows[2].hash}")


def test_rebuilt_chain_is_told_by_the_anchor(cast: Cast, tmp_path: Path) -> None:
    rows = three(cast)
    verify(tmp_path)
    tamper("DELETE FROM accounts_auditrecord WHERE number > %s", rows[0].number)
    three(cast)
    with pytest.raises(CommandError, match=f"row {rows[2].number} .*not the row that was anchored"):
        verify(tmp_path)


@pytest.mark.parametrize("line", ["x", "1", "1 abc", "-1 " + "a" * 64, "9" * 30 + " " + "a" * 64])
def test_unreadable_anchor_is_told(cast: Cast, tmp_path: Path, line: str) -> None:
    (tmp_path / "anchors").write_text(line + "\n")
    with pytest.raises(CommandError, match="is no anchor"):
        verify(tmp_path)


def test_unwritable_anchors_are_told(cast: Cast, tmp_path: Path) -> None:
    (tmp_path / "anchors").mkdir()
    with pytest.raises(CommandError, match="--anchors names another"):
        verify(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(details=st.dictionaries(st.text(), VALUES, max_size=3), subject=st.text())
def test_whatever_is_recorded_hashes_the_same_after_the_database(
    cast: Cast, details: dict[str, audit.Detail], subject: str
) -> None:
    row = audit.record(Act.SIGN_IN_FAILED, subject=subject, details=details)
    assert audit.hash_of(AuditRecord.objects.get(pk=row.pk)) == row.hash


def test_float_is_refused(cast: Cast) -> None:
    with pytest.raises(TypeError, match="not float"):
        audit.record(Act.KEY_CREATED, details={"a": 0.1})


@pytest.mark.django_db(transaction=True)
def test_act_that_is_rolled_back_leaves_neither_record_nor_gap() -> None:
    cast = make_cast()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Membership.objects.get(user=cast.vera).delete()
        raise ZeroDivisionError
    assert acts(Act.ROLE_TAKEN) == []
    three(cast)
    assert audit_check.check({}).fault == ""


@pytest.mark.django_db(transaction=True)
def test_many_writers_make_one_chain() -> None:
    together = Barrier(6)

    def write(writer: int) -> None:
        together.wait(10)
        try:
            for n in range(20):
                with transaction.atomic():
                    audit.record(Act.KEY_CREATED, subject=f"key:{writer}-{n}")
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    verdict = audit_check.check({})
    assert (verdict.rows, verdict.fault) == (120, "")


def test_roles_are_recorded_as_given_changed_and_taken(cast: Cast) -> None:
    start = AuditRecord.objects.count()
    row = ProjectMembership.objects.create(user=cast.charlie, project=cast.project, role=Role.VIEWER)
    row.role = Role.MAINTAINER
    row.save()
    row.save()
    row.delete()
    told = acts(Act.ROLE_GIVEN, Act.ROLE_CHANGED, Act.ROLE_TAKEN)[-3:]
    user, where = f"user:{cast.charlie.pk}", f"project:{cast.project.pk}"
    assert told == [
        ("role.given", user, {"in": where, "role": "viewer"}),
        ("role.changed", user, {"in": where, "role": "maintainer", "was": "viewer"}),
        ("role.taken", user, {"in": where, "was": "maintainer"}),
    ]
    assert AuditRecord.objects.count() == start + 3
    assert set(AuditRecord.objects.filter(number__gt=start).values_list("project_id", flat=True)) == {
        cast.project.pk
    }


def test_people_are_recorded_without_their_passwords(cast: Cast) -> None:
    cast.bob.is_superuser = True
    cast.bob.set_password("quite another password")
    cast.bob.save()
    cast.bob.save(update_fields=["last_login"])
    name, pk = cast.bob.username, cast.bob.pk
    cast.bob.delete()
    assert acts(Act.USER_CHANGED, Act.USER_DELETED) == [
        (
            "user.changed",
            f"user:{pk}",
            {"name": name, "changes": {"is_superuser": {"was": False, "is": True}, "password": "changed"}},
        ),
        ("user.deleted", f"user:{pk}", {"name": name}),
    ]
    assert len(acts(Act.ROLE_TAKEN)) == 1
    assert User.objects.filter(pk=pk).count() == 0
