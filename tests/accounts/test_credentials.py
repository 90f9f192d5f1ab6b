"""Credentials: sealed to their place, opened by their key alone, rotated without being lost."""

from __future__ import annotations

import base64
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from accounts import credentials, crypto
from accounts.credentials import Kind
from accounts.models import AuditRecord, Credential, DataKey, Project
from tests.api.cast import Cast, make_cast

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
CANARY = "glpat-canary-7f3a9c"  # what must be nowhere


def master(id: str, filler: str) -> str:
    return f"{id}:{base64.b64encode(filler.encode() * 32).decode()}"


@pytest.fixture(autouse=True)
def _master(settings: Any) -> None:
    settings.MASTER_KEY_FILE, settings.MASTER_KEY = "", master("a", "a")


def keep(project: Project, name: str = "token", value: str = CANARY) -> Credential:
    return credentials.store(project, Kind.GIT_TOKEN, name, value, by=None, now=NOW)


def told(project: Project, name: str = "token") -> str:
    return credentials.reveal(project.pk, Kind.GIT_TOKEN, name, purpose="test", now=NOW).text


def rotate(*options: str) -> str:
    out = StringIO()
    call_command("rotate_keys", *options, stdout=out)
    return out.getvalue()


def test_value_comes_back_to_code_and_is_nowhere_else(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        keep(cast.project)
        secret = credentials.reveal(cast.project.pk, Kind.GIT_TOKEN, "token", purpose="clone", now=NOW)
    assert secret.text == CANARY
    assert CANARY not in f"{secret} {secret!r} {[secret]}"
    assert CANARY not in caplog.text
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            assert not [row for (row,) in cursor.fetchall() if CANARY in row], table


@given(plain=st.binary(max_size=300))
def test_what_is_sealed_opens_again_and_differs_each_time(plain: bytes) -> None:
    key = crypto.new_key("k")
    sealed = crypto.seal(plain, key, identity="here")
    assert crypto.open_sealed(sealed, key, identity="here") == plain
    assert crypto.seal(plain, key, identity="here") != sealed


@pytest.mark.parametrize("how", ["identity", "key", "key id", "changed", "cut", "version", "empty"])
def test_anything_else_does_not_open(how: str) -> None:
    key = crypto.new_key("k")
    sealed, identity = crypto.seal(b"x" * 32, key, identity="here"), "here"
    if how == "identity":
        identity = "there"
    elif how == "key":
        key = crypto.new_key("k")
    elif how == "key id":
        key = crypto.Key("other", key.secret)
    else:
        swapped = sealed[:10] + ("A" if sealed[10] != "A" else "B") + sealed[11:]
        sealed = {"changed": swapped, "cut": sealed[:-8], "version": "v2" + sealed[2:], "empty": ""}[how]
    with pytest.raises(crypto.SealBroken):
        crypto.open_sealed(sealed, key, identity=identity)


def test_value_that_is_moved_to_another_row_does_not_open(cast: Cast) -> None:
    first, second = keep(cast.project, "first"), keep(cast.project, "second", "another")
    assert first.data_key == second.data_key
    Credential.objects.filter(pk=second.pk).update(value=first.value)
    with pytest.raises(crypto.SealBroken):
        told(cast.project, "second")
    Credential.objects.filter(pk=first.pk).update(project=cast.other)
    with pytest.raises(crypto.SealBroken):
        told(cast.other, "first")


def test_projects_have_data_keys_of_their_own(cast: Cast) -> None:
    assert keep(cast.project).data_key != keep(cast.other).data_key


def test_plain_text_is_refused_by_the_field(cast: Cast) -> None:
    row = keep(cast.project)
    for write in (
        lambda: Credential.objects.filter(pk=row.pk).update(value=CANARY),
        lambda: Credential.objects.create(
            project=cast.project, name="x", kind="dsn", value=CANARY, created_at=NOW
        ),
    ):
        with pytest.raises(ValidationError) as caught:
            write()
        assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.GIT_TOKEN, ""),
        (Kind.GIT_TOKEN, CANARY + "\n"),
        (Kind.LLM_KEY, "two " + CANARY),
        (Kind.LLM_KEY, CANARY + "\x1b"),
        (Kind.DSN, CANARY),
        (Kind.DSN, f"postgresql://u:{CANARY}@h:port/x"),
        (Kind.GIT_TOKEN, CANARY * 1000),
    ],
)
def test_unfit_value_is_refused_without_being_told(cast: Cast, kind: Kind, value: str) -> None:
    with pytest.raises(credentials.ValueUnfit) as caught:
        credentials.store(cast.project, kind, "x", value, by=None, now=NOW)
    assert CANARY not in str(caught.value)
    assert not Credential.objects.exists()


def test_changes_are_recorded_without_values(cast: Cast) -> None:
    row = keep(cast.project)
    with pytest.raises(credentials.NameTaken):
        keep(cast.project)
    credentials.replace(row, "new-" + CANARY, now=NOW)
    assert told(cast.project) == "new-" + CANARY
    credentials.delete(row)
    rotate()
    found = AuditRecord.objects.filter(act__startswith="c") | AuditRecord.objects.filter(act="keys.rotated")
    assert list(found.order_by("number").values_list("act", "project_id")) == [
        ("credential.created", cast.project.pk),
        ("credential.replaced", cast.project.pk),
        ("credential.deleted", cast.project.pk),
        ("keys.rotated", None),
    ]
    with pytest.raises(credentials.CredentialUnknown):
        told(cast.project)


def test_last_use_is_written_once_a_minute(cast: Cast) -> None:
    keep(cast.project)
    for seconds, written in ((0, 0), (59, 0), (60, 60)):
        at = NOW + timedelta(seconds=seconds)
        credentials.reveal(cast.project.pk, Kind.GIT_TOKEN, "token", purpose="test", now=at)
        assert Credential.objects.get().last_used_at == NOW + timedelta(seconds=written)


def test_master_key_rotates_and_the_old_one_is_told_to_be_spare(cast: Cast, settings: Any) -> None:
    keep(cast.project)
    keep(cast.other)
    before = Credential.objects.get(project=cast.project).value
    settings.MASTER_KEY = f"{master('b', 'b')},{master('a', 'a')}"
    assert told(cast.project) == CANARY
    said = rotate()
    assert "wrapped by b: 2 rewrapped, 0 made new; 0 values" in said
    assert "any more: a" in said
    settings.MASTER_KEY = master("b", "b")
    assert told(cast.project) == told(cast.other) == CANARY
    assert Credential.objects.get(project=cast.project).value == before
    assert "0 rewrapped" in rotate()


def test_data_keys_are_renewed_and_the_old_ones_gone(cast: Cast) -> None:
    row = keep(cast.project)
    keep(cast.project, "second", "another")
    old = DataKey.objects.get()
    assert "1 made new; 2 values sealed anew" in rotate("--data-keys")
    fresh = DataKey.objects.get()
    assert fresh != old
    assert Credential.objects.get(pk=row.pk).value != row.value
    assert (told(cast.project), told(cast.project, "second")) == (CANARY, "another")


def test_missing_master_key_is_named_and_nothing_is_lost(cast: Cast, settings: Any) -> None:
    keep(cast.project)
    settings.MASTER_KEY = master("b", "b")
    with pytest.raises(crypto.MasterKeyMissing, match="master key a is not set"):
        told(cast.project)
    with pytest.raises(CommandError, match="master key a is not set"):
        rotate()
    settings.MASTER_KEY = master("a", "z")
    with pytest.raises(crypto.SealBroken, match="that id has another key now"):
        told(cast.project)
    settings.MASTER_KEY = master("a", "a")
    assert told(cast.project) == CANARY


def test_keys_of_the_file_come_first_and_are_read_anew(cast: Cast, settings: Any, tmp_path: Path) -> None:
    keep(cast.project)
    file = tmp_path / "master.keys"
    file.write_text(master("c", "c") + "\n\n" + master("b", "b") + "\n")
    settings.MASTER_KEY_FILE = str(file)
    assert [key.id for key in crypto.master_keys()] == ["c", "b", "a"]
    rotate()
    assert DataKey.objects.get().master == "c"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no master key is set"),
        (CANARY, "no id"),
        (f"a:{CANARY}", "the master key a is not 32 bytes"),
        ("a:" + base64.b64encode(b"x" * 31).decode(), "not 32 bytes"),
        (master("a", "a") + "," + master("a", "b"), "two master keys with the id a"),
        ("a b:" + "x" * 44, "no id"),
    ],
)
def test_unusable_master_key_is_told_without_being_shown(settings: Any, text: str, fault: str) -> None:
    settings.MASTER_KEY = text
    with pytest.raises(crypto.MasterKeysUnusable, match=fault) as caught:
        crypto.master_keys()
    assert CANARY not in str(caught.value)


def test_unreadable_file_is_told(settings: Any, tmp_path: Path) -> None:
    settings.MASTER_KEY_FILE = str(tmp_path / "none")
    with pytest.raises(crypto.MasterKeysUnusable, match="cannot be read: No such file"):
        crypto.master_keys()


def test_project_goes_with_its_keys_and_values(cast: Cast) -> None:
    keep(cast.project)
    cast.project.delete()
    assert not DataKey.objects.exists()
    assert AuditRecord.objects.filter(act="credential.deleted").count() == 1


@pytest.mark.django_db(transaction=True)
def test_values_stored_and_read_during_rotations_are_never_lost() -> None:
    project = make_cast().project
    keep(project, "stays")
    together = Barrier(3)

    def write() -> None:
        for n in range(10):
            keep(project, f"n{n}", f"value-{n}")

    def renew() -> None:
        for _ in range(10):
            credentials.rotate(renew=True, now=NOW)

    def read() -> None:
        for _ in range(30):
            assert told(project, "stays") == CANARY

    def run(work: Any) -> None:
        together.wait(10)
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, (write, renew, read)))
    assert [told(project, f"n{n}") for n in range(10)] == [f"value-{n}" for n in range(10)]
    assert DataKey.objects.count() == 1
